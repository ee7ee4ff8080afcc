"""Occupancy of a dressed person as a function of points, from one picture and the fitted body."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import pixels_per_metre, project
from maquette.geometry.rendering.sides import sides
from maquette.geometry.surfaces.distance import DistanceGrid
from maquette.reconstruction.pifuhd.conditioned import FARTHEST, BodyFeatures, BodyPIFuHD, first_guess, own_features
from maquette.reconstruction.pifuhd.field import pixel_columns
from maquette.reconstruction.pifuhd.mlp import ColumnMLP
from maquette.reconstruction.pifuhd.network import sampled

FILL = 1 / 1.3  # of the crop that the person takes, as in training
CHUNK = 16_384  # points at a time
LARGE_CHUNK = 262_144  # the same beside the CPU
CLOTH, AROUND = 0.06, 0.1  # of half the cube: how far cloth stands off a body in depth; how far around that counts
WIDER = 0.7  # how much deeper per width of what stands out beside the body
RIM, ROUND = 0.02, 1.5  # half the depth of what is beside the body: at the mask's edge, and more per way in from it
STEEP = 120.0  # log-odds per unit of depth beyond that range


@dataclass(frozen=True, eq=False)
class Cube:
    """The cube about a person in which the surface is sought, and the square of the picture that it is.

    Of a perspective camera it is a frustum in the world: what a pixel shows stays one column of the cube.

    Attributes:
        camera: of the observation's crop.
        corner: (2,) int pixels of the crop where the square begins; may be negative. side: its pixels.
        depth: metres along the camera's axis of the plane z = 0.
    """

    camera: Camera
    corner: NDArray
    side: int
    depth: float

    @property
    def half(self) -> float:
        """Metres per unit of the cube, across in its middle and everywhere in depth."""
        return self.side / 2 / pixels_per_metre(self.camera, self.depth)

    def to_cube(self, points: NDArray) -> NDArray:
        """(N, 3) in [-1, 1]^3 of world points (N, 3) metres."""
        pixels, depth = project(self.camera, points)
        x, y = ((pixels - self.corner) * 2 / self.side - 1).T
        return np.column_stack([x, -y, (self.depth - depth) / self.half])

    def to_world(self, points: NDArray) -> NDArray:
        """(N, 3) metres of points (N, 3) of the cube."""
        pose, flat = self.camera.world_to_camera, self.camera.intrinsics
        pixels = (points[:, :2] * [1, -1] + 1) * self.side / 2 + self.corner
        planar, depth = (pixels - flat[:2, 2]) / flat[0, 0], self.depth - points[:, 2] * self.half
        if self.camera.projection == "perspective":
            planar = planar * depth[:, None]
        seen = np.column_stack([planar, depth])
        return (seen - pose[:3, 3]) @ pose[:3, :3]

    def cut(self, picture: NDArray, size: int) -> NDArray:
        """(size, size, ...) of a picture of the crop; 0 beyond its edges."""
        height, width = picture.shape[:2]
        low, high = self.corner, self.corner + self.side
        before, after = np.maximum(-low, 0), np.maximum(high - [width, height], 0)
        inner = picture[max(low[1], 0) : high[1], max(low[0], 0) : high[0]]
        top, bottom, left, right = (int(n) for n in (before[1], after[1], before[0], after[0]))
        whole = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_CONSTANT)
        method = cv2.INTER_AREA if self.side > size else cv2.INTER_LINEAR
        return cv2.resize(whole, (size, size), interpolation=method)


def square_of(observation: Observation, camera: Camera, body: NDArray) -> NDArray:
    """(3,) float64 x, y, side in pixels of the crop: about what is seen of a person and where the body is fitted.

    Feet and hands that the picture cuts off or hides are where the body has them.

    Args:
        camera: of the observation's crop. body: (V, 3) metres, world.
    """
    pixels, _ = project(camera, body.astype(float))
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    rows, columns = np.nonzero(observation.mask > 0.5)
    if len(rows):
        low = np.minimum(low, [columns.min(), rows.min()])
        high = np.maximum(high, [columns.max() + 1, rows.max() + 1])
    side = float((high - low).max()) / FILL
    return np.append((low + high - side) / 2, side)


def cube_of(camera: Camera, square: NDArray, pelvis: NDArray) -> Cube:
    """The cube about a person.

    Args:
        camera: of the observation's crop. square: (3,) x, y, side in its pixels, see `square_of`.
        pelvis: (3,) metres, world, between the hips' joints.
    """
    pose = camera.world_to_camera
    side = max(16, round(float(square[2])))
    corner = np.round(square[:2] + (square[2] - side) / 2).astype(int)
    return Cube(camera, corner, side, float(pose[2, :3] @ pelvis + pose[2, 3]))


class BodyField:
    """Call it with points of the cube.

    Args:
        network: in evaluation mode, on the device that computes.
        observation: the picture and its mask.
        body: (V, 3) metres, world, and its (F, 3) closed faces.

    Attributes:
        mask: (S, S) float32 as the network sees it; normals: (6, S, S) front and back that it guesses.
    """

    def __init__(self, network: BodyPIFuHD, observation: Observation, cube: Cube, body: NDArray, faces: NDArray):
        side = network.size.side
        placed = cube.to_cube(body.astype(float))
        self.cube, self.distance = cube, DistanceGrid.of(placed, faces, FARTHEST)
        picture, maps = network_inputs(observation, cube, placed, faces, side)
        self.mask = np.ascontiguousarray(picture[..., 3])
        self.range = depth_range(maps, self.mask)
        self.network = network
        self.device = next(network.parameters()).device
        self.chunk = CHUNK if self.device.type == "cpu" else LARGE_CHUNK
        with torch.inference_mode():
            self.features = network.prepare(_batch(picture).to(self.device), _batch(maps).to(self.device))
        self.normals = self.features.normals[0].cpu().numpy()
        size = network.size
        self.coarse = ColumnMLP(network.coarse_points, size.coarse.features + 3, size.coarse_points.merge)
        self.fine = ColumnMLP(network.fine_points, size.fine.features, len(size.fine_points.widths) - 2)

    def __call__(self, points: NDArray) -> NDArray:
        """(N,) float32 occupancy in 0-1 of points (N, 3), the fine level's."""
        found = np.empty(len(points), np.float32)
        for start in range(0, len(points), self.chunk):
            part = points[start : start + self.chunk]
            with torch.inference_mode():
                logits = self._logits(torch.from_numpy(np.ascontiguousarray(part)), self.distance(part))
                logits = logits - torch.from_numpy(STEEP * self._beyond(part)).to(logits)
                found[start : start + self.chunk] = torch.sigmoid(logits).cpu().numpy()
        return found

    def _beyond(self, points: NDArray) -> NDArray:
        """(N,) float32: how far points (N, 3) lie nearer or farther than anything of the person can."""
        side = self.mask.shape[0]
        column, row = (np.clip(((x + 1) * side / 2).astype(int), 0, side - 1) for x in (points[:, 0], -points[:, 1]))
        low, high = self.range[:, row, column]
        return np.maximum(np.maximum(low - points[:, 2], points[:, 2] - high), 0).astype(np.float32)

    def _logits(self, points: torch.Tensor, distance: NDArray) -> torch.Tensor:
        # Points come from the CPU and are sorted there, which not every device can.
        places, column, points = (part.to(self.device) for part in (*pixel_columns(points), points))
        features: BodyFeatures = self.features
        coarse = torch.cat([sampled(f, places[None])[0] for f in (features.coarse, features.guide)], 1)
        away = torch.from_numpy(distance).to(points)
        own = own_features(points[:, 2], away)
        merged = self.coarse(self.coarse.shares(coarse), column, own)
        fine = self.fine(self.fine.shares(sampled(features.fine, places[None])[0]), column, merged)[:, 0]
        return fine + first_guess(away)


def network_inputs(
    observation: Observation, cube: Cube, placed: NDArray, faces: NDArray, side: int
) -> tuple[NDArray, NDArray]:
    """What the network sees: (side, side, 4) the picture off its background with the mask, (side, side, 8) the body.

    Args:
        placed: (V, 3) the body in the cube, and its (F, 3) closed faces.
    """
    mask = cube.cut(np.ascontiguousarray(observation.mask, np.float32), side)
    image = cube.cut(observation.frame.pixels, side).astype(np.float32) / 255 * mask[..., None]
    views = sides(placed, faces, side)
    maps: list[NDArray] = [views[f"normals_{name}"].astype(np.float32) / 127 for name in ("front", "back")]
    maps += [views[f"depth_{name}"].astype(np.float32)[..., None] for name in ("front", "back")]
    return np.dstack([image, mask]), np.dstack(maps)


def depth_range(maps: NDArray, mask: NDArray) -> NDArray:
    """(2, S, S) float32: the least and the largest z that the person can have in each column of the cube.

    It is the range of the nearest part of the body, and the wider the mask stands out beside the body there, the more.
    The network has nothing to hold on to off the body: the hem of a long skirt went on to the cube's ends.

    Args:
        maps: (S, S, 8) the body, see `network_inputs`. mask: (S, S) of the person.
    """
    side = mask.shape[0]
    body = (maps[..., :6] != 0).any(axis=2)
    if not body.any():
        return np.stack([np.full_like(mask, -1), np.full_like(mask, 1)])
    away, nearest = distance_transform_edt(~body, return_indices=True)
    front, back = (np.ascontiguousarray(maps[..., k][tuple(nearest)], np.float32) for k in (6, 7))
    inside = mask > 0.5
    reach = 2 * max(1, round(AROUND * side / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    room = CLOTH + WIDER * cv2.dilate(np.where(inside, away * 2 / side, 0).astype(np.float32), disc)
    low, high = cv2.erode(back, disc) - room, cv2.dilate(front, disc) + room
    half = RIM + ROUND * distance_transform_edt(np.pad(inside, 1, mode="edge"))[1:-1, 1:-1] * 2 / side
    middle, beside = (front + back) / 2, ~body
    low[beside] = np.maximum(low, np.minimum(middle - half, back))[beside]
    high[beside] = np.minimum(high, np.maximum(middle + half, front))[beside]
    return np.stack([low, high]).astype(np.float32)


def _batch(picture: NDArray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32))
