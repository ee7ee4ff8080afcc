"""PSNR and SSIM: known answers, a slow twin of SSIM straight from the paper, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.errors import BadInput
from maquette.evaluation import pictures
from maquette.evaluation.benchmarks import images


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    smooth = np.linspace(0, 200, 24 * 20 * 3).reshape(24, 20, 3)
    first = np.clip(smooth + random.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)
    second = np.clip(smooth + random.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)
    return first, second


@pytest.fixture
def folders(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return tmp_path / "a", tmp_path / "b"


def save(folder, name, pixels):
    Image.fromarray(pixels).save(folder / name)


def test_folders_are_paired_by_stem(folders, pair):
    a, b = folders
    save(a, "two.png", pair[0])
    save(b, "two.bmp", pair[1])
    save(a, "one.png", pair[0])
    save(b, "one.png", pair[0])
    (a / "notes.txt").write_text("not a picture")
    table = images.evaluate_images(a, b)
    assert table.column("image") == ["one", "two", "mean"]
    assert table.column("PSNR RGB dB") == [np.inf, pictures.psnr(*pair), pictures.psnr(*pair)]
    structure = pictures.ssim(*pair, "luma")
    assert table.column("SSIM luma") == pytest.approx([1, structure, (1 + structure) / 2])
    assert any("identical pictures: 1" in note for note in table.notes)
    one = images.evaluate_images(a / "two.png", b / "two.bmp")
    assert one.column("PSNR RGB dB")[0] == pictures.psnr(*pair)


def test_bad_folders_are_named(folders, pair):
    a, b = folders
    with pytest.raises(BadInput, match="a: holds no pictures"):
        images.evaluate_images(a, b)
    with pytest.raises(BadInput, match="no such folder"):
        images.evaluate_images(a / "none", b)
    save(a, "one.png", pair[0])
    save(b, "one.png", pair[1][:15])
    with pytest.raises(BadInput, match=r"one.png: 20 x 24 pixels, wanted 20 x 15 as .*one.png"):
        images.evaluate_images(a, b)
    save(a, "two.png", pair[0])
    with pytest.raises(BadInput, match=r"2 pictures, .* 1: .*b lacks two"):
        images.evaluate_images(a, b)
    save(b, "one.jpg", pair[1])
    with pytest.raises(BadInput, match="one picture per stem"):
        images.evaluate_images(a, b)
