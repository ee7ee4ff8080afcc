"""Whole animals against the truth: python benchmarks/pet_bodies.py [--count 12] [-o DIR]

The body itself in stances, builds and views drawn by a seed, cut out as a photo would show it: a mask with a wavering
edge, and the face's landmarks with noise. For each: how far the outlines overlap, which stance was found, how far the
trunk's direction is off, and how far the joints are, of the trunk's length. It says how far an outline determines an
animal; real ones differ from the model besides. Writes pet_bodies.csv.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Frame, Observation, Subject
from maquette.morphable.animals import stance
from maquette.morphable.animals.body import PET_BODY, AnimalBody, load_animal_body
from maquette.reconstruction.pet_fit.outline import silhouette
from maquette.reconstruction.pet_fit.whole.edges import outline_of
from maquette.reconstruction.pet_fit.whole.solve import BodyFit
from maquette.reconstruction.pet_fit.whole.starts import best_fit, seen_from, view_rotation
from maquette.reconstruction.pet_fit.whole.state import Poser, Stand
from maquette.weights import store

SIDE, FOCAL, AWAY = 320, 512.0, 2.6  # of the photo, pixels and metres
BUILD, TURNS = 0.8, 0.6  # of a standard deviation: how unlike the average the drawn animals are
WAVER, NOISE = 2.0, 1.5  # pixels: of the mask's edge, and of the landmarks
JOINTS = (
    "pelvis", "C_7", "skull", "upper_arm_L", "upper_arm_R", "hand_L", "hand_R", "lower_leg_L", "lower_leg_R", "toe_L",
    "toe_R",
)  # fmt: skip


def drawn(body: AnimalBody, number: int, rng: np.random.Generator) -> tuple[Stand, Observation]:
    """A stand and what a photo would show of it; every third has no face that was read."""
    name = list(stance.STANCES)[number % 3]
    low, high = stance.limits()
    angles = stance.angles(name) + TURNS * stance.spreads() * rng.standard_normal(len(low))
    identity = BUILD * rng.standard_normal(len(body.modes))
    rotation = view_rotation(np.radians(rng.uniform(-110, 110)), 0.12 + 0.08 * rng.standard_normal())
    stand = Stand(identity, np.clip(angles, low, high), rotation, np.zeros(3), name)
    posed = Poser(body).of(stand, np.arange(len(body.model.mean)))
    middle = (posed.min(axis=0) + posed.max(axis=0)) / 2
    stand = Stand(identity, stand.angles, rotation, np.array([0, 0, AWAY]) - rotation @ middle, name)
    camera = posed @ rotation.T + stand.translation
    pixels = FOCAL * camera[:, :2] / camera[:, 2:] + SIDE / 2
    mask = silhouette(pixels, body.model.faces, (SIDE, SIDE)).astype(np.float32)
    field = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)).astype(np.float32), (0, 0), 5)
    away = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 5) - cv2.distanceTransform(
        (mask == 0).astype(np.uint8), cv2.DIST_L2, 5
    )
    mask = (away + WAVER * field / field.std() > 0).astype(np.float32)
    marks = pixels[body.rig.keypoints["pet20"][0][:, 0]] + NOISE * rng.standard_normal((20, 2))
    facing = abs(np.degrees(seen_from(stand))) < 75 and number % 4 != 3
    shown = Observation(
        frame=Frame(np.full((SIDE, SIDE, 3), 128, np.uint8), None, f"drawn-{number}", None),
        box=np.array([0.0, 0, SIDE, SIDE]),
        subject=Subject.PET,
        landmarks=np.column_stack([marks, np.zeros(20)]),
        landmark_scheme="pet20",
        landmark_confidence=np.full(20, float(facing)),
        mask=mask,
        confidence=1.0,
        full_size=(SIDE, SIDE),
        landmark_sigma=np.full(20, 2 * NOISE),
        species={"cat": 0.05, "dog": 0.9, "wild": 0.05},
    )
    return stand, shown


def joints_seen(body: AnimalBody, stand: Stand) -> NDArray:
    """(n, 3) metres, camera axes, of a whole as deep as it is."""
    rest, joints = body.model.vertices(stand.identity, np.zeros(0)), body.rig.joints(stand.identity)
    posed = body.rig.pose(rest, joints, body.rotations(stand.angles), np.zeros(3))[1]
    return posed[[body.rig.bones.index(name) for name in JOINTS]] @ stand.rotation.T + stand.translation


def row_of(body: AnimalBody, number: int, seed: int) -> dict[str, object]:
    """Numbers of one animal."""
    truth, shown = drawn(body, number, np.random.default_rng([seed, number]))
    made = best_fit(BodyFit(body, outline_of(shown, ()), body.rig.sliders["dog"].astype(float)))
    known, found = joints_seen(body, truth), joints_seen(body, made.stand)
    found = found * known[:, 2].mean() / found[:, 2].mean()
    trunk = np.linalg.norm(known[0] - known[1])
    errors = np.linalg.norm((found - found.mean(axis=0)) - (known - known.mean(axis=0)), axis=1) / trunk
    turned = np.degrees(seen_from(made.stand) - seen_from(truth))
    return {
        "animal": number,
        "stance": truth.stance,
        "found": made.stand.stance,
        "face": int(shown.landmark_confidence.any()),
        "turned": round(float(np.degrees(seen_from(truth))), 1),
        "turned_off": round(float(abs((turned + 180) % 360 - 180)), 1),
        "overlap": round(made.overlap, 4),
        "joints": round(float(errors.mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=12, help="animals")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    body = load_animal_body(store.fetch(PET_BODY))
    rows = []
    for number in range(options.count):
        rows.append(row_of(body, number, options.seed))
        print(rows[-1], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "pet_bodies.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for face in (1, 0):
        mine = [row for row in rows if row["face"] == face]
        if mine:
            medians = {key: float(np.median([row[key] for row in mine])) for key in ("overlap", "turned_off", "joints")}
            right = sum(row["stance"] == row["found"] for row in mine)
            print(f"face {'read' if face else 'unread'}: {len(mine)} animals, stance right {right}, medians {medians}")


if __name__ == "__main__":
    main()
