"""Pictures of more than 8 bits a sample: floats, sensors of few bits in 16-bit files, and what is not read."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import ExifTags

from maquette.core.errors import BadInput
from maquette.core.options import SourceOptions
from maquette.sources import photos
from maquette.sources.bit_depth import eight_bits

tifffile = pytest.importorskip("tifffile")


@pytest.fixture
def picture() -> np.ndarray:
    """(40, 60, 3) uint8 with a black and a white pixel."""
    y, x = np.mgrid[0:40, 0:60]
    pixels = np.stack([x * 4, y * 6, np.full_like(x, 60)], axis=2).astype(np.uint8)
    pixels[0, 0], pixels[39, 59] = 0, 255
    return pixels


def off_by(found: np.ndarray, picture: np.ndarray) -> int:
    return int(np.abs(found.astype(int) - picture.astype(int)).max())


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("white", [1.0, 255.0, 12.5])
def test_floats_are_read(tmp_path, picture, kind, white):
    values = (picture * (white / 255)).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    assert off_by(photos.read(tmp_path / "a.tif").pixels, picture) <= 1
    tifffile.imwrite(tmp_path / "a.tif", values[..., 1])
    assert off_by(photos.read(tmp_path / "a.tif").pixels[..., 2], picture[..., 1]) <= 1


def test_transparent_floats_lie_on_white(tmp_path, picture):
    values = np.dstack([picture / 255, np.zeros((40, 60, 1))]).astype(np.float32)
    values[:, 30:, 3] = 1
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    pixels = photos.read(tmp_path / "a.tif").pixels
    assert (pixels[:, :30] == 255).all() and off_by(pixels[:, 30:], picture[:, 30:]) <= 1


@pytest.mark.parametrize("form", [{}, {"bigtiff": True}, {"byteorder": ">"}])
@pytest.mark.parametrize(("orientation", "turns"), [(6, 1), (3, 2), (8, 3)])
def test_floats_are_turned_upright(tmp_path, picture, orientation, turns, form):
    tag = (ExifTags.Base.Orientation.value, "H", 1, orientation, True)
    stored = np.ascontiguousarray(np.rot90(picture, turns) / 255).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extratags=[tag], **form)
    assert off_by(photos.read(tmp_path / "a.tif").pixels, picture) <= 1


def test_floats_that_are_no_numbers_do_not_darken_the_rest(picture):
    values = picture / 255.0
    values[3, 3] = np.inf, np.nan, -np.inf
    found = eight_bits(values)
    assert found[3, 3].tolist() == [255, 0, 0]
    found[3, 3] = picture[3, 3]
    assert np.array_equal(found, picture)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_sensor_of_few_bits_in_sixteen(tmp_path, picture, bits, suffix):
    path = str(tmp_path / f"a.{suffix}")
    values = np.rint(picture / 255.0 * (2**bits - 1)).astype(np.uint16)
    cv2.imwrite(path, values[..., ::-1])
    assert off_by(photos.read(path).pixels, picture) <= 1
    cv2.imwrite(path, values[..., 1])
    assert off_by(photos.read(path).pixels[..., 0], picture[..., 1]) <= 1


def test_few_bits_with_transparency_and_a_turn(tmp_path, picture):
    values = np.dstack([picture.astype(np.uint16) * 16, np.full((40, 60), 65535, np.uint16)])
    cv2.imwrite(str(tmp_path / "a.png"), values[..., [2, 1, 0, 3]])
    assert off_by(photos.read(tmp_path / "a.png").pixels, np.clip(picture * (4080 / 4095), 0, 255)) <= 1
    tag = (ExifTags.Base.Orientation.value, "H", 1, 6, True)
    stored = np.ascontiguousarray(np.rot90(values[..., :3], 1))
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extratags=[tag])
    assert off_by(photos.read(tmp_path / "a.tif").pixels, picture) <= 1


def test_a_black_picture_stays_black(tmp_path):
    for kind in (np.uint16, np.float32):
        tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 3), kind), photometric="rgb")
        assert not photos.read(tmp_path / "a.tif").pixels.any()


@pytest.mark.parametrize(
    ("kind", "planes", "why"),
    [
        (np.float16, False, "16-bit floats"),
        (np.float32, True, "32-bit floats, one plane per colour"),
        (np.uint32, False, "32-bit whole numbers"),
    ],
)
def test_what_is_not_read_is_named(tmp_path, picture, kind, planes, why):
    path, settings = tmp_path / "a.tif", {"planarconfig": "separate"} if planes else {}
    tifffile.imwrite(path, np.moveaxis(picture, 2, 0).astype(kind) if planes else picture.astype(kind),
                     photometric="rgb", **settings)  # fmt: skip
    with pytest.raises(BadInput, match=f"a TIFF of {why}, which is not read: export it with 8 or 16 bits"):
        photos.read(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_truncated_floats_are_refused(tmp_path, picture, share):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, (picture / 255).astype(np.float32), photometric="rgb")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadInput, match=r"a\.tif: .*damaged"):
        photos.read(path)


def test_giant_floats_are_refused_before_they_are_decoded(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", np.tile(picture, (4, 4, 1)).astype(np.float32), photometric="rgb")
    with pytest.raises(BadInput, match="240 x 160 is 0 megapixels"):
        photos.read(tmp_path / "a.tif", SourceOptions(max_megapixels=0.02))
