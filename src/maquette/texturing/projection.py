"""What one photo shows of a posed surface: where each point lies in it, whether it is seen, and its colour."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation
from maquette.geometry.camera import camera_centre, project, resized
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster, render_buffers
from maquette.texturing.align import face_shift
from maquette.texturing.atlas import nearest_inside
from maquette.texturing.pyramid import blurred, picked, smoothstep

FACING = (0.33, 0.7)  # cosine of surface against view: below 19 degrees of slant nothing is believed
RIM_PX, RIM_M = 2.0, 0.005  # the person's outline that is not believed: whichever is more
NEAR_M, TOLERANCE_M = 0.008, 0.012  # beside what lies before it a surface is not believed; depth that counts as before
DEPTH_SIDE = 640  # pixels: the depth of the surface is drawn no larger
FAR = 1e4
INSIDE_M, THIN_M = 5e-4, 3e-3  # a ray through the body starts this deep; thinner than this is no body


@dataclass(frozen=True, eq=False)
class Shown:
    """One photo and the surface as it is in it.

    Attributes:
        photo: (H, W, 3) uint8, the person's colours carried on outside.
        mask: (H, W) float32 0-1, the person without the outline.
        near: (h, w) float32 metres: depth of the surface; border: the same, of the nearest around each pixel.
        ratio: width of `near` over width of the photo.
        at: (V, 8) float32 per vertex: pixel x, y where it is drawn, depth in metres, cosine against the view, pixel
            x, y of the photo that shows it, how far it is believed (0-1), and how much it counts beside other photos.
        toward: (V, 3) unit, from each vertex to the camera.
        rays: of the posed surface.
        vertices, normals: (V, 3) of the posed surface.
        metre: pixels per metre, at the person.
        margin: metres beside what lies before it in which the surface is not believed.
        faces: (F, 3) of the surface.
    """

    photo: NDArray
    mask: NDArray
    near: NDArray
    border: NDArray
    ratio: float
    at: NDArray
    toward: NDArray
    rays: RayCaster
    vertices: NDArray
    normals: NDArray
    metre: float
    margin: float
    faces: NDArray

    def trust(self, at: NDArray) -> NDArray:
        """(n,) float32 0-1: how far points are seen, `at` (n, 8) like the vertices' own."""
        pixels, depth, cosine = at[:, :2], at[:, 2], at[:, 3]
        height, width = self.mask.shape
        air = np.minimum(pixels, np.array([width, height], np.float32) - pixels).min(axis=1)
        trust = smoothstep(cosine, *FACING) * (air > RIM_PX) * at[:, 6]
        trust *= smoothstep(picked(self.mask, at[:, 4:6]), 0.5, 0.95)
        slope = np.sqrt(1 / np.clip(cosine, 0.2, 1) ** 2 - 1)
        here, beside = (picked(x, pixels * self.ratio, cv2.INTER_NEAREST) for x in (self.near, self.border))
        step = 1 / (self.metre * self.ratio)
        hidden = depth > here + TOLERANCE_M + step * slope
        trust *= ~hidden & (depth < beside + TOLERANCE_M + (self.margin + 2 * step) * slope)
        return trust.astype(np.float32)

    def colours(self, pixels: NDArray, step: float) -> NDArray:
        """(n, 3) uint8: the photo at (n, 2) pixels that lie `step` pixels apart; averaged where that is far."""
        photo = self.photo
        if step > 1.2:
            size = tuple(max(1, round(side / step)) for side in photo.shape[1::-1])
            pixels = pixels * (np.array(size) / photo.shape[1::-1]).astype(np.float32)
            photo = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        return picked(photo, pixels)

    def through(self) -> NDArray:
        """(V,) float32 0-1: how far the photo shows what lies before each vertex, through the body."""
        behind = np.flatnonzero(self.at[:, 3] < 0)
        start = self.vertices[behind] - INSIDE_M * self.normals[behind]
        toward = self.toward[behind]
        face, _, distance = self.rays.first_hits(start, toward)
        met = (face >= 0) & (distance > THIN_M)
        behind, face, distance, toward = behind[met], face[met], distance[met], toward[met]
        cosine = (self._face_normals(face) * toward).sum(axis=1)
        at = self.at[behind].copy()
        at[:, 2] -= distance
        at[:, 3] = cosine
        at[:, 6] = self.at[self.faces[face], 6].mean(axis=1)
        seen = np.zeros(len(self.at), np.float32)
        # What is seen through a side wall has no twin: only what looks away where the front looks on.
        seen[behind] = self.trust(at) * smoothstep(-self.at[behind, 3], *FACING)
        return seen

    def _face_normals(self, face: NDArray) -> NDArray:
        corners = self.vertices[self.faces[face]]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)


def shown(
    observation: Observation,
    camera: Camera,
    surface: tuple[NDArray, NDArray],
    head: tuple[NDArray, NDArray] | None,
    doubt: float = 0.0,
) -> Shown:
    """Prepare one photo.

    Args:
        observation: crop and mask. camera: for the crop's pixels.
        surface: (V, 3) metres, as they are in this photo, and (F, 3) faces.
        head: the model's (33, 3) key points in this photo and how far each vertex belongs to the head (V,); or None.
        doubt: metres that the surface may lie beside the person: so much farther in from every rim is it believed.
    """
    vertices, faces = surface
    vertices = vertices.astype(float)
    normals = vertex_normals(vertices, faces)
    pixels, depth = project(camera, vertices)
    if camera.projection == "perspective":
        toward = camera_centre(camera) - vertices
        toward /= np.maximum(np.linalg.norm(toward, axis=1, keepdims=True), 1e-12)
        metre = float(camera.intrinsics[0, 0] / np.median(depth))
    else:
        toward = np.broadcast_to(-camera.world_to_camera[2, :3], vertices.shape)
        metre = float(camera.intrinsics[0, 0])
    cosine = (normals * toward).sum(axis=1)
    drawn = np.where(depth[:, None] > 1e-6, np.clip(pixels, -FAR, 1e5), -FAR)
    move = 0 if head is None else face_shift(observation, camera, head[0], drawn) * head[1][:, None]
    whole = np.ones(len(drawn))
    at = np.column_stack([drawn, depth, cosine, drawn + move, whole, whole])
    ratio = min(1.0, DEPTH_SIDE / max(camera.size))
    small = resized(camera, tuple(max(1, round(side * ratio)) for side in camera.size))
    near = np.minimum(render_buffers(small, vertices, faces)[2], FAR).astype(np.float32)
    ratio = small.size[0] / camera.size[0]
    margin = NEAR_M + doubt
    reach = 2 * max(1, round(margin * metre * ratio)) + 1
    border = cv2.erode(near, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    mask = inner_mask(observation.mask, metre, doubt)
    return Shown(
        without_background(observation.frame.pixels, mask), mask, near, border, ratio, at.astype(np.float32), toward,
        RayCaster(vertices, faces), vertices, normals, metre, margin, faces,
    )  # fmt: skip


def believed(view: Shown, share: NDArray, rank: NDArray) -> Shown:
    """The photo, each vertex believed by its share (V,) 0-1 and counting `rank` (V,) beside other photos."""
    return replace(view, at=np.column_stack([view.at[:, :6], share, rank]).astype(np.float32))


def without_background(photo: NDArray, mask: NDArray) -> NDArray:
    """(H, W, 3) uint8: what is not surely the person takes the nearest pixel that is: no average mixes it in."""
    inside = mask > 0.5
    return photo.reshape(-1, 3)[nearest_inside(inside)] if inside.any() else photo


def inner_mask(mask: NDArray, metre: float, doubt: float = 0.0) -> NDArray:
    """(H, W) float32: the mask without its outline, in which background shines through."""
    rim = max(RIM_PX, (RIM_M + doubt) * metre)
    size = 2 * int(np.ceil(rim)) + 1
    sure = (mask > 0.5).astype(np.float32)
    return blurred(cv2.erode(sure, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))), 0.5)
