"""What each term of the body's fit is worth, on dressed people nobody has seen, found by the real detector.

    python benchmarks/body_fit.py [--people 16]

Prints, per variant, the mean distance in cm of the 12 large joints in space after the best move and scale (no turn,
for the camera is known), the same in depth alone, and the overlap of the outline with the dressed person's true mask.
Writes benchmarks/results/body_fit.csv.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from maquette.core.errors import NothingFound
from maquette.core.options import Options
from maquette.core.types import Frame, Observation
from maquette.evaluation.silhouettes import silhouette_iou
from maquette.perception.people.observe import observe_people
from maquette.perception.people.schemes import JOINTS
from maquette.reconstruction.body_fit import fit, method, solve
from maquette.reconstruction.body_fit.place import silhouette
from maquette.reconstruction.body_fit.skeleton import load_skeleton
from maquette.synthesis.scenes.person_sample import PersonSample, photograph_person

SIZE = 448  # pixels of a photograph
SEED = 909
RESULT = Path(__file__).parent / "results" / "body_fit.csv"
# name: constants of a module that are set for it
Constants = Mapping[tuple[ModuleType, str], float]
VARIANTS: dict[str, Constants] = {
    "all terms (default)": {},
    "without the outline": {(fit, "OUTLINE_STEPS"): 1},
    "without limb directions": {(solve, "LIMB_SPREAD"): 1e3},
    "without balance": {(solve, "BALANCE_M"): 1e3},
    "without the pose prior": {(solve, "PRIOR"): 0.0},
    "without shape (average body)": {(solve, "SHAPE"): 1e4},
    "closed-form start alone": {(fit, "OUTLINE_STEPS"): 1, (fit, "POSE_STEPS"): 1},
}


@contextmanager
def changed(constants: Constants) -> Iterator[None]:
    """Module constants with other values."""
    kept = {(module, name): getattr(module, name) for module, name in constants}
    try:
        for (module, name), value in constants.items():
            setattr(module, name, value)
        yield
    finally:
        for (module, name), value in kept.items():
            setattr(module, name, value)


def scores(seen: Observation, photograph: PersonSample) -> tuple[float, float, float]:
    """Joint error, its depth alone (both cm), overlap of outlines."""
    placement = method.fitted([seen], load_skeleton(), Options())
    model, camera = load_skeleton().model, placement.camera(0, seen)
    assert model.rig is not None, "the body has a rig"
    vertices = placement.vertices(0)
    found = model.rig.keypoints_of("mediapipe33", vertices)[JOINTS] @ camera.world_to_camera[:3, :3].T
    true = photograph.scene.keypoints["mediapipe33"][JOINTS] @ photograph.camera.world_to_camera[:3, :3].T
    found, true = found - found.mean(axis=0), true - true.mean(axis=0)
    found = found * (found * true).sum() / (found * found).sum()
    off = found - true
    drawn = silhouette(vertices, model.faces, camera)
    x0, y0, x1, y1 = seen.box.astype(int)
    mask = (photograph.kind > 0)[y0:y1, x0:x1]
    overlap = silhouette_iou(drawn, mask) if drawn.shape == mask.shape else float("nan")
    return 100 * np.linalg.norm(off, axis=1).mean(), 100 * np.abs(off[:, 2]).mean(), overlap


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=16)
    given = parser.parse_args()
    rows: dict[str, list] = {name: [] for name in VARIANTS}
    for number in range(given.people):
        photograph = photograph_person((SEED, 1, number), SIZE, supersample=2)
        try:
            seen = max(observe_people(Frame(photograph.image, origin=f"person {number}")), key=lambda o: o.mask.sum())
        except NothingFound as error:
            print(error)
            continue
        for name, constants in VARIANTS.items():
            with changed(constants):
                rows[name].append(scores(seen, photograph))
        print(number, *(f"{row[-1][0]:.1f}/{row[-1][2]:.3f}" for row in rows.values()), flush=True)
    if not any(rows.values()):
        raise SystemExit("nobody was found in the photographs: ask for more with --people")
    RESULT.parent.mkdir(exist_ok=True)
    with RESULT.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["variant", "people", "joints cm", "joints s.e. cm", "depth cm", "outline IoU"])
        for name, found in rows.items():
            table = np.array(found)
            mean, spread = np.nanmean(table, axis=0), table[:, 0].std() / np.sqrt(len(table))
            print(f"{name:32} joints {mean[0]:.2f} +- {spread:.2f} cm, depth {mean[1]:.2f}, outline {mean[2]:.3f}")
            out.writerow([name, len(table), *(f"{v:.3f}" for v in (mean[0], spread, mean[1], mean[2]))])


if __name__ == "__main__":
    main()
