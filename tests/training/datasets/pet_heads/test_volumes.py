"""Crops of drawn heads with their solids."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.options import SynthesisOptions
from maquette.synthesis.animals.form import draw_form
from maquette.training.datasets.pet_heads.volumes import PetVolumes
from maquette.training.datasets.pets import make_shard
from maquette.training.datasets.shards import shuffled

SEED, SIDE, DEPTH = 2, 48, 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pets")
    (folder / "train").mkdir()
    make_shard(folder, SynthesisOptions(count=3, seed=SEED, size=96, photos_per_person=1), 0, 3)
    return folder


def test_the_solid_stands_where_the_picture_shows_the_head(folder):
    whole = PetVolumes(folder, SIDE, DEPTH, 3, 0, augment=False)
    batch = whole.batch(0)
    assert batch["solid"].shape == (3, DEPTH, SIDE, SIDE) and batch["crops"].shape == (3, 3, SIDE, SIDE)
    for place, index in enumerate(shuffled(3, 3, 0, 0)):
        form = draw_form(("cat", "dog", "wild")[index], np.random.default_rng((SEED, 0, int(index))))
        row = {name: column[0] for name, column in whole.shards.rows([int(index)]).items()}
        assert np.allclose(row["shape"], form.shape.vector(), atol=1e-5)
        silhouette = batch["solid"][place].max(axis=0) > 127
        # Every landmark lies on the head, but for what a crop cuts.
        x, y = np.clip(batch["points"][place].astype(int), 2, SIDE - 3).T
        near = [silhouette[b - 2 : b + 3, a - 2 : a + 3].any() for a, b in zip(x, y)]
        assert np.mean(near) > 0.9
        # Behind the eyes there is head, before the nose there is none.
        eyes = batch["points"][place][:4].mean(axis=0).astype(int)
        column = batch["solid"][place][:, eyes[1], eyes[0]] > 127
        assert column[: DEPTH // 3].any() and not column[-2:].any()


def test_asked_for_in_part_it_is_the_same_solid_in_part(folder):
    batch = PetVolumes(folder, SIDE, DEPTH, 2, 5).batch(1)
    again = PetVolumes(folder, SIDE, DEPTH, 2, 5).batch(1)
    assert batch["solid"].shape == (2, DEPTH // 2, SIDE // 2, SIDE // 2) and set(batch["phase"]) <= {0, 1}
    assert all(np.array_equal(batch[name], again[name]) for name in batch)
    assert 0.03 < (batch["solid"] > 127).mean() < 0.6
