"""From an occupancy volume to its surface in the world: one closed piece of as many faces as wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.types import Mesh, Volume
from maquette.geometry.surfaces.clean import decimated, is_closed, largest_piece, signed_volume
from maquette.geometry.surfaces.isosurface import check_grid, logits_of, marching_cubes

FACES = 40_000
LEVEL = 0.5
FEWEST_VOXELS, SMALLEST_SHARE = 8, 1e-3  # of the grid: what encloses less is a speck, not a shape
CM3 = 1e6


@dataclass(frozen=True, eq=False)
class Surface:
    """The surface of a volume, and what there was to clean.

    Attributes:
        mesh: in metres, world; closed, anticlockwise from outside; the volume's own colours if it has any.
        components: solids before all but the largest were left out.
        faces_before: faces before decimation.
        closed: whether every edge has its two faces.
        volume_cm3: what the surface encloses, cubic centimetres.
    """

    mesh: Mesh
    components: int
    faces_before: int
    closed: bool
    volume_cm3: float


def extract(volume: Volume, faces: int | None = FACES) -> Mesh:
    """The surface of a volume at 0.5, as a closed mesh in metres.

    Args:
        volume: occupancy 0-1.
        faces: at most this many; None keeps all.

    Raises:
        NothingFound: there is no surface: all empty, all full, or only a speck.
        BadInput: the grid is too large.
    """
    return surface_of(volume, faces).mesh


def surface_of(volume: Volume, faces: int | None = FACES) -> Surface:
    """`extract`, with the facts for the report."""
    check_grid("volume", volume.values)
    low, high = float(volume.values.min()), float(volume.values.max())
    if high <= LEVEL:
        raise NothingFound(f"the volume has no surface: its occupancy is {high:.2f} at most, wanted more than {LEVEL}")
    if low > LEVEL:
        raise NothingFound(f"the volume has no surface: it is full, its occupancy is {low:.2f} at least")
    places, triangles, components = largest_piece(*marching_cubes(logits_of(volume.values)))
    enclosed = signed_volume(places, triangles)
    wanted = max(FEWEST_VOXELS, SMALLEST_SHARE * volume.values.size)
    if enclosed < wanted:
        raise NothingFound(
            f"the volume has no surface but specks: the largest of {components} is {enclosed:.0f} voxels large, "
            f"wanted {wanted:.0f}"
        )
    matrix = volume.grid_to_world
    vertices = places @ matrix[:3, :3].T + matrix[:3, 3]
    if np.linalg.det(matrix[:3, :3]) < 0:
        triangles = triangles[:, ::-1]
    before = len(triangles)
    if faces is not None:
        vertices, triangles = decimated(vertices, triangles, faces)
    mesh = Mesh(
        vertices.astype(np.float32),
        np.ascontiguousarray(triangles, np.int32),
        vertex_colors=None if volume.colors is None else _colours_at(volume.colors, volume.grid_to_world, vertices),
    )
    return Surface(mesh, components, before, is_closed(mesh.faces), signed_volume(vertices, triangles) * CM3)


def _colours_at(colours: NDArray, grid_to_world: NDArray, vertices: NDArray) -> NDArray:
    """(V, 3) uint8: a volume's colours (X, Y, Z, 3) between its voxels at (V, 3) world points."""
    from scipy.ndimage import map_coordinates

    to_grid = np.linalg.inv(grid_to_world)
    at = (vertices @ to_grid[:3, :3].T + to_grid[:3, 3]).T
    found = [map_coordinates(colours[..., c].astype(np.float32), at, order=1, mode="nearest") for c in range(3)]
    return np.clip(np.rint(np.stack(found, axis=1)), 0, 255).astype(np.uint8)
