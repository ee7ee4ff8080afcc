"""What the head parser is shown: pure in the batch's number, labels that move with the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from safetensors.numpy import save_file

from maquette.perception.faces.parsing.network import Area
from maquette.synthesis.types import Kind
from maquette.training.datasets import head_crops
from maquette.training.datasets.head_crops import HeadCrops, shares, whole_parts

STORED = 96


@pytest.fixture
def folder(tmp_path):
    """Heads of one colour per kind: hair a red disc, skin a green one in it, a blue chest, before grey."""
    kind = np.zeros((STORED, STORED), np.uint8)
    cv2.ellipse(kind, (48, 96), (40, 30), 0, 0, 360, (int(Kind.CLOTHES),), -1)
    cv2.circle(kind, (48, 44), 26, (int(Kind.HAIR),), -1)
    cv2.circle(kind, (48, 50), 17, (int(Kind.SKIN),), -1)
    colors = np.full((len(Kind), 3), 128, np.uint8)
    colors[[Kind.HAIR, Kind.SKIN, Kind.CLOTHES]] = (220, 30, 30), (30, 220, 30), (30, 30, 220)
    turn = np.linspace(0, 2 * np.pi, 478)
    landmarks = np.stack([48 + 17 * np.cos(turn), 50 + 17 * np.sin(turn)], axis=1).astype(np.float32)
    columns = {"image": colors[kind][None], "kind": kind[None], "landmarks": landmarks[None]}
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        save_file({k: np.repeat(v, 4, axis=0) for k, v in columns.items()}, tmp_path / split / "0.safetensors")
    return tmp_path


def test_a_batch_depends_on_its_number_alone(folder):
    first, again = HeadCrops(folder, 3, 7), HeadCrops(folder, 3, 7)
    later = first.batch(5)
    again.batch(2)
    for name, values in again.batch(5).items():
        assert values.dtype == np.uint8 and np.array_equal(values, later[name]), name
    assert not np.array_equal(first.batch(6)["crops"], later["crops"])


def test_coarse_batches_come_first_and_are_half_as_large(folder):
    crops = HeadCrops(folder, 2, 0, coarse=3)
    for number, side in ((2, head_crops.COARSE), (3, head_crops.SIDE)):
        batch = crops.batch(number)
        assert batch["crops"].shape == (2, 3, side, side) and batch["target"].shape == (2, 7, side // 2, side // 2)
        assert batch["person"].shape == batch["face"].shape == (2, side, side)


def test_labels_lie_where_their_colours_do(folder):
    batch = HeadCrops(folder, 4, 0, split="test", augment=False).batch(0)
    for crop, target in zip(batch["crops"], batch["target"]):
        small = cv2.resize(crop.transpose(1, 2, 0), target.shape[1:], interpolation=cv2.INTER_AREA).astype(int)
        for part, channel in ((Area.HAIR, 0), (Area.SKIN, 1), (Area.CLOTHES, 2)):
            others = [k for k in range(3) if k != channel]
            coloured = small[..., channel] > small[..., others].max(axis=2) + 60
            labelled = target[part] > 127
            assert (coloured & labelled).sum() / (coloured | labelled).sum() > 0.93, part


def test_shares_of_a_pixel_add_up():
    parts = np.random.default_rng(0).integers(0, len(Area), (32, 32)).astype(np.uint8)
    found = shares(parts)
    assert found.shape == (len(Area), 16, 16) and np.abs(found.astype(int).sum(axis=0) - 255).max() <= 3
    block = parts[:2, :2]
    assert found[block[0, 0], 0, 0] == pytest.approx(255 * (block == block[0, 0]).mean(), abs=1)


def test_skin_between_strands_is_hair_and_eyes_never_are():
    kind = np.full((21, 21), Kind.SKIN, np.uint8)
    kind[:12:2] = Kind.HAIR
    kind[5, 5] = Kind.EYES
    parts = whole_parts(kind)
    assert (parts[2:9, 2:19] != Area.SKIN).sum() == 7 * 17 - 1 and parts[5, 5] == Area.SKIN
    assert (parts[14:] == Area.SKIN).all()
