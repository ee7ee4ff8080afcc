"""From the fit's plane to the world: the canonical frame, the cameras, the body's vertices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import project
from maquette.morphable.posing import same_half
from maquette.perception.tracking.smooth import smooth
from maquette.reconstruction.body_fit.skeleton import Skeleton
from maquette.reconstruction.body_fit.solve import BodyState
from maquette.reconstruction.body_fit.target import ImagePlane, full_frame
from maquette.reconstruction.body_fit.touch import FACE, arm_points

STAND_M = 10.0  # from the subject to an orthographic camera; farther than any limb reaches
FLIP = np.diag([1.0, -1.0, -1.0])  # view axes (x right, y up, z nearer) to camera axes (x right, y down, z away)
SUBPIXEL = 4  # bits


@dataclass(frozen=True, eq=False)
class PlacedBody:
    """A body in the canonical world in N frames.

    Attributes:
        skeleton: of the body.
        identity: (K,); scale: of the model's metres.
        rotations: (N, B, 3, 3) for `Rig.transforms`, world axes; translation: (N, 3) metres, added last.
        root: (N, 3) metres, world: where the root's head is.
        view: (N, 3, 3) from world to view axes, and pitch: (N,) radians by which each camera looks down.
        pixels_per_metre: (N,) and spot: (N, 2) full-frame pixels where the root's head is seen.
        distance: (N,) metres from the camera to the root's head; inf of an orthographic one.
    """

    skeleton: Skeleton
    identity: NDArray
    scale: float
    rotations: NDArray
    translation: NDArray
    root: NDArray
    view: NDArray
    pitch: NDArray
    pixels_per_metre: NDArray
    spot: NDArray
    distance: NDArray

    def vertices(self, index: int) -> NDArray:
        """(V, 3) float32 metres, world, in frame `index`."""
        return self.posed(index)[0]

    def posed(self, index: int) -> tuple[NDArray, NDArray]:
        """Vertices (V, 3) and joints (B, 3), metres, world."""
        model, rig = self.skeleton.model, self.skeleton.rig
        rest = model.vertices(self.identity, np.zeros(len(model.expression_names)), self.scale)
        joints = rig.joints(self.identity, self.scale)
        return rig.pose(rest, joints, self.rotations[index], self.translation[index])

    def camera(self, index: int, observation: Observation) -> Camera:
        """For the pixels of the observation's crop; its axis runs through the root's head where it is perspective."""
        corner, step = full_frame(observation)
        scale, distance = self.pixels_per_metre[index] / step, self.distance[index]
        pose = np.eye(4)
        pose[:3, :3] = FLIP @ self.view[index]
        if np.isfinite(distance):
            pose[:3, 3] = -pose[:3, :3] @ self.root[index] + [0, 0, distance]
            spot = (self.spot[index] - corner) / step
            intrinsics = np.array([[scale * distance, 0, spot[0]], [0, scale * distance, spot[1]], [0, 0, 1.0]])
            return Camera(intrinsics, pose, observation.frame.size, "perspective")
        moved = pose[:3, :3] @ (self.root[index] - self.root[0])
        pose[:3, 3] = -pose[:3, :3] @ self.root[0] + [0, 0, STAND_M - moved[2]]
        spot = (self.spot[index] - corner) / step - scale * moved[:2]
        intrinsics = np.array([[scale, 0, spot[0]], [0, scale, spot[1]], [0, 0, 1.0]])
        return Camera(intrinsics, pose, observation.frame.size, "orthographic")


def place(state: BodyState, skeleton: Skeleton, plane: ImagePlane, height: float | None) -> PlacedBody:
    """The canonical world of a solved state.

    The pelvis of the first frame faces +z and stands at the origin; the floor is where its lowest point is. Sideways
    and upward motion in the picture is motion along the floor and off it; towards the camera there is none here, see
    `ground`.

    Args:
        plane: of the targets.
        height: metres of the standing person, or None for the model's own.
    """
    model, identity = skeleton.model, state.identity.numpy().astype(float)
    rest = model.vertices(identity, np.zeros(len(model.expression_names)))
    scale = 1.0 if height is None else height / float(np.ptp(rest[:, 1]))
    rotations = skeleton.full_rotations(state.turns)
    pitch = state.pitch.numpy().astype(float)
    level = Rotation.from_rotvec(np.outer(pitch, [1, 0, 0])).as_matrix()
    ahead = level[0].T @ rotations[0, 0] @ [0.0, 0, 1]
    turned = Rotation.from_euler("y", np.arctan2(ahead[0], ahead[2])).as_matrix()
    view = level @ turned
    rotations[:, 0] = view.transpose(0, 2, 1) @ rotations[:, 0]
    pixels = plane.size * np.exp(state.log_scale.numpy()) / scale
    spot = plane.centre + plane.size[:, None] * state.shift.numpy()
    aside, above = ((spot - spot[0]) / np.median(pixels) * [1, -1]).T
    root = np.column_stack([aside, above / np.cos(pitch), np.zeros(len(spot))]) @ turned
    joints = skeleton.rig.joints(identity, scale).astype(float)
    distance = scale * plane.distance(state.log_scale).numpy().astype(float)
    still = PlacedBody(
        skeleton, identity, scale, rotations, root - joints[0], root, view, pitch, pixels, spot, distance
    )
    lift = np.array([0, -float(still.vertices(0)[:, 1].min()), 0])
    return replace(still, translation=still.translation + lift, root=root + lift)


def silhouette(vertices: NDArray, faces: NDArray, camera: Camera) -> NDArray:
    """(H, W) bool: where a camera sees a mesh, by filling every triangle."""
    pixels, _ = project(camera, vertices.astype(float))
    corners = np.round((pixels - 0.5) * 2**SUBPIXEL).astype(np.int32)[faces]
    out = np.zeros((camera.size[1], camera.size[0]), np.uint8)
    for triangle in corners:
        cv2.fillConvexPoly(out, triangle, (1,), shift=SUBPIXEL)
    return out > 0


def overlaps(placement: PlacedBody, index: int, seen: Observation) -> float:
    """Intersection over union of the body's silhouette in frame `index` with the mask of its observation."""
    drawn = silhouette(placement.vertices(index), placement.skeleton.model.faces, placement.camera(index, seen))
    return intersection_over_union(drawn, seen.mask > 0.5)


def face_hidden(placement: PlacedBody, index: int, seen: Observation) -> float:
    """0-1: how much of eyes, nose and mouth lies behind the body's own forearms and hands in frame `index`."""
    model, rig = placement.skeleton.model, placement.skeleton.rig
    camera, vertices = placement.camera(index, seen), placement.vertices(index)
    face = rig.keypoints_of("mediapipe33", vertices).astype(float)[FACE]
    pixels, depth = project(camera, face)
    arms = np.zeros(len(vertices), bool)
    arms[arm_points(rig, np.arange(len(vertices)))] = True
    nearer = project(camera, vertices.astype(float))[1] < depth.mean()
    drawn = silhouette(vertices, model.faces[(arms & nearer)[model.faces].all(axis=1)], camera)
    places = np.clip(pixels.astype(int), 0, np.array(camera.size) - 1)
    return float(drawn[places[:, 1], places[:, 0]].mean())


def intersection_over_union(first: NDArray, second: NDArray) -> float:
    """Of two silhouettes (H, W) bool."""
    return float((first & second).sum() / max((first | second).sum(), 1))


def smoothed(placement: PlacedBody, times: NDArray, width: float) -> PlacedBody:
    """Turns, steps and cameras smoothed without lag.

    Args:
        times: (N,) seconds. width: the Gaussian's standard deviation in seconds; 0 leaves everything.
    """
    if width <= 0 or len(times) < 3:
        return placement
    count = len(times)
    turns = same_half(Rotation.from_matrix(placement.rotations.reshape(-1, 3, 3)).as_quat().reshape(count, -1, 4))
    even = smooth(times, turns, width).reshape(-1, 4)
    root = smooth(times, placement.root, width)
    return replace(
        placement,
        rotations=Rotation.from_quat(even).as_matrix().reshape(placement.rotations.shape),
        root=root,
        translation=placement.translation - placement.root + root,
        pixels_per_metre=np.exp(smooth(times, np.log(placement.pixels_per_metre), width)),
        spot=smooth(times, placement.spot, width),
    )
