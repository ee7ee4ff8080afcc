"""A head to photograph: its surface with shoulders under it, its landmarks and what its paint must know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maquette.synthesis.animals import head_field
from maquette.synthesis.animals.head_landmarks import landmarks
from maquette.synthesis.animals.head_shape import AnimalExpression, AnimalShape, draw_expression, draw_shape

RESOLUTION = 60  # points to a side at which the surface is marched
AROUND, ALONG = 28, 16  # vertices of the body


@dataclass(frozen=True, eq=False)
class AnimalForm:
    """A head with its body.

    Attributes:
        vertices: (V, 3) float32, eye distances; origin between the eyes, y up, z to the front. faces: (F, 3) int64.
        marks: (20, 3) float32 landmarks L20.
        head: how many of the vertices, the first, are the head's; the rest is the body.
        shape, expression: what it was made of.
        species: cat, dog or wild.
    """

    vertices: NDArray
    faces: NDArray
    marks: NDArray
    head: int
    shape: AnimalShape
    expression: AnimalExpression
    species: str

    @property
    def blink(self) -> tuple[float, float]:
        """Right and left eye, 0 open to 1 shut."""
        return self.expression.blink_right, self.expression.blink_left


def draw_form(species: str, rng: np.random.Generator) -> AnimalForm:
    """A head of a species, with some expression, mostly on a body."""
    shape, expression = draw_shape(species, rng), draw_expression(rng)
    head = head_field.surface(shape, expression, RESOLUTION, newton=1)
    vertices, faces = head.vertices.astype(np.float32), head.faces.astype(np.int64)
    if rng.random() < 0.85:
        body, sides = _body(shape.neck_radius, rng)
        vertices, faces = np.concatenate([vertices, body]), np.concatenate([faces, sides + len(vertices)])
    marks = landmarks(shape, expression).astype(np.float32)
    return AnimalForm(vertices, faces, marks, len(head.vertices), shape, expression, species)


def _body(neck: float, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """An ellipsoid under and behind the neck: vertices (V, 3) and faces (F, 3)."""
    radii = neck * np.array([rng.uniform(1.2, 2.0), rng.uniform(1.6, 4.0), rng.uniform(1.2, 2.4)])
    centre = np.array([rng.normal() * 0.4, -1.5 - 0.8 * radii[1], -0.9 - rng.uniform(0.3, 0.7) * radii[2]])
    around, along = np.meshgrid(np.arange(AROUND) * 2 * np.pi / AROUND, np.linspace(0, np.pi, ALONG))
    ball = np.stack([np.cos(around) * np.sin(along), np.cos(along), np.sin(around) * np.sin(along)], axis=2)
    first = (np.arange(ALONG - 1)[:, None] * AROUND + np.arange(AROUND)).ravel()
    beside = (np.arange(ALONG - 1)[:, None] * AROUND + (np.arange(AROUND) + 1) % AROUND).ravel()
    faces = np.concatenate(
        [np.stack([first, beside, first + AROUND], 1), np.stack([beside, beside + AROUND, first + AROUND], 1)]
    )
    return (ball.reshape(-1, 3) * radii + centre).astype(np.float32), faces
