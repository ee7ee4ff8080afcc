"""Photograph sampled heads for calibration: python tools/photograph_heads.py FOLDER [--count 1600] [--seed 0]

Writes FOLDER/<k>.jpg and FOLDER/truth.npz: identity, expression, cameras. Nothing of it is shipped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from head.photograph import Studio, paint, random_expression

import maquette.morphable
from maquette.synthesis.rendering.viewpoint import look_at

SIZE = 512  # pixels
AIM_M = np.array([0.0, -0.02, -0.03])  # middle of the face behind the origin between the eyes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    model = maquette.morphable.load("maquette-head")
    studio = Studio(model, SIZE)
    rows = []
    for k in range(options.count):
        rng = np.random.default_rng([options.seed, k])
        identity = rng.normal(size=len(model.identity_basis))
        expression = random_expression(model.expression_names, rng)
        yaw = rng.normal() * 0.30 if k % 2 else rng.uniform(-1.35, 1.35)
        pitch, roll, distance = rng.normal() * 0.18, rng.normal() * 0.12, np.exp(rng.uniform(np.log(0.22), np.log(3)))
        camera = look_at(yaw, pitch, roll, distance, (SIZE, SIZE), rng.uniform(0.4, 0.62), AIM_M)
        photo = studio.shoot(model.vertices(identity, expression), paint(model, rng), camera, rng)
        cv2.imwrite(str(options.folder / f"{k}.jpg"), photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 93])
        rows.append((identity, expression, camera.intrinsics, camera.world_to_camera, yaw))
    names = ("identity", "expression", "intrinsics", "world_to_camera", "yaw")
    np.savez(options.folder / "truth.npz", **{n: np.array(v) for n, v in zip(names, zip(*rows))})


if __name__ == "__main__":
    main()
