"""Photograph people who do not exist for calibration: python tools/photograph_heads.py FOLDER [--count 800] [--seed 0]

Writes FOLDER/<k>.jpg and FOLDER/truth.npz: identity, expression, size, cameras. Nothing of it is shipped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import FaceSample, Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import draw_person

SIZE = 384  # pixels
CLEAR = Sensor(defocus=0.3, jpeg=93)
MOST_YAW = 1.1  # radians: beyond, the detector sees nothing


def photograph(seed: int, k: int) -> FaceSample:
    """One person, photographed well; every other one from nearly in front."""
    rng = np.random.default_rng([seed, k])
    yaw = float(np.clip(rng.normal() * 0.3 if k % 2 else rng.uniform(-MOST_YAW, MOST_YAW), -MOST_YAW, MOST_YAW))
    person = draw_person((seed, k, 1), split="train")
    return photograph_face(person, (seed, k, 2), SIZE, overrides=Overrides(yaw=yaw, sensor=CLEAR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for k in range(options.count):
        taken = photograph(options.seed, k)
        cv2.imwrite(str(options.folder / f"{k}.jpg"), taken.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 93])
        who = taken.person.identity
        camera = taken.camera
        rows.append(
            (who.coefficients, taken.expression, who.scale, camera.intrinsics, camera.world_to_camera, taken.pose[0])
        )
        if k % 20 == 19 or k == options.count - 1:
            names = ("identity", "expression", "scale", "intrinsics", "world_to_camera", "yaw")
            np.savez(options.folder / "truth.npz", **{n: np.array(v) for n, v in zip(names, zip(*rows))})
            print(k + 1, flush=True)


if __name__ == "__main__":
    main()
