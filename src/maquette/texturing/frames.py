"""The mesh of one frame of a clip, made fit for use and coloured."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Mesh, Observation
from maquette.texturing.cleaning import clean_surface
from maquette.texturing.colours import photo_colours
from maquette.texturing.images import smoothstep

SURE = (0.1, 0.5)  # how well a photo shows a vertex: from where its colour counts, and fully


@dataclass(frozen=True, eq=False)
class Paint:
    """The textured subject of a whole clip, as a colour per vertex.

    Attributes:
        faces: (F, 3) of its mesh. colours: (V, 3) uint8 sRGB.
    """

    faces: NDArray
    colours: NDArray

    def fits(self, mesh: Mesh) -> bool:
        """Whether the mesh has these very vertices."""
        return len(mesh.vertices) == len(self.colours) and np.array_equal(mesh.faces, self.faces)


def coloured_frame(
    mesh: Mesh, observation: Observation, camera: Camera, paint: Paint | None = None, posed: NDArray | None = None
) -> Mesh:
    """The mesh of a frame with a colour per vertex.

    A mesh that already has colours, or the topology of `paint`, keeps its shape. Any other surface is cleaned and takes
    the frame's colours where the frame shows it.

    Args:
        mesh: metres, world. camera: of the observation's crop.
        posed: (V, 3) the vertices of `paint` as they stand in this frame: what the frame does not show takes the
            colour of the nearest. Without it, it continues what the frame shows.

    Raises:
        NothingFound: a surface to be cleaned encloses nothing.
    """
    if mesh.vertex_colors is not None:
        return mesh
    if paint is not None and paint.fits(mesh):
        return replace(mesh, vertex_colors=paint.colours)
    clean = clean_surface(mesh, posed).mesh
    found = photo_colours(clean, [observation], [camera])
    if paint is None or posed is None:
        return replace(clean, vertex_colors=found.colours)
    from scipy.spatial import cKDTree

    _, nearest = cKDTree(posed).query(clean.vertices)
    seen = smoothstep(found.seen, *SURE)[:, None]
    mixed = np.rint(seen * found.colours + (1 - seen) * paint.colours[nearest]).astype(np.uint8)
    return replace(clean, vertex_colors=mixed)
