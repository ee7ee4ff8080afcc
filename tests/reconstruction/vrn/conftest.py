"""A head before two cameras, with the readings that a perfect network would give."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from maquette.morphable import load
from maquette.reconstruction.face_fit.method import MODES, landmark_term
from maquette.reconstruction.face_fit.state import FaceView
from maquette.reconstruction.vrn import read, solid
from maquette.weights.store import fetch

SIDE, DEPTH = 64, 68


@dataclass(frozen=True, eq=False)
class Scene:
    """One head, views of it, and what is read in each."""

    identity: np.ndarray
    vertices: np.ndarray
    views: tuple[FaceView, ...]
    readings: tuple[read.FrontReading, ...]


def seen_perfectly(model, vertices: np.ndarray, view: FaceView) -> read.FrontReading:
    """The solid of a head in a crop of 64 pixels."""
    nothing = np.full((SIDE, SIDE), np.nan, np.float32)
    matrix = np.array([[0.5, 0, 1.0], [0, 0.5, 2.0], [0, 0, 1]])
    empty = read.FrontReading(np.zeros((DEPTH, SIDE, SIDE), np.float32), nothing, matrix, np.ones((SIDE, SIDE), bool))
    placed = empty.projection(view, solid.head_points(model, vertices))
    pixels = torch.arange(SIDE) + 0.5
    inside = solid.occupancy(
        torch.from_numpy(solid.depth_map(vertices))[None],
        solid.CropProjections.of([placed]),
        solid.CropGrid(pixels, pixels, torch.from_numpy(solid.slices(DEPTH)).float()),
    )[0].numpy()
    p = np.clip(inside, 1e-3, 1 - 1e-3)
    logits = np.log(p / (1 - p)).astype(np.float32)
    return read.FrontReading(logits, read.front_of(logits), matrix, empty.matte)


@pytest.fixture(scope="session")
def scene() -> Scene:
    model = load("maquette-head")
    identity = np.zeros(MODES)
    identity[:6] = [1.0, -0.8, 0.6, 0.9, -0.7, 0.5]
    vertices = model.vertices(identity, np.zeros(52))
    views = []
    for yaw in (-0.5, 0.3):
        turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        rotation = np.diag([1.0, -1, -1]) @ turn
        views.append(FaceView(rotation, np.array([0.0, -0.01, 0.9]), 420.0, np.array([62.0, 56.0]), np.zeros(52)))
    readings = tuple(seen_perfectly(model, vertices, view) for view in views)
    return Scene(identity, vertices, tuple(views), readings)


@pytest.fixture(scope="session")
def marks():
    return landmark_term(fetch)
