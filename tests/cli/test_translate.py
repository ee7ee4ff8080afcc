"""`maquette translate`: files, names, exit codes, one line per error."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from maquette.cli.main import run
from stargan_by_seed import saved_weights


@pytest.fixture
def maquette(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved_weights(tmp_path / "w.safetensors")

    def command(*arguments):
        capfd.readouterr()
        code = run(["translate", *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err.splitlines()

    return command


@pytest.fixture
def save(tmp_path):
    def write(name, size=(90, 70)):
        pixels = np.random.default_rng(len(name)).integers(0, 256, (5, 6, 3), np.uint8)
        Image.fromarray(cv2.resize(pixels, size)).save(tmp_path / name)
        return name

    return write


def summary(folder="out"):
    with open(f"{folder}/summary.json") as file:
        return json.load(file)


def test_each_photo_gets_each_look_and_a_bad_one_stops_nothing(maquette, save, tmp_path):
    photos = save("tom.jpg"), save("felix.png", (64, 100))
    words = (*photos, "none.jpg", "-o", "out", "--to", "wild", "--weights", "w.safetensors", "--styles", 2)
    code, out, err = maquette(*words)
    assert code == 0 and len(err) == 1 and "none.jpg" in err[0] and "out/tom-wild-1.png" in out
    assert "no animal's face was found" in out
    rows = summary()["done"]
    assert [row["photo"] for row in rows] == ["tom.jpg", "felix.png"] and len(summary()["failed"]) == 1
    assert rows[0]["files"] == [f"tom-wild-{k}{end}" for k in (1, 2) for end in (".png", "-in-photo.jpg")]
    assert (rows[0]["shows"], rows[0]["method"], rows[0]["replaced"]) == ("wild", "starganv2", False)
    for row, photo in zip(rows, photos):
        picture, whole = (Image.open(tmp_path / "out" / name) for name in row["files"][:2])
        assert picture.size == (32, 32) and whole.size == Image.open(photo).size
    sheet = Image.open(tmp_path / "out/sheet.jpg")
    assert sheet.size[0] > 3 * 256 and sheet.size[1] > 2 * 256
    before = (tmp_path / "out/tom-wild-1.png").read_bytes()
    assert maquette(*words)[0] == 0 and summary()["done"][0]["replaced"]
    assert (tmp_path / "out/tom-wild-1.png").read_bytes() == before, "the same seed gives the same picture"


def test_a_reference_without_any_weights(maquette, save, tmp_path):
    save("tom.jpg"), save("rex.jpg"), save("leo.jpg")
    words = ("tom.jpg", "-o", "out", "--to", "dog", "--method", "colors", "--reference", "rex.jpg, leo.jpg", "--json")
    code, out, err = maquette(*words)
    assert (code, err) == (0, []) and json.loads(out)["done"][0]["looks"] == ["reference 1", "reference 2"]
    assert {p.name for p in (tmp_path / "out").glob("*.png")} == {"tom-colors-1.png", "tom-colors-2.png"}


def test_without_weights_it_is_said_where_to_get_them(maquette, save, tmp_path):
    code, out, err = maquette(save("tom.jpg"), "-o", "out", "--to", "dog")
    assert (code, out, len(err)) == (3, "", 1) and "CC BY-NC" in err[0] and "maquette train starganv2" in err[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing option '--to'"),
        (("--to", "bird", "--weights", "w.safetensors"), "know cat, dog, wild"),
        (("--to", "../dog"), "wanted cat, dog or wild"),
        (("--to", "dog", "--method", "magic"), "wanted starganv2, gpunit, colors"),
        (("--to", "dog", "--crop", "left"), "wanted auto, middle"),
        (("--to", "dog", "--weights", "w.safetensors", "--reference", "none.jpg"), "none.jpg: no such file"),
        (("--to", "dog", "--weights", "w.safetensors", "--reference", ","), "wanted a photo, or several"),
    ],
)
def test_bad_words_are_one_line(maquette, save, words, said):
    code, _, err = maquette(save("tom.jpg"), "-o", "out", *words)
    assert code == 2 and len(err) == 1 and said in err[0]


def test_a_given_photo_is_never_overwritten(maquette, save, tmp_path):
    (tmp_path / "out").mkdir()
    save("out/tom-dog-1.png"), save("out/tom.jpg")
    before = (tmp_path / "out/tom-dog-1.png").read_bytes()
    words = (
        "out/tom.jpg",
        "-o",
        "out",
        "--to",
        "dog",
        "--weights",
        "w.safetensors",
        "--reference",
        "out/tom-dog-1.png",
    )
    code, _, err = maquette(*words)
    assert code == 2 and "is one of the photos itself" in err[0]
    assert (tmp_path / "out/tom-dog-1.png").read_bytes() == before
