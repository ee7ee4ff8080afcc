"""FLAME's heads: numbers of the published functions, and what must hold of shapes, joints and landmarks."""

from __future__ import annotations

import math

import pytest
import torch

import flame_twin as twin
from deca_by_seed import codes, golden, some
from maquette.morphable.flame_decoder import contour_rows, flame_decoder, rodrigues, rotations_of


@pytest.fixture(scope="module")
def decoder():
    return flame_decoder(twin.model(), twin.landmarks(), (100, 50))


@pytest.fixture(scope="module")
def exact():
    return flame_decoder(twin.model(), twin.landmarks(), (100, 50), kind=torch.float64)


def coefficients(found):
    return torch.cat((found["shape"], found["exp"]), 1)


def test_numbers_are_those_of_the_published_functions(decoder):
    found = codes()
    rotations = rotations_of(found["pose"])
    vertices = decoder(coefficients(found), rotations)
    torch.testing.assert_close(some(vertices), golden("vertices"), atol=1e-7, rtol=1e-5)
    marks = decoder.landmarks2d(vertices, rotations), decoder.landmarks3d(vertices)
    for name, mark in zip(("landmarks2d", "landmarks3d"), marks):
        torch.testing.assert_close(mark, golden(name), atol=1e-7, rtol=1e-5)


def test_rotations_and_rows_of_the_jaw_line_are_those_of_the_published_functions():
    turns = torch.tensor([[0, 0, 0], [1e-9, 0, 0], [0, -1e-9, 1e-9], [torch.pi, 0, 0], [0.6, -2, 1], [3, 1, -2]])
    torch.testing.assert_close(rodrigues(turns), golden("rodrigues"), atol=1e-6, rtol=1e-5)
    yaws = torch.deg2rad(torch.arange(-60.0, 61)) + 1e-4
    turned = rodrigues(torch.stack((0 * yaws, yaws, 0 * yaws), 1))
    rows = contour_rows(turned)
    assert torch.equal(rows, golden("contour_rows"))
    assert rows[60 + 20] == 20 and rows[60 - 20] == 59, "yaw to its left counts up"


def test_nothing_gives_the_template(exact):
    rest = exact(torch.zeros(1, 150).double(), rotations_of(torch.zeros(1, 6).double()))
    torch.testing.assert_close(rest[0], exact.template, atol=1e-7, rtol=0)


def test_a_turn_of_the_head_is_rigid_about_the_root(exact):
    found = {name: value.double() for name, value in codes().items()}
    straight = found["pose"].clone()
    straight[:, :3] = 0
    plain = exact(coefficients(found), rotations_of(straight))
    turned = exact(coefficients(found), rotations_of(found["pose"]))
    root = exact.joints(exact.shaped(coefficients(found)))[:, :1]
    rotation = rodrigues(found["pose"][:, :3])
    torch.testing.assert_close(turned, (plain - root) @ rotation.transpose(1, 2) + root, atol=1e-9, rtol=0)


def test_the_jaw_moves_only_its_own_vertices_beyond_the_correctives(exact):
    pose = torch.zeros(1, 6).double()
    pose[0, 3] = 0.3
    rotations = rotations_of(pose)
    moved = exact(torch.zeros(1, 150).double(), rotations)[0] - exact.template
    feature = (rotations[0, 1:] - torch.eye(3)).flatten()
    bound = (feature @ exact.correctives).view(-1, 3)
    still = exact.weights[:, 2] == 0
    torch.testing.assert_close(moved[still], bound[still], atol=1e-7, rtol=0)
    assert moved[~still].norm(dim=1).max() > 0.01


def test_skinning_is_that_of_the_slow_loop(exact):
    found = {name: value[:1].double() for name, value in codes().items()}
    rotations = rotations_of(found["pose"], torch.tensor([[0.1, 0.2, 0.3]]), torch.tensor([[0.1, 0, 0, 0, 0.2, 0]]))
    shaped = exact.shaped(coefficients(found))
    vertices, joints = exact(coefficients(found), rotations)[0], exact.joints(shaped)[0]
    feature = (rotations[0, 1:] - torch.eye(3)).flatten()
    for vertex in (0, 137, 899):
        place = shaped[0, vertex] + (feature @ exact.correctives).view(-1, 3)[vertex]
        total = torch.zeros(3).double()
        for joint in range(5):
            chain, point = joint, place
            while chain >= 0:  # turned about each joint on the way to the root
                point = rotations[0, chain] @ (point - joints[chain]) + joints[chain]
                chain = (-1, 0, 1, 1, 1)[chain]
            total += exact.weights[vertex, joint] * point
        torch.testing.assert_close(vertices[vertex], total, atol=1e-9, rtol=0)


def test_gradients_reach_everything(exact):
    values = [torch.zeros(1, width, dtype=torch.float64, requires_grad=True) for width in (150, 6)]
    vertices = exact(values[0], rotations_of(values[1]))
    for gradient in torch.autograd.grad((vertices * torch.arange(900.0)[:, None]).sum(), values):
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_rotations_are_rotations():
    turns = torch.rand(20, 3, dtype=torch.float64) * 6 - 3
    found = rodrigues(turns)
    torch.testing.assert_close(found @ found.transpose(1, 2), torch.eye(3).double().expand(20, 3, 3), atol=1e-6, rtol=0)
    assert math.isclose(float(torch.linalg.det(found).mean()), 1, abs_tol=1e-6)
