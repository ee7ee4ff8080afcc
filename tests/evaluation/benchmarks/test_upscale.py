"""The enlargement's scores: known answers, the mismatch shown both ways, pictures and bad folders."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.errors import BadInput
from maquette.core.types import Frame
from maquette.evaluation.benchmarks import upscale
from maquette.imaging.upscale.method import METHODS


@pytest.fixture
def crop(astronaut):
    return upscale.cut(Frame(np.asarray(Image.open(astronaut).convert("RGB")), origin="a/astronaut.png"))


def test_the_crop_is_the_face(crop):
    assert crop.name == "astronaut.png" and crop.reference.shape == (128, 128, 3)
    assert 128 <= crop.full.shape[0] == crop.full.shape[1] < 220


def test_without_a_face_it_is_the_centre():
    pixels = np.zeros((140, 200, 3), np.uint8)
    pixels[:, 30:170] = 90
    assert (upscale.cut(Frame(pixels)).full == 90).all()
    with pytest.raises(BadInput, match="120 x 140 pixels: wanted at least 128 x 128"):
        upscale.cut(Frame(np.zeros((140, 120, 3), np.uint8)))


def test_known_scores():
    reference = np.random.default_rng(0).integers(0, 250, (128, 128, 3), np.uint8)
    assert upscale.scores(reference, reference) == (float("inf"), 1.0)
    assert upscale.scores(reference + np.uint8(4), reference)[0] == pytest.approx(10 * np.log10(255**2 / 16))


def test_averaged_pictures_are_won_by_the_networks(crop):
    for factor in (2, 4):
        rows, grid = upscale.compare([crop], "area", factor)
        name, how, found = rows[0]
        assert (name, how) == ("astronaut.png", "area") and set(found) == set(METHODS)
        assert min(found["espcn"][0], found["srcnn"][0]) > found["bicubic"][0] > found["nearest"][0]
        assert found["area"] == found["nearest"], "the same for whole factors"
        assert grid.shape == (16 + 132, 132 * (1 + len(METHODS)) + 4, 3)
        assert np.array_equal(grid[16:144, 4:132], crop.reference)


def test_random_is_told_and_repeats(crop):
    rows = [upscale.compare([crop, crop], "random", 2)[0] for _ in range(2)]
    assert rows[0] == rows[1] and rows[0][0][1] != rows[0][1][1]


@pytest.fixture
def photos(tmp_path, astronaut):
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = Image.open(astronaut).convert("RGB")
    pixels.save(folder / "one.png")
    pixels.resize((100, 100)).save(folder / "tiny.png")
    (folder / "broken.jpg").write_text("Dear sir")
    (folder / "notes.txt").write_text("no photo")
    return folder


def test_table_and_files(photos, tmp_path):
    seen = []
    table = upscale.evaluate_upscale(photos, lambda name, _stage: seen.append(name))
    assert len(table.rows) == 3 * 2 * len(METHODS) and len(table.more) == 6 and set(seen) >= {"one.png", "tiny.png"}
    assert table.more[0].rows[0][0] == "one.png" and "1 photos" in table.title
    left_out = [note for note in table.notes if note.startswith("left out")]
    assert len(left_out) == 2 and "broken.jpg" in left_out[0] and "tiny.png" in left_out[1]
    paths = table.save(tmp_path / "out")
    grids = [path for path in paths if path.suffix == ".png"]
    assert {p.name for p in grids} == {f"grid_{way}_x{f}.png" for way in upscale.WAYS for f in (2, 4)}
    assert Image.open(grids[0]).size[0] > 1000


def test_bad_folders(tmp_path):
    with pytest.raises(BadInput, match="no such folder"):
        upscale.evaluate_upscale(tmp_path / "none")
    with pytest.raises(BadInput, match="holds no photos"):
        upscale.evaluate_upscale(tmp_path)
    (tmp_path / "a.jpg").write_text("Dear sir")
    with pytest.raises(BadInput, match="no photo can be used"):
        upscale.evaluate_upscale(tmp_path)
