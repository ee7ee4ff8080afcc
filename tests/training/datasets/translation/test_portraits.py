"""Portraits of drawn animals: which pictures go together, and how they are cut."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from maquette.core.options import SynthesisOptions
from maquette.training.datasets.translation import portraits
from maquette.training.datasets.translation.portraits import Framing, Portraits, aligned, make_shard


def written(folder, scenes=3):
    """Every picture is one colour: red says the scene, green the animal, blue the species."""
    rows = [(scene, 10 * species + slot, species) for scene in range(scenes) for species in range(3) for slot in (0, 1)]
    scene, animal, species = np.array(rows).T
    colour = np.stack([60 * scene, 8 * animal, 90 * species], axis=1).astype(np.uint8)
    columns = {
        "image": np.ascontiguousarray(np.broadcast_to(colour[:, None, None], (len(rows), 40, 40, 3))),
        "scene": scene.astype(np.int32), "animal": animal.astype(np.int32), "species": species.astype(np.uint8),
    }  # fmt: skip
    for split in ("train", "test"):
        (folder / split).mkdir()
        save_file(columns, folder / split / "0.safetensors")


@pytest.fixture
def folder(tmp_path):
    written(tmp_path)
    return tmp_path


def test_the_wanted_picture_is_the_references_animal_in_the_sources_scene(folder):
    data = Portraits(folder, 32, 16, 12, 0, augment=False)
    assert len(data) == 18
    pairs = set()
    for number in range(4):
        batch = data.batch(number)
        source, wanted, reference = (
            batch[name][:, :, 16, 16].astype(int) for name in ("source", "wanted", "reference")
        )
        assert np.array_equal(wanted[:, 0], source[:, 0]) and np.array_equal(wanted[:, 1:], reference[:, 1:])
        assert (reference[:, 0] != wanted[:, 0]).all(), "looks are taken from elsewhere"
        assert np.array_equal(batch["domain"], source[:, 2] // 90)
        assert np.array_equal(batch["target"], wanted[:, 2] // 90)
        pairs |= set(zip(batch["domain"].tolist(), batch["target"].tolist()))
    assert len(pairs) == 9
    assert batch["latents"].shape == (12, portraits.DRAWN, 16) and batch["source"].dtype == np.uint8


def test_the_same_number_gives_the_same_batch_and_photographed_anew_a_pair_stays_one(folder):
    data = Portraits(folder, 32, 16, 6, 3)
    first, again, other = (data.batch(k) for k in (2, 2, 3))
    assert all(np.array_equal(first[k], again[k]) for k in first)
    assert not np.array_equal(first["source"], other["source"])
    same = [k for k in range(6) if np.array_equal(first["wanted"][k].std((1, 2)), [0, 0, 0])]
    assert len(same) == 6, "what is wanted has no camera's faults"


def test_a_portrait_is_cut_to_what_networks_see():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[58 - 3 : 58 + 3, 30 - 3 : 30 + 3] = 255  # a fifth lies beyond, half of it on each side
    centre = lambda found: np.argwhere(found[..., 0] > 128).mean(axis=0) + 0.5  # noqa: E731
    np.testing.assert_allclose(centre(aligned(picture, 80)), [48, 20], atol=0.6)
    np.testing.assert_allclose(centre(aligned(picture, 160)), [96, 40], atol=1)
    np.testing.assert_allclose(centre(aligned(picture, 80, Framing(mirrored=True))), [48, 60], atol=0.6)
    np.testing.assert_allclose(centre(aligned(picture, 80, Framing((0.1, 0.0), np.log(1.2)))), [49.6, 24], atol=1)


def test_a_shard_comes_again_and_holds_each_animal_in_several_scenes(tmp_path, monkeypatch):
    for name, value in (("ANIMALS", 2), ("PER_FILE", 12), ("SIDE", 48)):
        monkeypatch.setattr(portraits, name, value)
    for k in range(2):
        (tmp_path / str(k) / "train").mkdir(parents=True)
    files = [make_shard(tmp_path / str(k), SynthesisOptions(), 12, 12) for k in range(2)]
    first, again = map(load_file, files)
    assert all(np.array_equal(first[k], again[k]) for k in first) and files[0].name == "00000012.safetensors"
    assert first["image"].shape == (12, 48, 48, 3) and first["landmarks"].shape == (12, 20, 2)
    assert first["scene"].tolist() == [2] * 6 + [3] * 6 and first["species"].tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert sorted(set(first["animal"].tolist())) == [6, 7, 8, 9, 10, 11], "numbers go on from file to file"
    assert (np.unique(first["animal"], return_counts=True)[1] == 2).all()
    assert make_shard(tmp_path / "0", SynthesisOptions(), 12, 12) == files[0], "one that is there is kept"
