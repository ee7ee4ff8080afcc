"""The fit from one start: damped Gauss-Newton on outline, landmarks, floor and what is usual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from maquette.morphable.animals.body import AnimalBody
from maquette.morphable.animals.stance import TURNS, angles, limits, spreads
from maquette.morphable.posing import rig_of
from maquette.perception.pets.schemes import FOREHEAD, NOSE, SCHEME
from maquette.reconstruction.pet_fit.outline import matched
from maquette.reconstruction.pet_fit.whole.edges import Rim, overlap
from maquette.reconstruction.pet_fit.whole.state import Poser, SeenOutline, Stand, drawn

EDGE_SIGMA = 0.03  # of the animal's size (the root of its area): what an outline is off, fur and mask included
EDGE_WORTH, BACK_WORTH, OUTSIDE_WORTH = 50, 30, 40  # independent points that the matches are worth
HUBER = 2.5  # standard deviations beyond which nothing pulls harder
REACH = (0.5, 0.25)  # of the animal's size: how far apart outlines belong together, at first and at last
BUILD_FIRST = 4.0  # how much firmer the build is held in the first rounds
UP_SIGMA, LOOKS_DOWN, DOWN_SIGMA = 0.07, 0.17, 0.18  # of the camera's roll; how far it looks down
FLOOR_SIGMA = 0.03  # metres: paws beside the floor
PAWS = ("toe_L", "toe_R", "finger_L", "finger_R")
DAMPING = 0.05
MOST_TURN, MOST_BUILD, MOST_SHIFT = 0.3, 0.6, 0.1  # radians, standard deviations, metres a round
LANDMARK_COST = 0.04  # of a root mean square landmark error of one sigma, against the overlap
UNUSUAL_COST = 1e-3  # of the prior, against the overlap
LYING_COST = 0.025  # of an animal that lies: seen from before it has the outline of one that sits
BEHIND_COST = 0.03  # of an animal seen from behind: most photos show a face
EARS = [k for k, turn in enumerate(TURNS) if turn.name.startswith("ear_")]
PRICKED, TIPS, BASES = (
    0.35,
    (16, 13),
    ((15, 17), (14, 12)),
)  # radians outwards of the template's ears; landmarks, left first


@dataclass(frozen=True, eq=False)
class Fitted:
    """A stand and how well it explains the photo.

    Attributes:
        stand: as fitted.
        overlap: intersection over union of outlines within the picture.
        landmark_error: root mean square distance of the landmarks in their sigmas; nan where none were read.
        prior: half the sum of squares of what is unusual.
    """

    stand: Stand
    overlap: float
    landmark_error: float
    prior: float

    @property
    def score(self) -> float:
        """What the best of several has most of."""
        face = 0.0 if np.isnan(self.landmark_error) else LANDMARK_COST * min(self.landmark_error, 5.0)
        behind = BEHIND_COST * (1 - float(self.stand.ahead @ [0, 0, 1])) / 2
        lying = LYING_COST * (self.stand.stance == "lying")
        return self.overlap - face - behind - lying - UNUSUAL_COST * self.prior


class BodyFit:
    """A body to be fitted to one outline.

    Args:
        usual: (K,) the build of the species.
    """

    def __init__(self, body: AnimalBody, outline: SeenOutline, usual: NDArray) -> None:
        self.body, self.outline, self.usual, self.poser = body, outline, usual, Poser(body)
        self.ears = _ear_angles(outline)
        self.last: tuple[Stand, tuple[NDArray, NDArray, NDArray, NDArray]] | None = None  # what was drawn last
        self.used, faces = np.unique(body.coarse, return_inverse=True)
        self.rim = Rim.of(faces.reshape(-1, 3))
        self.marks = rig_of(body.model).keypoints[SCHEME][0][:, 0]
        self.paws = self._paws()
        self.low, self.high = limits()
        away, (row, column) = distance_transform_edt(~outline.inside, return_indices=True)
        self.away, self.nearest = away, np.stack([column, row], axis=-1) + 0.5

    def usual_angles(self, stance: str) -> NDArray:
        """(P,) radians of a stance, with ears as the landmarks have them."""
        out = angles(stance)
        out[EARS] = self.ears
        return out

    def _paws(self) -> NDArray:
        """(4,) the lowest vertex of each paw in the rest pose."""
        rig, model = self.body.rig, self.body.model
        found = []
        for name in PAWS:
            bone = rig.bones.index(name)
            own = np.flatnonzero((rig.bone_weight * (rig.bone_index == bone)).sum(axis=1) > 0.6)
            found.append(own[model.mean[own, 1].argmin()])
        return np.array(found)

    def drawing(self, stand: Stand) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Of the coarse body: pixels (n, 2), vertices of the rim, their directions, and the drawing (h, w) bool."""
        if self.last is None or self.last[0] is not stand:
            posed = self.poser.of(stand, self.used)
            pixels = drawn(posed @ stand.rotation.T + stand.translation, self.outline)
            self.last = stand, (pixels, *self.rim.outer(pixels, self.outline.size))
        return self.last[1]

    def judged(self, stand: Stand) -> Fitted:
        """How good a stand is."""
        picture = self.drawing(stand)[3]
        face = float("nan")
        if np.isfinite(self.outline.sigma).any():
            points = self.poser.of(stand, self.marks) @ stand.rotation.T + stand.translation
            away = np.linalg.norm(drawn(points, self.outline) - self.outline.landmarks, axis=1) / self.outline.sigma
            face = float(np.sqrt(np.mean(np.minimum(away, 8.0) ** 2)))
        usual = np.concatenate(
            [stand.identity - self.usual, (stand.angles - self.usual_angles(stand.stance)) / spreads()]
        )
        return Fitted(stand, overlap(picture, self.outline.inside), face, 0.5 * float(usual @ usual))

    def solved(self, stand: Stand, rounds: int) -> Fitted:
        """The best of so many rounds from a start."""
        best = self.judged(stand)
        for number in range(rounds):
            share = number / max(rounds - 1, 1)
            normal, right = self._equations(stand, share)
            step = np.linalg.solve(normal + DAMPING * np.diag(np.diag(normal)), right)
            stand = stand.moved(self._short(step, stand), self.low, self.high)
            found = self.judged(stand)
            best = max(best, found, key=lambda one: one.score)
        return best

    def _short(self, step: NDArray, stand: Stand) -> NDArray:
        count, turns = len(stand.identity), len(stand.angles)
        most = np.full(len(step), MOST_TURN)
        most[:count], most[-3:] = MOST_BUILD, MOST_SHIFT
        most[-1] = 4 * MOST_SHIFT
        del turns
        return np.clip(step, -most, most)

    def _equations(self, stand: Stand, share: float) -> tuple[NDArray, NDArray]:
        """Normal matrix and right side at a stand; `share` 0-1 of the rounds that are done."""
        count, turns = len(stand.identity), len(stand.angles)
        size = count + turns + 6
        firm = BUILD_FIRST + (1 - BUILD_FIRST) * min(2 * share, 1.0)
        weight = np.concatenate([np.full(count, firm), spreads() ** -2, np.full(6, 1e-6)])
        unusual = np.concatenate(
            [stand.identity - self.usual, stand.angles - self.usual_angles(stand.stance), np.zeros(6)]
        )
        normal, right = np.diag(weight), -weight * unusual
        residuals, rows = zip(self._camera_rows(stand, size), *self._point_rows(stand, share))
        every, jacobian = np.concatenate(residuals), np.concatenate(rows)
        robust = np.minimum(1, HUBER / np.maximum(np.abs(every), 1e-9))
        weighted = jacobian * robust[:, None]
        return normal + weighted.T @ jacobian, right - weighted.T @ every

    def _camera_rows(self, stand: Stand, size: int) -> tuple[NDArray, NDArray]:
        """The world's up is up in the picture, and the camera looks down a little."""
        up = stand.rotation[:, 1]
        wanted = np.array([0.0, 0.0, -np.sin(LOOKS_DOWN)])
        turn = np.array([[0, up[2], -up[1]], [-up[2], 0, up[0]], [up[1], -up[0], 0]])  # -[up]x
        rows = np.zeros((2, size))
        rows[:, -6:-3] = turn[[0, 2]] / np.array([[UP_SIGMA], [DOWN_SIGMA]])
        return (up - wanted)[[0, 2]] / [UP_SIGMA, DOWN_SIGMA], rows

    def _point_rows(self, stand: Stand, share: float) -> list[tuple[NDArray, NDArray]]:
        outline = self.outline
        pixels, rim, ways, _ = self.drawing(stand)
        unit = (REACH[0] + (REACH[1] - REACH[0]) * share) * outline.unit / 0.7
        to, good = matched(outline.points, outline.normals, pixels[rim], ways, unit)
        back, fine = matched(pixels[rim], ways, outline.points, outline.normals, unit)
        fine &= self._shown(pixels[rim])
        outside = self._outside(pixels[rim])
        chosen = np.concatenate(
            [self.used[rim[to[good]]], self.used[rim[fine]], self.used[rim[outside]], self.marks, self.paws]
        )
        unique, place = np.unique(chosen, return_inverse=True)
        camera, moves = self.poser.derivatives(stand, unique)
        flat = np.zeros((len(unique), 2, 3))
        depth = np.maximum(camera[:, 2], 1e-3)
        flat[:, 0, 0] = flat[:, 1, 1] = outline.focal / depth
        flat[:, :, 2] = -outline.focal * camera[:, :2] / depth[:, None] ** 2
        across, at = flat @ moves, drawn(camera, outline)
        parts = np.split(place, np.cumsum([good.sum(), fine.sum(), outside.sum(), len(self.marks)]))
        sigma = EDGE_SIGMA * outline.unit
        near = self.nearest[tuple(self._cells(pixels[rim[outside]]).T[::-1])]
        inwards = pixels[rim[outside]] - near
        inwards /= np.maximum(np.linalg.norm(inwards, axis=1, keepdims=True), 1e-9)
        triples = (
            (parts[0], outline.points[good], outline.normals[good], EDGE_WORTH / max(len(outline.points), 1)),
            (parts[1], outline.points[back[fine]], outline.normals[back[fine]], BACK_WORTH / max(len(rim), 1)),
            (parts[2], near, inwards, OUTSIDE_WORTH / max(len(rim), 1)),
        )
        found = []
        for index, wanted, normal, worth in triples:
            weight = np.sqrt(min(worth, 1.0)) / sigma
            residual = ((at[index] - wanted) * normal).sum(axis=1) * weight
            found.append((residual, np.einsum("nd,ndu->nu", normal, across[index]) * weight))
        if np.isfinite(outline.sigma).any():
            gap = (at[parts[3]] - outline.landmarks) / outline.sigma[:, None]
            found.append((gap.ravel(), (across[parts[3]] / outline.sigma[:, None, None]).reshape(-1, across.shape[2])))
        found.append(self._floor_rows(stand, camera[parts[4]], moves[parts[4]]))
        return found

    def _floor_rows(self, stand: Stand, camera: NDArray, moves: NDArray) -> tuple[NDArray, NDArray]:
        """The paws are level: of points (4, 3) in camera axes, which move by (4, 3, U)."""
        up = stand.rotation[:, 1]
        heights, rows = camera @ up, np.einsum("i,niu->nu", up, moves)
        rows[:, -6:-3] = 0  # the camera's turns do not lift a paw
        return (heights - heights.mean()) / FLOOR_SIGMA, (rows - rows.mean(axis=0)) / FLOOR_SIGMA

    def _cells(self, pixels: NDArray) -> NDArray:
        return np.clip(np.floor(pixels).astype(int), 0, np.array(self.outline.size) - 1)

    def _outside(self, pixels: NDArray) -> NDArray:
        """(R,) bool: drawn beside the animal, where the photo would show it."""
        cells = self._cells(pixels)
        return self._shown(pixels) & (self.away[cells[:, 1], cells[:, 0]] > 1.0)

    def _shown(self, pixels: NDArray) -> NDArray:
        """(R,) bool: not beyond an end of the photo that cuts the animal."""
        width, height = self.outline.size
        beyond = np.column_stack(
            [pixels[:, 0] < 3, pixels[:, 1] < 3, pixels[:, 0] > width - 3, pixels[:, 1] > height - 3]
        )
        return ~(beyond & np.array(self.outline.cut)).any(axis=1)


def _ear_angles(outline: SeenOutline) -> NDArray:
    """(2,) radians by which the ears hang, left first: from where their tips lie against their bases."""
    if not np.isfinite(outline.sigma).any():
        return np.zeros(2)
    marks = outline.landmarks
    up = (marks[FOREHEAD] - marks[NOSE]) / max(np.linalg.norm(marks[FOREHEAD] - marks[NOSE]), 1e-6)
    left = np.array([-up[1], up[0]])  # the animal's left, right in the picture
    out = []
    for tip, base, side in zip(TIPS, BASES, (1.0, -1.0)):
        way = marks[tip] - marks[list(base)].mean(axis=0)
        outwards = np.arctan2(side * (way @ left), way @ up)
        out.append(-np.clip(outwards - PRICKED, -0.3, 2.4))
    return np.array(out)
