"""Hair from the shipped card styles: cards on the head, cut out by their opacity into small triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.subdivision import divide, edges_of
from maquette.morphable import MorphableModel
from maquette.synthesis.types import Kind, SceneSurface
from maquette.texturing.hair.place import place
from maquette.texturing.hair.styles import OPAQUE, CardStyle, mirrored, style

# Which cards may stand for a cut of `maquette.synthesis.hair.styles`.
_SHORT, _BOBS, _LONG = ("short01", "short02", "short03", "short04"), ("bob01", "bob02"), ("long01", "braid01")
ALIKE = {
    "crop": _SHORT[2:], "short": _SHORT, "side part": _SHORT[:2], "swept back": ("short02", "short04"),
    "quiff": ("short04",), "bob": _BOBS, "bob fringe": _BOBS, "long": _LONG, "long back": _LONG,
    "long wavy": ("long01",), "ponytail": ("ponytail01",), "afro": ("afro01",),
}  # fmt: skip
LONGEST_M = 0.006  # edge of a triangle that is either there or not
ROUNDS = 3  # times edges are halved, at most
SHINE, ROUGHNESS = 0.02, 0.7


def cards_for(cut: str, rng: np.random.Generator) -> str | None:
    """The name of a card style that stands for a cut, None where there is none."""
    names = ALIKE.get(cut, ())
    return str(rng.choice(names)) if names else None


def card_hair(
    name: str, neutral: NDArray, model: MorphableModel, scale: float, color: NDArray, rng: np.random.Generator
) -> SceneSurface:
    """A card style on a neutral head.

    Args:
        name: one of `core.options.STYLES`. neutral: (V, 3) metres. scale: the head's size, of the model's.
        color: (3,) linear RGB.
    """
    own = mirrored(name, model) if rng.random() < 0.5 else style(name)
    placed = place(own, neutral, model, scale)
    vertices, uvs, faces, uv_faces = _cut_out(own, placed.vertices)
    tone = np.asarray(color) * np.exp(0.1 * rng.normal(size=(1, 1, 1)))
    albedo = np.clip(tone * own.grey[..., None] ** rng.uniform(1.0, 1.8), 0.001, 0.9)
    return SceneSurface(
        vertices.astype(np.float32), faces, Kind.HAIR, albedo.astype(np.float32), uvs, uv_faces, roughness=ROUGHNESS,
        specular=SHINE, two_sided=True,
    )  # fmt: skip


def _cut_out(own: CardStyle, vertices: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Vertices (V, 3), uvs (V, 2) and faces of what is opaque: triangles are halved until they are small."""
    pairs, corners = np.unique(
        own.faces.astype(np.int64).ravel() * len(own.uvs) + own.uv_faces.ravel(), return_inverse=True
    )
    faces = corners.reshape(-1, 3)
    points = np.concatenate([vertices[pairs // len(own.uvs)], own.uvs[pairs % len(own.uvs)]], axis=1)
    for _ in range(ROUNDS):
        edges, of_face, _ = edges_of(faces, len(points))
        long = np.linalg.norm(np.diff(points[edges, :3], axis=1)[:, 0], axis=1) > LONGEST_M
        new = np.where(long, len(points) + np.cumsum(long) - 1, -1)
        points = np.concatenate([points, points[edges[long]].mean(axis=1)])
        faces = divide(faces, new[of_face])[0]
    height, width = own.opacity.shape
    middle = points[faces, 3:].mean(axis=1) * [1, -1] + [0, 1]
    at = np.clip((middle * [width, height]).astype(int), 0, [width - 1, height - 1])
    faces = faces[own.opacity[at[:, 1], at[:, 0]] > OPAQUE].astype(np.int32)
    used, corners = np.unique(faces, return_inverse=True)
    faces = corners.reshape(-1, 3).astype(np.int32)
    return points[used, :3], points[used, 3:].astype(np.float32), faces, faces
