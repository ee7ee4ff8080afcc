"""Reading photos: every mode, orientation and kind of damage."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, features

from maquette.core.errors import BadInput, ExtraMissing
from maquette.core.options import SourceOptions
from maquette.sources import photos

OPTIONS = SourceOptions()


@pytest.fixture
def picture() -> np.ndarray:
    """(40, 60, 3): red to the right, green downwards, a white corner top left."""
    y, x = np.mgrid[0:40, 0:60]
    pixels = np.stack([x * 4, y * 6, np.full_like(x, 60)], axis=2).astype(np.uint8)
    pixels[:8, :8] = 255
    return pixels


def read(path, **options) -> np.ndarray:
    return photos.read(path, SourceOptions(**options)).pixels


def close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return a.shape == b.shape and np.abs(a.astype(int) - b.astype(int)).mean() < tolerance


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp", "gif", "ppm"])
def test_formats(tmp_path, picture, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture).save(path, **({"quality": 95, "subsampling": 0} if suffix == "jpg" else {}))
    assert close(read(path), picture, 8 if suffix in ("gif", "webp") else 2)


def test_content_decides_and_not_the_suffix(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.txt", format="PNG")
    assert np.array_equal(read(tmp_path / "a.txt"), picture)


def test_heic(tmp_path, picture):
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    heif.from_pillow(Image.fromarray(picture)).save(path, quality=95, exif=exif.tobytes())
    turned = read(path)
    assert close(turned, np.rot90(picture, -1), 6)


def test_heic_without_the_extra(tmp_path, monkeypatch):
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ExtraMissing, match=r"pip install maquette\[heic\]"):
        photos.read(path, OPTIONS)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, picture, orientation, suffix):
    """Stored turned, with the tag that says so: read gives the upright picture, turned once."""
    stored = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture, 1),
        7: picture[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(picture, -1),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"a.{suffix}"
    settings = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, **settings)
    assert np.array_equal(read(path), picture)


def test_grey_and_bilevel(tmp_path, picture):
    grey = Image.fromarray(picture).convert("L")
    grey.save(tmp_path / "grey.png")
    assert np.array_equal(read(tmp_path / "grey.png"), np.repeat(np.asarray(grey)[..., None], 3, axis=2))
    grey.convert("1").save(tmp_path / "bits.png")
    assert set(np.unique(read(tmp_path / "bits.png"))) == {0, 255}


def test_transparency_lies_on_white(tmp_path, picture):
    alpha = np.zeros((40, 60, 1), np.uint8)
    alpha[:, 30:] = 255
    Image.fromarray(np.concatenate([picture, alpha], axis=2)).save(tmp_path / "a.png")
    pixels = read(tmp_path / "a.png")
    assert (pixels[:, :30] == 255).all() and np.array_equal(pixels[:, 30:], picture[:, 30:])
    Image.fromarray(np.dstack([picture[..., 0], alpha])).save(tmp_path / "la.png")
    assert (read(tmp_path / "la.png")[:, :30] == 255).all()


def test_palette_and_its_transparency(tmp_path, picture):
    palette = Image.fromarray(picture).quantize(200)
    palette.save(tmp_path / "p.png")
    assert close(read(tmp_path / "p.png"), picture, 6)
    index = int(np.asarray(palette)[20, 30])
    palette.save(tmp_path / "pt.png", transparency=index)
    assert (read(tmp_path / "pt.png")[20, 30] == 255).all()


def test_cmyk(tmp_path, picture):
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "a.jpg", quality=98)
    assert close(read(tmp_path / "a.jpg"), picture, 6)
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "a.tif")
    assert close(read(tmp_path / "a.tif"), picture, 2)


def test_sixteen_bit_grey_is_scaled(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (20, 1))
    for name in ("a.png", "a.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        assert np.abs(read(tmp_path / name)[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def png_rgb16(values: np.ndarray) -> bytes:
    """A 16-bit RGB PNG, which Pillow reads but does not write. `values`: (H, W, 3) uint16."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_sixteen_bit_colour_is_scaled(tmp_path, picture):
    tifffile = pytest.importorskip("tifffile")
    values = picture.astype(np.uint16) * 257
    (tmp_path / "a.png").write_bytes(png_rgb16(values))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    assert np.array_equal(read(tmp_path / "a.png"), picture)
    assert np.array_equal(read(tmp_path / "a.tif"), picture)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animation_gives_the_first_picture(tmp_path, picture, suffix):
    first, second = Image.fromarray(picture), Image.fromarray(255 - picture)
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=[second], duration=100, loop=0)
    assert close(read(tmp_path / f"a.{suffix}"), picture, 8)


def test_embedded_profile_becomes_srgb(tmp_path, picture):
    """Lab coordinates survive: the file is in linear-light-like XYZ primaries made by littleCMS."""
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    as_lab = ImageCms.profileToProfile(Image.fromarray(picture), srgb, lab, outputMode="LAB")
    as_lab.save(tmp_path / "lab.tif", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())
    assert close(read(tmp_path / "lab.tif"), picture, 4)
    Image.fromarray(picture).save(tmp_path / "broken.png", icc_profile=b"nonsense")
    assert np.array_equal(read(tmp_path / "broken.png"), picture)


def exif_with(**camera) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update({getattr(ExifTags.Base, k).value: v for k, v in camera.items()})
    return exif


def focal_of(tmp_path, picture, exif) -> float | None:
    Image.fromarray(picture).save(tmp_path / "f.jpg", exif=exif)
    return photos.read(tmp_path / "f.jpg", OPTIONS).focal


def test_focal_length(tmp_path, picture):
    diagonal = np.hypot(60, 40)
    assert focal_of(tmp_path, picture, Image.Exif()) is None
    film = exif_with(FocalLengthIn35mmFilm=50)
    assert focal_of(tmp_path, picture, film) == pytest.approx(50 * diagonal / 43.27)
    film[ExifTags.Base.Orientation] = 6
    assert focal_of(tmp_path, picture, film) == pytest.approx(50 * diagonal / 43.27)
    # 10 mm lens, 5 pixels per millimetre on a sensor of 60 pixels
    sensor = {"FocalLength": 10.0, "FocalPlaneXResolution": 50.0, "FocalPlaneResolutionUnit": 3}
    assert focal_of(tmp_path, picture, exif_with(**sensor)) == pytest.approx(50.0)
    halved = exif_with(**sensor, ExifImageWidth=120)
    assert focal_of(tmp_path, picture, halved) == pytest.approx(25.0)


NO_FOCAL = [{"FocalLengthIn35mmFilm": 0}, {"FocalLengthIn35mmFilm": 60000}, {"FocalLength": 5.0}]


@pytest.mark.parametrize("camera", NO_FOCAL)
def test_useless_focal_tags_are_ignored(tmp_path, picture, camera):
    assert focal_of(tmp_path, picture, exif_with(**camera)) is None


def refused(path, *parts: str, **options) -> None:
    with pytest.raises(BadInput) as caught:
        photos.read(path, SourceOptions(**options))
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    assert all(part in message for part in parts), message


def test_bad_files_are_refused_in_one_line(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture\n" * 9)
    (tmp_path / "page.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    refused(tmp_path / "missing.jpg", "missing.jpg", "no such file")
    refused(tmp_path, "folder")
    refused(tmp_path / "empty.jpg", "empty.jpg", "0 bytes")
    refused(tmp_path / "text.jpg", "text.jpg", "not an image")
    refused(tmp_path / "page.svg", "not an image")
    refused(tmp_path / "two\nlines.jpg", "two lines.jpg")
    refused(tmp_path / "nul\0.jpg", "cannot be read")
    refused(tmp_path / ("x" * 300), "cannot be read")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp", "gif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, format={"jpg": "JPEG"}.get(suffix, suffix.upper()))
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    refused(path, f"cut.{suffix}")


@pytest.mark.parametrize("suffix", ["avif", "jpg", "png", "webp", "tiff", "bmp", "gif", "jp2", "ppm"])
def test_damaged_files_are_refused_or_read(tmp_path, picture, suffix):
    """Noise at any place: a picture, or one line that says what is wrong, whatever the decoder raises."""
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    whole, rng, refusals = io.BytesIO(), np.random.default_rng(0), 0
    Image.fromarray(picture).save(whole, format={"jpg": "JPEG", "jp2": "JPEG2000"}.get(suffix, suffix.upper()))
    for _ in range(60):
        data = np.frombuffer(whole.getvalue(), np.uint8).copy()
        places = rng.integers(30, len(data), 20)
        data[places] = rng.integers(0, 256, 20)
        path = tmp_path / f"bad.{suffix}"
        path.write_bytes(data.tobytes())
        try:
            photos.read(path, SourceOptions(max_megapixels=1))
        except BadInput as error:
            refusals += 1
            assert "\n" not in str(error) and f"bad.{suffix}" in str(error)
    assert refusals or suffix in ("jpg", "bmp", "gif", "ppm", "jp2", "webp", "tiff")


def test_unreadable_file(tmp_path, picture, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path)
    if os.geteuid() == 0:  # root may read everything, so the refusal is played

        def denied(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(type(path), "open", denied)
    else:
        path.chmod(0)
    refused(path, "permission")


def test_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "not a regular file")


def test_too_large_is_refused_before_decoding(tmp_path):
    bomb = png_rgb16(np.zeros((1, 1, 3), np.uint16))
    header = struct.pack(">IIBBBBB", 50000, 50000, 8, 2, 0, 0, 0)
    bomb = bomb[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + bomb[33:]
    (tmp_path / "bomb.png").write_bytes(bomb)
    refused(tmp_path / "bomb.png", "2500 megapixels", "at most 100")
    Image.new("RGB", (200, 100)).save(tmp_path / "b.png")
    refused(tmp_path / "b.png", "200 x 100", max_megapixels=0.019)
    assert read(tmp_path / "b.png", max_megapixels=0.021).shape == (100, 200, 3)


@pytest.mark.parametrize("name", ["with space.png", "Zoë 写真 🙂.png", "sub/../up.png", "-o.png", "a'b\"c.png"])
def test_names(tmp_path, picture, name):
    (tmp_path / "sub").mkdir()
    Image.fromarray(picture).save(tmp_path / name)
    frame = photos.read(str(tmp_path / name), OPTIONS)
    assert np.array_equal(frame.pixels, picture)
    assert frame.origin.endswith(name)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_hundred_megapixels_fit_in_three_gigabytes(tmp_path, suffix):
    import subprocess

    tile = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)
    path = tmp_path / f"big.{suffix}"
    fast = {"progressive": True} if suffix == "jpg" else {"compress_level": 1}
    Image.fromarray(np.tile(tile, (10, 10, 1))).save(path, **fast)
    program = (
        "import resource, sys; from maquette.sources.photos import read; "
        "assert read(sys.argv[1]).size == (10000, 10000); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peak = int(subprocess.run([sys.executable, "-c", program, path], capture_output=True, check=True).stdout)
    assert peak * 1024 < 3e9
