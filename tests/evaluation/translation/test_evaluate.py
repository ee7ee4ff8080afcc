"""Translations scored: which pictures are made, what a method that does nothing scores, and folders that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.errors import BadInput
from maquette.evaluation.translation import evaluate
from maquette.evaluation.translation.evaluate import Photo, evaluate_translation, read_set


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for k in range(2):
            Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(tmp_path / kind / f"{k}.png")
    return tmp_path


def test_photos_are_found_in_folders_and_by_name(photos, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "wild_1.png")
    assert [(kind, path.name) for kind, path in read_set(photos)] == [
        ("cat", "0.png"), ("cat", "1.png"), ("dog", "0.png"), ("dog", "1.png"), ("wild", "wild_1.png"),
    ]  # fmt: skip


def test_one_kind_is_not_enough(tmp_path):
    (tmp_path / "cat").mkdir()
    with pytest.raises(BadInput, match="photos of two kinds or more"):
        read_set(tmp_path)
    with pytest.raises(BadInput, match="no such folder"):
        read_set(tmp_path / "none")


def test_doing_nothing_moves_nothing_and_looks_of_every_reference_come_in_turn(photos, monkeypatch):
    asked = []

    def same(photo, reference, number):
        asked.append((photo.kind, photo.name, reference.kind, reference.name, number))
        return photo.crop

    monkeypatch.setattr(evaluate, "_methods", lambda _: {"same": same})
    table = evaluate_translation(photos)
    assert table.column("method") == ["same", "photos of that kind"]
    assert table.column("moved, eyes and nose")[0] == 0 and table.column("of twenty")[0] == 0
    assert table.column("Frechet, pets")[0] > 0
    assert asked == [
        ("cat", "0.png", "dog", "0.png", 0), ("cat", "1.png", "dog", "1.png", 1),
        ("dog", "0.png", "cat", "0.png", 2), ("dog", "1.png", "cat", "1.png", 3),
    ]  # fmt: skip
    assert [row[:4] for row in table.more[0].rows] == [("same", "cat", "dog", 2), ("same", "dog", "cat", 2)]


def test_looks_are_as_far_apart_as_the_measure_says(photos):
    crops = [Photo(kind, kind, np.full((8, 8, 3), level, np.uint8)) for kind, level in (("cat", 0), ("dog", 9))] * 2
    far = evaluate._diversity(
        crops, lambda _, reference, number: reference.crop + number, lambda a, b: abs(a.astype(int) - b).mean()
    )
    assert far == 1
