"""From the fit's plane to the world: the canonical frame, the cameras, the body's vertices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import project
from maquette.reconstruction.body_fit.skeleton import skeleton
from maquette.reconstruction.body_fit.solve import State
from maquette.reconstruction.body_fit.target import full_frame

STAND_M = 10.0  # from the subject to an orthographic camera; farther than any limb reaches
FLIP = np.diag([1.0, -1.0, -1.0])  # view axes (x right, y up, z nearer) to camera axes (x right, y down, z away)
SUBPIXEL = 4  # bits


@dataclass(frozen=True, eq=False)
class Placement:
    """A body in the canonical world in N frames.

    Attributes:
        identity: (K,); scale: of the model's metres.
        rotations: (N, B, 3, 3) for `Rig.transforms`, world axes; translation: (N, 3) metres, added last.
        root: (N, 3) metres, world: where the root's head is.
        view: (3, 3) from world to view axes.
        pixels_per_metre: (N,) and spot: (N, 2) full-frame pixels where the root's head is seen.
    """

    identity: NDArray
    scale: float
    rotations: NDArray
    translation: NDArray
    root: NDArray
    view: NDArray
    pixels_per_metre: NDArray
    spot: NDArray

    def vertices(self, index: int) -> NDArray:
        """(V, 3) float32 metres, world, in frame `index`."""
        return self.posed(index)[0]

    def posed(self, index: int) -> tuple[NDArray, NDArray]:
        """Vertices (V, 3) and joints (B, 3), metres, world."""
        model = skeleton().model
        rest = model.vertices(self.identity, np.zeros(len(model.expression_names)), self.scale)
        joints = model.rig.joints(self.identity, self.scale)
        return model.rig.pose(rest, joints, self.rotations[index], self.translation[index])

    def camera(self, index: int, observation: Observation) -> Camera:
        """Orthographic, for the pixels of the observation's crop."""
        corner, step = full_frame(observation)
        pose = np.eye(4)
        pose[:3, :3] = FLIP @ self.view
        pose[:3, 3] = -pose[:3, :3] @ self.root[0] + [0, 0, STAND_M]
        scale = self.pixels_per_metre[index] / step
        aside = (pose[:3, :3] @ (self.root[index] - self.root[0]))[:2]
        spot = (self.spot[index] - corner) / step - scale * aside
        intrinsics = np.array([[scale, 0, spot[0]], [0, scale, spot[1]], [0, 0, 1.0]])
        return Camera(intrinsics, pose, observation.frame.size, "orthographic")


def place(state: State, centre: NDArray, size: NDArray, height: float | None) -> Placement:
    """The canonical world of a solved state.

    The pelvis of the first frame faces +z and stands at the origin; the floor is where its lowest point is. Sideways
    and upward motion in the picture is motion; towards the camera there is none, which such a camera cannot show.

    Args:
        centre, size: (N, 2) and (N,) of the targets.
        height: metres of the standing person, or None for the model's own.
    """
    bones = skeleton()
    model, identity = bones.model, state.identity.numpy().astype(float)
    rest = model.vertices(identity, np.zeros(len(model.expression_names)))
    scale = 1.0 if height is None else height / float(np.ptp(rest[:, 1]))
    rotations = bones.full_rotations(state.turns)
    ahead = rotations[0, 0] @ [0.0, 0, 1]
    yaw = np.arctan2(ahead[0], ahead[2])
    view = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    rotations[:, 0] = view.T @ rotations[:, 0]
    pixels = size * np.exp(state.log_scale.numpy()) / scale
    spot = centre + size[:, None] * state.shift.numpy()
    seen = (spot - spot[0]) / np.median(pixels) * [1, -1]
    root = np.column_stack([seen, np.zeros(len(seen))]) @ view
    joints = model.rig.joints(identity, scale).astype(float)
    still = Placement(identity, scale, rotations, root - joints[0], root, view, pixels, spot)
    lift = np.array([0, -float(still.vertices(0)[:, 1].min()), 0])
    return Placement(identity, scale, rotations, root + lift - joints[0], root + lift, view, pixels, spot)


def silhouette(vertices: NDArray, faces: NDArray, camera: Camera) -> NDArray:
    """(H, W) bool: where a camera sees a mesh, by filling every triangle."""
    pixels, _ = project(camera, vertices.astype(float))
    corners = np.round((pixels - 0.5) * 2**SUBPIXEL).astype(np.int32)[faces]
    out = np.zeros((camera.size[1], camera.size[0]), np.uint8)
    for triangle in corners:
        cv2.fillConvexPoly(out, triangle, 1, shift=SUBPIXEL)
    return out > 0


def overlaps(placement: Placement, observations: Sequence[Observation]) -> list[float]:
    """Intersection over union of the body's silhouette with each mask."""
    faces = skeleton().model.faces
    out = []
    for index, seen in enumerate(observations):
        drawn, mask = silhouette(placement.vertices(index), faces, placement.camera(index, seen)), seen.mask > 0.5
        out.append(float((drawn & mask).sum() / max((drawn | mask).sum(), 1)))
    return out
