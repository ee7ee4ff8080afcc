"""Translations of photos of animals, method by method: what they are read as, and whether heads stay where they were.

Every photo is translated to every other kind, once in the looks of a photo of that kind, once in looks that are drawn.
Beside the methods stand the sources themselves (a method that does nothing) and the photos of the kind wanted. What a
picture shows is read by networks that ship: kinds from ImageNet's classes, landmarks by the reader of pets; both have
learned on other pictures than the translation has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.job import Progress, silent
from maquette.core.options import TranslateOptions
from maquette.evaluation.benchmarks.images import SUFFIXES
from maquette.evaluation.table import Table
from maquette.evaluation.translation.distances import frechet, inception_features, kernel, lpips_distance, pet_features
from maquette.imaging.translate.method import prepared
from maquette.imaging.translate.placing import cropped
from maquette.perception.pets.landmarks import kinds, read_landmarks
from maquette.perception.pets.schemes import SPECIES
from maquette.perception.square import Square
from maquette.pipeline.references import square_of
from maquette.sources import photos

READ_AT = 256  # pixels at which pictures are read, however small they are
CORE = 5  # landmarks: corners of the eyes, and the nose
NOTES = (
    "read as wanted: share of the pictures that the shipped classifier (ImageNet) takes for the kind wanted; surely: "
    "its mean probability of that kind",
    "moved, eyes and nose: mean distance of five landmarks to those of the source, in eye distances; of twenty: over "
    "the root of the area of their box. Noses and ears of another kind lie elsewhere: it is not zero when all is right",
    "Frechet and kernel distance of pet features to the photos of the kind wanted: not FID and not KID",
)


class Photo(NamedTuple):
    """A photo of a known kind: its name, kind and the square of its face as (S, S, 3) uint8."""

    name: str
    kind: str
    crop: NDArray


@dataclass(frozen=True, eq=False)
class Made:
    """A picture of a source, wanted to show a kind; (S, S, 3) uint8."""

    source: Photo
    wanted: str
    picture: NDArray


def read_set(folder: str | Path) -> list[tuple[str, Path]]:
    """The photos of FOLDER/KIND, or those named KIND_..., with their kinds: cat, dog or wild.

    Raises:
        BadInput: no such folder, or photos of fewer than two kinds.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder, wanted a folder of photos: check the name")
    found = [(k, p) for k in SPECIES for p in sorted((*(folder / k).glob("*"), *folder.glob(f"{k}_*")))]
    found = [(kind, path) for kind, path in found if path.suffix.lower() in SUFFIXES]
    if len({kind for kind, _ in found}) < 2:
        raise BadInput(
            f"{folder}: wanted photos of two kinds or more, in folders {', '.join(SPECIES)} or named cat_..."
        )
    return found


def evaluate_translation(
    folder: str | Path,
    weights: Path | None = None,
    inception: Path | None = None,
    alexnet: Path | None = None,
    progress: Progress = silent,
) -> Table:
    """Means by method; below, by direction.

    Args:
        weights: of StarGAN v2; None leaves its rows away.
        inception: Inception's weights, for FID. alexnet: AlexNet's, for LPIPS between looks of one source.

    Raises:
        BadInput: no photos, or weights that cannot be used. ExtraMissing: of a measure that was asked for.
    """
    options = TranslateOptions("cat")
    found = []
    for kind, path in read_set(folder):
        progress(path.name, "looking for the face")
        pixels = photos.read(path).pixels
        found.append(Photo(path.name, kind, cropped(pixels, square_of(pixels, options)[0].to_crop(READ_AT), READ_AT)))
    features = inception_features(inception) if inception else pet_features
    apart = lpips_distance(alexnet) if alexnet else None
    by_method = {}
    for name, make in _methods(weights).items():
        progress(name, "translating")
        by_method[name] = list(_all(found, make))
    true = {kind: features(np.stack([p.crop for p in found if p.kind == kind])) for kind in {p.kind for p in found}}
    far = "FID" if inception else "Frechet, pets"
    near = "KID" if inception else "kernel, pets"
    columns: tuple[str, ...] = ("method", "read as wanted", "surely", "moved, eyes and nose", "of twenty", far, near)
    columns += ("LPIPS",) if apart else ()
    landmarks = {photo[:2]: _landmarks(photo.crop) for photo in found}
    rows, more = [], []
    for name, made in by_method.items():
        progress(name, "reading")
        scores = [_scores(one, landmarks[one.source[:2]]) for one in made]
        distances = _distances(made, true, features)
        spread = (_diversity(found, _methods(weights)[name], apart),) if apart else ()
        rows.append((name, *np.mean(scores, axis=0), *distances, *spread))
        for pair in dict.fromkeys((one.source.kind, one.wanted) for one in made):
            of_pair = [s for s, one in zip(scores, made) if (one.source.kind, one.wanted) == pair]
            more.append((name, *pair, len(of_pair), *np.mean(of_pair, axis=0)))
    directions = Table("by direction", ("method", "from", "to", "pictures", *columns[1:5]), tuple(more))
    own = [_scores(Made(photo, photo.kind, photo.crop), landmarks[photo[:2]]) for photo in found]
    rows.append(("photos of that kind", *np.mean(own, axis=0)[:2], *[None] * (len(columns) - 3)))
    title = f"translation of {len(found)} photos, {Path(folder).name}"
    notes = NOTES if inception is None else NOTES[:2]
    return Table(title, columns, tuple(rows), notes, more=(directions,))


Method = Callable[[Photo, Photo, int], NDArray]  # of source, reference and number: the picture


def _methods(weights: Path | None) -> Mapping[str, Method]:
    """Rows of the table."""
    path = None if weights is None else str(weights)

    def source(photo: Photo, *_: object) -> NDArray:
        return photo.crop

    def by(photo: Photo, reference: Photo, number: int, method: str, drawn: bool) -> NDArray:
        given = None if method == "colors" else path
        wanted = TranslateOptions(reference.kind, method=method, weights=given, seed=number)
        translator = prepared(wanted, lambda side: [] if drawn else [_sized(reference.crop, side)])
        return translator.draw(_sized(photo.crop, translator.side))[0]

    rows: dict[str, Method] = {"source": source, "colors": partial(by, method="colors", drawn=False)}
    if weights is not None:
        rows["starganv2, reference"] = partial(by, method="starganv2", drawn=False)
        rows["starganv2, drawn"] = partial(by, method="starganv2", drawn=True)
    return rows


def _all(found: list[Photo], make: Method) -> Iterator[Made]:
    """Every photo to every other kind, in the looks of photos of that kind in turn."""
    by_kind = {kind: [p for p in found if p.kind == kind] for kind in dict.fromkeys(p.kind for p in found)}
    for number, photo in enumerate(found):
        for kind, others in by_kind.items():
            if kind != photo.kind:
                yield Made(photo, kind, make(photo, others[number % len(others)], number))


def _scores(made: Made, before: NDArray) -> tuple[float, float, float, float]:
    """Whether it is read as wanted, how surely, and how far landmarks (20, 2) moved: see the columns."""
    picture = _sized(made.picture, READ_AT)
    shares = kinds(picture, Square(np.full(2, READ_AT / 2), float(READ_AT), 0.0))[0]
    after = _landmarks(made.picture)
    far = np.linalg.norm(after - before, axis=1)
    eyes = np.linalg.norm(before[0:2].mean(axis=0) - before[2:4].mean(axis=0))
    box = np.sqrt(np.prod(np.ptp(before, axis=0)))
    right = float(max(shares, key=shares.__getitem__) == made.wanted)
    return right, shares[made.wanted], float(far[:CORE].mean() / eyes), float(far.mean() / box)


def _landmarks(picture: NDArray) -> NDArray:
    """(20, 2) of the face that a picture shows, at READ_AT pixels."""
    return read_landmarks(_sized(picture, READ_AT), Square(np.full(2, READ_AT / 2), float(READ_AT), 0.0)).points


def _distances(
    made: list[Made], true: Mapping[str, NDArray], features: Callable[[NDArray], NDArray]
) -> tuple[float | None, float | None]:
    """Frechet and kernel distance to the photos of the kind wanted, mean over the kinds; None of too few pictures."""
    pairs = []
    for kind, wanted in true.items():
        pictures = [_sized(one.picture, READ_AT) for one in made if one.wanted == kind]
        if min(len(pictures), len(wanted)) > 1:
            own = features(np.stack(pictures))
            pairs.append((frechet(own, wanted), kernel(own, wanted)))
    return tuple(np.mean(pairs, axis=0)) if pairs else (None, None)


def _diversity(found: list[Photo], make: Method, apart: Callable[[NDArray, NDArray], float]) -> float:
    """Mean distance of two looks of one source: of two references, or of two seeds."""
    far = []
    for number, photo in enumerate(found):
        others = [p for p in found if p.kind != photo.kind]
        pair = [k for k in others if k.kind == others[number % len(others)].kind][:2]
        made = [_sized(make(photo, one, 2 * number + k), READ_AT) for k, one in enumerate(pair)]
        far += [apart(*made)] if len(made) == 2 else []
    return float(np.mean(far)) if far else float("nan")


def _sized(picture: NDArray, side: int) -> NDArray:
    """(side, side, 3) uint8."""
    if len(picture) == side:
        return picture
    how = cv2.INTER_AREA if len(picture) > side else cv2.INTER_CUBIC
    return cv2.resize(picture, (side, side), interpolation=how)
