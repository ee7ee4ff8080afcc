"""Shapes with known distances."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.evaluation.meshes import Shape


@pytest.fixture
def sphere():
    """A function: an icosphere of a radius, as a Shape."""
    import trimesh

    def make(radius: float = 1.0, subdivisions: int = 4, centre=(0.0, 0.0, 0.0)) -> Shape:
        mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
        return Shape(np.asarray(mesh.vertices) + np.asarray(centre), np.asarray(mesh.faces), f"sphere {radius}")

    return make


@pytest.fixture
def plane():
    """A function: an n x n grid of side 1 at height z."""

    def make(z: float = 0.0, n: int = 11, bump: float = 0.0) -> Shape:
        x, y = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n))
        height = z + bump * np.sin(5 * x) * np.cos(4 * y)
        k = np.arange(n * n).reshape(n, n)
        a, b, c, d = k[:-1, :-1].ravel(), k[:-1, 1:].ravel(), k[1:, 1:].ravel(), k[1:, :-1].ravel()
        faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
        return Shape(np.stack([x, y, height], axis=-1).reshape(-1, 3), faces, "plane")

    return make


@pytest.fixture
def write_obj():
    """A function that writes a Shape as OBJ."""

    def write(path, shape: Shape):
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in shape.vertices]
        rows += [f"f {a} {b} {c}" for a, b, c in shape.faces + 1]
        path.write_text("\n".join(rows) + "\n")
        return path

    return write
