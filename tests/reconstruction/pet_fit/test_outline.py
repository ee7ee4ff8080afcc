"""Outlines of masks and of meshes."""

from __future__ import annotations

import numpy as np

from maquette.reconstruction.pet_fit.outline import matched, outermost, outline_of, rim_of, silhouette


def ball(radius: float = 80.0, centre: float = 100.0):
    """A drawn sphere: pixels (V, 2), y down, and outward faces."""
    import trimesh

    mesh = trimesh.creation.icosphere(3)
    # The world's y is up and the camera looks along -z.
    return np.column_stack([mesh.vertices[:, 0], -mesh.vertices[:, 1]]) * radius + centre, np.asarray(mesh.faces)


def test_the_outline_of_a_disc_is_its_circle():
    y, x = np.mgrid[0:200, 0:200] + 0.5
    mask = (np.hypot(x - 100, y - 100) < 60).astype(np.float32)
    points, normals = outline_of(mask, np.array([100.0, 300]), np.array([0.0, -1]), 40.0)
    away = points - 100
    assert len(points) > 100 and np.abs(np.linalg.norm(away, axis=1) - 60).max() < 1.5
    assert ((normals * away).sum(axis=1) / np.linalg.norm(away, axis=1)).min() > 0.97


def test_nothing_below_the_chin_or_along_the_border_counts():
    mask = np.zeros((200, 200), np.float32)
    mask[40:, 60:140] = 1  # a body that leaves the picture below
    points, _ = outline_of(mask, np.array([100.0, 120]), np.array([0.0, -1]), 40.0)
    assert points[:, 1].max() < 124 and points[:, 1].min() > 38
    full, _ = outline_of(np.ones((200, 200), np.float32), np.array([100.0, 120]), np.array([0.0, -1]), 40.0)
    assert len(full) == 0
    assert len(outline_of(np.zeros((50, 50), np.float32), np.zeros(2), np.array([0.0, -1]), 9.0)[0]) == 0


def test_the_rim_of_a_ball_is_its_circle():
    pixels, faces = ball()
    rim, outwards = rim_of(pixels, faces)
    away = pixels[rim] - 100
    assert len(rim) > 30 and np.linalg.norm(away, axis=1).min() > 74
    assert ((outwards * away).sum(axis=1) / np.linalg.norm(away, axis=1)).min() > 0.8
    drawn = silhouette(pixels, faces, (200, 200))
    assert abs(drawn.sum() / (np.pi * 80**2) - 1) < 0.03
    assert outermost(pixels, rim, outwards, drawn).all()


def test_a_fold_inside_another_mesh_is_not_outermost():
    pixels, faces = ball()
    small, _ = ball(radius=30)
    both, all_faces = np.concatenate([pixels, small]), np.concatenate([faces, faces + len(pixels)])
    rim, outwards = rim_of(both, all_faces)
    outer = outermost(both, rim, outwards, silhouette(both, all_faces, (200, 200)))
    assert (rim[outer] < len(pixels)).all() and (rim[~outer] >= len(pixels)).all()


def test_points_take_the_nearest_of_like_direction():
    points, normals = np.array([[0.0, 0], [50, 0]]), np.array([[1.0, 0], [1, 0]])
    others = np.array([[2.0, 0], [6, 0]])
    index, good = matched(points, normals, others, np.array([[-1.0, 0], [1, 0]]), 20.0)
    assert index[0] == 1 and good.tolist() == [True, False]
    assert not matched(points, normals, np.zeros((0, 2)), np.zeros((0, 2)), 20.0)[1].any()
