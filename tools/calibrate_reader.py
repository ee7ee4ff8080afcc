"""Learn the face network's mean error and how its errors move together: python tools/calibrate_reader.py DATA

DATA is a folder of shards (`maquette synth --shards`, splits train and test) of people whom the network was not trained
with; read without added blur, dark and cover. Writes perception/data/face-regressor-noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from refresh_zoo import main as refresh
from safetensors.numpy import save_file

from maquette.morphable import load
from maquette.perception.faces.regressor.network import normalise
from maquette.perception.faces.regressor.reader import load_regressor
from maquette.reconstruction.face_fit.terms.landmarks import bias_terms
from maquette.training.recipes.face import FaceCrops
from maquette.weights.store import PACKAGE

FACTORS = 24
FILE = PACKAGE / "perception" / "data" / "face-regressor-noise.safetensors"


def readings(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N, 478, 2) errors over the face's extent, (N, 478) their standard deviations, (N,) sine of the yaw.

    Each face also in a mirror, so that left and right agree.
    """
    network, twin = load_regressor(), load("maquette-head").landmark_mirror
    errors, sigmas, sines = [], [], []
    for split in ("train", "test"):
        held = FaceCrops(folder, 64, 7, split, augment=False)
        for number in range(len(held) // 64):
            yaw = held.shards.batch(number)["pose"][:, 0]
            batch = held.batch(number)
            with torch.inference_mode():
                found = network(normalise(torch.from_numpy(batch["crops"]).float()))
            points = found.landmarks.numpy()[..., :2]
            extent = np.ptp(points, axis=1).max(axis=1)
            apart = (points - batch["landmarks"][..., :2]) / extent[:, None, None]
            errors += [apart, apart[:, twin] * [-1, 1]]
            sigma = np.exp(found.log_sigma.numpy()) / extent[:, None]
            sigmas += [sigma, sigma[:, twin]]
            sines += [np.sin(yaw), -np.sin(yaw)]
    return np.concatenate(errors), np.concatenate(sigmas), np.concatenate(sines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    apart, sigma, sine = readings(parser.parse_args().data)
    # A few crops that nothing can be read from would else make the mean and the covariance.
    size = np.sqrt((apart**2).mean(axis=(1, 2)))
    keep = size < np.quantile(size, 0.97)
    apart, sigma, sine = apart[keep], sigma[keep], sine[keep]
    terms = bias_terms(sine, 0.0)[:4].T
    bias = np.linalg.lstsq(terms, apart.reshape(len(apart), -1), rcond=None)[0]
    rest = apart - (terms @ bias).reshape(apart.shape)
    white = (rest / sigma[..., None]).reshape(len(rest), -1)
    _, values, modes = np.linalg.svd(white, full_matrices=False)
    factor = (values[:FACTORS, None] * modes[:FACTORS] / np.sqrt(len(white))).reshape(FACTORS, 478, 2)
    left = np.maximum((white**2).mean(axis=0).reshape(478, 2) - (factor**2).sum(axis=0), 0.05**2)
    before, after = (100 * np.sqrt((e**2).mean()) for e in (apart, rest))
    print(f"{len(white)} examples; error {before:.2f} % of the face, {after:.2f} % without its mean")
    print(f"{FACTORS} factors hold {100 * (factor**2).sum() / (white**2).mean(axis=0).sum():.0f} % of the variance")
    tensors = {"factor": factor, "spread": np.sqrt(left), "bias": bias.reshape(4, 478, 2)}
    save_file({name: np.ascontiguousarray(value, np.float16) for name, value in tensors.items()}, FILE)
    refresh()


if __name__ == "__main__":
    main()
