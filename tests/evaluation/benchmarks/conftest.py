"""Fixtures of the protocols that compare heads with scans."""

from __future__ import annotations

import numpy as np
import pytest

from maquette import morphable
from maquette.evaluation.meshes import Shape


@pytest.fixture(scope="module")
def head():
    """The front of the average head, mm, and its 68 points."""
    model = morphable.load("maquette-head")
    vertices = 1000.0 * model.mean.astype(float)
    faces = model.faces[model.parts["skin"]]
    faces = faces[vertices[faces][:, :, 2].min(axis=1) > 0]
    used, index = np.unique(faces, return_inverse=True)
    shape = Shape(vertices[used], index.reshape(-1, 3))
    return shape, model.embeddings["ibug68"].points(vertices, model.faces)
