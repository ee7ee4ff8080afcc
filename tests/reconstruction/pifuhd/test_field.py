"""The field gives what the network gives, however points are grouped; its normals point where occupancy falls."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.nn import functional

from maquette.reconstruction.pifuhd.field import NORMALS, Field
from maquette.reconstruction.pifuhd.mlp import ColumnMLP, PointMLP, PointSize
from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDFeatures, PIFuHDSize
from pifuhd_by_key import SMALL, fill, occupancy, pictures, points

GOLDEN = Path(__file__).parents[2] / "golden" / "pifuhd.safetensors"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Several threads sum in another order; where occupancy is flat, differences show even that."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def made() -> tuple[PIFuHD, PIFuHDFeatures]:
    network = PIFuHD(SMALL).eval().requires_grad_(False)
    fill(network)
    return network, network.prepare(*pictures(64))


def lattice(side: int) -> np.ndarray:
    """(side^3, 3) as a grid has them: many in one column, some beyond the crop."""
    ticks = np.linspace(-1.1, 1.1, side, dtype=np.float32)
    return np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)


@pytest.mark.parametrize("columns", [False, True])
def test_a_field_is_the_network(made, columns):
    """In float64, so that rounding is not what differs."""
    network, where = deepcopy(made[0]).double(), lattice(13)
    features = PIFuHDFeatures(*(value.double() for value in vars(made[1]).values()))
    wanted = occupancy(network, features, torch.from_numpy(where).double()[None])[0][0].numpy()
    found = Field(network, features, columns=columns)(where)
    assert found.dtype == np.float32 and found.std() > 0.05
    assert np.abs(found - wanted).max() < 1e-6
    assert np.array_equal(found == 0, (np.abs(where[:, :2]) > 1).any(1))


@pytest.mark.parametrize("columns", [False, True])
def test_any_chunks_give_the_same_bits(made, columns):
    network, features = made
    where = np.concatenate([lattice(9), points()[0].numpy()])
    whole = Field(network, features, columns, chunk=10**6)(where)
    for chunk in (1, 7, 64, 100, 777):
        some = where[:200] if chunk < 50 else where
        assert np.array_equal(Field(network, features, columns, chunk=chunk)(some), whole[: len(some)]), chunk
    order = np.random.default_rng(0).permutation(len(where))
    assert np.array_equal(Field(network, features, columns)(where[order]), whole[order])


def test_no_points(made):
    field = Field(*made)
    assert field(np.zeros((0, 3), np.float32)).shape == (0,)
    for mode in NORMALS:
        assert field.normals(np.zeros((0, 3), np.float32), mode).shape == (0, 3)


@pytest.mark.parametrize("mode", NORMALS)
def test_inference_mode_changes_no_normals(made, mode):
    network, where = made[0], points()[0].numpy()
    with torch.inference_mode():
        inside = Field(network, network.prepare(*pictures(64)))
        found = inside.normals(where, mode)
    assert np.allclose(found, Field(*made).normals(where, mode), atol=1e-6)
    assert np.allclose(found, inside.normals(where, mode), atol=1e-6)


def test_columns_are_the_whole_perceptron_for_any_widths():
    generator = torch.Generator().manual_seed(3)
    size = PointSize((12, 9, 8, 7, 2), (1, 3), 1)
    network = PointMLP(size).requires_grad_(False)
    shared, own = torch.randn(5, 10, generator=generator), torch.randn(40, 2, generator=generator)
    column = torch.randint(0, 5, (40,), generator=generator)
    logits, merged = network(torch.cat((shared[column], own), 1))
    for last, wanted in ((3, logits), (1, merged)):
        part = ColumnMLP(network, 10, last)
        assert torch.allclose(part(part.shares(shared), column, own), wanted, atol=1e-6)


@pytest.mark.parametrize(
    "name,size,side,bound",
    [("small", SMALL, 64, 3e-4), pytest.param("published", PIFuHDSize(), 128, 2e-3, marks=pytest.mark.slow)],
)
def test_forward_differences_are_those_of_the_published_modules(name, size, side, bound):
    """In float64, in which processors agree: in float32 the difference of two neighbours keeps three digits."""
    with torch.device("meta"):
        network = PIFuHD(size).eval()
    network.to_empty(device="cpu").requires_grad_(False)
    fill(network)
    network.double()
    features = network.prepare(*(value.double() for value in pictures(side)))
    found = Field(network, features).normals(points()[0].double().numpy(), "differences")
    with safe_open(GOLDEN, framework="np") as file:
        wanted = file.get_tensor(f"{name}.normals")
    # The file's differences were taken in float64, but of features that were made in float32, hence the bounds:
    # measured 1.8e-4 and, at one point of 700, 1.2e-3; of float32 features here, 4.8e-4 and 1.6e-4.
    assert np.abs(found - wanted).max() < bound, "the last one too"
    assert wanted.std() > 0.1 and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_normals_by_gradient_are_those_by_differences(made):
    """On features without noise, since a step of 0.001 may cross the border of a pixel."""
    network, features = made
    smooth = {
        key: functional.interpolate(value[:, :, ::4, ::4], scale_factor=8, mode="bicubic", align_corners=True)
        for key, value in vars(features).items()
    }
    field = Field(network, PIFuHDFeatures(**smooth))
    where = 0.8 * points()[0].numpy()
    analytic, differences = (field.normals(where, mode) for mode in NORMALS)
    angles = np.degrees(np.arccos(np.clip((analytic * differences).sum(1), -1, 1)))
    assert np.median(angles) < 2


def test_what_a_field_refuses(made):
    network, features = made
    two = replace(features, fine=torch.cat((features.fine, features.fine)))
    with pytest.raises(ValueError, match="one picture, got 2"):
        Field(network, two)
    with pytest.raises(ValueError, match="analytic or differences"):
        Field(network, features).normals(points()[0].numpy(), "exact")
