"""The scene all pictures share: the mesh in its studio, and where the cameras stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Mesh, Part
from maquette.geometry.mesh import boundary_loops
from maquette.outputs.meshes.weld import weld
from maquette.outputs.pictures.studio import SKIN, WET, Material, Studio
from maquette.outputs.shaded_mesh import ShadedMesh, own_colours, plain_mesh, shade_mesh

FIELD_OF_VIEW = np.radians(22)  # of the picture's height: a portrait lens, about 90 mm on full frame
LONGEST_EDGE_M = 0.006  # longer edges would show as corners in the outline of a head
LONGEST_SHARE = 0.016  # of the height: so of whatever is larger
HIDDEN = 0.01  # openness below which no camera sees a corner: sockets, the shut mouth
BETWEEN_LIPS = 0.35  # power of the openness of teeth
NO_FACES: NDArray = np.zeros(0, int)
FUR = "fur"  # layers around a skin: behind those that face the camera are more of them
MATT = 0.25  # gloss of a part at roughness 0
TEXTURE_SIDE = 1024  # texels; the pictures show no more, and mipmaps of larger ones take long


@dataclass(frozen=True, eq=False)
class Scene:
    """The mesh in the studio.

    Attributes:
        studio: the lit mesh; the subject's world frame.
        low, high: (3,) metres, its bounding box.
    """

    studio: Studio
    low: NDArray
    high: NDArray

    def camera(self, turn: float, lift: float, size: tuple[int, int], fill: float = 0.86) -> Camera:
        """A portrait camera on a circle around the mesh.

        Args:
            turn: radians; 0 looks at the face, positive shows the subject's left side.
            lift: radians above the horizon.
            size: (width, height) of the picture.
            fill: how much of the picture's height (or width) the mesh takes.
        """
        centre, extent = (self.low + self.high) / 2, self.high - self.low
        width, height = size
        tall = max(extent[1], max(extent[0], extent[2]) * height / width) / fill
        distance = tall / 2 / np.tan(FIELD_OF_VIEW / 2) + extent[2] / 4
        toward = np.array([np.sin(turn) * np.cos(lift), np.sin(lift), np.cos(turn) * np.cos(lift)])
        right = np.array([np.cos(turn), 0.0, -np.sin(turn)])
        rotation = np.stack([right, -np.cross(toward, right), -toward])
        world_to_camera = np.eye(4)
        world_to_camera[:3, :3] = rotation
        world_to_camera[:3, 3] = -rotation @ (centre + distance * toward)
        focal = height / 2 / np.tan(FIELD_OF_VIEW / 2)
        intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
        return Camera(intrinsics, world_to_camera, size)


def set_scene(
    mesh: Mesh, skin: NDArray, mouth: NDArray, eyes: NDArray, further: Sequence[tuple[ShadedMesh, Material]] = (),
    teeth: NDArray = NO_FACES,
) -> Scene:  # fmt: skip
    """Put a mesh into the studio; the cut through the neck is closed so that no view looks inside.

    Args:
        mesh: metres, with or without texture.
        skin, mouth, eyes: indices of faces; skin and mouth together are the outer surface.
        further: hair and the like, as in the photo, each with its texture.
        teeth: indices of faces that light reaches from the lips and the tongue around them, too.
    """
    import cv2

    vertices, faces = mesh.vertices.astype(float), mesh.faces
    uvs, uv_faces, colours = mesh.uvs, mesh.uv_faces, own_colours(mesh)
    is_eye = np.isin(np.arange(len(faces)), eyes)
    loops = boundary_loops(faces[skin])
    if loops:
        vertices, faces, uv_faces = _capped(vertices, faces, uv_faces, loops[0])
        if colours is not None:
            colours = np.vstack(
                [colours, colours[loops[0]], colours[loops[0]].mean(axis=0, keepdims=True).astype(np.uint8)]
            )
        is_eye = np.append(is_eye, np.zeros(len(faces) - len(is_eye), bool))
    longest = max(LONGEST_EDGE_M, LONGEST_SHARE * float(np.ptp(mesh.vertices[:, 1])))
    shaded, origin = shade_mesh(vertices, faces.astype(np.int32), uvs, uv_faces, longest, colours)
    seen = shaded.openness[shaded.faces].max(axis=1) > HIDDEN
    enamel = shaded.faces[np.isin(origin, teeth)]
    shaded.openness[enamel] **= BETWEEN_LIPS
    is_eye = is_eye[origin]
    parts = [(shaded.part(np.flatnonzero(seen & ~is_eye)), SKIN)]
    if is_eye.any():
        parts.append((shaded.part(np.flatnonzero(seen & is_eye)), WET))
    texture = mesh.texture
    if texture is not None and max(texture.shape) > TEXTURE_SIDE:
        texture = cv2.resize(texture, (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_AREA)
    hull = np.concatenate([skin, mouth, np.arange(len(mesh.faces), len(faces))]).astype(int)
    closed = not boundary_loops(weld(vertices, faces[hull])[1])
    places = np.concatenate([mesh.vertices, *(shaded.vertices for shaded, _ in further)]).astype(float)
    return Scene(Studio([*parts, *further], texture, closed), places.min(axis=0), places.max(axis=0))


def shaded_part(part: Part, vertices: NDArray) -> tuple[ShadedMesh, Material]:
    """Hair or the like in the studio, its vertices (V, 3) metres as in the photo."""
    gloss, one_sided = MATT * (1 - part.roughness), part.name == FUR
    material = Material(gloss, SKIN.sharpness, part.mesh.texture, part.alpha_cutoff, one_sided)
    return plain_mesh(part, vertices), material


def _capped(
    vertices: NDArray, faces: NDArray, uv_faces: NDArray | None, loop: NDArray
) -> tuple[NDArray, NDArray, NDArray | None]:
    """Close a boundary loop with a flat lid that has its own rim, so that its edge stays sharp.

    Returns:
        vertices, faces, uv_faces: with those of the lid; uvs stay as they are.
    """
    count = len(loop)
    ring = len(vertices) + np.arange(count)
    fan = np.stack([np.roll(ring, -1), ring, np.full(count, len(vertices) + count)], axis=1)
    lid = np.vstack([vertices[loop], vertices[loop].mean(axis=0)])
    if uv_faces is not None:
        # One texel colours the whole lid; the rim's own would smear into a star.
        tone = uv_faces[np.flatnonzero((faces == loop[0]).any(axis=1))[0], 0]
        uv_faces = np.vstack([uv_faces, np.full((count, 3), tone, uv_faces.dtype)])
    return np.vstack([vertices, lid]), np.vstack([faces, fan]), uv_faces


def backdrop(size: tuple[int, int], inner: float = 92, outer: float = 34) -> NDArray:
    """(H, W, 3) uint8: a soft spot of light on a dark grey wall, brightest a little above the middle."""
    width, height = size
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    reach = np.clip(np.sqrt((x * 0.9) ** 2 + ((y + 0.12) * 0.9) ** 2) / 1.3, 0, 1)
    light = inner + (outer - inner) * (reach * reach * (3 - 2 * reach))
    tint = np.array([0.97, 1.0, 1.05])
    return np.clip(light[..., None] * tint, 0, 255).astype(np.uint8)


def over(picture: NDArray, ground: NDArray) -> NDArray:
    """A studio picture (H, W, 4), premultiplied, over a (H, W, 3) background; uint8."""
    import cv2

    free = cv2.cvtColor(255 - picture[..., 3], cv2.COLOR_GRAY2RGB)
    return cv2.add(cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB), cv2.multiply(ground, free, scale=1 / 255))
