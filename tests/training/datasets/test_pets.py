"""Shards of drawn animals, and crops of them."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from maquette.core.errors import BadInput
from maquette.core.options import SynthesisOptions
from maquette.perception.pets.landmark_network import CROP
from maquette.perception.pets.schemes import FLIPPED
from maquette.synthesis.animals.form import draw_form
from maquette.synthesis.animals.photographs import photograph
from maquette.training.datasets.pets import COLUMNS, SHAPES, PetCrops, make_shard

DOT = 9  # pixels


def dotted(count=6, side=128):
    """Pictures with a bright dot at each visible landmark, none beside the picture."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0.3 * side, 0.7 * side, (count, 20, 2)).astype(np.float32)
    image = np.zeros((count, side, side, 3), np.uint8)
    for k in range(count):
        x, y = points[k, 4].astype(int)
        image[k, y - DOT // 2 : y + DOT // 2 + 1, x - DOT // 2 : x + DOT // 2 + 1] = 255
    return {"image": image, "landmarks": points, "visible": np.ones((count, 20), np.uint8),
            "species": np.zeros(count, np.uint8)}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        save_file(dotted(), tmp_path / split / "0.safetensors")
    return tmp_path


@pytest.mark.parametrize("augment", [True, False])
def test_landmarks_move_with_the_picture(folder, augment):
    crops = PetCrops(folder, 6, 1, augment=augment)
    near = []
    for number in range(3):
        batch = crops.batch(number)
        for crop, points, seen in zip(batch["crops"], batch["landmarks"], batch["visible"]):
            grey = crop.astype(float).mean(axis=0)
            bright = grey > 0.6 * grey.max()
            if not seen[4] or grey.max() < 60:
                continue
            y, x = np.nonzero(bright)
            near.append(np.hypot(np.median(x) + 0.5 - points[4, 0] * CROP, np.median(y) + 0.5 - points[4, 1] * CROP))
    assert len(near) > 8 and np.median(near) < 4


def test_a_mirrored_crop_has_its_sides_exchanged(folder):
    """Of the same pictures, drawn with many seeds, half are mirrored: right and left then change places."""
    stored = dotted()["landmarks"]
    order = []
    for seed in range(12):
        batch = PetCrops(folder, 6, seed).batch(0)
        for points in batch["landmarks"]:
            for whole in stored:
                for mirrored, wanted in ((False, whole), (True, whole[list(FLIPPED)] * [-1, 1])):
                    fitted = np.column_stack([wanted, np.ones(20)])
                    left = points - fitted @ np.linalg.lstsq(fitted, points, rcond=None)[0]
                    if np.abs(left).max() < 1e-3:
                        order.append(mirrored)
    assert len(order) == 12 * len(stored) and 0.3 < np.mean(order) < 0.7


def test_batches_come_again(folder):
    first, again = (PetCrops(folder, 4, 3).batch(5) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_a_shard_holds_what_was_asked_for(tmp_path):
    options = SynthesisOptions(count=3, seed=1, size=64, photos_per_person=2)
    (tmp_path / "train").mkdir()
    file = make_shard(tmp_path, options, 0, 3)
    columns = load_file(file)
    assert set(columns) == {*COLUMNS, *SHAPES} and columns["image"].shape == (3, 64, 64, 3)
    assert columns["species"].tolist() == [0, 0, 1]
    form = draw_form("cat", np.random.default_rng((1, 0, 0)))
    photo = photograph(form, np.random.default_rng((1, 0, 0, 1)), 64)
    assert np.array_equal(columns["landmarks"][0], photo.landmarks) and np.array_equal(columns["image"][0], photo.image)
    before = file.stat().st_mtime_ns
    assert make_shard(tmp_path, options, 0, 3) == file and file.stat().st_mtime_ns == before


def test_a_folder_without_shards_is_refused(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(BadInput, match="safetensors"):
        PetCrops(tmp_path, 2, 0)
