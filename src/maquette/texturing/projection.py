"""Which points of a posed surface a photo shows, how squarely it sees them, and which colour it has there.

The only place for it: heads, bodies, free surfaces and colours of vertices call it, each with its own `Limits`.
Whether something lies before a point is found in one of two ways: by a ray to the camera (exact, for some hundred
thousand points) or in the depth of the whole surface, drawn once (`PhotoView`, for millions of texels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Observation, Reconstruction
from maquette.geometry.camera import camera_centre, pixels_per_metre, project, resized
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster, render_buffers
from maquette.texturing.atlas import nearest_inside
from maquette.texturing.images import blurred, disc, image_at, smoothstep


@dataclass(frozen=True)
class Limits:
    """From where on a photo is believed.

    Attributes:
        facing: cosine of the surface against the view: below the first nothing is believed, above the second all.
        ray_offset_m: metres above the surface at which a ray to the camera starts, so that it does not hit its own
            triangle.
    """

    facing: tuple[float, float]
    ray_offset_m: float


HEAD = Limits(facing=(0.2, 0.55), ray_offset_m=5e-4)
MOUTH = Limits(facing=(0.0, 0.0), ray_offset_m=2e-4)  # teeth are narrow, and seen however flatly
VERTICES = Limits(facing=(0.2, 0.55), ray_offset_m=1e-3)  # a grid's steps must not hide their own vertices
# A body is fitted less closely than a head: below 19 degrees of slant nothing is believed.
SURFACE = Limits(facing=(0.33, 0.7), ray_offset_m=5e-4)

ORTHOGRAPHIC_EYE_M = 10.0  # an orthographic camera stands nowhere: rays end this far before its origin
BORDER = 0.01  # of the picture's longer side: at its border colours are not quite believed
AREA, CUBIC = 0.8, 1.2  # a photo is resized before it is sampled if the factor is below or above these
RIM_PX, RIM_M = 2.0, 0.005  # the subject's outline that is not believed: whichever is more
BESIDE_M = 0.008  # beside what lies before it a surface is not believed
TOLERANCE_M = 0.012  # farther behind the drawn depth than this is hidden
DEPTH_SIDE = 640  # pixels: the depth of the surface is drawn no larger
FAR = 1e4  # metres, and pixels outside the picture
CLEAR = 0.05  # of an observation's `covered`: below it no pixel is mixed with what hides the subject
THINNEST_M = 3e-3  # where a ray through the surface leaves it sooner, nothing is between


def check_cameras(reconstruction: Reconstruction, observations: Sequence[Observation], caller: str) -> None:
    """Whether photos and cameras belong together.

    Raises:
        ValueError: there is not one camera per observation, or none at all; the message names the caller.
    """
    cameras = len(reconstruction.cameras)
    if cameras != len(observations) or not observations:
        raise ValueError(
            f"{caller}: wanted one camera per observation, got {cameras} cameras for {len(observations)} observations"
        )


def view_directions(camera: Camera, points: NDArray) -> tuple[NDArray, NDArray]:
    """The way from points to the camera.

    Args:
        points: (..., 3) metres, world.

    Returns:
        toward: (..., 3) unit.
        eye: (3,) metres, where rays to the camera end.
    """
    centre = camera_centre(camera)
    if camera.projection == "perspective":
        toward = centre - points
        return toward / np.maximum(np.linalg.norm(toward, axis=-1, keepdims=True), 1e-12), centre
    ahead = camera.world_to_camera[2, :3]
    return np.broadcast_to(-ahead, points.shape), centre - ORTHOGRAPHIC_EYE_M * ahead


def pixels_of(camera: Camera, points: NDArray) -> tuple[NDArray, NDArray]:
    """Where points (V, 3) lie in a photo, (V, 2) pixels, and their depth, (V,) metres; far outside if behind it."""
    pixels, depth = project(camera, points)
    return np.where(depth[:, None] > 1e-6, np.clip(pixels, -FAR, 1e5), -FAR), depth


def facing_weight(cosine: NDArray, limits: Limits) -> NDArray:
    """(...) 0-1: how far a photo is believed by the cosine of the surface against the view."""
    return smoothstep(cosine, *limits.facing)


def visible(rays: RayCaster, points: NDArray, normals: NDArray, eye: NDArray, limits: Limits) -> NDArray:
    """(N,) bool: whether nothing lies between points (N, 3), with normals (N, 3), and the eye (3,), metres."""
    return ~rays.occluded(points, normals, eye, limits.ray_offset_m)


def within_picture(pixels: NDArray, size: tuple[int, int]) -> NDArray:
    """(...) 0-1: inside a photo of (width, height) pixels, fading over its outermost hundredth; pixels (..., 2)."""
    inside = np.minimum(pixels, np.array(size, np.float32) - pixels).min(axis=-1)
    return smoothstep(inside, 0.0, BORDER * max(size))


def sample_photo(photo: NDArray, pixels: NDArray, step: float, largest: float = 1.0) -> NDArray:
    """(..., C) the photo at pixels (..., 2) that lie `step` pixels apart, bilinear, neither aliased nor blocky.

    The photo is first resized so that its pixels are about as far apart as the points: by areas where it shrinks; where
    it grows, up to `largest` times, by cubics. Then bilinear sampling loses nothing.

    Args:
        photo: (H, W, C) uint8.
    """
    factor = min(1 / max(step, 1e-6), largest)
    if AREA <= factor <= CUBIC:
        return image_at(photo, pixels)
    size = max(1, round(photo.shape[1] * factor)), max(1, round(photo.shape[0] * factor))
    ratio = (np.array(size) / photo.shape[1::-1]).astype(np.float32)
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return image_at(cv2.resize(photo, size, interpolation=kind), pixels * ratio)


@dataclass(frozen=True, eq=False)
class PointColours:
    """Colours of points, (N, 3) 8-bit sRGB, and how far they are seen, `trust` (N,) 0-1."""

    colours: NDArray
    trust: NDArray


@dataclass(frozen=True, eq=False)
class PhotoPoints:
    """Where N points of a surface lie in one photo.

    Attributes:
        table: (N, 8) float32, a row per point; one product takes it from vertices to texels. Its columns are below.
    """

    table: NDArray

    @property
    def drawn(self) -> NDArray:
        """(N, 2) pixels where the camera draws the points."""
        return self.table[:, :2]

    @property
    def depth(self) -> NDArray:
        """(N,) metres along the camera's axis."""
        return self.table[:, 2]

    @property
    def cosine(self) -> NDArray:
        """(N,) of the surface against the view."""
        return self.table[:, 3]

    @property
    def pixels(self) -> NDArray:
        """(N, 2) pixels of the photo that show the points: beside `drawn` where the surface is not quite in place."""
        return self.table[:, 4:6]

    @property
    def share(self) -> NDArray:
        """(N,) 0-1: how far the photo is believed here, whatever it shows."""
        return self.table[:, 6]

    @property
    def rank(self) -> NDArray:
        """(N,) how much the photo counts here beside others."""
        return self.table[:, 7]


@dataclass(frozen=True, eq=False)
class PhotoView:
    """One photo and the surface as it is in it.

    Attributes:
        photo: (H, W, 3) uint8, the subject's colours carried on outside.
        mask: (H, W) float32 0-1, the subject without the outline.
        near: (h, w) float32 metres: depth of the surface; border: the same, of the nearest around each pixel.
        ratio: width of `near` over width of the photo.
        points: of the vertices.
        toward: (V, 3) unit, from each vertex to the camera.
        rays: of the posed surface.
        vertices, normals: (V, 3) of the posed surface; faces: (F, 3).
        metre: pixels per metre, at the subject.
        margin: metres beside what lies before it in which the surface is not believed.
    """

    photo: NDArray
    mask: NDArray
    near: NDArray
    border: NDArray
    ratio: float
    points: PhotoPoints
    toward: NDArray
    rays: RayCaster
    vertices: NDArray
    normals: NDArray
    faces: NDArray
    metre: float
    margin: float

    def trust(self, at: PhotoPoints | None = None) -> NDArray:
        """(N,) float32 0-1: how far points are seen; the vertices if none are given."""
        at = at or self.points
        height, width = self.mask.shape
        air = np.minimum(at.drawn, np.array([width, height], np.float32) - at.drawn).min(axis=1)
        trust = facing_weight(at.cosine, SURFACE) * (air > RIM_PX) * at.share * self.subject(at)
        slope = np.sqrt(1 / np.clip(at.cosine, 0.2, 1) ** 2 - 1)
        here, beside = (image_at(x, at.drawn * self.ratio, cv2.INTER_NEAREST) for x in (self.near, self.border))
        step = 1 / (self.metre * self.ratio)
        hidden = at.depth > here + TOLERANCE_M + step * slope
        trust *= ~hidden & (at.depth < beside + TOLERANCE_M + (self.margin + 2 * step) * slope)
        return trust.astype(np.float32)

    def subject(self, at: PhotoPoints) -> NDArray:
        """(N,) 0-1: how far the pixels of points are surely the subject."""
        return smoothstep(image_at(self.mask, at.pixels), 0.5, 0.95)

    def colours(self, at: PhotoPoints, step: float) -> NDArray:
        """(N, 3) uint8: the photo at points that lie `step` pixels apart."""
        return sample_photo(self.photo, at.pixels, step)

    def trust_through(self) -> NDArray:
        """(V,) float32 0-1: how far the photo shows what lies before each vertex, through the subject."""
        behind = np.flatnonzero(self.points.cosine < 0)
        start = self.vertices[behind] - SURFACE.ray_offset_m * self.normals[behind]
        toward = self.toward[behind]
        face, _, distance = self.rays.first_hits(start, toward)
        met = (face >= 0) & (distance > THINNEST_M)
        behind, face, distance, toward = behind[met], face[met], distance[met], toward[met]
        table = self.points.table[behind].copy()
        table[:, 2] -= distance
        table[:, 3] = (self._face_normals(face) * toward).sum(axis=1)
        table[:, 6] = self.points.share[self.faces[face]].mean(axis=1)
        seen = np.zeros(len(self.vertices), np.float32)
        # What is seen through a side wall has no twin: only what looks away where the front looks on.
        seen[behind] = self.trust(PhotoPoints(table)) * facing_weight(-self.points.cosine[behind], SURFACE)
        return seen

    def _face_normals(self, face: NDArray) -> NDArray:
        corners = self.vertices[self.faces[face]]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)

    def weighted(self, share: NDArray, rank: NDArray) -> PhotoView:
        """The photo, each vertex believed by its share (V,) 0-1 and counting `rank` (V,) beside other photos."""
        table = np.column_stack([self.points.table[:, :6], share, rank]).astype(np.float32)
        return replace(self, points=PhotoPoints(table))


def photo_view(
    observation: Observation,
    camera: Camera,
    vertices: NDArray,
    faces: NDArray,
    shift: NDArray | float = 0.0,
    doubt: float = 0.0,
) -> PhotoView:
    """Prepare one photo.

    Args:
        observation: crop and mask. camera: for the crop's pixels.
        vertices: (V, 3) metres, as they are in this photo. faces: (F, 3).
        shift: (V, 2) pixels from where the camera draws each vertex to where the photo shows it.
        doubt: metres that the surface may lie beside the subject: so much farther in from every rim is it believed.
    """
    vertices = vertices.astype(float)
    normals = vertex_normals(vertices, faces)
    drawn, depth = pixels_of(camera, vertices)
    toward, _ = view_directions(camera, vertices)
    metre = pixels_per_metre(camera, float(np.median(depth)))
    cosine = (normals * toward).sum(axis=1)
    whole = np.ones(len(drawn))
    table = np.column_stack([drawn, depth, cosine, drawn + shift, whole, whole]).astype(np.float32)
    ratio = min(1.0, DEPTH_SIDE / max(camera.size))
    width, height = (max(1, round(side * ratio)) for side in camera.size)
    near = np.minimum(render_buffers(resized(camera, (width, height)), vertices, faces)[2], FAR).astype(np.float32)
    ratio = width / camera.size[0]
    margin = BESIDE_M + doubt
    border = cv2.erode(near, disc(margin * metre * ratio))
    mask = inner_mask(observation.shown, metre, doubt)
    return PhotoView(
        without_background(observation.frame.pixels, mask), mask, near, border, ratio, PhotoPoints(table), toward,
        RayCaster(vertices, faces), vertices, normals, faces, metre, margin,
    )  # fmt: skip


def without_background(photo: NDArray, mask: NDArray) -> NDArray:
    """(H, W, 3) uint8: what is not surely the subject takes the nearest pixel that is: no average mixes it in."""
    inside = mask > 0.5
    return photo.reshape(-1, 3)[nearest_inside(inside)] if inside.any() else photo


def without_covering(observation: Observation) -> Observation:
    """The observation with the nearest pixels over what hides the subject: no average mixes it in."""
    if observation.covered is None:
        return observation
    clear = observation.covered < CLEAR
    if not clear.any():
        return observation
    pixels = observation.frame.pixels.reshape(-1, 3)[nearest_inside(clear)]
    return replace(observation, frame=replace(observation.frame, pixels=pixels))


def inner_mask(mask: NDArray, metre: float, doubt: float = 0.0) -> NDArray:
    """(H, W) float32: the mask without its outline, in which background shines through."""
    rim = max(RIM_PX, (RIM_M + doubt) * metre)
    sure = (mask > 0.5).astype(np.float32)
    return blurred(cv2.erode(sure, disc(np.ceil(rim))), 0.5)
