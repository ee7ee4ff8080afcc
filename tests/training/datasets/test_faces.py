"""Crops to train on: upright, whole, and their labels right."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from maquette.core.options import SynthesisOptions
from maquette.perception.affine import apply
from maquette.perception.faces.regressor import align
from maquette.perception.faces.regressor.network import SIDE
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import draw_person
from maquette.training.datasets import faces
from maquette.weights.tensors import opened

SIZE = 128


@pytest.fixture(scope="module")
def pictures():
    """Of three photographs: the whole, and what is taken through the frame."""
    person = draw_person((5, 0, 0), 128)
    framed = Overrides(sensor=Sensor(), frame=partial(faces.frame, size=SIZE))
    whole = Overrides(sensor=Sensor())
    return [tuple(photograph_face(person, (5, k), SIZE, overrides=o) for o in (whole, framed)) for k in range(3)]


def test_what_is_taken_straight_is_what_would_be_cut(pictures):
    for whole, framed in pictures:
        points = whole.landmarks["mediapipe478"]
        matrix = align.alignment(points, SIDE)
        matrix[:, 2] += faces.MARGIN
        row = faces.example(framed)
        assert np.allclose(row["landmarks"][:, :2], apply(matrix, points[:, :2]), atol=1e-3)
        cut = align.cut(np.repeat((whole.kind == 1)[..., None], 3, 2).astype(np.uint8) * 255, matrix, faces.STORED)
        skin = np.uint8(framed.kind == 1)
        rows = (np.arange(faces.STORED) * SIZE / faces.STORED).astype(int)
        inner = np.s_[faces.MARGIN : -faces.MARGIN, faces.MARGIN : -faces.MARGIN]
        assert ((cut[..., 0] > 127) == skin[np.ix_(rows, rows)])[inner].mean() > 0.94


def test_the_columns_are_what_the_recipe_reads(pictures):
    row = faces.example(pictures[0][1])
    assert set(row) == set(faces.COLUMNS) and row["image"].shape == (faces.STORED, faces.STORED, 3)
    low, high = row["landmarks"][:, :2].min(axis=0), row["landmarks"][:, :2].max(axis=0)
    assert (high - low).max() == pytest.approx(SIDE / align.MARGIN, rel=1e-3)
    assert np.allclose((low + high) / 2, faces.STORED / 2, atol=0.1) and abs(row["landmarks"][:, 2].mean()) < 1e-3


def test_a_shard_that_is_there_is_kept(tmp_path):
    options = SynthesisOptions(count=3, size=48, texture_size=128, photos_per_person=2)
    (tmp_path / "train").mkdir()
    file = faces.make_shard(tmp_path, options, 0, 3)
    with opened(file, "a shard", "make it again", "numpy") as shard:
        same = shard.get_tensor("identity")
    assert np.array_equal(same[0], same[1]) and not np.array_equal(same[1], same[2])
    file.write_bytes(b"kept")
    assert faces.make_shard(tmp_path, options, 0, 3).read_bytes() == b"kept"
