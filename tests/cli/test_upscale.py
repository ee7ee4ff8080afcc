"""`maquette upscale`: files, names, exit codes, one line per error."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from maquette.cli.main import run
from maquette.core.types import Frame
from maquette.imaging.upscale.method import METHODS, upscaled
from maquette.sources import photos


@pytest.fixture
def maquette(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        capfd.readouterr()
        code = run(["upscale", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err.splitlines()

    return command


@pytest.fixture
def save(tmp_path):
    def write(name, side=6, **settings):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name)).integers(0, 256, (side, side + 2, 3), np.uint8)
        Image.fromarray(pixels).save(path, **settings)
        return path

    return write


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.parametrize("method", METHODS)
def test_every_method(method, maquette, save, tmp_path):
    photo = save("me.png")
    code, out, err = maquette(photo, "-o", "out", "--factor", 4, "--method", method)
    assert (code, err) == (0, []) and "out/me.png, 32 x 24" in out
    expected = upscaled(Frame(np.asarray(Image.open(photo))), 4, method).pixels
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/me.png")), expected)
    row = summary(tmp_path / "out")["done"][0]
    assert (row["method"], row["factor"], row["file"], row["replaced"]) == (method, 4, "me.png", False)


@pytest.mark.parametrize("method", ["espcn", "lanczos", "nearest"])
def test_transparency_is_kept(method, maquette, tmp_path):
    """A red square on nothing, whose invisible pixels are black: no black rim, an outline twice as large."""
    pixels = np.zeros((24, 30, 4), np.uint8)
    pixels[6:18, 8:20] = 220, 30, 20, 255
    Image.fromarray(pixels).save(tmp_path / "cut.png")
    code, _, err = maquette("cut.png", "-o", "out", "--method", method)
    large = np.asarray(Image.open(tmp_path / "out/cut.png"))
    assert (code, err, large.shape) == (0, [], (48, 60, 4))
    assert not large[:6, :, 3].any() and (large[14:34, 18:38, 3] == 255).all()
    assert (large[..., 3] > 127).sum() == 4 * 12 * 12, "a pure scale"
    assert np.abs(large[large[..., 3] > 0][:, :3].astype(int) - [220, 30, 20]).max() <= 3
    palette = Image.fromarray(pixels[..., :3]).quantize(4)
    palette.save(tmp_path / "pal.png", transparency=int(np.asarray(palette)[0, 0]))
    assert maquette("pal.png", "-o", "out", "--method", method)[0] == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/pal.png"))[..., 3] > 127, large[..., 3] > 127)


def test_an_opaque_picture_gets_no_fourth_channel(maquette, tmp_path):
    Image.new("RGBA", (8, 6), (9, 8, 7, 255)).save(tmp_path / "a.png")
    assert maquette("a.png", "-o", "out", "--method", "bicubic")[0] == 0
    assert Image.open(tmp_path / "out/a.png").mode == "RGB"


def test_names_are_kept_and_do_not_meet(maquette, save, tmp_path):
    given = [save("a/m\u00e9 1.jpg"), save("b/m\u00e9 1.png"), save("..c.png")]
    code, _, err = maquette(*given, "-o", "new out", "--method", "bicubic")
    assert (code, err) == (0, [])
    names = {path.name for path in (tmp_path / "new out").iterdir()}
    assert names == {"m\u00e9 1.png", "m\u00e9 1-2.png", "c.png", "summary.json"}
    assert maquette(given[0], "-o", "new out", "--method", "area", "--json")[0] == 0
    assert summary(tmp_path / "new out")["done"][0]["replaced"] is True


def test_one_bad_photo_does_not_stop_the_others(maquette, save, tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear sir")
    code, _out, err = maquette("letter.jpg", save("me.png"), "none.png", "-o", "out")
    assert code == 0 and len(err) == 2 and "letter.jpg" in err[0] and "none.png" in err[1]
    told = summary(tmp_path / "out")
    assert [row["photo"] for row in told["failed"]] == ["letter.jpg", "none.png"] and len(told["done"]) == 1
    assert maquette("letter.jpg", "-o", "out")[0] == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"me.png", "summary.json"}, "nothing half-written"


def test_json_alone(maquette, save):
    code, out, err = maquette(save("me.png"), "-o", "out", "--json")
    assert code == 0 and err == [] and json.loads(out)["done"][0]["width"] == 16
    code, out, _ = maquette("me.png", "-o", "out", "--method", "magic", "--json")
    assert code == 2 and "magic" in json.loads(out)["error"]


@pytest.mark.parametrize(
    "words, told",
    [
        (["--factor", "3"], "factor 3: wanted 2 or 4"),
        (["--method", "edsr"], "method 'edsr': wanted nearest"),
        (["--max-result", "0.0001"], "wanted 0.01 to 4000 megapixels"),
        (["--method", "bicubic", "--compat"], "method bicubic: takes no weights"),
        (["--weights", "none.safetensors"], "none.safetensors: wanted a file"),
    ],
)
def test_wrong_words(words, told, maquette, save):
    code, out, err = maquette(save("me.png"), "-o", "out", *words)
    assert code == 2 and len(err) == 1 and told in err[0] and out == ""


def test_huge_results_are_refused_before_they_are_made(maquette, save, tmp_path):
    code, _, err = maquette(save("me.png", side=300), "-o", "out", "--factor", 4, "--max-result", 1)
    assert code == 2 and "1208 x 1200 would be 1 megapixels, at most 1 are written" in err[0]
    assert not (tmp_path / "out/me.png").exists()


def test_a_photo_is_never_overwritten(maquette, save, tmp_path):
    photo = save("me.png")
    before = photo.read_bytes()
    code, _, err = maquette(photo, "-o", tmp_path)
    assert code == 2 and "is one of the photos itself" in err[0] and photo.read_bytes() == before


def test_an_unwritable_folder(maquette, save, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = maquette(save("me.png"), "-o", "file")
    assert code == 2 and "file: cannot be written" in err[0]
    if os.geteuid():
        (tmp_path / "shut").mkdir(mode=0o500)
        assert maquette("me.png", "-o", "shut")[0] == 2


def test_the_focal_length_travels(maquette, save, tmp_path):
    exif = Image.Exif()
    exif[0xA405] = 35
    photo = save("me.jpg", side=90, exif=exif)
    assert maquette(photo, "-o", "out", "--method", "bicubic")[0] == 0
    before, after = photos.read(photo), photos.read(tmp_path / "out/me.png")
    assert after.focal == pytest.approx(2 * before.focal, rel=0.02)
