"""The network asked about an observation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from maquette.core.types import Frame, Observation, Subject
from maquette.perception.pets.schemes import SCHEME
from maquette.reconstruction.pet_volume.read import PetVRN, SolidReading, read_solid
from maquette.reconstruction.pet_volume.space import projection_of, slices
from maquette.reconstruction.vrn.network import VRNSize


def seen(shift=0.0):
    rng = np.random.default_rng(0)
    points = np.column_stack([shift + rng.uniform(40, 100, 20), rng.uniform(40, 100, 20), np.zeros(20)])
    pixels = np.zeros((160, 200, 3), np.uint8)
    pixels[:, round(shift) : round(shift) + 160] = rng.integers(0, 256, (160, 160, 3))
    return Observation(
        Frame(pixels), np.array([0.0, 0, 200, 160]), Subject.PET, points, SCHEME, np.ones(20),
        np.zeros((160, 200), np.float32), full_size=(200, 160),
    )  # fmt: skip


def test_it_sees_the_crop_around_the_landmarks_wherever_that_lies():
    torch.manual_seed(0)
    network = PetVRN(VRNSize(23, 16, 1, 1, 12), 32).eval()
    first, moved = read_solid(network, seen()), read_solid(network, seen(20.0))
    assert first.logits.shape == (12, 32, 32) and np.isfinite(first.logits).all()
    assert np.allclose(first.logits, moved.logits, atol=1e-4)
    again = read_solid(network, replace(seen(), landmarks=seen().landmarks[::-1].copy()))
    assert not np.allclose(first.logits, again.logits, atol=1e-3)  # landmarks guide


def test_samples_are_those_of_the_voxels():
    depth, side = 10, 16
    logits = np.random.default_rng(1).normal(size=(depth, side, side)).astype(np.float32)
    reading = SolidReading(logits, np.array([[0.5, 0, 2], [0, 0.5, 3]]))
    camera = np.array([[30.0, 0, 15], [0, 30, 14], [0, 0, 1]]) @ np.column_stack([np.diag([1.0, -1, -1]), [0, 0, 9.0]])
    projection = projection_of(camera)
    d, y, x = 4, 7, 9
    depths = slices(depth, side)
    wide = 1 + projection.moved(reading.matrix).slope * depths[d]
    matrix = projection.moved(reading.matrix).matrix
    point = np.linalg.solve(matrix[:, :3], [(x + 0.5) * wide, (y + 0.5) * wide, depths[d]] - matrix[:, 3])
    assert np.allclose(reading.sample(projection, point[None]), logits[d, y, x], atol=1e-4)
