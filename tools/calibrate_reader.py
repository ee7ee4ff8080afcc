"""Learn how the face network's landmark errors move together: python tools/calibrate_reader.py DATA

DATA is the folder of shards that the network was trained from (`maquette synth --shards`); its held-out part `test` is
read, as the network sees it in training: shifted, turned, dark, blurred. Writes perception/data/face-regressor-noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from refresh_zoo import main as refresh
from safetensors.numpy import save_file

from maquette.perception.faces.regressor.network import normalise
from maquette.perception.faces.regressor.reader import load_regressor
from maquette.training.recipes.face import FaceCrops
from maquette.weights.store import PACKAGE

FACTORS = 24
ROUNDS = 3  # each example is photographed this often
FILE = PACKAGE / "perception" / "data" / "face-regressor-noise.safetensors"


def errors(folder: Path) -> np.ndarray:
    """(N, 956) errors of x and y over their own standard deviations, on people nobody trained with."""
    network, held = load_regressor(), FaceCrops(folder, 64, 7, "test")
    rows = []
    for number in range(ROUNDS * (len(held) // 64)):
        batch = held.batch(number)
        with torch.inference_mode():
            found = network(normalise(torch.from_numpy(batch["crops"]).float()))
        apart = found.landmarks.numpy()[..., :2] - batch["landmarks"][..., :2]
        white = apart / np.exp(found.log_sigma.numpy())[..., None]
        rows.append(white[batch["present"] > 0].reshape(-1, 956))
    return np.concatenate(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    white = errors(parser.parse_args().data)
    # A few crops that nothing can be read from would else make the covariance.
    size = np.sqrt((white**2).mean(axis=1))
    white = white[size < np.quantile(size, 0.97)]
    _, values, modes = np.linalg.svd(white - white.mean(axis=0), full_matrices=False)
    factor = (values[:FACTORS, None] * modes[:FACTORS] / np.sqrt(len(white))).reshape(FACTORS, 478, 2)
    left = np.maximum(white.var(axis=0).reshape(478, 2) - (factor**2).sum(axis=0), 0.05**2)
    print(f"{len(white)} examples; root mean square of error over sigma {np.sqrt((white**2).mean()):.2f}")
    print(f"{FACTORS} factors hold {100 * (factor**2).sum() / white.var(axis=0).sum():.0f} % of the variance")
    tensors = {"factor": factor.astype(np.float16), "spread": np.sqrt(left).astype(np.float16)}
    save_file(tensors, FILE)
    refresh()


if __name__ == "__main__":
    main()
