"""Crops of whole heads: upright, wide, and their labels right."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from maquette.core.options import SynthesisOptions
from maquette.perception.faces.regressor.align import face_square
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import draw_person
from maquette.synthesis.types import Kind
from maquette.training.datasets import heads
from maquette.weights.tensors import opened

SIZE = 96


@pytest.fixture(scope="module")
def sample():
    overrides = Overrides(sensor=Sensor(), frame=partial(heads.frame, size=SIZE))
    return photograph_face(draw_person((5, 0, 0), 128), (5, 1), SIZE, overrides=overrides)


def test_the_head_stands_upright_in_the_middle(sample):
    row = heads.example(sample)
    face = face_square(row["landmarks"])
    assert set(row) == set(heads.COLUMNS) and row["kind"].shape == row["image"].shape[:2] == (SIZE, SIZE)
    assert face.side == pytest.approx(SIZE / heads.STORED_EXTENT, rel=1e-3) and abs(face.roll) < 1e-3
    assert abs(face.centre[0] - SIZE / 2) < 0.5 and face.centre[1] > SIZE / 2


def test_the_landmarks_lie_on_labelled_head(sample):
    row = heads.example(sample)
    seen = sample.visible["mediapipe478"]
    x, y = row["landmarks"][seen].astype(int).T
    assert (row["kind"][y, x] != Kind.BACKGROUND).mean() > 0.9


def test_recoloured_hair_and_brows_change_alike_and_nothing_else_does():
    person, changed = draw_person((5, 0, 0), 128), None
    for seed in range(20):
        changed = heads.recolored(person, np.random.default_rng(seed))
        if changed is not person:
            break
    ratio = changed.skin.hair_color / person.skin.hair_color
    assert changed is not person and not np.allclose(ratio, 1, atol=0.02)
    expected = np.clip(person.hair.albedo * ratio, 0, 0.9)
    assert np.allclose(changed.hair.albedo, expected, rtol=1e-4)
    assert changed.hair.points is person.hair.points and changed.skin.albedo is person.skin.albedo


def test_cards_take_the_new_colour_and_give_way_to_a_new_cut(monkeypatch):
    monkeypatch.setattr("maquette.synthesis.scenes.head_scene.CARDS", 1.0)
    monkeypatch.setattr(heads, "RECOLORED", 1.0)
    monkeypatch.setattr(heads, "RESTYLED", 1.0)
    drawn = (draw_person((5, 0, number), 64) for number in range(20))
    person = next(person for person in drawn if person.cards is not None)
    recolored = heads.recolored(person, np.random.default_rng(0))
    ratio = recolored.skin.hair_color / person.skin.hair_color
    assert np.allclose(recolored.cards.albedo, np.clip(person.cards.albedo * ratio, 0, 0.9), rtol=1e-4)
    assert heads.restyled(person, np.random.default_rng(0)).cards is None


def test_a_shard_that_is_there_is_kept(tmp_path):
    options = SynthesisOptions(count=2, size=48, texture_size=128, photos_per_person=2)
    (tmp_path / "train").mkdir()
    file = heads.make_shard(tmp_path, options, 0, 2)
    with opened(file, "a shard", "make it again", "numpy") as shard:
        assert shard.get_tensor("image").shape == (2, 48, 48, 3) and shard.get_tensor("kind").max() < len(Kind)
    file.write_bytes(b"kept")
    assert heads.make_shard(tmp_path, options, 0, 2).read_bytes() == b"kept"
