"""Photos that are small as files and dear to decode."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image, features

from maquette.core.errors import BadInput
from maquette.core.options import SourceOptions
from maquette.sources import costly, photos


def jpeg(**how) -> bytes:
    data = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(data, "JPEG", **how)
    return data.getvalue()


def with_scans(data: bytes, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    start = data.rindex(costly.SCAN_MARK)
    return data[:-2] + data[start:-2] * count + data[-2:]


def refused(path, **options) -> str:
    start = time.perf_counter()
    with pytest.raises(BadInput) as caught:
        photos.read(path, SourceOptions(**options))
    assert time.perf_counter() - start < 2
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_jpeg_with_thousands_of_scans_is_refused_at_once(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(with_scans(jpeg(progressive=True), 2000))
    assert "scans" in refused(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_usual_jpegs_are_read(tmp_path, progressive):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(progressive=progressive))
    assert photos.read(path).pixels.shape == (64, 64, 3)
    path.write_bytes(with_scans(jpeg(progressive=True), 20))
    assert photos.read(path).pixels.shape == (64, 64, 3)


def test_marks_are_counted_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(costly, "BLOCK", 7)
    path = tmp_path / "a"
    for padding in range(8):
        path.write_bytes(b"x" * padding + b"\xff\xff\xda\xda\xff" + b"y" * 5 + b"\xff\xda\xff\xda")
        assert costly._count(path, costly.SCAN_MARK, 100) == 3


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow without JPEG 2000")
def test_a_small_file_that_claims_a_giant_jpeg_2000_is_refused(tmp_path):
    path = tmp_path / "a.jp2"
    Image.new("RGB", (3000, 2000)).save(path)
    assert photos.read(path).pixels.shape == (2000, 3000, 3)
    assert "JPEG 2000" in refused(path, max_megapixels=10)  # six megapixels, of which four are read


@pytest.mark.parametrize("kind", ["P3", "P5", "P6"])
def test_a_ppm_that_is_all_comment_is_refused_at_once(tmp_path, kind):
    path = tmp_path / "a.ppm"
    path.write_bytes(f"{kind}\n#".encode() + b"c" * 3_000_000 + b"\n2 2 255\n" + b"0" * 12)
    assert "first 65536 bytes" in refused(path)


def test_a_long_ppm_with_a_short_comment_is_read(tmp_path):
    path = tmp_path / "a.ppm"
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    path.write_bytes(b"P6\n# a comment\n200 200\n255\n" + noise.tobytes())
    assert np.array_equal(photos.read(path).pixels, noise)
