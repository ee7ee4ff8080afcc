"""Light and labels of rendered scenes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.types import Camera
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers
from maquette.synthesis.rendering.light import Light
from maquette.synthesis.rendering.render import render
from maquette.synthesis.types import Kind, SceneSurface, Strands

NO_LAMPS = np.zeros((0, 3), np.float32)
WHITE = np.ones(3, np.float32)


def environment(value=1.0):
    out = np.zeros((9, 3), np.float32)
    out[0] = value / 0.282095
    return out


def lamp(towards, color=(1, 1, 1), softness=0.002):
    towards = np.asarray([towards], float)
    towards /= np.linalg.norm(towards)
    return Light(np.zeros((9, 3), np.float32), np.float32(towards), np.float32([color]), softness)


def camera(side=64, per_metre=100.0, projection="orthographic"):
    """Looks along -z from 3 m; the picture's middle is the origin."""
    pose = np.eye(4)
    pose[:3, :3], pose[2, 3] = np.diag([1.0, -1, -1]), 3.0
    focal = per_metre * (1 if projection == "orthographic" else 3)
    return Camera(np.array([[focal, 0, side / 2], [0, focal, side / 2], [0, 0, 1]]), pose, (side, side), projection)


def ball(radius=0.25, rows=40):
    polar, turn = np.meshgrid(np.linspace(0.01, np.pi - 0.01, rows), np.linspace(0, 2 * np.pi, 2 * rows), indexing="ij")
    points = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar), -np.sin(polar) * np.sin(turn)], axis=-1)
    index = np.arange(polar.size).reshape(polar.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    uvs = np.stack([turn / (2 * np.pi), 1 - polar / np.pi], axis=-1).reshape(-1, 2)
    return (radius * points.reshape(-1, 3)).astype(np.float32), faces.astype(np.int32), uvs.astype(np.float32)


def wall(side=0.4, z=0.0, **settings):
    vertices = np.float32([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * side / 2 + np.float32([0, 0, z])
    known = {"kind": Kind.CLOTHES, "albedo": WHITE, "roughness": 1.0, "specular": 0.0} | settings
    return SceneSurface(vertices, np.int32([[0, 1, 2], [0, 2, 3]]), **known)


def test_a_white_ball_vanishes_in_a_white_world():
    vertices, faces, _ = ball()
    surface = SceneSurface(vertices, faces, Kind.CLOTHES, WHITE, roughness=1.0, specular=0.0)
    picture = render([surface], [], camera(), Light(environment(), NO_LAMPS, NO_LAMPS, 0.0))
    hit = picture.coverage > 0
    assert hit.mean() > 0.4 and np.abs(picture.radiance[hit] - 1).max() < 0.02
    assert not picture.radiance[~hit].any() and np.isinf(picture.depth[~hit]).all()


def test_occlusion_darkens_what_the_world_lights():
    vertices, faces, _ = ball()
    surface = SceneSurface(vertices, faces, Kind.SKIN, WHITE, roughness=1.0, specular=0.0)
    shade = np.full(len(vertices), 0.4, np.float32)
    picture = render([surface], [], camera(), Light(environment(), NO_LAMPS, NO_LAMPS, 0.0), shade)
    assert np.allclose(picture.radiance[picture.coverage > 0], 0.4, atol=0.01)


@pytest.mark.parametrize("degrees", [0, 30, 60])
def test_a_lamp_lights_by_the_cosine(degrees):
    angle = np.radians(degrees)
    light = lamp([np.sin(angle), 0, np.cos(angle)], (0.8, 0.5, 0.2), softness=1.0)
    picture = render([wall(albedo=np.float32([0.5, 0.25, 1.0]))], [], camera(), light)
    wanted = np.array([0.4, 0.125, 0.2]) * np.cos(angle)
    assert np.allclose(picture.radiance[32, 32], wanted, rtol=0.01)


def test_the_shadow_of_a_square_falls_where_it_must():
    # The lamp is 45 degrees to the right: what stands 0.1 m before the wall throws its shadow 0.1 m to the left.
    picture = render([wall(0.6), wall(0.1, 0.1)], [], camera(), lamp([1, 0, 1]))
    light = picture.radiance[..., 0] / np.cos(np.pi / 4)

    def at(x, y):
        return light[int(32 - 100 * y), int(32 + 100 * x)]

    assert at(-0.1, 0) < 0.05 and at(-0.13, 0.03) < 0.05
    for x, y in ((-0.18, 0), (0.1, 0), (-0.1, 0.08), (-0.1, -0.08)):
        assert at(x, y) == pytest.approx(1, abs=0.12)  # one of nine taps may see the slanting wall itself
    assert at(0, 0) == pytest.approx(1, abs=0.05)  # the square itself
    dark = (light < 0.5) & (picture.coverage > 0)
    assert dark.sum() * 1e-4 == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize("projection", ["orthographic", "perspective"])
def test_labels_are_those_of_rays(projection):
    vertices, faces, uvs = ball()
    texture = np.broadcast_to(np.float32([0.2, 0.4, 0.6]), (8, 8, 3))
    surface = SceneSurface(vertices, faces, Kind.SKIN, texture, uvs, faces)
    view = camera(projection=projection)
    picture = render([surface], [], view, Light(environment(), NO_LAMPS, NO_LAMPS, 0.0))
    face, barycentric, depth = render_buffers(view, vertices, faces)
    same = (picture.face == face) & (face >= 0)
    assert same.sum() >= 0.995 * (face >= 0).sum() > 1000
    weights = barycentric[same][:, :, None]
    normals = (weights * vertex_normals(vertices, faces)[faces[face[same]]]).sum(axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert np.abs(picture.depth[same] - depth[same]).max() < 1e-4
    assert np.abs(picture.normals[same] - normals).max() < 5e-3
    assert np.abs(picture.uv[same] - (weights * uvs[faces[face[same]]]).sum(axis=1)).max() < 1e-3
    assert set(np.unique(picture.kind)) == {Kind.BACKGROUND, Kind.SKIN}
    assert np.isnan(picture.uv[picture.face < 0]).all()


def test_a_surface_without_charts_may_come_first():
    """The skin of a body has colours per vertex."""
    vertices, faces, uvs = ball()
    light = Light(environment(), np.float32([[0, 0, 1]]), np.float32([[1, 1, 1]]), 0.002)
    bare = SceneSurface(vertices, faces, Kind.SKIN, np.full_like(vertices, 0.5))
    charted = SceneSurface(vertices, faces, Kind.SKIN, np.full_like(vertices, 0.5), uvs, faces)
    first, second = (render([s], [], camera(), light) for s in (bare, charted))
    assert first.radiance.tobytes() == second.radiance.tobytes() and np.array_equal(first.face, second.face)
    assert np.isnan(first.uv).all() and np.isfinite(second.uv[second.face >= 0]).all()


def test_a_lens_is_blended_and_keeps_the_labels_behind_it():
    light = Light(environment(), NO_LAMPS, NO_LAMPS, 0.0)
    lens = wall(0.2, 0.1, albedo=np.float32([0.1, 0.1, 0.1]), alpha=0.3, kind=Kind.GLASSES)
    picture = render([wall(0.4), lens], [], camera(), light)
    assert np.allclose(picture.radiance[32, 32], 0.3 * 0.1 + 0.7, atol=0.01)
    assert np.allclose(picture.radiance[32, 48], 1, atol=0.01)
    assert picture.kind[32, 32] == Kind.CLOTHES and picture.depth[32, 32] == pytest.approx(3.0, abs=1e-4)
    dark = wall(0.2, 0.1, albedo=np.float32([0.1, 0.1, 0.1]), alpha=0.9, kind=Kind.GLASSES)
    assert render([wall(0.4), dark], [], camera(), light).kind[32, 32] == Kind.GLASSES
    behind = wall(0.2, -0.1, albedo=np.zeros(3, np.float32), alpha=0.3, kind=Kind.GLASSES)
    assert np.allclose(render([wall(0.4), behind], [], camera(), light).radiance[32, 32], 1, atol=0.01)


def test_hair_before_a_wall_is_hair_and_behind_it_is_not():
    def hair(z):
        points = np.float32([[[x, -0.1, z], [x, 0.1, z]] for x in np.linspace(-0.05, 0.05, 40)])
        return Strands(points, np.full((40, 2), 0.01, np.float32), np.full((40, 2, 3), 0.3, np.float32))

    light = Light(environment(), NO_LAMPS, NO_LAMPS, 0.0)
    before, behind = (render([wall()], [hair(z)], camera(), light) for z in (0.05, -0.05))
    assert before.kind[32, 32] == Kind.HAIR and before.depth[32, 32] == pytest.approx(2.95, abs=1e-3)
    assert before.face[32, 32] == -1 and behind.kind[32, 32] == Kind.CLOTHES


def test_the_same_bytes_twice():
    vertices, faces, _ = ball()
    surface = SceneSurface(vertices, faces, Kind.SKIN, WHITE)
    first, second = (render([surface, wall()], [], camera(), lamp([1, 1, 1])) for _ in range(2))
    for name, value in vars(first).items():
        assert value.tobytes() == getattr(second, name).tobytes(), name
