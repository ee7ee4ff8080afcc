"""What the expression scores say of the model's units: python tools/calibrate_expression.py [--count 900]

People who do not exist are photographed with a known expression, found by the real detector, and scored. Per unit, a
line from the score to the weight and the standard deviation around it are written as `noise.scores` of the head; units
of which the score knows next to nothing get an infinite one.
"""

from __future__ import annotations

import argparse

import numpy as np
import refresh_zoo
from safetensors import safe_open
from safetensors.numpy import save_file

from maquette.core.errors import NothingFound
from maquette.core.types import Frame
from maquette.morphable import load
from maquette.perception.faces.observe import observe
from maquette.reconstruction.face_fit.terms.scores import places
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import draw_person
from maquette.weights.store import zoo

SIZE = 384  # pixels
CLEAR = Sensor(defocus=0.3, jpeg=93)
MOST_YAW = 0.8  # radians
LEAST = 0.08  # share of a unit's variance that its score must explain to be heard


def photographs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, E) true weights and (N, 52) scores."""
    truth, scores = [], []
    for k in range(count):
        yaw = float(np.clip(np.random.default_rng([5, k]).normal() * 0.35, -MOST_YAW, MOST_YAW))
        person = draw_person((5, k, 1), split="train")
        taken = photograph_face(person, (5, k, 2), SIZE, overrides=Overrides(yaw=yaw, sensor=CLEAR))
        try:
            seen = max(observe(Frame(taken.image)), key=lambda one: one.confidence)
        except NothingFound:
            continue
        if seen.expression_scores is not None:
            truth.append(taken.expression)
            scores.append(seen.expression_scores)
    return np.array(truth), np.array(scores)


def lines(names: tuple[str, ...], truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(E, 3) slope, offset and standard deviation per unit; left and right units share theirs."""
    index = places(names)
    out = np.column_stack([np.zeros((len(names), 2)), np.full(len(names), np.inf)])
    for unit, name in enumerate(names):
        twin = names.index(mirrored(name))
        if index[unit] < 0:
            continue
        score = np.concatenate([scores[:, index[unit]], scores[:, index[twin]]])
        weight = np.concatenate([truth[:, unit], truth[:, twin]])
        slope, offset = np.polyfit(score, weight, 1)
        rest = weight - slope * score - offset
        explained = 1 - rest.var() / max(weight.var(), 1e-9)
        print(f"{name:<22} explained {explained:5.2f}, slope {slope:5.2f}, deviation {rest.std():.3f}")
        if explained > LEAST and slope > 0:
            out[unit] = slope, offset, rest.std()
    return out


def mirrored(name: str) -> str:
    """The unit of the other side."""
    return name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=900)
    options = parser.parse_args()
    model = load("maquette-head")
    learned = lines(tuple(model.expression_names), *photographs(options.count))
    file = zoo()["maquette-head"].file
    with safe_open(file, framework="numpy") as opened:
        tensors, metadata = {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata()
    tensors["noise.scores"] = learned.astype(np.float32)
    save_file(tensors, file, metadata)
    refresh_zoo.main()


if __name__ == "__main__":
    main()
