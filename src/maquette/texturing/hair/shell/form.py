"""The form of a shell: skin lifted along rays until its outline is the one in the photo, tucked under at its edge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, median_filter
from scipy.spatial import cKDTree

from maquette.geometry.camera import camera_centre, project
from maquette.texturing.hair.grow import HeadSeen
from maquette.texturing.hair.outline import ANGLES, REACH, Rays, outer_skin, rays_of
from maquette.texturing.hair.shell.covering import Covering, inside_edge, rim_edge, scalp_edge
from maquette.texturing.hair.shell.grid import ShellGrid, around, shell_grid
from maquette.texturing.images import image_at, smoothstep
from maquette.texturing.projection import view_directions

CLEAR_M = 0.003  # between skin and what lies on it
TUCKED_M = 0.004  # under the skin, where the shell ends
ROUNDS = 5
LIMITS_M = (-0.004, 0.13)  # of what is added
ROUNDED = (0.007, 0.7, 0.03)  # metres within which the edge rises, at least; share of the height; and at most
HELD = 5  # power of a half angle's cosine: how sharply one side of the head gives way to the other
SMOOTH, MEDIAN = 0.8, 3  # rays
HAIR_M, OPENS = 0.024, 0.8  # hair before the head under a hat is no thicker; beside it the hat stands off, per metre
FRONT = 0.4  # cosine against the view from which on hair is before the head
ROUND = (0.7, 2.0)  # rows and columns over which hair is smoothed, round after round: it has no brim
FLUFF = (0.0016, 0.6, 0.9)  # metres, rows and columns: the unevenness of hair
BELOW_EARS_M = -0.095  # height at which what is no veil has surely ended, at life size
VEIL_M = 0.012  # of cloth from the skin where it hangs


@dataclass(frozen=True, eq=False)
class Shell:
    """A shell on a head.

    Attributes:
        grid: its rays.
        reach: (R, C) metres along them.
        edge: (R, C) metres inside the edge, negative outside, where it lies under the skin.
        seen: share of the rays that end in the picture.
        errors: millimetres between the photo's outline and the bare head, and the shell; nan where none is seen.
    """

    grid: ShellGrid
    reach: NDArray
    edge: NDArray
    seen: float
    errors: tuple[float, float]

    @property
    def points(self) -> NDArray:
        """(R, C, 3) metres, world."""
        return self.grid.points(self.reach)


def shell_rays(head: HeadSeen, covering: Covering) -> Rays:
    """The rays of a photo to the outline of head and covering, without whoever else touches it."""
    whole = (covering.mask | np.isfinite(head.empty.depth)).astype(np.float32)
    return rays_of(replace(head.seen, person=whole, hair=whole), head.scale)


def inflate(head: HeadSeen, covering: Covering) -> Shell:
    """The shell of what covers a head."""
    skin = outer_skin(head.neutral, head.model)
    lowest = float(skin[:, 1].min())
    floor = lowest - VEIL_M if covering.veil else BELOW_EARS_M * head.scale
    grid = shell_grid(head.neutral, head.model, head.scale, floor)
    usual = scalp_edge(grid, head.neutral, head.model)
    if covering.veil:
        usual = np.maximum(usual, np.where(np.abs(grid.turn) > np.pi / 3, 0.05, -0.05))
    sides = _sides(head)
    edge = inside_edge(covering, head, grid, usual)
    if covering.worn.max() > 0.5 and not covering.veil:
        edge = inside_edge(covering, head, grid, rim_edge(grid, edge, sides[0][:2]))
    rays = shell_rays(head, covering)
    added, most = np.zeros(grid.skin.shape), _room(grid, head, covering)
    worn = covering.worn.max() > 0.5
    fluff = 0.0 if worn else _fluff(grid, edge)
    for turn in range(ROUNDS + 1):
        lifted = grid.spanned + CLEAR_M + np.minimum(added, most)
        reach = _rounded(grid, lifted, edge) + fluff
        if turn < ROUNDS:
            have = rays.reach(np.concatenate([skin, grid.points(reach)[edge > 0]]))
            added = np.clip(added + _spread(rays.target - have, grid, sides), *LIMITS_M)
            added = added if worn else around(gaussian_filter, added, ROUND)
    points = grid.points(reach)[edge > 0]
    errors = rays.error(skin), rays.error(np.concatenate([skin, points]))
    return Shell(grid, reach, edge, rays.share, errors)


def _sides(head: HeadSeen) -> tuple[NDArray, NDArray]:
    """Where around the head (4,) the outline is seen, radians, and (4,) how far each is believed.

    The picture's right, its left, and their mirror images about the face's middle, which count where nothing is seen.
    """
    toward = (
        camera_centre(head.camera) if head.camera.projection == "perspective" else -head.camera.world_to_camera[2, :3]
    )
    yaw = np.arctan2(toward[0], toward[2])
    own = np.array([yaw + np.pi / 2, yaw - np.pi / 2])
    nearest = np.cos(-own[:, None] - own).max(axis=1)
    return np.concatenate([own, -own]), np.concatenate([[1.0, 1.0], 1 - np.clip(nearest, 0, 1) ** 2])


def _spread(left: NDArray, grid: ShellGrid, sides: tuple[NDArray, NDArray]) -> NDArray:
    """(R, C) metres: what is left to add by the picture's rays, (len(ANGLES),) with nan, all around the head."""
    known = np.isfinite(left)
    if not known.any():
        return np.zeros(grid.skin.shape)
    even = np.interp(ANGLES, ANGLES[known], median_filter(left[known], MEDIAN, mode="nearest"))
    even = gaussian_filter1d(even, SMOOTH, mode="nearest")
    down = np.minimum(np.degrees(grid.down), REACH)
    profiles = np.stack([np.interp(side * down, ANGLES, even) for side in (1, -1)])
    where, trust = sides
    weight = trust[:, None] * np.abs(np.cos((grid.turn - where[:, None]) / 2)) ** HELD
    weight /= weight.sum(axis=0)
    spread: NDArray = np.einsum("sr,sc->rc", profiles[[0, 1, 0, 1]], weight)
    # The top of the head is one point, whatever side it is seen from.
    top = smoothstep(grid.down, 0.0, 0.35)[:, None]
    return spread * top + spread.mean(axis=1, keepdims=True) * (1 - top)


def _room(grid: ShellGrid, head: HeadSeen, covering: Covering) -> NDArray:
    """(R, C) metres that may be added: little where hair shows under a hat, whose brim is not before it."""
    most = np.full(grid.skin.shape, LIMITS_M[1])
    if covering.worn.max() < 0.5:
        return most
    points = grid.points(grid.spanned + CLEAR_M)
    pixels = project(head.seen.camera, points.reshape(-1, 3))[0].astype(np.float32)
    hair = image_at((head.seen.hair * (1 - covering.worn)).astype(np.float32), pixels).reshape(most.shape) > 0.5
    toward = view_directions(head.camera, points.reshape(-1, 3))[0].reshape(points.shape)
    hair &= (grid.directions * toward).sum(axis=2) > FRONT
    if not hair.any():
        return most
    apart = np.asarray(cKDTree(points[hair]).query(points.reshape(-1, 3))[0]).reshape(most.shape)
    return np.minimum(most, HAIR_M + apart * OPENS)


def _fluff(grid: ShellGrid, edge: NDArray) -> NDArray:
    """(R, C) metres in and out: hair is no balloon."""
    noise = np.random.default_rng(16).normal(size=edge.shape)
    even = around(gaussian_filter, noise, FLUFF[1:])
    return np.asarray(
        FLUFF[0] * even / even.std() * smoothstep(edge, 0.0, 0.03) * smoothstep(grid.down, 0.0, 0.3)[:, None]
    )


def _rounded(grid: ShellGrid, lifted: NDArray, edge: NDArray) -> NDArray:
    """(R, C) metres along the rays: round at the edge, under the skin beyond."""
    sunk = grid.sunk - TUCKED_M
    high = np.maximum(lifted - grid.skin, 0)
    within = np.clip(ROUNDED[1] * high, ROUNDED[0], ROUNDED[2])
    share = np.clip(edge / within, 0, 1)
    return np.asarray(sunk + np.sqrt(1 - (1 - share) ** 2) * (lifted - sunk))
