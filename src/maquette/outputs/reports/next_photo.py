"""From where the next photo of the same head should be taken: where it would show most of what no photo has shown.

The oracle of next-best-view planning (Mendoza et al. 2020, section 3): the surface is known here, so that the gain of a
direction is counted by ray casting and need not be predicted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import face_areas, face_normals
from maquette.geometry.raycast import RayCaster
from maquette.outputs.asset import Asset
from maquette.texturing.atlas import texel_coordinates

SEEN = 128  # texture_confidence from which a triangle counts as photographed
FACING = 0.35  # cosine from which a photo shows a surface well enough
YAWS, PITCHES = tuple(range(-150, 181, 30)), (-15, 0, 30)  # degrees around the head, to its left; upwards
STAND = 8.0  # of the camera, in sizes of the head
LEAST = 0.04  # share of the skin below which another photo does not pay
AHEAD = 12.0  # degrees of turn that is still called the front


@dataclass(frozen=True, eq=False)
class NextPhoto:
    """A direction for the next photo.

    Attributes:
        yaw, pitch: degrees, to the subject's left and upwards, from which it is to be seen.
        gain: share of the skin, 0-1, that would be new.
        seen: (F,) bool, of the mesh's triangles: which a photo shows.
    """

    yaw: int
    pitch: int
    gain: float
    seen: NDArray

    @property
    def words(self) -> str:
        """Where to stand.

        Example:
            >>> NextPhoto(60, 0, 0.2, np.zeros(0, bool)).words
            'from its left, turned by 60 degrees'
        """
        side = "left" if self.yaw > 0 else "right"
        around = abs(self.yaw)
        place = "from the front" if around <= AHEAD else f"from its {side}, turned by {around} degrees"
        place = "from behind" if around > 165 else place
        return place + (", from above" if self.pitch > 10 else ", from below" if self.pitch < -10 else "")


def photographed(asset: Asset) -> NDArray | None:
    """(F,) bool: which triangles a photo shows; None without a confidence of the texture."""
    mesh = asset.mesh
    if mesh.texture_confidence is None or mesh.uvs is None or mesh.uv_faces is None:
        return None
    size = mesh.texture_confidence.shape[0]
    middle = np.floor(texel_coordinates(mesh.uvs, size)[mesh.uv_faces].mean(axis=1)).clip(0, size - 1).astype(int)
    return np.asarray(mesh.texture_confidence[middle[:, 1], middle[:, 0]] >= SEEN)


def next_photo(asset: Asset) -> NextPhoto | None:
    """The direction from which a photo would show most that is new; None where none pays."""
    seen = photographed(asset)
    skin = asset.part("skin")
    if seen is None or not len(skin):
        return None
    vertices, faces = asset.mesh.vertices.astype(float), asset.mesh.faces
    area, normals = face_areas(vertices, faces[skin]), face_normals(vertices, faces[skin])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)
    points, missing = vertices[faces[skin]].mean(axis=1), ~seen[skin]
    rays, middle = RayCaster(vertices, faces), (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    stand, best = STAND * float(np.ptp(vertices, axis=0).max()), None
    for yaw in YAWS:
        for pitch in PITCHES:
            eye = middle + stand * direction(yaw, pitch)
            toward = eye - points
            toward /= np.linalg.norm(toward, axis=1, keepdims=True)
            shown = missing & ((normals * toward).sum(axis=1) > FACING)
            shown[shown] = ~rays.occluded(points[shown], normals[shown], eye)
            gain = float(area[shown].sum() / area.sum())
            if best is None or gain > best.gain + 1e-9:
                best = NextPhoto(yaw, pitch, gain, seen)
    return best if best is not None and best.gain >= LEAST else None


def direction(yaw: float, pitch: float) -> NDArray:
    """(3,) unit, world: where a camera stands at degrees to the subject's left and upwards."""
    around, up = np.radians(yaw), np.radians(pitch)
    return np.array([np.sin(around) * np.cos(up), np.sin(up), np.cos(around) * np.cos(up)])


def next_photo_facts(asset: Asset) -> dict[str, object] | None:
    """What report.json says of it."""
    found = next_photo(asset.coarse or asset)
    if found is None:
        return None
    return {
        "where": found.words, "yaw_degrees": found.yaw, "pitch_degrees": found.pitch, "newly_seen": found.gain,
    }  # fmt: skip
