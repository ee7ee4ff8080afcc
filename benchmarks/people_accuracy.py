"""How near people come to the truth: the fitted body and the pixel-aligned surface, on people nobody has seen.

    python benchmarks/people_accuracy.py [--people 12] [--pifuhd-weights FILE]

Photographs held-out people of the synthesis, whole and dressed, finds them with the real detector, and lays each result
into the camera that took the picture: sideways as it is seen, in depth with its middle on the truth's. Prints overlap,
distances in cm and normals against the dressed truth, the overlap of the outlines with the true mask, and the seconds
from photo to mesh. Writes benchmarks/results/people_accuracy.csv.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from time import perf_counter

import numpy as np

from maquette.core.errors import NothingFound
from maquette.core.options import Options, options_from
from maquette.core.types import Camera, Frame, Mesh, Observation, Subject
from maquette.evaluation.benchmarks.person import compare_persons
from maquette.evaluation.meshes import Shape
from maquette.evaluation.silhouettes import silhouette_iou
from maquette.geometry.camera import project
from maquette.perception.people.observe import observe_people
from maquette.reconstruction import methods
from maquette.reconstruction.body_fit.place import silhouette
from maquette.reconstruction.body_fit.target import full_frame
from maquette.synthesis.scenes.person_sample import PersonSample, photograph_person
from maquette.texturing.cleaning import clean_surface
from maquette.weights.store import fetch

SIZE = 512  # pixels of a photograph
SEED = 4242
METHODS = ("parametric", "pifuhd")
RESULT = Path(__file__).parent / "results" / "people_accuracy.csv"


def in_true_world(mesh: Mesh, camera: Camera, observation: Observation, photograph: PersonSample) -> np.ndarray:
    """(V, 3) metres, the truth's world: the result where the picture shows it, as deep as the truth on average."""
    truth = photograph.camera
    corner, step = full_frame(observation)
    pixels, depth = project(camera, mesh.vertices.astype(float))
    pixels = corner + step * pixels
    scale = truth.intrinsics[0, 0]
    flat = (pixels - truth.intrinsics[:2, 2]) / scale
    along = depth * step * camera.intrinsics[0, 0] / scale
    _, true_depth = project(truth, photograph.scene.vertices.astype(float))
    along = along - (along.min() + along.max()) / 2 + (true_depth.min() + true_depth.max()) / 2
    pose = truth.world_to_camera
    return (np.column_stack([flat, along]) - pose[:3, 3]) @ pose[:3, :3]


def outline(vertices: np.ndarray, faces: np.ndarray, camera: Camera, photograph: PersonSample) -> float:
    """Overlap of a result's outline with the true mask."""
    return silhouette_iou(silhouette(vertices, faces, camera), photograph.kind > 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--pifuhd-weights")
    parser.add_argument("--resolution", type=int, default=256)
    given = parser.parse_args()
    options: Options = options_from(pifuhd_weights=given.pifuhd_weights, resolution=given.resolution)
    tools = {name: methods.load(methods.find(name, Subject.PERSON), fetch, options) for name in METHODS}
    shapes: dict[str, list[Shape | None]] = {name: [] for name in METHODS}
    overlaps: dict[str, list[float]] = {name: [] for name in METHODS}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    truths = []
    for number in range(given.people):
        photograph = photograph_person((SEED, 1, number), SIZE, supersample=2)
        try:
            start = perf_counter()
            seen = max(observe_people(Frame(photograph.image, origin=f"person {number}")), key=lambda o: o.mask.sum())
            looked = perf_counter() - start
        except NothingFound as error:
            print(error)
            continue
        truths.append(Shape(photograph.scene.vertices, photograph.scene.faces, f"person {number}"))
        for name, reconstruct in tools.items():
            start = perf_counter()
            found = reconstruct([seen])
            mesh = found.shape
            if name == "pifuhd":
                mesh = clean_surface(mesh).mesh
            seconds[name].append(looked + perf_counter() - start)
            vertices = in_true_world(mesh, found.cameras[0], seen, photograph)
            shapes[name].append(Shape(vertices, mesh.faces, f"person {number}, {name}"))
            overlaps[name].append(outline(vertices, mesh.faces, photograph.camera, photograph))
        print(number, *(f"{name} outline {overlaps[name][-1]:.3f} {seconds[name][-1]:.1f} s" for name in METHODS))
    table = compare_persons(shapes, truths)
    print(table.to_markdown())
    for name in METHODS:
        print(f"{name}: outline {np.mean(overlaps[name]):.3f}, {np.mean(seconds[name]):.1f} s from photo to mesh")
    RESULT.parent.mkdir(exist_ok=True)
    with RESULT.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([*table.columns, "outline IoU", "seconds"])
        for row in table.rows:
            rows.writerow([*row, f"{np.mean(overlaps[row[0]]):.4f}", f"{np.mean(seconds[row[0]]):.1f}"])


if __name__ == "__main__":
    main()
