"""A volume's surface: in its place, the right way out, and refused with a word where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette.core.errors import BadInput, NothingFound
from maquette.core.types import Volume
from maquette.geometry.surfaces.extract import FACES, extract, surface_of

CENTRE = np.array([0.01, -0.02, 0.03])
AXES = [
    np.diag([0.004, 0.004, 0.002]),
    np.diag([0.004, -0.004, 0.002]),
    np.array([[0, 0, 0.002], [0.004, 0, 0], [0, 0.004, 0]]),
]


def volume_with(axes: np.ndarray, *balls: tuple[np.ndarray, float], shape=(44, 46, 88)) -> Volume:
    """Balls (centre, radius) in metres on a grid whose middle is CENTRE."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes, CENTRE - axes @ (np.array(shape) / 2 - 0.7)
    at = np.stack(np.meshgrid(*(np.arange(float(n)) for n in shape), indexing="ij"), axis=-1) @ axes.T + matrix[:3, 3]
    away = np.max([radius - np.linalg.norm(at - centre, axis=-1) for centre, radius in balls], axis=0)
    return Volume((1 / (1 + np.exp(-away / 0.003))).astype(np.float32), matrix)


@pytest.mark.parametrize("axes", AXES, ids=["plain", "mirrored", "turned"])
@pytest.mark.parametrize("faces", [None, 2000])
def test_a_ball_is_found_in_the_world(axes, faces):
    found = surface_of(volume_with(axes, (CENTRE, 0.06)), faces)
    mesh = trimesh.Trimesh(found.mesh.vertices, found.mesh.faces, process=False)
    assert found.closed and mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.06**3, rel=0.01), "faces look outwards"
    assert found.volume_cm3 == pytest.approx(904.8, rel=0.01) and found.components == 1
    assert np.abs(np.linalg.norm(found.mesh.vertices - CENTRE, axis=1) - 0.06).max() < 2e-4
    assert len(found.mesh.faces) == found.faces_before if faces is None else 1000 <= len(found.mesh.faces) <= 2000


def test_the_largest_piece_is_kept_and_the_others_counted():
    volume = volume_with(AXES[0], (CENTRE + np.array([0.03, 0, 0]), 0.03), (CENTRE - [0.05, 0, 0], 0.02))
    found = surface_of(volume)
    assert found.components == 2
    assert np.abs(np.linalg.norm(found.mesh.vertices - CENTRE - [0.03, 0, 0], axis=1) - 0.03).max() < 5e-4


def test_what_reaches_the_border_is_closed():
    found = surface_of(volume_with(AXES[0], (CENTRE + np.array([0.08, 0, 0.05]), 0.06)))
    assert found.closed and trimesh.Trimesh(found.mesh.vertices, found.mesh.faces).is_volume


@pytest.mark.parametrize(
    "values,why",
    [
        (np.zeros((20, 20, 20)), "0.00 at most"),
        (np.full((20, 20, 20), 0.5), "0.50 at most"),
        (np.ones((20, 20, 20)), "it is full"),
        (np.pad(np.ones((2, 2, 1)), 9), "specks: the largest of 1"),
        (np.ones((1, 1, 1)), "full"),
        (np.eye(2)[:, :, None], "specks"),
    ],
)
def test_no_surface_is_reported(values, why):
    with pytest.raises(NothingFound, match=why):
        extract(Volume(values.astype(np.float32), np.eye(4)))


def test_noise_of_many_specks_has_no_surface():
    values = (np.random.default_rng(0).random((40, 40, 40)) < 0.01).astype(np.float32)
    with pytest.raises(NothingFound, match="specks"):
        extract(Volume(values, np.eye(4)))


def test_a_gigantic_grid_is_refused():
    volume = Volume(np.zeros((1, 1, 1), np.float32), np.eye(4))
    object.__setattr__(volume, "values", np.broadcast_to(np.float32(0), (60_000, 60_000, 60_000)))
    with pytest.raises(BadInput, match="at most 512"):
        extract(volume)


def test_nan_is_refused_by_the_volume_itself():
    with pytest.raises(ValueError, match="NaN"):
        Volume(np.full((2, 2, 2), np.nan, np.float32), np.eye(4))


def test_a_volume_with_colours_hands_them_on():
    plain = volume_with(AXES[0], (CENTRE, 0.06))
    ramp = np.broadcast_to(np.linspace(0, 255, 44)[:, None, None, None], (44, 46, 88, 3)).astype(np.uint8)
    mesh = extract(Volume(plain.values, plain.grid_to_world, ramp))
    x = np.linalg.inv(plain.grid_to_world)[0, 0] * (mesh.vertices[:, 0] - plain.grid_to_world[0, 3])
    assert np.abs(mesh.vertex_colors[:, 0] - x * 255 / 43).max() < 2
    assert extract(plain).vertex_colors is None


def test_it_is_the_same_each_time_and_not_too_fine():
    volume = volume_with(AXES[0], (CENTRE, 0.07), shape=(96, 96, 100))
    first, second = extract(volume), extract(volume)
    assert len(first.faces) <= FACES
    assert np.array_equal(first.vertices, second.vertices) and np.array_equal(first.faces, second.faces)
