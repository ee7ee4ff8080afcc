"""The rasteriser against rays, known triangles, and itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.core.types import Camera
from maquette.geometry.raycast import render_buffers
from maquette.geometry.rendering.rasterize import depth_map, flat_indices, mixed, project, rasterize, splat


def ball(rows=24, radius=0.1):
    polar, turn = np.meshgrid(np.linspace(0.02, np.pi - 0.02, rows), np.linspace(0, 2 * np.pi, 2 * rows), indexing="ij")
    points = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar), -np.sin(polar) * np.sin(turn)], axis=-1)
    # Bumps, so that it hides parts of itself.
    points = points * (radius * (1 + 0.25 * np.sin(5 * polar) * np.cos(4 * turn)))[..., None]
    index = np.arange(polar.size).reshape(polar.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return points.reshape(-1, 3).astype(np.float32), faces


def camera(side=160, projection="perspective"):
    pose = np.eye(4)
    pose[:3, :3], pose[2, 3] = np.diag([1.0, -1, -1]), 0.6
    focal = 2.2 * side if projection == "perspective" else 3.6 * side
    return Camera(
        np.array([[focal, 0, 0.51 * side], [0, focal, 0.48 * side], [0, 0, 1]]), pose, (side, side), projection
    )


def drawn(vertices, faces, view, device="cpu", cull=None):
    matrices = [torch.as_tensor(m, dtype=torch.float32, device=device) for m in (view.intrinsics, view.world_to_camera)]
    flat = project(torch.as_tensor(vertices, device=device), *matrices, view.projection == "perspective")
    return rasterize(flat, torch.as_tensor(faces, device=device), view.size, cull)


def flat_triangles(corners, faces, size=(16, 12)):
    return rasterize(torch.tensor(corners, dtype=torch.float32), torch.tensor(faces), size)


@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_rays_see_the_same(projection):
    vertices, faces = ball()
    view = camera(projection=projection)
    face, barycentric, depth = render_buffers(view, vertices, faces)
    seen = drawn(vertices, faces, view)
    covered = (face >= 0) | seen.hit.numpy()
    same = (face == seen.face.numpy()) & (face >= 0)
    assert covered.mean() > 0.2 and same[covered].mean() >= 0.995
    # Depth is interpolated as in perspective, see `rasterize`.
    assert np.abs(seen.depth.numpy()[same] - depth[same]).max() < (1e-4 if projection == "perspective" else 3e-4)
    if projection == "perspective":
        assert np.abs(seen.barycentric.numpy() - barycentric)[same].max() < 5e-3


def test_a_triangle_with_known_pixels_and_weights():
    seen = flat_triangles([[1, 1, 2], [5, 1, 2], [1, 5, 2]], [[0, 1, 2]], (8, 6))
    wanted = np.zeros((6, 8), bool)
    for row in range(1, 5):
        wanted[row, 1 : 6 - row] = True
    # The centres on the long side, x + y = 6, belong to the triangle.
    assert np.array_equal(seen.hit.numpy(), wanted)
    assert np.allclose(seen.barycentric[1, 1].numpy(), [0.75, 0.125, 0.125], atol=1e-6)
    assert torch.all(seen.depth[seen.hit] == 2) and torch.all(torch.isinf(seen.depth[~seen.hit]))


def test_weights_are_those_on_the_surface_not_on_the_picture():
    # Half way on the picture between depths 1 and 3 is a quarter of the way on the edge: 1 / z is linear.
    seen = flat_triangles([[0, 0, 1], [15, 0, 3], [0, 15, 1]], [[0, 1, 2]], (16, 16))
    weights = seen.barycentric[0, 7]
    assert float(seen.depth[0, 7]) == pytest.approx(1.5, abs=1e-5)
    assert float(weights[1]) == pytest.approx(0.25, abs=1e-5) and float(weights.sum()) == pytest.approx(1, abs=1e-6)


def test_the_nearer_triangle_wins_whatever_the_order():
    corners = [[0, 0, 3], [16, 0, 3], [0, 16, 3], [0, 0, 2], [8, 0, 2], [0, 8, 2]]
    for faces, near in (([[0, 1, 2], [3, 4, 5]], 1), ([[3, 4, 5], [0, 1, 2]], 0)):
        seen = flat_triangles(corners, faces)
        assert int(seen.face[1, 1]) == near and int(seen.face[6, 7]) == 1 - near


def test_shared_edges_leave_no_holes():
    rng = np.random.default_rng(0)
    side = 14
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).astype(float)
    grid[1:-1, 1:-1] += rng.uniform(-0.4, 0.4, (side - 2, side - 2, 2))
    index = np.arange(side**2).reshape(side, side)
    a, b, c, d = (index[i : side - 1 + i, j : side - 1 + j].ravel() for i, j in ((0, 0), (1, 0), (1, 1), (0, 1)))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    corners = np.column_stack([grid.reshape(-1, 2) * 9.37 + 1.3, np.ones(side**2)])
    seen = flat_triangles(corners, faces.tolist(), (124, 124))
    inside = np.zeros((124, 124), bool)
    inside[1:123, 1:123] = True
    assert np.array_equal(seen.hit.numpy(), inside)


def test_the_same_bytes_twice_and_in_any_order_of_triangles():
    vertices, faces = ball()
    first, second = (drawn(vertices, faces, camera()) for _ in range(2))
    for name in ("face", "barycentric", "depth"):
        assert getattr(first, name).numpy().tobytes() == getattr(second, name).numpy().tobytes()
    order = np.random.default_rng(0).permutation(len(faces))
    other = drawn(vertices, faces[order], camera())
    assert torch.equal(first.hit, other.hit)
    named = torch.where(other.hit, torch.as_tensor(order)[other.face.clamp(min=0)], -1)
    assert (named == first.face).float().mean() > 0.9999  # a centre on an edge belongs to the lower number
    hit = first.hit
    assert torch.allclose(first.depth[hit], other.depth[hit], atol=1e-6)


def test_backs_are_culled_and_what_is_behind_the_camera_is_left_out():
    vertices, faces = ball()
    one_sided = torch.ones(len(faces), dtype=torch.bool)
    both, front = drawn(vertices, faces, camera()), drawn(vertices, faces, camera(), cull=one_sided)
    assert (both.face == front.face).float().mean() > 0.999
    assert not drawn(vertices, faces[:, ::-1].copy(), camera(), cull=one_sided).face.eq(both.face)[both.hit].any()
    assert not drawn(vertices + np.float32([0, 0, 2]), faces, camera()).hit.any()


def test_large_and_small_triangles_alike():
    """The boxes that triangles are sorted into must not matter: one quad, and the same cut into small ones."""
    steps = np.linspace(-50, 450, 101)
    x, y = np.meshgrid(steps, steps)
    corners = np.column_stack([x.ravel(), y.ravel(), 1 + 0.001 * x.ravel()])
    index = np.arange(101**2).reshape(101, 101)
    a, b, c, d = (index[i : 100 + i, j : 100 + j].ravel() for i, j in ((0, 0), (1, 0), (1, 1), (0, 1)))
    fine = flat_triangles(
        corners, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).tolist(), (400, 300)
    )
    tips = index[[0, -1, -1, 0], [0, 0, -1, -1]]
    large = flat_triangles(corners[tips], [[0, 1, 2], [0, 2, 3]], (400, 300))
    assert large.hit.all() and fine.hit.all()


def strands(*lines, radius=0.6):
    points = torch.tensor(lines, dtype=torch.float32)
    return points, torch.full(points.shape[:2], radius)


def test_the_nearer_strand_wins():
    points, radius = strands([[2, 8.5, 2], [30, 8.5, 2]], [[15.5, 1, 1], [15.5, 15, 1]])
    segment, along, depth = splat(points, radius, (32, 16))
    assert int(segment[8, 15]) == 1 and float(depth[8, 15]) == 1
    assert int(segment[8, 5]) == 0 and float(along[8, 5]) == pytest.approx((5.5 - 2) / 28, abs=0.05)
    assert (segment[8, 2:30] >= 0).all() and not (segment[0] >= 0).any()
    assert torch.equal(torch.isinf(depth), segment < 0)


def test_strands_behind_a_surface_are_left_out():
    points, radius = strands([[2, 8.5, 2], [30, 8.5, 2]])
    wall = torch.full((16, 32), 1.5)
    assert not (splat(points, radius, (32, 16), wall)[0] >= 0).any()
    assert (splat(points, radius, (32, 16), wall + 1)[0] >= 0).any()


def test_thin_strands_are_fewer_not_fainter():
    lines = [[[1, row + 0.5, 1], [63, row + 0.5, 1]] for row in range(200)]
    for radius, share in ((0.5, 1.0), (0.25, 0.5), (0.1, 0.2)):
        points, wide = strands(*lines, radius=radius)
        covered = (splat(points, wide, (64, 200))[0] >= 0).any(dim=1).float().mean()
        assert float(covered) == pytest.approx(share, abs=0.03)


def test_a_thick_strand_is_as_wide_as_it_is():
    points, radius = strands([[2, 8.5, 1], [30, 8.5, 1]], radius=1.5)
    assert (splat(points, radius, (32, 16))[0][:, 15] >= 0).sum() == 3


@pytest.mark.gpu
def test_an_accelerator_draws_the_same():
    if not torch.cuda.is_available():
        pytest.skip("no accelerator")
    vertices, faces = ball()
    slow, fast = drawn(vertices, faces, camera()), drawn(vertices, faces, camera(), "cuda")
    same = slow.face == fast.face.cpu()
    assert same.float().mean() > 0.999
    hit = same & slow.hit
    assert (slow.depth - fast.depth.cpu())[hit].abs().max() < 1e-5
    assert (slow.barycentric - fast.barycentric.cpu())[hit].abs().max() < 1e-3


def test_the_depth_map_is_that_of_the_fragments():
    vertices, faces = ball()
    view = camera()
    matrices = [torch.as_tensor(m, dtype=torch.float32) for m in (view.intrinsics, view.world_to_camera)]
    flat = project(torch.as_tensor(vertices), *matrices)
    alone, whole = depth_map(flat, torch.as_tensor(faces), view.size), drawn(vertices, faces, view)
    assert torch.equal(torch.isinf(alone), ~whole.hit)
    assert torch.allclose(alone[whole.hit], whole.depth[whole.hit], atol=1e-6)


def test_mixing_in_one_pass_is_the_weighted_sum():
    rng = np.random.default_rng(0)
    values, weights = torch.from_numpy(rng.normal(size=(7, 5)).astype(np.float32)), torch.rand(20, 3)
    indices = torch.from_numpy(rng.integers(0, 7, (20, 3)))
    assert torch.allclose(mixed(weights, values, indices), (weights[:, :, None] * values[indices]).sum(1), atol=1e-6)


def test_flat_indices_count_row_by_row():
    mask = torch.tensor([[False, True, False], [True, False, True]])
    assert flat_indices(mask).tolist() == [1, 3, 5] and flat_indices(mask.T).tolist() == [1, 2, 5]
