"""What joins real people's statistics to the head: modes beyond others, jaws, lids and lining, on made-up meshes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import Delaunay

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from head import lids, people, tongue
from head.lining import Lining, Seal

from maquette.geometry.alignment import similarity

RNG = np.random.default_rng(0)


def test_what_one_space_adds_to_another_is_orthogonal_to_it_and_has_no_doubles():
    known, weight = RNG.normal(size=(4, 30, 3)), RNG.uniform(0.1, 1, 30)
    fresh = RNG.normal(size=(2, 30, 3))
    modes = np.concatenate([fresh, 2 * known[:1], known[1:2] - known[2:3]])
    added = people.beyond(modes, known, weight)
    across = np.einsum("kvd,lvd,v->kl", added, known, weight)
    energy = np.einsum("kvd,v->k", added**2, weight)
    assert np.abs(across).max() < 1e-6 * energy.max()
    assert (energy[:2] > 1e-3).all() and energy[2:].max() < 1e-9 * energy[0], "known directions add nothing"
    assert (np.diff(energy) <= 0).all(), "strongest first"


def test_principal_axes_keep_the_covariance():
    modes = RNG.normal(size=(5, 8, 3))
    turned = people.principal(modes, RNG.uniform(0.1, 1, 8))
    first, second = (m.reshape(5, -1).T @ m.reshape(5, -1) for m in (modes, turned))
    assert np.allclose(first, second)


def test_the_motion_of_a_jaw_is_found_and_never_mirrors():
    angle = np.radians(14)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    here = RNG.normal(size=(20, 3))
    jaw = similarity(here, here @ turn.T + [0.1, -0.2, 0.3], scale=False)
    assert np.allclose(jaw.rotation, turn) and np.allclose(jaw.translation, [0.1, -0.2, 0.3])
    flat = here * [1, 1, 0]
    assert np.linalg.det(similarity(flat, -flat, scale=False).rotation) == pytest.approx(1)


def test_the_tongue_comes_out_tip_first():
    mean = np.column_stack([np.zeros(9), np.zeros(9), np.linspace(-0.06, 0.0, 9)])
    moved = tongue.out(mean, np.arange(1, 9))
    assert not moved[0].any() and (np.diff(moved[1:, 2]) > 0).all() and moved[-1, 2] == pytest.approx(tongue.OUT_M)
    assert moved[:, 1].argmax() < 8 and moved[-1, 1] == pytest.approx(tongue.LIFT_M - tongue.DROP_M)


def on_ball(latitudes: np.ndarray) -> np.ndarray:
    """(37 * 12, 3) metres: a grid of a lid on the eyeball, latitudes (12,) in degrees."""
    longitude, latitude = np.meshgrid(np.radians(np.linspace(-70, 70, 37)), np.radians(latitudes), indexing="ij")
    x, z = np.cos(latitude) * np.sin(longitude), np.cos(latitude) * np.cos(longitude)
    return 0.0156 * np.stack([x, np.sin(latitude), z], axis=-1).reshape(-1, 3)


def eye_with_lids() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces, eyeball's and skin's vertices: a ball between a still lower lid and an upper one (a grid)."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.015)
    grids = [on_ball(np.linspace(low, high, 12)) for low, high in ((18, 70), (-70, -22))]
    corner = np.arange(37 * 12).reshape(37, 12)
    a, b, c, d = (corner[i, j].ravel() for i, j in ((np.s_[:-1], np.s_[:-1]), (np.s_[1:], np.s_[:-1]),
                                                    (np.s_[1:], np.s_[1:]), (np.s_[:-1], np.s_[1:])))  # fmt: skip
    quads = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    count = len(ball.vertices)
    faces = np.concatenate([ball.faces, quads + count, quads + count + len(grids[0])])
    vertices = np.concatenate([ball.vertices, *grids])
    return vertices, faces, np.arange(count), np.arange(count, len(vertices))


def test_a_blink_that_falls_short_is_led_down_to_the_lower_lid():
    vertices, faces, eye, skin = eye_with_lids()
    upper = skin[: len(skin) // 2]
    blink = np.zeros_like(vertices)
    latitudes = np.linspace(18, 70, 12)
    blink[upper] = on_ball(latitudes - 30 * np.clip((50 - latitudes) / 32, 0, 1)) - vertices[upper]
    centre, reach = np.zeros(3), 0.015

    def seen(unit: np.ndarray) -> float:
        columns, gaps = lids.seen_gaps(vertices + unit, faces, eye, centre, reach)
        return float(gaps[np.abs(columns) < 0.003].max())

    closed = lids.closed(vertices, blink, faces, eye, skin)
    assert seen(blink) > 0.001
    assert seen(closed) < 1.5 * lids.STEP_M, "at most one ray still meets the eyeball"
    assert not closed[skin[len(skin) // 2 :]].any(), "the lower lid keeps still"


def plates() -> tuple[np.ndarray, np.ndarray, int]:
    """Vertices and faces of a plate of skin, and one of lining 3 mm behind it; number of vertices of the skin."""
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-0.03, 0.03, 25), np.linspace(-0.03, 0.03, 25)))
    skin = np.column_stack([x, y, np.full_like(x, 0.002)])
    lining = np.column_stack([x, y, np.full_like(x, -0.001)]) * [0.7, 0.7, 1]
    faces = Delaunay(skin[:, :2]).simplices
    return np.concatenate([skin, lining]), np.concatenate([faces, faces + len(skin)]), len(skin)


def test_lining_close_behind_the_skin_moves_with_it():
    vertices, faces, count = plates()
    vertices = np.concatenate([vertices, [[0.03, 0.03, 0.002]]])
    lining = np.append(np.arange(count, 2 * count), 0)  # vertex 0 is the rim
    found = Lining.of_mouth(vertices, faces[: len(faces) // 2], lining, np.array([0.0, 0.0, 0.002]))
    assert len(found.vertices) > 0.9 * count
    pressed = np.zeros_like(vertices)
    pressed[:count, 2] = -0.01
    assert found.led(pressed)[found.vertices, 2] == pytest.approx(-0.01), "no lining is left before the skin"
    assert pressed[found.vertices, 2].max() == 0, "its argument is left alone"
    deep = found.sunk(vertices)
    flesh = np.linalg.norm(found.over(vertices) - deep[found.vertices], axis=1)
    far = found.from_rim > 0.01
    assert flesh[far].min() > 0.0034


def test_lips_that_a_mode_parts_stay_together():
    x = np.linspace(-0.02, 0.02, 11)
    upper, lower = (np.column_stack([x, np.full(11, y), np.zeros(11)]) for y in (0.0005, -0.0005))
    mean = np.concatenate([upper, lower, [[0, 0.05, 0]]])
    jaw = np.zeros_like(mean)
    jaw[11:22, 1] = -0.03
    seal = Seal(mean, np.arange(22), jaw, np.arange(23))
    mode = RNG.normal(size=mean.shape) * 0.001
    closed = seal.closed(mode)
    assert np.abs(closed[:11] - closed[11:22]).max() < 1e-6
    assert np.allclose(closed[:11] + closed[11:22], mode[:11] + mode[11:22]), "both give way alike"
    assert np.allclose(closed[22], mode[22])


def test_an_eyeball_turns_the_way_its_unit_is_called():
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.015).vertices + np.array([0.03, 0, 0])
    front = ball[:, 2].argmax()
    for look, axis, sign in (("Up", 1, 1), ("Down", 1, -1), ("Out", 0, 1), ("In", 0, -1)):
        moved = people.turned(ball, np.radians(people.GAZE_DEGREES[look]), 1)
        assert sign * moved[front, axis] > 0.002 and np.abs(moved.mean(axis=0)).max() < 1e-9
        mirrored = people.turned(ball * [-1, 1, 1], np.radians(people.GAZE_DEGREES[look]), -1)
        assert np.allclose(mirrored, moved * [-1, 1, 1])
