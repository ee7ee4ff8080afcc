"""Photos by domain: which are learned from, what a batch holds, and how pictures vary."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.errors import BadInput
from maquette.training.datasets.translation.domains import DomainBatches, listed, picture, varied

SHADES = {"cat": (0, 20), "dog": (100, 3), "wild": (200, 1)}  # grey level, how many photos


@pytest.fixture
def folder(tmp_path):
    for name, (grey, count) in SHADES.items():
        for split in ("", "split/train/", "split/val/"):
            (tmp_path / split / name).mkdir(parents=True)
            for k in range(count):
                Image.new("RGB", (40, 36), (grey + k,) * 3).save(tmp_path / split / name / f"{k:02}.png")
    return tmp_path


def test_every_tenth_is_held_out_unless_there_are_such_folders(folder):
    found = listed(folder, list(SHADES))
    assert [len(files) for files in found.train] == [18, 2, 1] and [len(files) for files in found.held] == [2, 1, 1]
    assert not set(found.train[0]) & set(found.held[0])
    split = listed(folder / "split", list(SHADES))
    assert [len(files) for files in split.train] == [len(files) for files in split.held] == [20, 3, 1]
    assert split.held[0][0].parent.parent.name == "val"


def test_missing_and_empty_folders_are_said(folder):
    with pytest.raises(BadInput, match="fox: wanted a folder of photos of fox"):
        listed(folder, ["cat", "fox"])
    (folder / "fox").mkdir()
    with pytest.raises(BadInput, match="wanted photos of fox, found none"):
        listed(folder, ["cat", "fox"])


def test_a_batch_follows_from_its_number_and_shows_the_domains_it_names(folder):
    files = listed(folder, list(SHADES)).train
    data = DomainBatches(files, 32, 5, 12, seed=3)
    batch = data.batch(7)
    assert all(np.array_equal(batch[name], value) for name, value in data.batch(7).items())
    assert not np.array_equal(batch["latents"], data.batch(8)["latents"]) and (batch["step"] == 7).all()
    assert batch["source"].shape == (12, 3, 32, 32) and batch["references"].shape == (12, 2, 3, 32, 32)
    assert batch["source"].dtype == np.uint8 and batch["latents"].shape == (12, 2, 5)
    for pictures, domains in ((batch["source"], batch["domain"]), (batch["references"], batch["target"])):
        assert np.array_equal(pictures.reshape(12, -1).mean(1) // 100, domains)


def test_each_domain_is_drawn_as_often_as_another(folder):
    data = DomainBatches(listed(folder, list(SHADES)).train, 32, 5, 60, seed=0)
    counts = np.bincount(np.concatenate([data.batch(k)["domain"] for k in range(4)]), minlength=3)
    assert (np.abs(counts - 80) < 25).all()


def test_pictures_are_parts_and_mirrors_of_the_photo():
    photo = np.arange(60 * 80 * 3, dtype=np.uint32).reshape(60, 80, 3)
    rng, seen = np.random.default_rng(0), set()
    for _ in range(60):
        part = varied(photo, rng)
        area = part.shape[0] * part.shape[1] / (60 * 80)
        assert 0.75 < area <= 1 and set(part.ravel()[:9]) <= set(photo.ravel())
        seen.add((part.shape == photo.shape, bool(part[0, 0, 0] > part[0, -1, 0])))
    assert len(seen) == 4, "whole and in part, mirrored and not"
    assert picture(photo.astype(np.uint8), 32).shape == (3, 32, 32)
