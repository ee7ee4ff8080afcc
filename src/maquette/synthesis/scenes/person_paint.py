"""What a dressed body looks like: its closed surface cut into skin, hair, shoes and cloth, each with its colours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.anatomy.anny import Body
from maquette.synthesis.anatomy.body_mesh import BodyMesh
from maquette.synthesis.clothing.cloth import ROUGHNESS, SPECULAR, clip
from maquette.synthesis.clothing.outfits import NAMES, Outfit
from maquette.synthesis.clothing.patterns import CHEST, EXTENT_M
from maquette.synthesis.solids import ChartedSolid
from maquette.synthesis.types import Kind, SceneSurface

CHEST_Y = 0.5  # metres, the chest's height on the average body: where a print sits
WIDEST_JUMP_M = 0.12  # farther apart on the cloth, corners of a triangle lie on both sides of a seam
IRISES = ((0.06, 0.03, 0.015), (0.1, 0.06, 0.03), (0.08, 0.1, 0.06), (0.08, 0.13, 0.2))


def paint(
    vertices: NDArray, mesh: BodyMesh, fields: Mapping[str, NDArray], outfit: Outfit, rng: np.random.Generator
) -> list[SceneSurface]:
    """The closed surface cut into garments, outer ones first, and what is left as skin.

    Args:
        vertices: (V, 3) metres, dressed. fields: of `outfits.regions`.
    """
    columns = {name: fields[name] for name in NAMES}
    columns |= {"at": vertices, "cloth": mesh.cloth, "face": _skin(mesh, outfit, rng), "strands": _hair(mesh, outfit)}
    faces, out = mesh.faces, []
    for name in NAMES:
        field = columns.pop(name)
        piece, rest = clip(faces, field), clip(faces, -field)
        if len(piece.faces):
            out.append(_piece(name, {k: piece.take(v) for k, v in columns.items()}, piece.faces, outfit))
        columns, faces = {k: rest.take(v) for k, v in columns.items()}, rest.faces
    return [SceneSurface(columns["at"], faces, Kind.SKIN, columns["face"], specular=0.028), *out]


def _piece(name: str, columns: Mapping[str, NDArray], faces: NDArray, outfit: Outfit) -> SceneSurface:
    if name == "hair":
        kind = Kind.CLOTHES if outfit.hat else Kind.HAIR
        return SceneSurface(columns["at"], faces, kind, columns["strands"], roughness=0.55, specular=0.04)
    if name == "shoes":
        return SceneSurface(columns["at"], faces, Kind.CLOTHES, outfit.colours["shoes"], roughness=0.45)
    return _textured(columns["at"], faces, columns["cloth"][faces], outfit, name)


def clothed(solid: ChartedSolid, outfit: Outfit, name: str) -> SceneSurface:
    """A solid in the cloth "top" or "bottom", or in the colour of "hair" or "hat"."""
    if name == "hair":
        u = solid.cloth[:, 0]
        colour = np.ones(len(u)) + 0.22 * np.sin(210 * u) * np.sin(95 * u + 1) + 0.12 * np.sin(530 * u)
        shades = np.ones(len(solid.vertices))
        shades[solid.faces.ravel()] = colour[solid.cloth_faces.ravel()]
        albedo = np.outer(shades, outfit.colours["hair"]).astype(np.float32)
        return SceneSurface(solid.vertices, solid.faces, Kind.HAIR, albedo, roughness=0.5, specular=0.045)
    if name == "hat":
        return SceneSurface(solid.vertices, solid.faces, Kind.CLOTHES, outfit.colours["hair"], roughness=0.8)
    return _textured(solid.vertices, solid.faces, solid.cloth[solid.cloth_faces], outfit, name)


def _textured(vertices: NDArray, faces: NDArray, cloth: NDArray, outfit: Outfit, name: str) -> SceneSurface:
    """Cloth (F, 3, 2) metres at the corners; where a triangle crosses a seam it shows the cloth of its first corner."""
    jump = np.abs(cloth - cloth[:, :1]).max(axis=(1, 2)) > WIDEST_JUMP_M
    cloth = np.where(jump[:, None, None], cloth[:, :1], cloth)
    uvs = cloth / EXTENT_M + [CHEST[0], 1 - CHEST[1] - CHEST_Y / EXTENT_M]
    stuff = outfit.cloths[name]
    return SceneSurface(
        vertices,
        faces,
        Kind.CLOTHES,
        stuff.albedo,
        uvs.reshape(-1, 2).astype(np.float32),
        np.arange(3 * len(faces), dtype=np.int32).reshape(-1, 3),
        stuff.height,
        roughness=ROUGHNESS,
        specular=SPECULAR,
    )


def _skin(mesh: BodyMesh, outfit: Outfit, rng: np.random.Generator) -> NDArray:
    """(V, 3) linear RGB: lips, brows, shade round the eyes, redder cheeks."""
    skin, hair = outfit.colours["skin"], outfit.colours["hair"]
    uneven = 1 + 0.05 * np.sin(37 * mesh.rest[:, 0] + 3) * np.sin(31 * mesh.rest[:, 1]) * np.sin(41 * mesh.rest[:, 2])
    out = np.outer(uneven, skin)

    def blend(share: NDArray, colour: NDArray) -> None:
        out[:] += share[:, None] * (colour - out)

    blend(0.5 * mesh.cheeks, skin * [1.08, 0.85, 0.85])
    blend(rng.uniform(0.35, 0.7) * mesh.sockets, 0.45 * skin)
    blend(0.9 * mesh.lips, outfit.colours["lips"])
    brow = np.minimum(hair, 0.5 * skin) if not outfit.hat else 0.25 * skin
    blend(rng.uniform(0.55, 0.95) * mesh.brows, 0.7 * brow)
    return out.astype(np.float32)


def _hair(mesh: BodyMesh, outfit: Outfit) -> NDArray:
    """(V, 3) linear RGB of hair, streaked from the crown down; a cap is even."""
    turn = np.arctan2(mesh.rest[:, 0], mesh.rest[:, 2] - 0.04)
    streaks = (
        0.5 * np.sin(23 * turn + 3) + 0.5 * np.sin(41 * turn + 9 * mesh.rest[:, 1]) + 0.3 * np.sin(90 * mesh.rest[:, 1])
    )
    return np.outer(1 + (0.0 if outfit.hat else 0.2) * streaks, outfit.colours["hair"]).astype(np.float32)


def eyes(body: Body, vertices: NDArray, rng: np.random.Generator) -> SceneSurface:
    """Both eyeballs of a posed body (V0, 3): white as the lids shade it, iris, pupil."""
    faces = body.faces[body.skin_faces :]
    owner = np.array([name.startswith("eye.") for name in body.bones])
    share = (body.bone_weight * owner[body.bone_index]).sum(axis=1)
    faces = faces[(share[faces] > 0.9).all(axis=1)]
    used, index = np.unique(faces, return_inverse=True)
    rest, iris = body.template[used], IRISES[rng.integers(len(IRISES))]
    color = np.tile(np.array([0.36, 0.34, 0.32], np.float32), (len(used), 1))
    for side in (rest[:, 0] > 0, rest[:, 0] <= 0):
        away = rest[side] - (rest[side].min(0) + rest[side].max(0)) / 2
        looking = away[:, 2] / np.maximum(np.linalg.norm(away, axis=1), 1e-9)
        color[np.flatnonzero(side)[looking > 0.84]] = iris
        color[np.flatnonzero(side)[looking > 0.95]] = 0.01
    return SceneSurface(vertices[used], index.reshape(-1, 3).astype(np.int32), Kind.EYES, color, roughness=0.1)
