"""Ways from a photo of an animal to its head, on heads nobody trained with: python benchmarks/pets_table.py.

Heads and photographs are drawn anew; landmarks are read by the shipped networks, the outline is the true one, blurred
by a hundredth of the picture (the shipped segmenter learned on real animals and misses many drawn ones), the species is
given. Chamfer distance and overlap are taken in the head's own frame, above the neck, without any alignment; landmarks
are compared with the true ones in the photo, all twenty, hidden ones too. The ridge regression is the straight way of
the shape network, which was computed in closed form and kept. Writes benchmarks/results/pets_table.csv.
"""

from __future__ import annotations

import argparse
import copy
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.core.types import Frame, Observation, Subject
from maquette.geometry.camera import project
from maquette.morphable import load
from maquette.morphable.model import MorphableModel
from maquette.morphable.pet import PET_MODELS
from maquette.perception.pets.landmarks import read_landmarks
from maquette.perception.pets.schemes import CHIN, SCHEME, SPECIES
from maquette.perception.square import Square
from maquette.reconstruction.pet_fit.method import fitted, view_of
from maquette.reconstruction.pet_fit.shape_network import UNITS, PetShapeNetwork
from maquette.reconstruction.pet_fit.shape_reader import load_shape, read_shape
from maquette.reconstruction.pet_fit.solve import solve
from maquette.reconstruction.pet_fit.state import Prior, State, first_pose, projected
from maquette.synthesis.animals import head_field
from maquette.synthesis.animals.form import AnimalForm, draw_form
from maquette.synthesis.animals.head_shape import IOD_M
from maquette.synthesis.animals.photographs import AnimalPhoto, photograph

SEED, SIDE, VIEWS = 4711, 384, 3
BELOW_CHIN = 0.3  # eye distances below the chin where a head ends
POINTS = 8000
STEP = 0.15  # of the grid of the overlap, eye distances
LOW, HIGH = np.array([-1.8, -2.2, -2.8]), np.array([1.8, 2.2, 1.9])
RESULT = Path(__file__).parent / "results" / "pets_table.csv"


@dataclass(frozen=True, eq=False)
class Held:
    """One head with its photographs and what is read of them."""

    form: AnimalForm
    photos: list[AnimalPhoto]
    seen: list[Observation]


@dataclass(frozen=True, eq=False)
class Answer:
    """What one way makes of a photo: vertices (V, 3) metres of the species' model, landmarks (20, 2) in the photo."""

    vertices: NDArray
    landmarks: NDArray


def held_out(kinds: int, first: int = 0) -> Iterator[Held]:
    """So many heads of each species, from the one of that number on."""
    for number in range(first, first + kinds * len(SPECIES)):
        form = draw_form(SPECIES[number % len(SPECIES)], np.random.default_rng((SEED, number)))
        photos = [photograph(form, np.random.default_rng((SEED, number, k)), SIDE) for k in range(VIEWS)]
        yield Held(form, photos, [observed(photo) for photo in photos])


def observed(photo: AnimalPhoto) -> Observation:
    """The shipped reading of a drawn photograph, with its true outline and species."""
    read = read_landmarks(photo.image, Square(np.full(2, SIDE / 2), float(SIDE), 0.0))
    mask = cv2.GaussianBlur(photo.mask.astype(np.float32) / 255, (0, 0), 0.01 * SIDE)
    return Observation(
        Frame(photo.image, origin="drawn"), np.array([0.0, 0, SIDE, SIDE]), Subject.PET,
        np.column_stack([read.points, np.zeros(20)]), SCHEME, read.visible.astype(float), mask,
        full_size=(SIDE, SIDE), landmark_sigma=read.sigma.astype(float),
        species={name: float(name == photo.species) for name in SPECIES},
    )  # fmt: skip


class Scorer:
    """Distances to one drawn head, in eye distances."""

    def __init__(self, form: AnimalForm) -> None:
        self.form, self.floor = form, float(form.marks[CHIN, 1]) - BELOW_CHIN
        head = form.faces[(form.faces < form.head).all(axis=1)]
        self.truth = self._above(sampled(form.vertices, head))
        self.tree = cKDTree(sampled(form.vertices, head, 4 * POINTS))
        axes = [np.arange(low, high, STEP) for low, high in zip(LOW, HIGH)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        self.grid = grid[grid[:, 1] > self.floor]
        self.inside = head_field.distance(self.grid, form.shape, form.expression) < 0

    def _above(self, points: NDArray) -> NDArray:
        return points[points[:, 1] > self.floor]

    def chamfer(self, vertices: NDArray, faces: NDArray) -> float:
        """Mean of both ways between surfaces, above the neck."""
        there = sampled(vertices, faces, 4 * POINTS)
        back = float(cKDTree(there).query(self.truth)[0].mean())
        return (back + float(self.tree.query(self._above(there[::4]))[0].mean())) / 2

    def overlap(self, vertices: NDArray, faces: NDArray) -> float:
        """Intersection over union of the solids, above the neck."""
        inside = trimesh.Trimesh(vertices, faces, process=False).contains(self.grid)
        return float((inside & self.inside).sum() / (inside | self.inside).sum())


def sampled(vertices: NDArray, faces: NDArray, count: int = POINTS) -> NDArray:
    """(count, 3) points spread evenly over a mesh, the same on every call."""
    rng = np.random.default_rng(0)
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    u, v = np.sort(rng.random((2, count)), axis=0)
    return np.einsum(
        "kn,nkd->nd", np.stack([u, v - u, 1 - v]), corners[rng.choice(len(faces), count, p=area / area.sum())]
    )


def scored(answer: Answer, held: Held, photo: int, model: MorphableModel, scorer: Scorer) -> dict[str, float]:
    """All figures of one answer."""
    unit = IOD_M[held.form.species]
    vertices = answer.vertices / unit
    outer = model.faces[np.concatenate([model.parts[name] for name in ("skin", "eyeLeft", "eyeRight")])]
    closed = model.faces[np.concatenate([model.parts[name] for name in ("skin", "mouth")])]
    truth = held.photos[photo]
    apart = float(np.linalg.norm(truth.camera[0, :3] - truth.camera[2, :3] * SIDE / 2) / truth.camera[2, 3])
    chamfer = scorer.chamfer(vertices, outer)
    return {
        "chamfer": chamfer,
        "chamfer_mm": 1000 * unit * chamfer,
        "overlap": scorer.overlap(vertices, closed),
        "landmarks": float(np.linalg.norm(answer.landmarks - truth.landmarks, axis=1).mean() / apart),
    }


Way = Callable[[MorphableModel, Observation], Answer]


def posed(model: MorphableModel, observation: Observation, identity: NDArray, expression: NDArray) -> Answer:
    """A head of these coefficients, seen as the landmarks say."""
    view = view_of(observation)
    vertices = model.vertices(identity, expression).astype(float)
    points = model.embeddings[SCHEME].points(vertices, model.faces)
    return Answer(vertices, projected(points, first_pose(points, view, 1 / view.doubt**2), view)[0])


def mean_head(model: MorphableModel, observation: Observation) -> Answer:
    return posed(model, observation, np.zeros(1), np.zeros(len(model.expression_names)))


def ridge(model: MorphableModel, observation: Observation) -> Answer:
    return _read(straight_alone(), model, observation)


def network(model: MorphableModel, observation: Observation) -> Answer:
    return _read(trained(), model, observation)


def _read(shapes: PetShapeNetwork, model: MorphableModel, observation: Observation) -> Answer:
    """The head as a network says it is, unfitted."""
    read, row = read_shape(shapes, observation), SPECIES.index(model.name.rpartition("-")[2])
    expression = np.zeros(len(model.expression_names))
    expression[[model.expression_names.index(name) for name in UNITS]] = read.units[row]
    return posed(model, observation, read.means[row, : len(model.identity_basis)], expression)


def trained() -> PetShapeNetwork:
    """The network of `--network`."""
    return load_shape(NETWORK[0])


@cache
def straight_alone() -> PetShapeNetwork:
    """The network without what lies beside its ridge regressions."""
    alone = copy.deepcopy(trained())
    with torch.no_grad():
        alone.means.weight.zero_()
        alone.means.bias.zero_()
    return alone


def landmark_fit(model: MorphableModel, observation: Observation) -> Answer:
    view = replace(view_of(observation), outline=np.zeros((0, 2)), normals=np.zeros((0, 2)))
    points = model.embeddings[SCHEME].points(model.mean, model.faces).astype(float)
    count, poses = len(model.identity_basis), (first_pose(points, view, 1 / view.doubt**2),)
    start = State(model, np.zeros(count), np.zeros((1, len(model.expression_names))), poses, Prior.usual(count))
    made = solve(start, (view,)).state
    vertices = made.vertices(0)
    return Answer(vertices, projected(model.embeddings[SCHEME].points(vertices, model.faces), made.poses[0], view)[0])


def plain_fit(model: MorphableModel, observation: Observation) -> Answer:
    return of_several(model, [observation], None)


def full_fit(model: MorphableModel, observation: Observation) -> Answer:
    return of_several(model, [observation], trained())


def of_several(model: MorphableModel, observations: list[Observation], shapes: PetShapeNetwork | None) -> Answer:
    models = {name: load(PET_MODELS[name]) for name in SPECIES}
    made = fitted(models, observations, network=shapes)
    vertices = made.shape.vertices.astype(float)
    return Answer(
        vertices / made.scale, project(made.cameras[0], model.embeddings[SCHEME].points(vertices, model.faces))[0]
    )


NETWORK: list[Path] = []  # a file of `maquette train pet-shape`, if one is given
WAYS: dict[str, Way] = {
    "mean head": mean_head, "landmarks alone": landmark_fit, "ridge regression": ridge, "shape network": network,
    "fit": plain_fit, "fit drawn to the network": full_fit,
}  # fmt: skip


def measure(kinds: int, first: int = 0) -> list[dict]:
    """A row per head and way."""
    rows = []
    for number, held in enumerate(held_out(kinds, first)):
        model, scorer = load(PET_MODELS[held.form.species]), Scorer(held.form)
        answers, seconds = {}, {}
        for name, way in WAYS.items():
            if way in (ridge, network, full_fit) and not NETWORK:
                continue
            start = process_time()
            answers[name] = way(model, held.seen[0])
            seconds[name] = process_time() - start
        start = process_time()
        answers["fit, three photos"] = of_several(model, held.seen, None)
        seconds["fit, three photos"] = process_time() - start
        for name, answer in answers.items():
            row = {"way": name, "species": held.form.species, "head": number, "seconds": seconds[name]}
            rows.append(row | scored(answer, held, 0, model, scorer))
        print(number, {r["way"]: round(r["chamfer"], 3) for r in rows if r["head"] == number}, flush=True)
        write(rows)
    return rows


def write(rows: list[dict]) -> list[dict]:
    """The table, which is kept whole after each head."""
    table = list(summary(rows))
    with RESULT.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return table


FIGURES = ("chamfer", "chamfer_mm", "overlap", "landmarks", "seconds")


def summary(rows: list[dict]) -> Iterator[dict]:
    """The mean of each way, of all and of each species."""
    for species in ("all", *SPECIES):
        for way in dict.fromkeys(row["way"] for row in rows):
            own = [row for row in rows if row["way"] == way and species in ("all", row["species"])]
            if own:
                means = {name: round(float(np.mean([row[name] for row in own])), 4) for name in FIGURES}
                yield {"species": species, "way": way, "heads": len(own), **means}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", type=int, default=30, help="heads of each species")
    parser.add_argument("--first", type=int, default=0, help="number of the first head")
    parser.add_argument("--network", type=Path, help="a file of maquette train pet-shape, for the rows that need one")
    asked = parser.parse_args()
    NETWORK[:] = [asked.network] if asked.network else []
    for row in write(measure(asked.kinds, asked.first)):
        print(row)


if __name__ == "__main__":
    main()
