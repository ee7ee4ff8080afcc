"""Networks that pictures are compared by: numbers of the published ones, files of the user's."""

from __future__ import annotations

import pickle
from functools import cache

import pytest
import torch

import seeded
from deca_by_seed import golden, some
from maquette.core.errors import BadInput
from maquette.reconstruction.deca.perceptual import FaceFeatures, PatchFeatures, face_features, patch_features


@cache
def faces() -> FaceFeatures:
    network = FaceFeatures()
    seeded.fill(network, 15)
    return network.eval().requires_grad_(False)


@cache
def patches() -> PatchFeatures:
    network = PatchFeatures()
    seeded.fill(network, 13)
    return network.eval().requires_grad_(False)


def test_faces_are_compared_as_published():
    pictures = [seeded.picture((2, 3, 224, 224), seed) for seed in (3, 4)]
    torch.testing.assert_close(faces().unlike(*pictures), golden("loss_identity"), rtol=1e-4, atol=1e-6)
    assert faces().unlike(pictures[0], pictures[0]).abs() < 1e-6


def test_features_of_patches_are_the_published_layers():
    first, second = patches()(seeded.picture((1, 3, 64, 64), 3))
    torch.testing.assert_close(some(first), golden("vgg_3"), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(some(second), golden("vgg_4"), rtol=1e-4, atol=1e-6)


def test_files_of_the_users(tmp_path):
    held = {k: v.numpy() for k, v in faces().state_dict().items() if "num_batches" not in k}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(held | {"fc.weight": held["bn1.weight"]}, 2))
    torch.save({**patches().state_dict(), "classifier.0.weight": torch.zeros(1)}, tmp_path / "a.pth")
    for network, wanted in (
        (face_features(tmp_path / "a.pkl"), faces()),
        (patch_features(tmp_path / "a.pth"), patches()),
    ):
        for key, value in network.state_dict().items():
            assert "num_batches" in key or torch.equal(value, wanted.state_dict()[key])


def test_other_files_are_refused_in_one_line(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"conv1.weight": 3}, 2))
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "a.pth")
    for load, name in ((face_features, "a.pkl"), (patch_features, "a.pth")):
        with pytest.raises(BadInput, match="wanted") as caught:
            load(tmp_path / name)
        assert "\n" not in str(caught.value)
