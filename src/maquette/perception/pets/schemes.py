"""The landmarks of an animal's face, their order and what is where. Right and left are the animal's own."""

from __future__ import annotations

from maquette.morphable.pet import LANDMARKS

SCHEME = LANDMARKS
NAMES = (
    "right eye outer", "right eye inner", "left eye inner", "left eye outer", "nose", "nasal root", "forehead",
    "right mouth corner", "left mouth corner", "upper lip", "lower lip", "chin",
    "right ear outer base", "right ear tip", "right ear inner base",
    "left ear inner base", "left ear tip", "left ear outer base", "right cheek", "left cheek",
)  # fmt: skip
FLIPPED = (3, 2, 1, 0, 4, 5, 6, 8, 7, 9, 10, 11, 17, 16, 15, 14, 13, 12, 19, 18)  # of a mirrored picture
EYES = ((0, 1), (2, 3))  # corners of the right and of the left eye
NOSE, FOREHEAD, CHIN = 4, 6, 11
EARS = (12, 13, 14, 15, 16, 17)
SPECIES = ("cat", "dog", "wild")
