"""What the shape network says of a photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.spatial.transform import Rotation

from maquette.core.errors import BadInput
from maquette.perception.pets.landmark_network import POINTS, SPECIES
from maquette.reconstruction.pet_fit.shape_network import MODES, OWN, PetShapeNetwork
from maquette.reconstruction.pet_fit.shape_reader import FACING, load_shape, read_shape


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = PetShapeNetwork().eval()
    with torch.no_grad():
        network.straight.weight.normal_(0, 0.1)
        network.straight.weight[SPECIES * OWN :] = 0
    return network


def test_it_is_read_the_same_wherever_the_head_is_in_the_photo(network, photographed):
    seen, _, _ = photographed("dog", np.zeros(3), 20)
    read = read_shape(network, seen)
    assert read.means.shape == read.spreads.shape == (3, MODES) and (read.spreads > 0).all()
    assert read.shares.sum() == pytest.approx(1) and read.units.min() >= 0 and read.units.max() <= 1
    doubled = replace(
        seen, landmarks=seen.landmarks * [2, 2, 2], landmark_sigma=2 * seen.landmark_sigma,
        frame=replace(seen.frame, pixels=np.repeat(np.repeat(seen.frame.pixels, 2, axis=0), 2, axis=1)),
        mask=np.repeat(np.repeat(seen.mask, 2, axis=0), 2, axis=1),
    )  # fmt: skip
    assert np.allclose(read_shape(network, doubled).means, read.means, atol=0.02)


def test_a_rolled_photo_rolls_the_turn_and_nothing_else(network, photographed):
    seen, _, _ = photographed("cat", np.zeros(3), -25)
    with torch.no_grad():
        network.means.bias[SPECIES * OWN :] = torch.tensor([0.1, -0.4, 0.0])
    roll = Rotation.from_euler("z", 25, degrees=True).as_matrix()[:2, :2]
    points = (seen.landmarks[:, :2] - 200) @ roll.T + 200
    rolled = replace(seen, landmarks=np.column_stack([points, np.zeros(POINTS)]))
    first, second = read_shape(network, seen), read_shape(network, rolled)
    turned = np.eye(3)
    turned[:2, :2] = roll
    assert np.allclose(second.rotation, turned @ first.rotation, atol=1e-3)
    assert np.allclose(second.means, first.means, atol=0.02)
    assert np.allclose(first.rotation.T @ first.rotation, np.eye(3), atol=1e-9) and (FACING @ first.rotation)[2, 2] > 0


def test_a_file_of_training_loads_and_another_is_refused(network, tmp_path):
    save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, tmp_path / "a")
    assert torch.allclose(load_shape(tmp_path / "a").straight.weight, network.straight.weight, atol=1e-3)
    (tmp_path / "b").write_bytes(b"no network")
    with pytest.raises(BadInput, match="the pet shapes' weights"):
        load_shape(tmp_path / "b")
