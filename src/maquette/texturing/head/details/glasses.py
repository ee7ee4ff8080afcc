"""Glasses given back as a frame of their own: rims as the photo outlines them, a bridge, temples to the ears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Mesh, Observation, Part, Reconstruction
from maquette.geometry.camera import project
from maquette.morphable.model import SIDES, MorphableModel
from maquette.perception.faces import topology
from maquette.texturing.images import blurred, disc, image_at

INTERPUPILLARY_M = 0.063  # adult mean, Dodgson 2004: all lengths are of such a head
# Of a rim, metres: its middle beside the head's and over the eyes, half its width and height.
ASIDE_M, UP_M = np.arange(0.027, 0.0381, 0.0015), np.arange(-0.014, 0.0081, 0.002)
HALF_WIDTH_M, HALF_HEIGHT_M = np.arange(0.020, 0.0321, 0.0015), np.arange(0.013, 0.0291, 0.002)
CORNER = 3.5  # exponent of the superellipse that a rim is
SEGMENTS, DEPTH_M, THICK_M = 40, 0.0022, (0.0008, 0.0036)
LOOKED_M, NOSE_M = 0.0012, 0.004  # beside the outline, where a rim is looked for; least of the middle that is free
PLANE_STEP_M = 0.0005  # of the mask in the plane of the lenses
PLANE_X, PLANE_Y = np.arange(-0.078, 0.0781, PLANE_STEP_M), np.arange(-0.050, 0.0481, PLANE_STEP_M)
FRAME, BESIDE_FRAME = 0.3, 0.06  # of the mask; of the eyes' distance, what a frame's edge and shadow take beside it
SURE, FRAME_SHARE = 0.5, 0.1  # of the mask; of its pixels, the darkest, which have the frame's colour
LEAST_COVER, LENS_MOST = 0.45, 0.5  # of a rim that must be masked, and of its lens that may be: brows are no frames
LEAST_SIDE = 0.2  # of each of a rim's four sides, on both eyes together
LENS_COST, SIDE_GAIN = 0.6, 0.5  # in the score: smaller rims within a thick frame have no sides
LENS = 0.65  # of the rim's size, where the lens is looked at
BEFORE_EYE_M, BEFORE_SKIN_M, FARTHEST_M = 0.012, 0.001, 0.022  # the lenses' plane
LOOKED_BEFORE_M = (0.012, 0.006, 0.0, -0.006)  # planes tried: a turn of the head that is a little off shifts the rims
BRIDGE_UP, TEMPLE_UP = 0.35, 0.55  # of half a rim's height, where bridge and temples begin
BESIDE_M = 0.0015  # of the head: temples
EAR_DROP_M, EAR_BACK_M = 0.020, 0.014  # of a temple's end behind the ear


@dataclass(frozen=True, eq=False)
class Rims:
    """A pair of rims, alike on both sides, in a plane that faces forward.

    Attributes:
        centre: (3,) metres, world, of the left one; half: (2,) metres, half width and height.
        thick: metres.
        colour: (3,) 8-bit sRGB.
    """

    centre: NDArray
    half: NDArray
    thick: float
    colour: NDArray


def with_glasses(
    reconstruction: Reconstruction, observations: Sequence[Observation], model: MorphableModel
) -> Reconstruction:
    """The head with a frame, rigid to it, where the first photo shows glasses; else as it is."""
    mask = observations[0].glasses
    if mask is None or "eyeLeft" not in model.parts or "ears" not in model.regions:
        return reconstruction
    vertices = reconstruction.shape.vertices.astype(float)
    rims = rims_of(observations[0], mask, reconstruction.cameras[0], vertices, model)
    if rims is None:
        return reconstruction
    part = Part("glasses", frame_mesh(rims, vertices, model), roughness=0.35, double_sided=False)
    return replace(reconstruction, parts=(*reconstruction.parts, part))


def without_frame(observation: Observation) -> Observation:
    """The photo, its glasses and their shadow counted among what covers the face: a frame must not be on the skin."""
    if observation.glasses is None:
        return observation
    eyes = [observation.landmarks[list(side), :2].mean(axis=0) for side in (topology.RIGHT_EYE, topology.LEFT_EYE)]
    reach = max(1.0, BESIDE_FRAME * float(np.linalg.norm(eyes[0] - eyes[1])))
    frame = blurred(cv2.dilate((observation.glasses > FRAME).astype(np.float32), disc(reach)), reach / 3)
    covered = frame if observation.covered is None else np.maximum(observation.covered, frame)
    return replace(observation, covered=covered)


def rims_of(
    observation: Observation, mask: NDArray, camera: Camera, vertices: NDArray, model: MorphableModel
) -> Rims | None:
    """The rims that lie on the mask (H, W) 0-1 best; None where none does. vertices: (V, 3) metres, as in the photo."""
    eyes = np.array([model.eye_centre(vertices, side) for side in SIDES])
    size = float(np.linalg.norm(eyes[0] - eyes[1])) / INTERPUPILLARY_M
    middle = eyes.mean(axis=0)
    front = vertices[model.part_vertices("eyeLeft"), 2].max()
    found = []
    for before in LOOKED_BEFORE_M:
        z = front + before * size
        grid = np.stack(np.meshgrid(PLANE_X * size, PLANE_Y * size + middle[1]), axis=-1)
        flat = np.concatenate([grid, np.full((*grid.shape[:2], 1), z)], axis=2)
        plane = image_at(mask.astype(np.float32), project(camera, flat)[0], border=cv2.BORDER_CONSTANT)
        found.append((*best_rims(plane), z))
    chosen, score, z = max(found, key=lambda one: one[1])
    if not np.isfinite(score):
        return None
    aside, up = (size * chosen[:2]).tolist()
    centre, half = np.array([aside, up + middle[1], z]), size * chosen[2:]
    steps = np.linspace(-0.004, 0.004, 17) * size
    around = np.stack([outline(centre, half + step) for step in steps])
    places = project(camera, around.reshape(-1, 3))[0]
    on = image_at(mask.astype(np.float32), places, border=cv2.BORDER_CONSTANT) > SURE
    low, high = THICK_M
    thick = size * float(np.clip(on.mean() * (steps[-1] - steps[0]) / size, low, high))
    colours = image_at(observation.frame.pixels, places[on]).astype(float)
    light = colours.mean(axis=1)
    centre[2] = front + BEFORE_EYE_M * size
    return Rims(centre, half, thick, np.median(colours[light <= np.quantile(light, FRAME_SHARE)], axis=0))


def best_rims(plane: NDArray) -> tuple[NDArray, float]:
    """The rims that lie best on a mask.

    Args:
        plane: (H, W) 0-1, the mask in the plane of the lenses, at PLANE_X and PLANE_Y.

    Returns:
        rims: (4,) metres aside, up, half width and half height.
        score: higher is better; minus infinity where none lies on it.
    """
    wide = cv2.dilate(plane.astype(np.float32), disc(LOOKED_M / PLANE_STEP_M))
    tried = np.array(list(product(ASIDE_M, UP_M, HALF_WIDTH_M, HALF_HEIGHT_M)))
    tried = tried[tried[:, 0] - tried[:, 2] > NOSE_M]
    shape = unit_outline()
    across = np.abs(shape[:, 0]) > np.abs(shape[:, 1])
    sides = [
        across & (shape[:, 0] > 0),
        across & (shape[:, 0] < 0),
        ~across & (shape[:, 1] > 0),
        ~across & (shape[:, 1] < 0),
    ]
    covers, least = [], np.zeros(len(tried))
    for share in (1.0, LENS):
        x, y = np.moveaxis(tried[:, None, :2] + share * tried[:, None, 2:] * shape, -1, 0)
        row = np.rint((y - PLANE_Y[0]) / PLANE_STEP_M).astype(int)
        columns = [np.rint((sign * x - PLANE_X[0]) / PLANE_STEP_M).astype(int) for sign in (1, -1)]
        found = np.stack([wide[row, column] for column in columns])
        covers.append(found.mean(axis=2))
        if share == 1:
            least = np.min([found[..., side].mean(axis=(0, 2)) for side in sides], axis=0)
    rim, lens = covers[0].min(axis=0), covers[1].max(axis=0)
    possible = (rim > LEAST_COVER) & (lens < LENS_MOST) & (least > LEAST_SIDE)
    score = np.where(possible, rim - LENS_COST * lens + SIDE_GAIN * least, -np.inf)
    best = int(score.argmax())
    return tried[best], float(score[best])


def unit_outline() -> NDArray:
    """(SEGMENTS, 2) a superellipse of half width and height 1, anticlockwise from +x."""
    turn = np.arange(SEGMENTS) * 2 * np.pi / SEGMENTS
    flat = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    found: NDArray = np.sign(flat) * np.abs(flat) ** (2 / CORNER)
    return found


def outline(centre: NDArray, half: NDArray) -> NDArray:
    """(2, SEGMENTS, 3) metres: a rim about `centre` (3,), half width and height `half` (2,), and its mirror."""
    left = centre + np.column_stack([unit_outline() * half, np.zeros(SEGMENTS)])
    return np.stack([left, left * [-1, 1, 1]])


def frame_mesh(rims: Rims, vertices: NDArray, model: MorphableModel) -> Mesh:
    """The frame as one mesh of tubes, for the head (V, 3) that wears it: metres, world."""
    away = lens_plane(rims, vertices, model) - rims.centre[2]
    loops = outline(rims.centre, rims.half) + np.array([0, 0, away])
    size = rims.thick / 2, DEPTH_M / 2
    pieces = [tube(loops[0], *size, closed=True), tube(loops[1][::-1], *size, closed=True)]
    inner, outer = (rims.centre[0] + sign * rims.half[0] for sign in (-1, 1))
    z = rims.centre[2] + away
    level = rims.centre[1] + BRIDGE_UP * rims.half[1]
    x = np.linspace(-inner, inner, 9)
    arch = level + 0.003 * (1 - (x / inner) ** 2)
    pieces.append(tube(np.column_stack([x, arch, np.full(9, z)]), *size))
    for sign in (1, -1):
        hinge = np.array([outer, rims.centre[1] + TEMPLE_UP * rims.half[1], z])
        path = temple(hinge, vertices * [sign, 1, 1], model)
        pieces.append(tube(path * [sign, 1, 1], 0.0016, 0.0008, up=np.array([0.0, 1.0, 0.0])))
    counts = np.append(0, np.cumsum([len(points) for points, _ in pieces]))
    points = np.concatenate([points for points, _ in pieces]).astype(np.float32)
    faces = np.concatenate([faces + start for (_, faces), start in zip(pieces, counts)]).astype(np.int32)
    texture = np.tile(np.clip(np.rint(rims.colour), 0, 255).astype(np.uint8), (4, 4, 1))
    return Mesh(points, faces, np.full((len(points), 2), 0.5, np.float32), faces, texture)


def lens_plane(rims: Rims, vertices: NDArray, model: MorphableModel) -> float:
    """z in metres of the plane of the lenses: before the eyes, and the skin behind the rims."""
    skin = vertices[model.part_vertices("skin")]
    beside = np.abs(np.abs(skin[:, 0]) - rims.centre[0]) < rims.half[0] + 0.002
    behind = skin[beside & (np.abs(skin[:, 1] - rims.centre[1]) < rims.half[1] + 0.002), 2]
    most = rims.centre[2] + FARTHEST_M - BEFORE_EYE_M
    return float(np.clip(behind.max() + BEFORE_SKIN_M, rims.centre[2], most))


def temple(hinge: NDArray, vertices: NDArray, model: MorphableModel) -> NDArray:
    """(N, 3) metres: from the hinge (3,) beside the head over the ear. vertices: (V, 3), its side the left."""
    ear = vertices[(model.regions["ears"] > 0.5) & (vertices[:, 0] > 0)]
    top = ear[ear[:, 1] > np.quantile(ear[:, 1], 0.9)]
    root = np.array([ear[:, 0].min(), top[:, 1].mean() - 0.004, top[:, 2].mean()])
    t = np.linspace(0, 1, 12)[:, None]
    path = hinge + t * (root - hinge)
    skin = vertices[np.setdiff1d(model.part_vertices("skin"), np.flatnonzero(model.regions["ears"] > 0.1))]
    for k, (_, y, z) in enumerate(path):
        near = (np.abs(skin[:, 1] - y) < 0.008) & (np.abs(skin[:, 2] - z) < 0.008)
        path[k, 0] = max(path[k, 0], skin[near, 0].max(initial=0) + BESIDE_M)
    end = path[-1] + np.array([0.0, -EAR_DROP_M, -EAR_BACK_M])
    bend = path[-1] + np.array([0.0, -0.3 * EAR_DROP_M, -0.8 * EAR_BACK_M])
    return np.concatenate([path, [bend, end]])


def tube(
    path: NDArray, half: float, deep: float, closed: bool = False, up: NDArray | None = None
) -> tuple[NDArray, NDArray]:
    """Vertices and faces of a bar with a rectangular section along a path (N, 3).

    Args:
        half: metres, half of it across the path, in the plane of the lenses or along `up`; deep: half of the rest.
        closed: whether the path ends where it begins; it then runs anticlockwise seen from +z.
    """
    along = (np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)) if closed else np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    depth = np.array([0.0, 0.0, 1.0]) if up is None else np.cross(up, along)
    depth = np.broadcast_to(depth, path.shape) / np.maximum(np.linalg.norm(depth, axis=-1, keepdims=True), 1e-9)
    side = np.cross(along, depth)
    corners = [path + a * half * side + b * deep * depth for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1))]
    count = len(path)
    points = np.stack(corners, axis=1).reshape(-1, 3)
    ring = np.arange(count if closed else count - 1)[:, None]
    following, k, after = (ring + 1) % count * 4, np.arange(4), (np.arange(4) + 1) % 4
    a, b, c, d = ring * 4 + k, ring * 4 + after, following + after, following + k
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    if not closed:
        last = 4 * (count - 1)
        ends = [[0, 2, 1], [0, 3, 2], [last, last + 1, last + 2], [last, last + 2, last + 3]]
        faces = np.concatenate([faces, ends])
    return points, faces[:, ::-1]
