"""A surface as a network draws it, made fit for use: no floaters, no holes, no terraces, closed, light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.types import Mesh
from maquette.geometry.surfaces.clean import decimated, filled, is_closed, pieces, signed_volume, smoothed

FACES = 60_000
LIMB_M = 0.05  # a loose piece belongs to the body if most of it lies as near to the body as clothes do
FAR_M = 0.15  # and none of it farther than this
SMALLEST_CM3 = 15.0  # what encloses less is a crumb
MOST_SAMPLES = 400  # vertices of a loose piece that are compared with the body
FILLINGS = 3  # holes that touch in a vertex are closed one after the other
CM3 = 1e6


@dataclass(frozen=True, eq=False)
class CleanSurface:
    """The cleaned surface, and what there was to clean.

    Attributes:
        mesh: metres, world; anticlockwise from outside.
        pieces: solids before; kept: of these, how many are left.
        faces_before: faces before decimation.
        closed: whether every edge has its two faces.
        volume_cm3: what it encloses, cubic centimetres.
    """

    mesh: Mesh
    pieces: int
    kept: int
    faces_before: int
    closed: bool
    volume_cm3: float


def clean_surface(mesh: Mesh, body: NDArray | None = None, faces: int | None = FACES, rounds: int = 8) -> CleanSurface:
    """One subject without floaters, holes and terraces.

    Args:
        mesh: metres, world; from marching cubes.
        body: (B, 3) metres, vertices of a body fitted to the same subject, or None. With it loose limbs that lie
            along the body are kept; without it only the largest piece is.
        faces: at most this many; None keeps all.
        rounds: of Taubin smoothing; 0 leaves the terraces.

    Raises:
        NothingFound: nothing encloses as much as a crumb.
    """
    vertices, triangles = mesh.vertices.astype(float), mesh.faces.astype(np.int64)
    # Two pieces that look inwards are one solid turned inside out.
    if len(triangles) and signed_volume(vertices, triangles) < 0:
        triangles = triangles[:, ::-1]
    for _ in range(FILLINGS):
        vertices, triangles = filled(vertices, triangles)
    vertices, triangles, found, kept = _without_floaters(vertices, triangles, body)
    before = len(triangles)
    vertices = smoothed(vertices, triangles, rounds)
    if faces is not None:
        vertices, triangles = decimated(vertices, triangles, faces)
    done = Mesh(vertices.astype(np.float32), np.ascontiguousarray(triangles, np.int32))
    return CleanSurface(done, found, kept, before, is_closed(done.faces), signed_volume(vertices, triangles) * CM3)


def _without_floaters(vertices: NDArray, faces: NDArray, body: NDArray | None) -> tuple[NDArray, NDArray, int, int]:
    """Vertices and faces of the largest solid and the body's loose limbs; how many solids there were, and are."""
    number, label = pieces(faces)
    volumes = np.array([signed_volume(vertices, faces[label == k]) for k in range(number)]) * CM3
    solids = np.flatnonzero(volumes > SMALLEST_CM3)
    if not len(solids):
        largest = f"{volumes.max():.1f}" if number else "nothing"
        raise NothingFound(
            f"the surface is no solid: its largest piece encloses {largest} cm3, wanted {SMALLEST_CM3:g}"
        )
    solids = solids[np.argsort(-volumes[solids])]
    chosen = [solids[0]]
    if body is not None:
        from scipy.spatial import cKDTree

        tree = cKDTree(body)
        away = {k: np.asarray(tree.query(_some(vertices[np.unique(faces[label == k])]))[0]) for k in solids}
        near = [k for k in solids if np.median(away[k]) < LIMB_M and away[k].max() < FAR_M]
        # A large floater must not stand in for the subject.
        chosen = near or chosen
    kept = faces[np.isin(label, chosen)]
    used, inverse = np.unique(kept, return_inverse=True)
    return vertices[used], inverse.reshape(-1, 3).astype(np.int64), int((volumes > 0).sum()), len(chosen)


def _some(points: NDArray) -> NDArray:
    return points[:: max(1, len(points) // MOST_SAMPLES)]
