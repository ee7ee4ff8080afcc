"""Glasses: rims, bridge, temples and lenses that fit a face. Metres, canonical world frame, linear RGB.

Measures after ISO 8624 (boxed lens system): lens 42-56 mm wide, bridge 16-21 mm, lens plane about 12 mm before the
cornea, tilted some 8 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.morphable import Embedding, MorphableModel
from maquette.synthesis.hair.scalp import CENTRE, cast
from maquette.synthesis.solids import Solid, fan, joined, tube
from maquette.synthesis.types import Kind, SceneSurface

VERTEX_DISTANCE = 0.012  # cornea to lens
CORNEA = 0.0165  # eyeball centre to cornea, on the model
OUTLINE = 36  # points around a lens
# How far back the temples are drawn over the average head, and where behind the ear they end.
TEMPLE_PATH = np.array([[0.07, 0.008, 0.0], [0.072, 0.009, -0.03], [0.074, 0.010, -0.06], [0.073, 0.008, -0.082]])
METALS = np.array([[0.55, 0.42, 0.2], [0.5, 0.5, 0.52], [0.08, 0.08, 0.09], [0.02, 0.02, 0.02], [0.45, 0.28, 0.22]])
PLASTICS = np.array(
    [[0.01, 0.01, 0.01], [0.05, 0.02, 0.01], [0.02, 0.02, 0.06], [0.25, 0.02, 0.02], [0.5, 0.5, 0.5], [0.1, 0.05, 0.02]]
)


@dataclass(frozen=True)
class GlassesFrame:
    """One make of frame.

    Attributes:
        wide, high: half extents of a lens, metres.
        square: exponent of the outline: 2 an ellipse, 5 nearly a rectangle.
        droop: metres that the lower outer side hangs (aviator).
        rim: half thickness, metres, 0 rimless; upper_only: a half rim.
        metal: or plastic.
    """

    wide: float
    high: float
    square: float
    droop: float
    rim: float
    metal: bool
    upper_only: bool = False


FRAMES = {
    "round": GlassesFrame(0.0235, 0.0225, 2.0, 0, 0.0009, True),
    "rectangle": GlassesFrame(0.0262, 0.0165, 4.0, 0, 0.0014, False),
    "soft": GlassesFrame(0.0258, 0.0205, 2.8, 0, 0.0017, False),
    "thick": GlassesFrame(0.0272, 0.0215, 3.4, 0, 0.0030, False),
    "aviator": GlassesFrame(0.0285, 0.0235, 2.5, 0.005, 0.0008, True),
    "rimless": GlassesFrame(0.0255, 0.0170, 3.2, 0, 0.0, True),
    "half rim": GlassesFrame(0.0262, 0.0165, 3.6, 0, 0.0012, True, True),
    "big": GlassesFrame(0.0290, 0.0255, 2.6, 0, 0.0018, False),
}
SHARES = (2, 4, 4, 2, 1.5, 1.5, 1.5, 1.5)


@lru_cache(maxsize=4)
def _temples(model: MorphableModel) -> Embedding:
    """Points on the skin along which the temples run, left then right."""
    path = np.concatenate([TEMPLE_PATH, TEMPLE_PATH * [-1, 1, 1]]) - CENTRE
    return cast(model, path / np.linalg.norm(path, axis=1, keepdims=True), with_ears=False)


def draw_glasses(model: MorphableModel, vertices: NDArray, rng: np.random.Generator) -> list[SceneSurface]:
    """A pair of glasses on a head with vertices (V, 3): the frame and two lenses.

    One in five are sunglasses; lenses have opacity 0.05 to 0.95.
    """
    sun = rng.random() < 0.2
    names = ["aviator", "big", "thick", "soft", "rectangle"] if sun else list(FRAMES)
    shares = np.array([1.5, 2, 1, 1, 1] if sun else SHARES)
    frame = FRAMES[names[rng.choice(len(names), p=shares / shares.sum())]]
    places = model.embeddings["mediapipe478"].points(vertices, model.faces)
    eyes = np.stack([model.eye_centre(vertices, side) for side in ("Left", "Right")])
    scale = float(np.linalg.norm(eyes[0] - eyes[1])) / 0.0621
    wide = frame.wide * scale * np.exp(rng.normal(0, 0.05))
    high = frame.high * scale * np.exp(rng.normal(0, 0.06))
    outlines = [_outline(frame, eyes, k, wide, high, places) for k in (0, 1)]
    hinges = [outline[np.argmax(outline[:, 0] * (1, -1)[k])] for k, outline in enumerate(outlines)]
    solids = _frame_solids(frame, outlines, scale)
    skin = _temples(model).points(vertices, model.faces).reshape(2, -1, 3)
    solids += [_temple(hinges[k], skin[k], (1, -1)[k], frame, scale) for k in (0, 1)]
    shape, faces = joined(solids)
    colors = METALS if frame.metal else PLASTICS
    color = np.clip(colors[rng.integers(len(colors))] * np.exp(rng.normal(0, 0.25, 3)), 0, 0.8).astype(np.float32)
    surfaces = [SceneSurface(shape, faces, Kind.GLASSES, color, roughness=0.25, specular=0.4 if frame.metal else 0.05)]
    tint, alpha = _lens_look(sun, rng)
    for outline in outlines:
        lens, lens_faces = fan(outline, np.array([0.0, 0, 1]))
        lens = lens.astype(np.float32)
        lens[-1, 2] += 0.0012
        surfaces.append(
            SceneSurface(
                lens,
                lens_faces.astype(np.int32),
                Kind.GLASSES,
                tint,
                roughness=0.08,
                specular=0.05,
                alpha=alpha,
                two_sided=True,
            )
        )
    return surfaces


def _lens_look(sun: bool, rng: np.random.Generator) -> tuple[NDArray, float]:
    if sun:
        base = np.array([[0.01, 0.01, 0.012], [0.035, 0.018, 0.008], [0.012, 0.02, 0.012], [0.02, 0.03, 0.08]])
        return base[rng.integers(4)].astype(np.float32), float(rng.uniform(0.6, 0.95))
    tint = np.array([0.05, 0.05, 0.06]) if rng.random() < 0.85 else rng.uniform(0.02, 0.25, 3)
    return tint.astype(np.float32), float(rng.uniform(0.05, 0.13))


def _outline(frame: GlassesFrame, eyes: NDArray, k: int, wide: float, high: float, places: NDArray) -> NDArray:
    """(OUTLINE, 3) the rim around eye k (0 left, 1 right), before the cornea, clear of brow and cheek.

    Args:
        wide, high: half extents of a lens, metres.
    """
    side = (1, -1)[k]
    angle = np.linspace(0, 2 * np.pi, OUTLINE, endpoint=False)
    power = 2 / frame.square
    x = wide * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = high * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    if frame.droop:
        y = y - frame.droop * (y < 0) * (0.4 + x / wide * 0.6)
        x = x * (1 + 0.10 * y / high)
    half_bridge = np.clip(abs(eyes[0, 0] - eyes[1, 0]) / 2 - wide, 0.0075, 0.0125)
    middle = eyes.mean(axis=0)
    centre = middle + np.array([side * (half_bridge + wide), -0.0025, CORNEA + VERTEX_DISTANCE])
    points = np.stack([centre[0] + side * x, centre[1] + y, np.full(OUTLINE, centre[2])], axis=1)
    points[:, 2] += 0.14 * y - ((points[:, 0] - middle[0]) ** 2 - centre[0] ** 2) / 0.5  # tilt and wrap
    return points + np.array([0.0, 0.0, _clearance(points, places, middle[0])])


def _clearance(points: NDArray, places: NDArray, middle: float) -> float:
    """Metres forward until a rim is 2 mm before the landmarks nearest to it; the nose lies between the lenses."""
    rim = points[np.abs(points[:, 0] - middle) > 0.016]
    flat = np.linalg.norm(rim[:, None, :2] - places[None, :468, :2], axis=2)
    near = places[:468][flat.argmin(axis=1), 2]
    return float(np.clip((near + 0.002 - rim[:, 2]).max(), 0, 0.010))


def _frame_solids(frame: GlassesFrame, outlines: list[NDArray], scale: float) -> list[Solid]:
    rim = max(frame.rim, 0.0006)
    forward = np.array([0.0, 0.0, 1.0])
    solids = []
    for outline in outlines:
        if frame.upper_only:
            upper = outline[: OUTLINE // 2 + 1]
            solids.append(tube(upper, rim, rim * 1.1, forward))
        elif frame.rim:
            solids.append(tube(outline, rim, rim * 1.1, forward, closed=True))
    inner = [outline[np.argmin(np.abs(outline[:, 0]) - 0.15 * outline[:, 1])] for outline in outlines]
    share = np.linspace(0, 1, 9)[:, None]
    bridge = inner[0] * (1 - share) + inner[1] * share
    bridge[:, 1] += 0.0035 * np.sin(np.pi * share[:, 0])
    bridge[:, 2] += 0.0025 * scale * np.sin(np.pi * share[:, 0])
    solids.append(tube(bridge, max(rim, 0.0009), max(rim * 1.1, 0.0009), forward))
    if frame.droop:
        solids.append(tube(bridge + np.array([0, 0.009, 0]), rim, rim, forward))
    return solids


def _temple(hinge: NDArray, skin: NDArray, side: int, frame: GlassesFrame, scale: float) -> Solid:
    """The arm from the hinge over the ear and down behind it."""
    clear = skin + np.array([side * 0.0035, 0.0, 0.0])
    height = np.linspace(hinge[1] + 0.002, clear[-1, 1] - 0.001, len(clear))
    clear[:, 1] = 0.5 * height + 0.5 * clear[:, 1]
    corner = hinge + np.array([side * 0.004 * scale, 0.003, -0.004])
    straight = np.linspace(side * corner[0], side * clear[-1, 0], len(clear)) * 0.97
    clear[:, 0] = side * np.maximum(side * clear[:, 0], straight)
    hook = clear[-1] + np.array([[-side * 0.001, -0.010, -0.012], [-side * 0.004, -0.028, -0.020]]) * scale
    knots = np.concatenate([hinge[None], corner[None], clear, hook])
    at = np.linspace(0, len(knots) - 1, 22)
    path = np.stack([np.interp(at, np.arange(len(knots)), knots[:, k]) for k in range(3)], axis=1)
    rim = max(frame.rim, 0.0007)
    return tube(path, rim * 0.8, rim * (1.3 if frame.metal else 1.9), np.array([0.0, 1.0, 0.0]))
