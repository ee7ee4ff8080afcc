"""The pictures of a person's overview.jpg: cells shaped as the pose is, so that the person fills them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera
from maquette.outputs.asset import Asset
from maquette.outputs.pictures.views import Scene, backdrop, over
from maquette.outputs.pictures.window import Window, photo_window
from maquette.texturing.images import sixteenths

CELL = (380, 700)  # pixels, for somebody standing upright
WIDEST = 1.2  # width over height of a cell, for wide poses
SIDES = {"front": 0.0, "left": np.pi / 2, "back": np.pi, "right": -np.pi / 2}  # radians; left is the subject's
CONTRAST = 0.55
TINT = np.array([255, 140, 60], float)  # of the outline on the photo
POINT, DOT = (90, 235, 255), 3  # colour and pixels of a landmark


def overlay(window: Window, clay: NDArray, points: NDArray) -> NDArray:
    """(h, w, 3) uint8: the photo under a translucent mesh with its outline, and the landmarks that were seen.

    Args:
        clay: (h, w, 4) the mesh in the photo's view, premultiplied.
        points: (N, 2) pixels of the cell.
    """
    import cv2

    inside = clay[..., 3:] / 255.0
    mixed = window.photo * (1 - 0.55 * inside) + 0.55 * clay[..., :3]
    edge = cv2.morphologyEx((clay[..., 3] > 127).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    edge = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 0.7)[..., None].clip(0, 1)
    picture = np.ascontiguousarray((mixed * (1 - edge) + TINT * edge).clip(0, 255).astype(np.uint8))
    for x, y in sixteenths(points).tolist():
        cv2.circle(picture, (x, y), DOT * 16, POINT, -1, cv2.LINE_AA, shift=4)
    return picture


def seen_points(asset: Asset, window: Window, least: float = 0.5) -> NDArray:
    """(N, 2) pixels of the cell: the first photo's landmarks that the detector is sure of."""
    observation, camera = asset.result.observations[0], asset.result.reconstruction.cameras[0]
    points = observation.landmarks[observation.landmark_confidence >= least, :2]
    # Both cameras stand alike, so that their intrinsics give how the crop became the cell.
    change = window.camera.intrinsics @ np.linalg.inv(camera.intrinsics)
    return points @ change[:2, :2].T + change[:2, 2]


def cell_of(asset: Asset) -> tuple[int, int]:
    """(width, height) in pixels of the cells: always the same area, wider for arms spread out."""
    across, tall, deep = np.ptp(asset.mesh.vertices.astype(float), axis=0)
    shape = float(np.clip(max(across, deep) / tall, CELL[0] / CELL[1], WIDEST))
    height = np.sqrt(CELL[0] * CELL[1] / shape)
    return round(shape * height), round(height)


def texture_cell(asset: Asset, size: tuple[int, int]) -> NDArray:
    """(h, w, 3) uint8: the texture, and under it what of it was seen (bright) and what was filled (dark)."""
    import cv2

    cell, mesh = backdrop(size), asset.mesh
    if mesh.texture is None:
        return cell
    width, height = size
    side = width - 20
    pictures = [mesh.texture]
    if mesh.texture_confidence is not None:
        pictures.append(np.repeat(mesh.texture_confidence[..., None], 3, axis=2))
    gap = (height - len(pictures) * side) // (len(pictures) + 1)
    while gap < 10:
        side -= 10
        gap = (height - len(pictures) * side) // (len(pictures) + 1)
    left = (width - side) // 2
    for index, picture in enumerate(pictures):
        top = gap + index * (side + gap)
        cell[top : top + side, left : left + side] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return cell


def _around(scene: Scene, turn: float, cell: tuple[int, int]) -> Camera:
    return scene.camera(turn, 0.0, cell, 0.88)


def person_panels(asset: Asset) -> list[tuple[str, str, NDArray]]:
    """Caption, remark and (h, w, 3) picture of each cell, in reading order: six above six."""
    cell, scene = cell_of(asset), asset.scene
    window, ground = photo_window(asset, cell), backdrop(cell)
    render = scene.studio.render
    cameras = {name: _around(scene, turn, cell) for name, turn in SIDES.items()}
    seen = overlay(window, render(window.camera, "clay"), seen_points(asset, window))
    coloured = {name: over(render(camera, "texture", CONTRAST), ground) for name, camera in cameras.items()}
    clay = {name: over(render(camera, "clay"), ground) for name, camera in cameras.items()}
    normals = over(render(cameras["front"], "normals"), ground)
    overlaps = asset.result.reconstruction.provenance.get("silhouette_iou") or [None]
    remark = "" if overlaps[0] is None else f"outlines overlap {overlaps[0]:.0%}"
    return [
        ("photo", "", window.photo),
        *((name, "", picture) for name, picture in coloured.items()),
        ("texture", "none" if asset.mesh.texture is None else "below: where seen", texture_cell(asset, cell)),
        ("overlay", remark, seen),
        *((name, "" if name != "front" else f"{len(asset.mesh.vertices):,} vertices", p) for name, p in clay.items()),
        ("normals", "", normals),
    ]
