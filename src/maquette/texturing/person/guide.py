"""What is known of the body under a person's surface: its pose per photo, its head, which side mirrors which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Mesh, Observation, Reconstruction
from maquette.geometry.camera import pixels_per_metre, project
from maquette.morphable import MorphableModel, known
from maquette.morphable.rig import Rig
from maquette.texturing.images import smoothstep
from maquette.texturing.person.backs import TRUNK
from maquette.texturing.person.hair import hair_seen

SCHEME = "mediapipe33"
NOSE, LEFT_EAR, RIGHT_EAR, MOUTH = 0, 7, 8, (9, 10)
EYES = (2, 5)
TWIN_M = 0.06  # between a vertex and the mirror image of its twin's body: farther ones are no twins
HEAD_REACH = 1.35  # of the distance between the ears: the skull and loose hair end there
CHIN = -0.85  # likewise, from the ears down
HAIRLINE = (0.06, 0.8)  # height above the ears and its rise towards the forehead, of a plane from nape to forehead
NAPE = (1.35, 2.1)  # from the head, distances between the ears: the back is unlike the front, and like it
OFF_HAND = (0.02, 0.04)  # metres off a hand from which on a surface is less, and no longer, the hand
MOST_HAIR = 6  # photos that are asked for the hair
SUREST = 0.3  # confidence from which landmarks of a head are believed


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """A head: centre (3,) between the ears; axes (3, 3), rows left, up, forward; unit: metres from ear to ear."""

    centre: NDArray
    axes: NDArray
    unit: float

    def places(self, points: NDArray) -> NDArray:
        """(V, 3) left, up, forward of (V, 3) points, in distances between the ears."""
        return (points - self.centre) @ self.axes.T / self.unit

    def belongs(self, points: NDArray) -> NDArray:
        """(V,) 0-1: how far points (V, 3) belong to the head, by place alone."""
        at = self.places(points)
        return smoothstep(-np.linalg.norm(at, axis=1), -HEAD_REACH, -0.9 * HEAD_REACH) * smoothstep(
            at[:, 1], CHIN, CHIN + 0.2
        )

    def hairy(self, points: NDArray) -> NDArray:
        """(V,) how far points (V, 3) lie behind the hairline, distances between the ears; negative on the face."""
        at = self.places(points)
        return at[:, 1] - HAIRLINE[0] - HAIRLINE[1] * at[:, 2]


@dataclass(frozen=True, eq=False)
class UnderlyingBody:
    """A body fitted to a person: its model, that model's skeleton, and its vertices in the first photo.

    Attributes:
        vertices: (B, 3) metres, world.
    """

    model: MorphableModel
    rig: Rig
    vertices: NDArray

    def keypoints(self, vertices: NDArray) -> NDArray:
        """(33, 3) metres: the key points of the body in some pose, (B, 3) metres."""
        return self.rig.keypoints_of(SCHEME, vertices.astype(float))

    def belongs(self, starts: tuple[str, ...]) -> NDArray:
        """(B,) 0-1: how far each vertex follows the bones whose names start so."""
        chosen = np.array([name.startswith(starts) for name in self.rig.bones])
        return (self.rig.bone_weight * chosen[self.rig.bone_index]).sum(axis=1)


@dataclass(frozen=True, eq=False)
class BodyGuide:
    """What filling needs to know of the body.

    Attributes:
        head: of the first photo, or None where nothing gives it.
        share: (V,) float32 0-1: how far each vertex belongs to the head.
        hands: (V,) float32 0-1, likewise for the hands.
        twin: (V,) int32: the vertex on the other side of the body; -1 for none.
        hair: (3,) 8-bit sRGB, as the photos show it; or None.
        trunk: (V,) float32 0-1: how far each vertex belongs to the trunk; None where no body says.
    """

    head: HeadFrame | None
    share: NDArray
    hands: NDArray
    twin: NDArray
    hair: NDArray | None = None
    trunk: NDArray | None = None

    def like_front(self, points: NDArray) -> NDArray:
        """(V,) 0-1: how far the back of a person looks like the front, at the guide's vertices (V, 3) in metres.

        A head's does not, nor does what is below it: necklines, beards and ties are in front.
        """
        if self.head is None:
            return 1 - self.share
        away = np.linalg.norm(self.head.places(points), axis=1)
        return (1 - self.share) * smoothstep(away, *NAPE)


def body_of(reconstruction: Reconstruction) -> MorphableModel | None:
    """The body model that was fitted, or None."""
    return None if reconstruction.pose is None else known(reconstruction.pose.model)


def guide_of(mesh: Mesh, body: UnderlyingBody | None, observations: Sequence[Observation], camera: Camera) -> BodyGuide:
    """Bring what is known of the body to the vertices of a surface.

    Args:
        mesh: the surface as it is in the first observation.
        body: in the same pose, or None.
        observations: the first gives the head where there is no body; all give the hair. camera: of the first.
    """
    seen = [colour for colour in map(hair_seen, observations[:MOST_HAIR]) if colour is not None]
    hair = np.median(seen, axis=0) if seen else None
    count = len(mesh.vertices)
    nobody = np.zeros(count, np.float32)
    if body is None:
        head = _seen_head(mesh, observations[0], camera)
        share = nobody if head is None else head.belongs(mesh.vertices)
        return BodyGuide(head, share.astype(np.float32), nobody, np.full(count, -1, np.int32), hair)
    head = head_of(body.keypoints(body.vertices))
    share, hands = body.belongs(("head", "eye", "neck03")), body.belongs(("wrist", "finger", "metacarpal"))
    trunk, twin = body.belongs(TRUNK), body.model.mirror.astype(np.int32)
    if count != len(body.vertices):
        near, twin, away = _nearest(mesh.vertices, body.vertices, body.model.mirror)
        share = share[near] * smoothstep(head.places(mesh.vertices)[:, 1], CHIN, CHIN + 0.2)
        trunk, hands = trunk[near], hands[near] * (1 - smoothstep(away, *OFF_HAND))
    share, hands, trunk = (part.astype(np.float32) for part in (share, hands, trunk))
    return BodyGuide(head, share, hands, twin, hair, trunk)


def _nearest(points: NDArray, body: NDArray, mirror: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """(V,) body vertex next to each point; (V,) the point next to its mirror image, -1 if far; (V,) metres."""
    from scipy.spatial import cKDTree

    away, near = map(np.asarray, cKDTree(body).query(points))
    reach, twin = map(np.asarray, cKDTree(points).query(body[mirror]))
    far = (away > TWIN_M) | (reach[near] > TWIN_M)
    return near, np.where(far, -1, twin[near]).astype(np.int32), away


def head_of(points: NDArray) -> HeadFrame:
    """The head's frame from the (33, 3) points of a BlazePose person, metres, world."""
    centre = (points[LEFT_EAR] + points[RIGHT_EAR]) / 2
    left = points[LEFT_EAR] - points[RIGHT_EAR]
    unit = float(np.linalg.norm(left))
    left = left / max(unit, 1e-9)
    up = points[list(EYES)].mean(axis=0) - points[list(MOUTH)].mean(axis=0)
    forward = np.cross(left, up)
    forward /= max(float(np.linalg.norm(forward)), 1e-9)
    return HeadFrame(centre, np.stack([left, np.cross(forward, left), forward]), unit)


def _seen_head(mesh: Mesh, observation: Observation, camera: Camera) -> HeadFrame | None:
    """The head from the photo's landmarks; its depth is the middle of the surface there. None: not seen."""
    if (
        observation.landmark_scheme != SCHEME
        or observation.landmark_confidence[[NOSE, LEFT_EAR, RIGHT_EAR]].max() < SUREST
    ):
        return None
    points = observation.landmarks
    pixels, depth = project(camera, mesh.vertices.astype(float))
    ears = points[[LEFT_EAR, RIGHT_EAR], :2].mean(axis=0)
    reach = np.linalg.norm(points[[LEFT_EAR, RIGHT_EAR], :2] - ears, axis=1).max()
    reach = max(reach, np.linalg.norm(points[list(EYES), :2].mean(0) - points[list(MOUTH), :2].mean(0)))
    near = np.linalg.norm(pixels - ears, axis=1) < reach
    if not near.any():
        return None
    middle = (depth[near].min() + depth[near].max()) / 2
    scale = pixels_per_metre(camera, middle)
    planar = (points[:, :2] - camera.intrinsics[:2, 2]) / scale
    deep = middle + (points[:, 2] - points[[LEFT_EAR, RIGHT_EAR], 2].mean()) / scale
    at_camera = np.column_stack([planar, deep])
    rotation, move = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    return head_of((at_camera - move) @ rotation)
