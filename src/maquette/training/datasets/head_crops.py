"""Batches of synthetic heads as photographs may show them: other backgrounds, colours, light, sensors, mask faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from maquette.perception.affine import apply, for_cv2
from maquette.perception.faces.parsing.frame import EXTENT, SIDE
from maquette.perception.faces.parsing.network import Area, drawn_face
from maquette.synthesis.rendering.background import draw_background
from maquette.synthesis.rendering.segmentation import degrade_mask
from maquette.synthesis.rendering.sensor import Sensor, develop, draw_sensor, encode
from maquette.synthesis.types import Kind
from maquette.training.datasets.heads import COLUMNS, STORED_EXTENT
from maquette.training.datasets.shards import EXAMPLES, WHOLE, Array, Shards

COARSE = SIDE // 2  # side of the crops that training begins with; a quarter of the work
MOVED, SIZED, TURNED, STRETCHED = 0.05, 0.12, 0.12, 0.05  # spread of shift (share), log size, turn (radians), shape
LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
PARTS = np.zeros(len(Kind), np.uint8)  # the part that a kind of surface belongs to
for _kind, _part in {
    Kind.SKIN: Area.SKIN, Kind.EYES: Area.SKIN, Kind.MOUTH: Area.SKIN, Kind.BROWS: Area.SKIN, Kind.HAIR: Area.HAIR,
    Kind.BEARD: Area.BEARD, Kind.GLASSES: Area.GLASSES, Kind.CLOTHES: Area.CLOTHES, Kind.OCCLUDER: Area.COVER,
}.items():  # fmt: skip
    PARTS[_kind] = _part
# Landmarks where shade lies on real faces: eyes and their sockets, chin and jaw, temples, forehead.
SHADED = (33, 133, 159, 145, 362, 263, 386, 374, 152, 172, 397, 136, 365, 200, 127, 356, 10, 151)
GAPS = np.ones((5, 5), np.uint8)  # of skin between strands that still are hair


class HeadCrops:
    """Batches of crops of heads, each shifted, turned, mirrored, set elsewhere and photographed anew.

    Args:
        folder: of the shards, with the folders train and test in it.
        coarse: batches, from the first, whose crops are 128 pixels wide instead of 256.
        split: train or test.
        augment: whether they are photographed anew, or only moved a little.
    """

    def __init__(
        self, folder: Path, batch_size: int, seed: int, coarse: int = 0, split: str = "train", augment: bool = True
    ) -> None:
        layout = {**EXAMPLES, "kind": (WHOLE, 2)}
        self.shards = Shards(Path(folder) / split, COLUMNS, batch_size, seed, layout)
        self.seed, self.coarse, self.augment = seed, coarse, augment

    def __len__(self) -> int:
        return len(self.shards)

    def batch(self, number: int) -> dict[str, Array]:
        """crops (N, 3, S, S), person and face (N, S, S), target (N, 7, S / 2, S / 2): shares in 255ths; all uint8."""
        rng = np.random.default_rng([self.seed, number])
        rows = self.shards.batch(number)
        side = COARSE if number < self.coarse else SIDE
        made = [self._one(rows, k, side, rng) for k in range(len(rows["image"]))]
        return {name: np.stack([row[name] for row in made]) for name in made[0]}

    def _one(self, rows: dict[str, Array], k: int, side: int, rng: np.random.Generator) -> dict[str, Array]:
        parts = whole_parts(rows["kind"][k])
        spread = 1.0 if self.augment else 0.3
        matrix = _jittered(len(parts), side, spread * rng.normal(size=5), self.augment and rng.random() < 0.5)
        image = _warped(rows["image"][k], matrix, side, cv2.INTER_LINEAR)
        parts = _warped(parts, matrix, side, cv2.INTER_NEAREST)
        points = apply(matrix, rows["landmarks"][k])
        behind: Array | None = None
        radiance = np.take(LINEAR, image)
        if self.augment:
            radiance, behind = _set_elsewhere(radiance, parts, rows, rng)
            radiance = _recolored(_retextured(radiance, parts, rng), parts, rng)
            radiance *= _shadows(parts, points, rng)
            radiance = radiance * _shade(side, rng)
            _cover(radiance, parts, rng)
            edge = _edge(side, rng)
            radiance, parts = edge(radiance), edge(parts)
            behind = None if behind is None else edge(behind)
        crop = photographed(radiance, rng) if self.augment else encode(radiance)
        person = parts != Area.BACKGROUND
        if behind is not None and rng.random() < 0.5:
            person = person | behind
        noisy = points + side / SIDE * (rng.normal(0, 1.5, (1, 2)) + rng.normal(0, 0.5, points.shape))
        return {
            "crops": np.ascontiguousarray(crop.transpose(2, 0, 1)),
            "person": _found(person, parts, rng, self.augment),
            "face": drawn_face(noisy, side),
            "target": shares(parts),
        }


def whole_parts(kind: Array) -> Array:
    """(S, S) uint8 `Area` of each pixel of labels (S, S) `Kind`; skin that shows between strands is hair, or beard."""
    parts = np.take(PARTS, kind)
    for part in (Area.BEARD, Area.HAIR):
        closed = cv2.morphologyEx((parts == part).astype(np.uint8), cv2.MORPH_CLOSE, GAPS)
        parts[(closed > 0) & (parts == Area.SKIN)] = part
    parts[np.isin(kind, (Kind.EYES, Kind.MOUTH, Kind.BROWS))] = Area.SKIN
    return parts


def shares(parts: Array) -> Array:
    """(7, S / 2, S / 2) uint8: how much of each pixel of `parts` (S, S), halved, shows each part, in 255ths."""
    half = (len(parts) // 2,) * 2
    return np.stack([cv2.resize((parts == k).astype(np.uint8) * 255, half, interpolation=cv2.INTER_AREA) for k in Area])


def _jittered(stored: int, side: int, jitter: Array, mirrored: bool) -> Array:
    """(2, 3) from pixels of the stored crop to those of the network's."""
    scale = STORED_EXTENT / EXTENT * side / stored * np.exp(SIZED * jitter[2])
    turn, wider = TURNED * jitter[3], np.exp(STRETCHED * jitter[4] * np.array([1, -1]))
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    linear = scale * wider[:, None] * turned * np.array([-1 if mirrored else 1, 1])
    return np.column_stack([linear, side * (0.5 + MOVED * jitter[:2]) - linear @ [stored / 2, stored / 2]])


def _warped(picture: Array, matrix: Array, side: int, flags: int) -> Array:
    return cv2.warpAffine(picture, for_cv2(matrix), (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _set_elsewhere(
    radiance: Array, parts: Array, rows: dict[str, Array], rng: np.random.Generator
) -> tuple[Array, Array | None]:
    """The head before something else, and (S, S) bool where that shows another person; None if it shows none."""
    chance = rng.random()
    if chance < 0.35:
        return radiance, None
    before = cv2.GaussianBlur((parts != Area.BACKGROUND).astype(np.float32), (0, 0), 0.6)[..., None]
    scene, behind = _others(rows, len(parts), rng) if chance < 0.7 else (_scene(radiance, parts, rng), None)
    return (before * radiance + (1 - before) * scene).astype(np.float32), behind


def _others(rows: dict[str, Array], side: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Somebody else, beside, nearer or further away: linear RGB, and where it shows the person."""
    other, stored = rng.integers(len(rows["image"])), rows["image"].shape[1]
    scale = side / SIDE * np.exp(rng.uniform(-0.9, 0.5))
    linear = scale * np.array([[rng.choice([-1, 1]), 0.15 * rng.normal()], [0.15 * rng.normal(), 1]])
    place = side * (0.5 + rng.normal(size=2) * [0.35, 0.12])
    matrix = np.column_stack([linear, place - linear @ [stored / 2, stored / 2]])
    scene: Array = np.take(LINEAR, _warped(rows["image"][other], matrix, side, cv2.INTER_LINEAR))
    scene *= np.float32(np.exp(0.4 * rng.normal()))
    if rng.random() < 0.6:
        scene = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.5, 3))
    return scene, _warped(rows["kind"][other], matrix, side, cv2.INTER_NEAREST) > 0


def _scene(radiance: Array, parts: Array, rng: np.random.Generator) -> Array:
    """A drawn background, linear RGB: often all dark, bright or of the hair's colour, or with a fine texture."""
    side, hair = len(parts), parts == Area.HAIR
    scene: Array = draw_background(rng, (side, side))
    if rng.random() < 0.3:
        color = radiance[hair].mean(axis=0) if hair.any() and rng.random() < 0.5 else rng.choice([0.01, 0.02, 0.9])
        scene = color * np.exp(0.25 * (np.log(scene) - np.log(scene).mean()) + 0.2 * rng.normal())
    elif rng.random() < 0.4:  # leaves, gravel, fur
        grain: Array = rng.normal(size=(side, side)).astype(np.float32)
        wide = rng.uniform(0.4, 3, 2) * (rng.choice([1, 6]), 1)
        grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=float(wide[0]), sigmaY=float(wide[1]))
        grain *= rng.uniform(0.1, 0.9) / (grain.std() + 1e-6)
        scene = scene * np.exp(grain if rng.random() < 0.5 else grain.T)[..., None]
    return scene


def _retextured(radiance: Array, parts: Array, rng: np.random.Generator) -> Array:
    """Smooth hair with a sheen, and covers and clothes as fibrous as hair: drawn strands are rougher than real ones."""
    side = len(parts)
    if rng.random() < 0.5:
        hair = ((parts == Area.HAIR) | (parts == Area.BEARD)).astype(np.float32)[..., None]
        blur = float(rng.uniform(0.8, 5)) * side / SIDE
        around = cv2.GaussianBlur(hair, (0, 0), blur)[..., None]
        smooth = cv2.GaussianBlur(radiance * hair, (0, 0), blur) / np.maximum(around, 1e-3)
        sheen = cv2.resize(rng.normal(size=(7, 5)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        smooth *= np.exp(np.float32(rng.uniform(0, 0.6)) * sheen)[..., None]
        radiance = radiance + hair * np.float32(rng.uniform(0.4, 1)) * (smooth - radiance)
    for part, chance in ((Area.COVER, 0.3), (Area.CLOTHES, 0.15)):
        if rng.random() < chance:
            grain: Array = rng.normal(size=(side, side)).astype(np.float32)
            grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=float(rng.uniform(0.4, 1)), sigmaY=float(rng.uniform(1, 6)))
            grain = grain * (rng.uniform(0.1, 0.6) / grain.std())
            radiance = radiance * np.where(parts == part, np.exp(grain), 1)[..., None]
    return radiance


def _shadows(parts: Array, points: Array, rng: np.random.Generator) -> Array:
    """(S, S, 1) float32 of shade on skin: make-up and sockets around the eyes, jaws, folds; or 1."""
    if rng.random() < 0.5:
        return np.ones((1, 1, 1), np.float32)
    shade: Array = np.zeros(parts.shape, np.float32)
    face = float(np.ptp(points, axis=0).max())
    for _ in range(rng.integers(1, 4)):
        centre = points[rng.choice(SHADED)] + 0.05 * face * rng.normal(size=2)
        wide, high = rng.uniform(0.06, 0.25, 2) * face
        box = ((float(centre[0]), float(centre[1])), (2 * float(wide), 2 * float(high)), float(rng.uniform(0, 180)))
        cv2.ellipse(shade, box, (float(rng.uniform(0.2, 1.2)),), -1)
    shade = cv2.GaussianBlur(shade, (0, 0), float(rng.uniform(0.01, 0.06)) * face + 0.3)
    return np.exp(-shade * (parts == Area.SKIN))[..., None].astype(np.float32)


def _recolored(radiance: Array, parts: Array, rng: np.random.Generator) -> Array:
    """Hair, clothes, skin of other colours: often dark clothes, and clothes of the hair's colour."""
    radiance = radiance.copy()
    hair, clothes = parts == Area.HAIR, parts == Area.CLOTHES
    for part, chance, spread in ((Area.HAIR, 0.3, 0.6), (Area.SKIN, 0.25, 0.15), (Area.CLOTHES, 0.3, 0.7)):
        if rng.random() < chance:
            radiance[parts == part] *= np.exp(spread * rng.normal() + 0.12 * rng.normal(size=3)).astype(np.float32)
    if hair.any() and clothes.any() and rng.random() < 0.3:
        mean = radiance[hair].mean(axis=0) if rng.random() < 0.5 else np.full(3, rng.uniform(0.003, 0.03))
        contrast = rng.uniform(0.2, 1)
        own = radiance[clothes]
        radiance[clothes] = mean * (np.maximum(own, 1e-4) / max(float(own.mean()), 1e-4)) ** contrast
    return radiance


def _shade(side: int, rng: np.random.Generator) -> Array:
    """(side, side, 1) float32 of uneven light over the picture, or 1."""
    if rng.random() < 0.5:
        return np.ones((1, 1, 1), np.float32)
    coarse = np.exp(rng.uniform(0.1, 0.5) * rng.normal(size=(3, 3))).astype(np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).clip(0.1, 4)[..., None]


def _cover(radiance: Array, parts: Array, rng: np.random.Generator) -> None:
    """Sometimes a flat thing before the person, written into both."""
    if rng.random() > 0.08:
        return
    shape = np.zeros(parts.shape, np.uint8)
    side = len(parts)
    centre, (wide, high) = rng.uniform(0, side, 2), rng.uniform(0.03, 0.24, 2) * side
    box = ((float(centre[0]), float(centre[1])), (float(wide), float(high)), float(rng.uniform(0, 180)))
    if rng.random() < 0.5:
        cv2.ellipse(shape, box, (1,), -1)
    else:
        cv2.fillConvexPoly(shape, cv2.boxPoints(box).astype(np.int32), (1,))
    radiance[shape > 0] = rng.beta(1.2, 3) * np.exp(0.3 * rng.normal(size=3))
    parts[shape > 0] = Area.COVER


def _edge(side: int, rng: np.random.Generator) -> Callable[[Array], Array]:
    """What the photograph's edges do to arrays (S, S, ...): beyond them, its last pixels go on."""
    if rng.random() < 0.5:
        return lambda array: array
    cut = np.where(rng.random(4) < 0.6, rng.uniform(0, [0.28, 0.28, 0.28, 0.4]), 0) * side
    left, top, right, bottom = cut.astype(int).tolist()
    rows, columns = np.arange(side).clip(top, side - 1 - bottom), np.arange(side).clip(left, side - 1 - right)
    return lambda array: array[rows][:, columns]


def photographed(radiance: Array, rng: np.random.Generator) -> Array:
    """(S, S, 3) uint8 by some camera, and edited by somebody: grey, more colour, contrast, sharper."""
    sensor = draw_sensor(rng, len(radiance)) if rng.random() < 0.6 else Sensor(exposure=0.4 * rng.normal())
    crop = develop(radiance.astype(np.float32), None, sensor, rng).astype(np.float32)
    if rng.random() < 0.4:
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None]
        color = 0.0 if rng.random() < 0.25 else np.exp(0.4 * rng.normal())
        crop = grey + np.float32(color) * (crop - grey)
    if rng.random() < 0.3:
        middle = crop.mean()
        crop = middle + np.float32(np.exp(0.25 * rng.normal())) * (crop - middle)
    if rng.random() < 0.2:
        crop += np.float32(rng.uniform(0.3, 1.5)) * (crop - cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.7, 2)))
    return np.clip(crop + 0.5, 0, 255).astype(np.uint8)


def _found(person: Array, parts: Array, rng: np.random.Generator, augment: bool) -> Array:
    """(S, S) uint8: the person's mask as a segmenter finds it; now and then without hair, cover or anything."""
    chance = rng.random()
    if augment and chance < 0.06:
        return np.full(person.shape, 0 if chance < 0.03 else 255, np.uint8)
    if augment and chance < 0.2:
        person = person & (parts != (Area.COVER if chance < 0.13 else Area.HAIR))
    rows, columns = np.nonzero(person)
    if not len(rows):
        return np.zeros(person.shape, np.uint8)
    chosen = rng.integers(len(rows), size=4)
    return degrade_mask(person, np.column_stack([columns[chosen], rows[chosen]]), rng)
