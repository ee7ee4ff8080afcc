"""What a camera sees of an animal's head, point by point, and the places that its paint hangs on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from maquette.synthesis.animals.form import AnimalForm

# Landmarks L20, R and L are the animal's own side.
R_EYE, L_EYE = (0, 1), (3, 2)  # outer and inner corner
NOSE, ROOT, FOREHEAD, R_MOUTH, L_MOUTH, UPPER_LIP, LOWER_LIP, CHIN = 4, 5, 6, 7, 8, 9, 10, 11
R_EAR, L_EAR = (12, 13, 14), (17, 16, 15)  # outer base, tip, inner base
VOLUME = 32  # voxels of a noise volume, which repeats
VOXELS_PER_WAVE = 4.0


@dataclass(frozen=True, eq=False)
class SeenHead:
    """Points of one head that a camera sees.

    Attributes:
        place: (N, 3) float32 in the head's frame: eye distances, origin between the eyes, y up, z to the front.
        normal: (N, 3) float32, unit, in the same frame.
        form: the head.
        natural: its coat is to be one that its species has.
    """

    place: NDArray
    normal: NDArray
    form: AnimalForm
    natural: bool = False

    @property
    def marks(self) -> NDArray:
        """(20, 3) float32 landmarks L20, in the same frame."""
        return self.form.marks


@dataclass(frozen=True, eq=False)
class FacePaint:
    """What light meets at points of a head.

    Attributes:
        albedo: (N, 3) float32 linear RGB.
        fur: (N,) float32 in 0-1: how much of it is fur; eyes, nose and mouth have none.
        glow: (N, 3) float32 linear RGB added after shading: highlights on what is wet.
    """

    albedo: NDArray
    fur: NDArray
    glow: NDArray


def over(below: NDArray, share: NDArray, above: NDArray) -> NDArray:
    """Colours (N, 3) with others, (N, 3) or (3,), laid over them to a share (N,)."""
    return below + share[:, None] * (above - below)


def smooth(low: float, high: float, x: NDArray) -> NDArray:
    """0 below `low`, 1 above `high` (or the other way round), a smooth step between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@lru_cache(maxsize=8)
def _volume(seed: int) -> NDArray:
    volume = gaussian_filter(
        np.random.default_rng(seed).standard_normal((VOLUME,) * 3).astype(np.float32), 0.8, mode="wrap"
    )
    return volume / volume.std()


def solid_noise(place: NDArray, wavelength: float, rng: np.random.Generator) -> NDArray:
    """(N,) float32 unit Gaussian field at places (N, 3), turned and shifted at random."""
    turned = place @ Rotation.random(random_state=int(rng.integers(1 << 31))).as_matrix().astype(np.float32)
    index = turned * (VOXELS_PER_WAVE / wavelength) + rng.uniform(0, VOLUME, 3).astype(np.float32)
    return map_coordinates(_volume(int(rng.integers(6))), index.T, order=1, mode="grid-wrap", output=np.float32)


def from_segment(place: NDArray, start: NDArray, end: NDArray) -> NDArray:
    """(N,) distance of places (N, 3) from a segment."""
    along = end - start
    t = np.clip((place - start) @ along / max(float(along @ along), 1e-9), 0, 1)
    return np.linalg.norm(place - start - t[:, None] * along, axis=1)


def ear_coordinates(head: SeenHead, ear: tuple[int, int, int]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Where points lie in an ear: (N,) each.

    Returns:
        up: 0 at its base, 1 at its tip. across: -1 to 1 over the base's width. off: distance from the plane of its
        three landmarks in half widths. facing: cosine between the normal and the side that faces the front.
    """
    outer, tip, inner = head.marks[list(ear)]
    middle, across = (outer + inner) / 2, (inner - outer) / 2
    length = tip - middle
    front = np.cross(across, length)
    front = front / max(float(np.linalg.norm(front)), 1e-6)
    front = front if front[2] > 0 else -front
    local = head.place - middle
    half = max(float(np.linalg.norm(across)), 1e-3)
    return (
        local @ length / max(float(length @ length), 1e-6),
        local @ across / half**2,
        np.abs(local @ front) / half,
        head.normal @ front,
    )
