"""Which pixels are whose where several people stand close, or one before the other."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.perception.faces import topology

BORDER_SIDE = 256  # pixels, longer side at which the border between two people is drawn
SOFT = 0.04  # face heights: half of it to either side of the border
HEAD_MIDDLE = 0.03  # face heights, brows to chin, below the brows: the middle of a head with its hair
# Half its width and height: a head is 22 cm tall and 15 wide, its face 12.5; hair adds 1.5 to 3.
HEAD_HALF = (0.72, 1.0)
HIDDEN_FROM, FARTHEST, STEP = 0.4, 8.0, 0.02  # face heights down a body: where another's head is looked for
SHOULDER = 0.6  # face heights to either side of the axis: a head that is seen there is before the body
RIM = (0.7, 1.2)  # of a head's outline: between these it may end
CUTS = 4  # rounds of GrabCut


def share_of(pixels: NDArray, subject: NDArray, others: list[NDArray]) -> NDArray | None:
    """How far a pixel, if it shows a person, shows the subject and none of the others.

    Every pixel goes to the person whose head and body axis (from the crown through the neck downwards) is nearest,
    measured in face heights. Where the body of one leads through the head of another, it stands behind that: the axis
    ends there, and the border between the two follows their colours.

    Args:
        pixels: (H, W, 3) uint8.
        subject, others: (478, 3) landmarks in its pixels.

    Returns:
        (H, W) float32 in 0-1; None without others.
    """
    if not others:
        return None
    people = [HeadAxis.of(landmarks) for landmarks in (subject, *others)]
    shape = pixels.shape
    grid = min(shape[1], BORDER_SIDE), min(shape[0], BORDER_SIDE)
    x = ((np.arange(grid[0]) + 0.5) * shape[1] / grid[0]).astype(np.float32)
    y = ((np.arange(grid[1]) + 0.5) * shape[0] / grid[1]).astype(np.float32)[:, None]
    own, *rivals = (person.distance(x, y, [other for other in people if other is not person]) for person in people)
    nearer = np.min(rivals, axis=0) - own
    contested = np.any([_contested(people[0], other, x, y) for other in people[1:]], axis=0)
    if contested.any():
        small = cv2.resize(pixels, grid, interpolation=cv2.INTER_AREA)
        nearer = np.where(contested, SOFT * (_by_colour(small, nearer > 0, contested) - 0.5), nearer)
    return np.clip(cv2.resize(nearer, shape[1::-1], interpolation=cv2.INTER_LINEAR) / SOFT + 0.5, 0, 1)


def _contested(first: HeadAxis, second: HeadAxis, x: NDArray, y: NDArray) -> NDArray:
    """(h, w) bool: around the outline of the head before, as far as the other one's head may reach."""
    inside = np.zeros((y.size, x.size), bool)
    for before, behind in ((first, second), (second, first)):
        if behind.is_behind(before):
            rim = before.rim(x, y)
            inside |= (rim > RIM[0]) & (rim < RIM[1]) & (behind.rim(x, y) < RIM[1])
    return inside


def _by_colour(pixels: NDArray, own: NDArray, contested: NDArray) -> NDArray:
    """(h, w) float32 0 or 1: what is contested goes to the side whose colours it has (GrabCut, Rother et al. 2004).

    Args:
        pixels: (h, w, 3) uint8. own: (h, w) bool, the side taken elsewhere, and where colours decide nothing.
        contested: (h, w) bool.
    """
    labels = np.where(own, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)
    labels[contested] = np.where(own, cv2.GC_PR_FGD, cv2.GC_PR_BGD)[contested]
    if not ((labels == cv2.GC_FGD).any() and (labels == cv2.GC_BGD).any()):
        return own.astype(np.float32)
    cv2.setRNGSeed(0)
    cv2.grabCut(pixels, labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), CUTS, cv2.GC_INIT_WITH_MASK)
    taken = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return _hanging_together(taken, own, contested).astype(np.float32)


def _hanging_together(taken: NDArray, own: NDArray, contested: NDArray) -> NDArray:
    """(h, w) bool: `taken` without islands in what is contested, as nostrils are that have the colour of hair."""
    for side in (True, False):
        count, labels = cv2.connectedComponents((taken == side).astype(np.uint8), connectivity=4)
        firm = np.bincount(labels[~contested & (own == side)], minlength=count) > 0
        firm[0] = True
        taken = np.where(firm[labels], taken, not side)
    return taken


@dataclass(frozen=True, eq=False)
class HeadAxis:
    """A head and the body below it as a line in the picture.

    Attributes:
        start: (2,) pixels, the head's middle at the height of the brows.
        down: (2,) unit, along the face.
        height: pixels from brows to chin.
    """

    start: NDArray
    down: NDArray
    height: float

    @classmethod
    def of(cls, landmarks: NDArray) -> HeadAxis:
        """Of a face's landmarks (478, 3), pixels."""
        brows = landmarks[list(topology.RIGHT_BROW + topology.LEFT_BROW), :2].mean(axis=0)
        down = landmarks[topology.CHIN, :2] - brows
        height = max(float(np.linalg.norm(down)), 1.0)
        down = down / height
        # The head's middle lies behind the face: in a profile the landmarks sit at its edge.
        ears = landmarks[[topology.RIGHT_CHEEKBONE, topology.LEFT_CHEEKBONE], :2].mean(axis=0)
        return cls(brows + 0.7 * ((ears - brows) - ((ears - brows) @ down) * down), down, height)

    def within(self, x: NDArray | float, y: NDArray | float) -> tuple[NDArray, NDArray]:
        """Pixels in face heights from the start: along the axis, and across it."""
        x, y = (x - self.start[0]) / self.height, (y - self.start[1]) / self.height
        return x * self.down[0] + y * self.down[1], x * self.down[1] - y * self.down[0]

    def rim(self, x: NDArray, y: NDArray) -> NDArray:
        """0 in the head's middle, 1 on its outline with the hair."""
        along, across = self.within(x, y)
        return np.hypot((along - HEAD_MIDDLE) / HEAD_HALF[1], across / HEAD_HALF[0])

    def is_behind(self, other: HeadAxis) -> bool:
        """Whether the other's head lies lower and is seen before this one's neck, shoulders or body."""
        steps, aside = np.meshgrid(np.arange(HIDDEN_FROM, FARTHEST, STEP), np.linspace(-SHOULDER, SHOULDER, 7))
        return bool(self.within(*other.start)[0] > HIDDEN_FROM and (self._rim_of(other, steps, aside) < 1).any())

    def end_at(self, other: HeadAxis) -> float:
        """Face heights down the axis to where it meets another's head that is before this body; inf: it meets none."""
        steps = np.arange(HIDDEN_FROM, FARTHEST, STEP)
        met = np.flatnonzero(self._rim_of(other, steps, np.zeros(1)) < 1)
        return float(steps[met[0]]) if self.is_behind(other) and len(met) else np.inf

    def _rim_of(self, other: HeadAxis, along: NDArray, across: NDArray) -> NDArray:
        """Another's `rim` at points given in this one's face heights."""
        right = np.array([self.down[1], -self.down[0]])
        points = self.start + self.height * (along[..., None] * self.down + across[..., None] * right)
        return other.rim(points[..., 0], points[..., 1])

    def distance(self, x: NDArray, y: NDArray, others: list[HeadAxis]) -> NDArray:
        """(h, w) float32: face heights to the line; negative within the own head where it is before another body."""
        along, across = self.within(x, y)
        end = min(self.end_at(other) for other in others)
        apart = np.hypot(along - np.clip(along, 0, end), across)
        if any(other.is_behind(self) for other in others):
            rim = self.rim(x, y)
            apart = np.where(rim < 1, rim - 1, apart)
        return apart.astype(np.float32)
