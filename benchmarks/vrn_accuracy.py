"""How good the volumetric method is on people it has not seen: overlap, surface, landmarks, and several photos in one.

    python benchmarks/vrn_accuracy.py [--people 12] [--vrn-weights FILE]

Renders held-out people from three sides, finds them with the real detector, and prints means:
overlap (IoU) of the network's volume with the true solid; mean distance in mm of the true face to the head of each
method after a similarity; Chamfer distance in mm of the volume's own surface to the true face, for one photo and for
three.
Writes benchmarks/results/vrn_accuracy.csv.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree

from maquette import morphable
from maquette.core.errors import NothingFound
from maquette.core.options import FitOptions, Options, PerceptionOptions
from maquette.core.types import Frame, Observation, Reconstruction, Subject, Volume
from maquette.geometry.alignment import Similarity, similarity
from maquette.geometry.camera import project
from maquette.geometry.surfaces.extract import surface_of
from maquette.morphable.model import MorphableModel
from maquette.perception.faces.topology import IBUG68
from maquette.perception.observers import OBSERVERS
from maquette.reconstruction import methods
from maquette.reconstruction.face_fit.method import fit_landmarks, landmark_term
from maquette.reconstruction.vrn import method as vrn
from maquette.reconstruction.vrn import read, solid
from maquette.reconstruction.vrn.network import VRN
from maquette.reconstruction.vrn.read import Coarse
from maquette.reconstruction.vrn.term import FrontTerm
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import FaceSample, Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import draw_person
from maquette.weights.store import fetch

YAWS = (-40, 0, 40)
SIZE = 320  # pixels of a photograph
SEED = 777
FRONT_M, FACING = -0.03, 0.4  # the volume's flat back and side walls lie behind this plane or turn away from z
RESULT = Path(__file__).parent / "results" / "vrn_accuracy.csv"
Views = list[tuple[FaceSample, Observation]]  # of one person, one for each of YAWS


def people(count: int) -> Iterator[Views]:
    """Per person three samples with what the detector found; people it misses in a view are left out."""
    for number in range(count):
        person = draw_person((SEED, 1, number), 512, "test")
        row = []
        for yaw in YAWS:
            overrides = Overrides(yaw=np.radians(yaw), sensor=Sensor())
            sample = photograph_face(person, (SEED, 1, number, 5), SIZE, overrides=overrides)
            try:
                frame = Frame(sample.image, origin=f"person {number}, {yaw} degrees")
                faces = OBSERVERS[Subject.FACE](frame, PerceptionOptions())
            except NothingFound:
                break
            row.append((sample, max(faces, key=lambda face: float(np.prod(face.box[2:] - face.box[:2])))))
        if len(row) == len(YAWS):
            yield row
        else:
            print(f"person {number}: not found in every view, left out")


def true_solid(sample: FaceSample, observation: Observation, reading: read.FrontReading) -> np.ndarray:
    """(D, S, S) occupancy of the true face in the crop that the network saw."""
    model = morphable.load("maquette-head")
    head = sample.vertices / sample.person.identity.scale
    points = solid.head_points(model, head).astype(float)
    pixels, depth = project(sample.camera, points * sample.person.identity.scale)
    per_pixel = observation.frame.size[0] / (observation.box[2] - observation.box[0])
    pixels = (pixels - observation.box[:2]) * per_pixel
    focal = sample.camera.intrinsics[0, 0] * per_pixel
    seen = np.column_stack([pixels, (depth - depth.mean()) * focal / depth.mean()])
    placed = solid.CropProjection.of(points, seen).moved(reading.matrix)
    middles = torch.arange(reading.side) + 0.5
    return solid.occupancy(
        torch.from_numpy(solid.depth_map(head))[None],
        solid.CropProjections.of([placed]),
        solid.CropGrid(middles, middles, torch.from_numpy(solid.slices(len(reading.logits))).float()),
    )[0].numpy()


class Scorer:
    """Distances to one true face, in millimetres."""

    def __init__(self, vertices: np.ndarray) -> None:
        model = morphable.load("maquette-head")
        self.model, self.face = model, model.regions["face"] > 0.6
        mouth = np.isin(model.faces, model.part_vertices("mouth")).any(axis=1)
        self.faces = model.faces[self.face[model.faces].all(axis=1) & ~mouth]
        self.vertices = vertices.astype(float)
        self.truth = points_on(self.vertices, self.faces, 4000)
        self.dense = cKDTree(points_on(self.vertices, model.faces[model.parts["skin"]], 120000))

    def laid(self, head: np.ndarray) -> Similarity:
        """The similarity that lays a head (V, 3) onto the true one, by corresponding points of the face."""
        return similarity(head[self.face].astype(float), self.vertices[self.face])

    def head(self, head: np.ndarray) -> float:
        """Mean distance of the true face to the surface of a head (V, 3)."""
        there = points_on(self.laid(head).apply(head), self.faces, 60000)
        return 1000 * float(np.mean(cKDTree(there).query(self.truth)[0]))

    def chamfer(self, volume: Volume, laid: Similarity) -> float:
        """Mean of both ways between the true face and the front of a volume's surface, after ICP with scale.

        The walls at the solid's border and its flat back are no skin and do not count.
        """
        mesh = surface_of(volume, None).mesh
        there, normals = points_and_normals(laid.apply(mesh.vertices), mesh.faces, 60000)
        for _ in range(20):
            near = there[cKDTree(there).query(self.truth)[1]]
            there = similarity(near, self.truth).apply(there)
        to_volume = float(np.mean(cKDTree(there).query(self.truth)[0]))
        front = (normals[:, 2] > FACING) & (there[:, 2] > FRONT_M)
        return 500 * (to_volume + float(np.mean(self.dense.query(there[front])[0])))

    def landmarks(self, result: Reconstruction, observation: Observation, index: int) -> float:
        """Mean distance of the mesh's 68 landmarks to the photo's, percent of the distance of the outer eye corners."""
        points = self.model.embeddings["ibug68"].points(posed(result, index), self.model.faces)
        found = project(result.cameras[index], points.astype(float))[0]
        seen = observation.landmarks[list(IBUG68), :2]
        return 100 * np.linalg.norm(found - seen, axis=1).mean() / np.linalg.norm(seen[36] - seen[45])


def posed(result: Reconstruction, index: int) -> np.ndarray:
    """(V, 3) metres, the vertices in one photo."""
    assert result.motion is not None, "both methods give the vertices of every photo"
    return result.motion[index]


def points_on(vertices: np.ndarray, faces: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) points spread evenly over a mesh, the same on every call."""
    return points_and_normals(vertices, faces, count)[0]


def points_and_normals(vertices: np.ndarray, faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The same with the unit normals of their triangles."""
    rng = np.random.default_rng(0)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    chosen = rng.choice(len(faces), count, p=area / area.sum())
    u, v = np.sort(rng.random((2, count)), axis=0)
    points = np.einsum("kn,nkd->nd", np.stack([u, v - u, 1 - v]), corners[chosen])
    return points, normals[chosen] / area[chosen, None]


def measure(rows: Iterable[Views], options: FitOptions) -> dict[str, list[float]]:
    """All scores, name -> one value per photo or person."""
    path = Path(options.vrn_weights) if options.vrn_weights else fetch(vrn.SHIPPED)
    network, coarse = vrn.network_of(path)
    build = {
        name: methods.load(methods.find(name), fetch, Options(fit=replace(options, method=name)))
        for name in ("parametric", "vrn")
    }
    scores = defaultdict(list)
    model = morphable.load("maquette-head")
    for row in rows:
        for sample, face in row:
            scorer, view = Scorer(sample.vertices), f"{abs(round(np.degrees(sample.pose[0])))} degrees"
            average = model.vertices(np.zeros(1), sample.expression)
            scores[f"average head, {view}"].append(scorer.head(average))
            for name, reconstruct in build.items():
                result = reconstruct([face])
                scores[f"{name}, {view}"].append(scorer.head(posed(result, 0)))
                scores[f"{name}, landmarks %"].append(scorer.landmarks(result, face, 0))
            reading = vrn.read_all(fit_landmarks(model, landmark_term(fetch), [face], options), network, coarse)[0]
            inside, true = reading.logits > 0, true_solid(sample, face, reading) > 0.5
            scores[f"IoU, {view}"].append((inside & true).sum() / (inside | true).sum())
            scores["Chamfer, one photo"].append(_volume(model, network, coarse, [face], options, scorer))
        middle = Scorer(row[1][0].vertices)
        faces = [face for _, face in row]
        scores["Chamfer, three photos"].append(_volume(model, network, coarse, faces, options, middle))
        for name, reconstruct in build.items():
            scores[f"{name}, three photos"].append(middle.head(posed(reconstruct(faces), 1)))
        print(f"{len(scores['Chamfer, three photos'])} people", end="\r", flush=True)
    return scores


def _volume(
    model: MorphableModel,
    network: VRN,
    coarse: Coarse,
    faces: list[Observation],
    options: FitOptions,
    scorer: Scorer,
) -> float:
    fit = fit_landmarks(model, landmark_term(fetch), faces, options)
    term = FrontTerm.of(model, fit.term, vrn.read_all(fit, network, coarse), vrn.MODES)
    fit = fit.refined(term, vrn.ROUNDS)
    return scorer.chamfer(vrn.fuse(fit, term)[0], scorer.laid(fit.posed()[len(faces) // 2]))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--vrn-weights")
    given = parser.parse_args()
    scores = measure(people(given.people), FitOptions(vrn_weights=given.vrn_weights))
    RESULT.parent.mkdir(exist_ok=True)
    with RESULT.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["what", "mean", "standard_error", "count"])
        for name in sorted(scores):
            values = np.array(scores[name])
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
            writer.writerow([name, f"{values.mean():.4f}", f"{error:.4f}", len(values)])
            print(f"{name:<32} {values.mean():8.3f} +- {error:.3f}  ({len(values)})")


if __name__ == "__main__":
    main()
