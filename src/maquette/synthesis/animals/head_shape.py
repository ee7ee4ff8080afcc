"""The parameters of an animal's head, what they are on average, and how they are drawn.

Unit: the distance between the eyeballs' centres (IOD). Frame: origin midway between them, the animal's left is +x, up
is +y, it faces +z.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from maquette.perception.pets.schemes import SPECIES

IOD_M = {"cat": 0.040, "dog": 0.055, "wild": 0.080}  # metres between the eyeballs' centres
CUT = 2.5  # standard deviations at which draws are cut off
MIXED = 0.05  # of the heads lie between two species
MOST_JAW = 0.5  # radians


@dataclass(frozen=True)
class AnimalShape:
    """One head, symmetric. Lengths in IOD, angles in radians.

    Attributes:
        cranium_y, cranium_z, cranium_width, cranium_height, cranium_depth: an ellipsoid's centre and radii.
        cheek_x, cheek_y, cheek_z, cheek_radius: a ball's centre and radius.
        nose_y, nose_z: the centre of the nose pad.
        bridge_back, bridge_front: radii of the nasal bridge at the forehead and at the nose.
        muzzle_back, muzzle_front, muzzle_width: radii of the muzzle and its width against its height.
        pad_x, pad_drop, pad_radius: the whisker pads, below the nose.
        jaw_radius, chin_radius, chin_drop: the lower jaw at its hinge and at the chin, and the chin below the nose.
        eye_z, eye_radius: the eyeballs, at x = +-0.5.
        lid_width, lid_height, lid_tilt: half extents of the opening in eye radii; its outer corner is up by the tilt.
        brow: how far the ridge above the eye stands out.
        nose_width: half the nose pad's.
        ear_x, ear_y, ear_z, ear_length, ear_width: the ear's root, its length and half its width.
        ear_taper, ear_round: exponents of its outline.
        ear_tilt, ear_yaw, ear_cup: outward lean, outward turn, and depth of the hollow.
        ear_fold, ear_fold_at: how far the flap hangs forward, and from which share of its length on.
        neck_radius, neck_lean: radius, and by how much the neck runs back per unit down.
        mane: how far a mane stands out around the head.
    """

    cranium_y: float
    cranium_z: float
    cranium_width: float
    cranium_height: float
    cranium_depth: float
    cheek_x: float
    cheek_y: float
    cheek_z: float
    cheek_radius: float
    nose_y: float
    nose_z: float
    bridge_back: float
    bridge_front: float
    muzzle_back: float
    muzzle_front: float
    muzzle_width: float
    pad_x: float
    pad_drop: float
    pad_radius: float
    jaw_radius: float
    chin_radius: float
    chin_drop: float
    eye_z: float
    eye_radius: float
    lid_width: float
    lid_height: float
    lid_tilt: float
    brow: float
    nose_width: float
    ear_x: float
    ear_y: float
    ear_z: float
    ear_length: float
    ear_width: float
    ear_taper: float
    ear_round: float
    ear_tilt: float
    ear_yaw: float
    ear_cup: float
    ear_fold: float
    ear_fold_at: float
    neck_radius: float
    neck_lean: float
    mane: float = 0.0

    def vector(self) -> NDArray:
        """(44,) float64 in the order of the fields."""
        return np.array([getattr(self, name) for name in NAMES])


NAMES = tuple(field.name for field in fields(AnimalShape))


def shape_of(vector: NDArray) -> AnimalShape:
    """The head of a (44,) vector."""
    return AnimalShape(**dict(zip(NAMES, map(float, vector))))


CAT = AnimalShape(
    cranium_y=0.12,
    cranium_z=-1.0,
    cranium_width=1.10,
    cranium_height=0.92,
    cranium_depth=1.05,
    cheek_x=0.58,
    cheek_y=-0.48,
    cheek_z=-0.72,
    cheek_radius=0.55,
    nose_y=-0.60,
    nose_z=0.40,
    bridge_back=0.36,
    bridge_front=0.15,
    muzzle_back=0.46,
    muzzle_front=0.24,
    muzzle_width=1.3,
    pad_x=0.19,
    pad_drop=0.22,
    pad_radius=0.225,
    jaw_radius=0.42,
    chin_radius=0.17,
    chin_drop=0.46,
    eye_z=-0.19,
    eye_radius=0.25,
    lid_width=0.92,
    lid_height=0.72,
    lid_tilt=0.22,
    brow=0.04,
    nose_width=0.145,
    ear_x=0.70,
    ear_y=0.66,
    ear_z=-0.88,
    ear_length=1.08,
    ear_width=0.50,
    ear_taper=1.25,
    ear_round=1.15,
    ear_tilt=0.30,
    ear_yaw=0.35,
    ear_cup=0.42,
    ear_fold=0.0,
    ear_fold_at=0.5,
    neck_radius=0.95,
    neck_lean=0.25,
)
DOG = replace(
    CAT,
    cranium_y=0.16,
    cranium_z=-1.05,
    cranium_width=1.04,
    cranium_height=0.90,
    cranium_depth=1.15,
    cheek_x=0.50,
    cheek_y=-0.42,
    cheek_z=-0.78,
    cheek_radius=0.52,
    nose_y=-0.62,
    nose_z=1.05,
    bridge_back=0.34,
    bridge_front=0.20,
    muzzle_back=0.48,
    muzzle_front=0.30,
    muzzle_width=1.05,
    pad_x=0.15,
    pad_drop=0.24,
    pad_radius=0.24,
    jaw_radius=0.40,
    chin_radius=0.19,
    chin_drop=0.50,
    eye_z=-0.17,
    eye_radius=0.17,
    lid_width=0.95,
    lid_height=0.66,
    lid_tilt=0.12,
    brow=0.10,
    nose_width=0.24,
    ear_x=0.66,
    ear_y=0.72,
    ear_z=-1.0,
    ear_length=0.95,
    ear_width=0.42,
    ear_taper=1.7,
    ear_round=1.45,
    ear_tilt=0.20,
    ear_yaw=0.25,
    ear_cup=0.40,
    neck_radius=0.92,
    neck_lean=0.50,
)
WILD = replace(
    CAT,
    cranium_y=0.12,
    cranium_z=-1.25,
    cranium_width=1.22,
    cranium_height=0.98,
    cranium_depth=1.25,
    cheek_x=0.68,
    cheek_y=-0.52,
    cheek_z=-0.80,
    cheek_radius=0.60,
    nose_y=-0.86,
    nose_z=0.72,
    bridge_back=0.40,
    bridge_front=0.25,
    muzzle_back=0.56,
    muzzle_front=0.34,
    muzzle_width=1.2,
    pad_x=0.24,
    pad_drop=0.28,
    pad_radius=0.31,
    jaw_radius=0.48,
    chin_radius=0.25,
    chin_drop=0.62,
    eye_z=-0.13,
    eye_radius=0.16,
    lid_width=0.98,
    lid_height=0.62,
    lid_tilt=0.20,
    brow=0.10,
    nose_width=0.26,
    ear_x=0.88,
    ear_y=0.68,
    ear_z=-1.2,
    ear_length=0.60,
    ear_width=0.42,
    ear_taper=3.0,
    ear_round=2.1,
    ear_tilt=0.50,
    ear_yaw=0.35,
    ear_cup=0.40,
    neck_radius=1.05,
    neck_lean=0.50,
)
# How a dog carries its ears: what differs from upright ones.
EARS: dict[str, dict[str, float]] = {
    "upright": {},
    "tipped": {"ear_fold": 2.3, "ear_fold_at": 0.52},
    "hanging": {"ear_fold": 2.25, "ear_fold_at": 0.09, "ear_tilt": 0.85, "ear_yaw": 1.0, "ear_length": 1.9}
    | {"ear_x": 0.80, "ear_y": 0.50, "ear_taper": 2.6, "ear_round": 1.7, "ear_cup": 0.15, "ear_width": 0.54},
}
# Builds beside the species' own: how often, and what differs.
BUILDS: dict[str, tuple[tuple[float, dict[str, float]], ...]] = {
    "cat": (
        (0.10, {"ear_fold": 1.9, "ear_fold_at": 0.35, "ear_length": 0.8}),
        (0.12, {"nose_z": 0.16, "nose_y": -0.42, "pad_drop": 0.2, "cheek_radius": 0.62}),  # flat faces
        (0.12, {"cranium_width": 0.98, "cheek_radius": 0.46, "ear_length": 1.3, "ear_width": 0.58, "nose_z": 0.52}),
    ),
    "dog": (
        (0.22, EARS["tipped"]),
        (0.34, EARS["hanging"]),
        (0.12, {"nose_z": 0.34, "nose_y": -0.42, "muzzle_width": 1.35, "pad_x": 0.24, "ear_fold": 2.0}),  # short muzzle
    ),
    "wild": (
        (0.10, {"mane": 0.55}),
        (  # wolves and foxes
            0.30,
            {"nose_z": 1.10, "nose_y": -0.74, "muzzle_back": 0.46, "muzzle_front": 0.27, "muzzle_width": 1.0}
            | {"ear_length": 0.98, "ear_width": 0.42, "ear_taper": 1.5, "ear_round": 1.35, "ear_tilt": 0.25}
            | {"ear_x": 0.70, "pad_radius": 0.24, "pad_x": 0.16, "chin_radius": 0.18, "chin_drop": 0.48},
        ),
        (
            0.12,
            {"cranium_width": 1.05, "nose_z": 0.5, "nose_y": -0.72, "cheek_radius": 0.52, "ear_x": 0.85},
        ),  # cheetahs
    ),
}
MEANS = {"cat": CAT, "dog": DOG, "wild": WILD}
# Spread: a share of the size, or an absolute one for places and angles.
SHARES = {name: 0.10 for name in NAMES} | {name: 0.08 for name in NAMES if name.startswith("cranium")}
SHARES |= {"nose_width": 0.12, "ear_length": 0.09, "ear_width": 0.09, "nose_y": 0.09, "eye_radius": 0.08}
SPREADS = {
    "cranium_y": 0.05,
    "cranium_z": 0.07,
    "cheek_z": 0.06,
    "eye_z": 0.03,
    "lid_tilt": 0.09,
    "lid_width": 0.04,
    "brow": 0.04,
    "muzzle_width": 0.08,
    "ear_x": 0.06,
    "ear_y": 0.06,
    "ear_z": 0.08,
    "ear_tilt": 0.18,
    "ear_yaw": 0.2,
    "ear_cup": 0.1,
    "ear_fold_at": 0.06,
    "neck_lean": 0.12,
    "mane": 0.0,
}
EAR_LENGTHS = 1.6  # how much more dogs' ears differ in length than those of one build
NOSE_Z = {"cat": 0.07, "dog": 0.30, "wild": 0.10}
LIMITS = {
    "brow": (0.0, 0.25),
    "nose_z": (0.08, 1.9),
    "ear_taper": (1.0, 4.0),
    "ear_round": (1.1, 2.6),
    "ear_cup": (0.02, 0.7),
    "ear_fold": (0.0, 2.7),
    "lid_width": (0.8, 1.05),
    "lid_height": (0.4, 0.9),
}


def draw_shape(species: str, generator: np.random.Generator) -> AnimalShape:
    """A head of a species: one of its builds, each parameter Gaussian, cut off at 2.5 sd; 5 % lie toward another one.

    Raises:
        KeyError: an unknown species.
    """
    drawn = _drawn(species, generator)
    if generator.random() < MIXED:
        other = _drawn(str(generator.choice([name for name in SPECIES if name != species])), generator)
        drawn = drawn + generator.uniform(0, 0.5) * (other - drawn)
    return shape_of(drawn)


def with_ears(shape: AnimalShape, carriage: str, generator: np.random.Generator) -> AnimalShape:
    """A dog's head with ears carried so, upright, tipped or hanging; one seed draws ears alike in all of them."""
    mean = replace(DOG, **EARS[carriage])
    drawn = {}
    for name in (name for name in NAMES if name.startswith("ear_")):
        usual = getattr(mean, name)
        size = SPREADS.get(name, abs(usual) * SHARES[name]) * (EAR_LENGTHS if name == "ear_length" else 1)
        value = usual + size * np.clip(generator.standard_normal(), -CUT, CUT)
        drawn[name] = float(np.clip(value, *LIMITS.get(name, (-np.inf, np.inf))))
    return replace(shape, **drawn)


def _drawn(species: str, generator: np.random.Generator) -> NDArray:
    """(44,) parameters."""
    mean = MEANS[species]
    chance = generator.random()
    for share, changes in BUILDS[species]:
        if chance < share:
            mean = replace(mean, **changes)
            break
        chance -= share
    vector = mean.vector()
    sizes = np.array([SPREADS.get(name, abs(getattr(mean, name)) * SHARES[name]) for name in NAMES])
    sizes[NAMES.index("nose_z")] = NOSE_Z[species]
    sizes[NAMES.index("mane")] = 0.15 if mean.mane else 0.0
    noise = generator.standard_normal((64, len(NAMES)))
    inside = np.abs(noise) <= CUT
    vector = vector + sizes * np.take_along_axis(noise, inside.argmax(axis=0)[None], axis=0)[0]
    for name, (low, high) in LIMITS.items():
        vector[NAMES.index(name)] = np.clip(vector[NAMES.index(name)], low, high)
    return vector


@dataclass(frozen=True)
class AnimalExpression:
    """What a head does. Angles in radians.

    Attributes:
        jaw: 0-0.5, how far the lower jaw is turned open.
        ear_left, ear_right: -0.4 to 0.4, ears turned outward.
        brow: -0.1 to 0.1 IOD, brows up.
        blink_left, blink_right: 0 open to 1 shut.
    """

    jaw: float = 0.0
    ear_left: float = 0.0
    ear_right: float = 0.0
    brow: float = 0.0
    blink_left: float = 0.0
    blink_right: float = 0.0

    def vector(self) -> NDArray:
        """(6,) float64 in the order of the fields."""
        return np.array([getattr(self, field.name) for field in fields(self)])


def draw_expression(generator: np.random.Generator) -> AnimalExpression:
    """Mostly a shut mouth and open eyes; ears turn together more often than apart."""
    jaw = generator.uniform(0, MOST_JAW) if generator.random() < 0.35 else 0.0
    both, apart = generator.uniform(-0.3, 0.3), generator.uniform(-0.1, 0.1)
    shut = generator.uniform(0, 1) if generator.random() < 0.15 else generator.uniform(0, 0.2)
    brow = generator.uniform(-0.1, 0.1)
    return AnimalExpression(jaw, both + apart, both - apart, brow, shut, shut)
