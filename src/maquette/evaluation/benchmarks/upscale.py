"""How well pictures are made larger: PSNR and SSIM of faces that were made smaller first, by a known degradation.

The reference of a photo is a square crop, the face if the detector finds one and else the centre, area-averaged to
128 x 128 pixels. It is made smaller in three ways, each a table of its own, because the ranking depends on it:

- area: the mean of factor x factor pixels of the reference, as the small pictures that ESPCN and SRCNN learn from;
- bilinear: four pixels of the full crop around the new pixel's centre, which aliases; what OpenCV's `resize` does by
  default and what the published comparison of Menezes 2019 used;
- random: one draw of `imaging.degrade.draw_degradation` a photo, given in the table: kernel, blur, noise, JPEG.

PSNR is over the three channels of rounded 8-bit pixels, SSIM that of scikit-image's defaults (7 x 7 uniform window,
mean of the channels), so that the published table can be repeated; `maquette evaluate images` has the windows of the
paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from maquette.core.errors import BadInput, MaquetteError
from maquette.core.files import replaced, unwritable
from maquette.core.job import Progress, silent
from maquette.core.types import Frame
from maquette.evaluation.benchmarks.images import SUFFIXES
from maquette.evaluation.pictures import psnr
from maquette.evaluation.table import Table
from maquette.imaging.degrade import Degradation, degraded, draw_degradation
from maquette.imaging.upscale.method import METHODS, upscaled
from maquette.imaging.upscale.networks import FACTORS
from maquette.sources import photos

SIDE = 128  # pixels of a reference
AROUND = 1.3  # side of the crop over the longer side of the face's landmarks
SEED = 1  # of the random degradations
WAYS = ("area", "bilinear", "random")
HEADER, GAP = 16, 4  # pixels in the picture grid


@dataclass(frozen=True, eq=False)
class PictureTable(Table):
    """A table with pictures, which are saved beside it.

    Attributes:
        pictures: file name -> (H, W, 3) uint8.
    """

    pictures: Mapping[str, NDArray] = field(default_factory=dict)

    def save(self, folder: str | Path) -> list[Path]:
        """As `Table.save`, and every picture."""
        paths = super().save(folder)
        for name, pixels in self.pictures.items():
            path = Path(folder) / name
            try:
                with replaced(path) as file:
                    Image.fromarray(pixels).save(file, format="png")
            except OSError as error:
                raise BadInput(unwritable(error, path, "choose another -o")) from error
            paths.append(path)
        return paths


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """One face to be made smaller and larger again.

    Attributes:
        name: of the photo.
        full: (S, S, 3) uint8, S at least 128.
        reference: (128, 128, 3) uint8.
    """

    name: str
    full: NDArray
    reference: NDArray


def read_set(folder: str | Path) -> list[Path]:
    """The photos of a folder, by name.

    Raises:
        BadInput: no such folder, or no photos in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder, wanted a folder of photos: check the name")
    found = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    if not found:
        raise BadInput(f"{folder}: holds no photos, wanted {', '.join(SUFFIXES)}")
    return found


def evaluate_upscale(folder: str | Path, progress: Progress = silent) -> Table:
    """Means by degradation, factor and method; below, every photo; and a grid of pictures for each.

    Raises:
        BadInput: no photos, or none that can be used.
    """
    crops, left_out = [], []
    for path in read_set(folder):
        progress(path.name, "looking for the face")
        try:
            crops.append(cut(photos.read(path)))
        except MaquetteError as error:
            left_out.append(str(error))
    if not crops:
        raise BadInput(f"{folder}: no photo can be used: {left_out[0]}")
    means, tables, grids = [], [], {}
    for way in WAYS:
        for factor in FACTORS:
            progress(crops[0].name, f"{way}, factor {factor}")
            rows, grid = compare(crops, way, factor)
            tables.append(_by_photo(way, factor, rows))
            means += _means(way, factor, rows)
            grids[f"grid_{way}_x{factor}.png"] = grid
    notes = [
        f"reference: face or centre, area-averaged to {SIDE} x {SIDE} pixels; small: {SIDE // 2} or {SIDE // 4} pixels",
        "area: averaged from the reference; bilinear: four pixels of the full crop, aliased (OpenCV's default, as the "
        "published comparison); random: blur, kernel, noise and JPEG drawn for each photo",
        "PSNR RGB, 8 bits; SSIM with scikit-image's defaults (7 x 7 uniform window)",
        "better: photos on which the method's PSNR is above bicubic's",
        *(f"left out: {why}" for why in left_out),
    ]
    columns = ("degradation", "factor", "method", "PSNR dB", "SSIM", "against bicubic dB", "better")
    title = f"Enlargement: {Path(folder).name}, {len(crops)} photos"
    return PictureTable(title, columns, tuple(means), tuple(notes), more=tuple(tables), pictures=grids)


def cut(frame: Frame) -> FaceCrop:
    """The square to be judged.

    Raises:
        BadInput: the photo is smaller than the reference.
    """
    from maquette.perception.faces.search import find_faces

    name = Path(frame.origin).name
    width, height = frame.size
    if min(width, height) < SIDE:
        raise BadInput(f"{name}: {width} x {height} pixels: wanted at least {SIDE} x {SIDE}: use a larger photo")
    side, centre = float(min(width, height)), np.array([width / 2, height / 2])
    faces = find_faces(frame.pixels)
    if faces:
        box = max(faces, key=lambda face: face.size).box
        side, centre = AROUND * float(max(box[2:] - box[:2])), (box[:2] + box[2:]) / 2
    side = int(np.clip(round(side), SIDE, min(width, height)))
    left, top = (int(np.clip(round(c - side / 2), 0, most - side)) for c, most in zip(centre, (width, height)))
    full = np.ascontiguousarray(frame.pixels[top : top + side, left : left + side])
    return FaceCrop(name, full, cv2.resize(full, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def compare(crops: list[FaceCrop], way: str, factor: int) -> tuple[list[tuple], NDArray]:
    """Every crop made smaller in one way, and larger by every method.

    Returns:
        For each crop its name, how it was made smaller, and (PSNR, SSIM) by method; and the picture grid.
    """
    rows, tiles = [], []
    for number, crop in enumerate(crops):
        rng = np.random.default_rng([SEED, number, factor])
        how = draw_degradation(rng, factor) if way == "random" else Degradation(way)
        small = Frame(degraded(crop.reference, factor, how, rng, crop.full))
        made = {name: upscaled(small, factor, name).pixels for name in METHODS}
        rows.append((crop.name, _words(how), {name: scores(p, crop.reference) for name, p in made.items()}))
        tiles.append([crop.reference, *made.values()])
    return rows, grid(["reference", *METHODS], tiles)


def scores(picture: NDArray, reference: NDArray) -> tuple[float, float]:
    """PSNR in dB, and SSIM with scikit-image's defaults, of (H, W, 3) uint8."""
    from skimage.metrics import structural_similarity

    return psnr(picture, reference), float(structural_similarity(reference, picture, channel_axis=2))


def grid(names: list[str], tiles: list[list[NDArray]]) -> NDArray:
    """(H, W, 3) uint8: one row per photo, one named column per method."""
    side = tiles[0][0].shape[0]
    step = side + GAP
    sheet = Image.new("RGB", (step * len(names) + GAP, HEADER + step * len(tiles)), "white")
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(names):
        pen.text((GAP + column * step, 2), name, fill="black")
        for row, line in enumerate(tiles):
            sheet.paste(Image.fromarray(line[column]), (GAP + column * step, HEADER + row * step))
    return np.asarray(sheet)


def _words(how: Degradation) -> str:
    parts = [how.kernel]
    parts += [f"blur {how.blur:.1f}"] if how.blur else []
    parts += [f"noise {how.noise:.1f}"] if how.noise else []
    parts += [f"JPEG {how.jpeg}"] if how.jpeg else []
    return ", ".join(parts)


def _means(way: str, factor: int, rows: list[tuple]) -> list[tuple]:
    found = []
    for name in METHODS:
        values = np.array([row[2][name] for row in rows])
        gains = values[:, 0] - [row[2]["bicubic"][0] for row in rows]
        finite = np.isfinite(gains)
        gain = float(gains[finite].mean()) if finite.any() else None
        better = f"{int((gains > 0).sum())} of {len(rows)}"
        found.append((way, factor, name, float(values[:, 0].mean()), float(values[:, 1].mean()), gain, better))
    return found


def _by_photo(way: str, factor: int, rows: list[tuple]) -> Table:
    columns = ("photo", "made smaller by", *(f"{name} {score}" for name in METHODS for score in ("PSNR", "SSIM")))
    cells = [(photo, how, *(value for name in METHODS for value in found[name])) for photo, how, found in rows]
    return Table(f"{way}, factor {factor}", columns, tuple(cells))
