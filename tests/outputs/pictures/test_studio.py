"""The studio: cameras agree with ours, styles mean what they say, no noise on stderr."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import trimesh

from maquette.core.errors import ExtraMissing
from maquette.core.types import Camera
from maquette.geometry.camera import project
from maquette.outputs.pictures import studio as studios
from maquette.outputs.pictures.studio import SKIN, Studio
from maquette.outputs.pictures.views import shaded_part
from maquette.outputs.shaded_mesh import shade_mesh
from parts import hair_part


@pytest.fixture(scope="module")
def ball():
    """A red ball of 10 cm radius."""
    mesh = trimesh.creation.icosphere(3, 0.1)
    uvs = np.full((len(mesh.vertices), 2), 0.5, np.float32)
    shaded, _ = shade_mesh(mesh.vertices, mesh.faces.astype(np.int32), uvs, mesh.faces, 0.0)
    studio = Studio([(shaded, SKIN)], np.full((8, 8, 3), (200, 40, 40), np.uint8), closed=True)
    yield studio
    studio.close()


def camera(size=(160, 120), centre=(50.0, 70.0)) -> Camera:
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = np.diag([1.0, -1.0, -1.0])
    world_to_camera[2, 3] = 0.8
    return Camera(np.array([[200.0, 0, centre[0]], [0, 200.0, centre[1]], [0, 0, 1]]), world_to_camera, size)


def test_the_picture_lies_where_our_camera_projects_it(ball):
    cover = ball.render(camera(), "clay")[..., 3] / 255.0
    assert cover.shape == (120, 160)
    x, y = np.meshgrid(np.arange(160) + 0.5, np.arange(120) + 0.5)
    middle = [(x * cover).sum() / cover.sum(), (y * cover).sum() / cover.sum()]
    assert middle == pytest.approx(project(camera(), np.zeros(3))[0].tolist(), abs=0.1)
    radius = 200 * np.tan(np.arcsin(0.1 / 0.8))
    assert cover.sum() == pytest.approx(np.pi * radius**2, rel=0.02)


def test_styles(ball):
    lit, clay = ball.render(camera(), "texture"), ball.render(camera(), "clay")
    red, green, blue, _ = (int(v) for v in lit[70, 50])
    assert red > 2 * green and abs(green - blue) < 30
    assert np.ptp(clay[70, 50, :3].astype(int)) < 40, "clay is grey"
    normals = ball.render(camera(), "normals")
    assert normals[70, 50, :3].astype(int) == pytest.approx([127, 127, 255], abs=3)
    assert normals[70, 68, 0] > 180 and normals[52, 50, 1] > 180, "x right, y up"
    depth = ball.render(camera(), "depth", depth=(0.7, 0.8))[..., 0]
    assert depth[70, 50] > 245 and depth[70, 70] < 200


def test_edges_are_smooth(ball):
    alpha = ball.render(camera(), "clay")[..., 3]
    assert np.count_nonzero((alpha > 20) & (alpha < 235)) > 40


def test_the_same_scene_gives_the_same_pixels(ball):
    assert np.array_equal(ball.render(camera()), ball.render(camera()))


def test_no_warning_reaches_the_terminal():
    code = "from maquette.outputs.pictures.studio import open_window; w = open_window(); w.SetSize(32, 32); w.Render()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == "" and done.stdout == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems bring OpenGL along")
def test_a_missing_library_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(studios, "_loads", lambda _library: False)
    with pytest.raises(ExtraMissing, match="apt-get install -y libegl1"):
        studios.open_window()


def test_hair_is_cut_out_by_its_texture_and_absent_from_clay(ball):
    part = hair_part()
    studio = Studio([shaded_part(part, part.mesh.vertices - [0.0, 0.15, 0.12])])
    try:
        picture = studio.render(camera(), "texture")
        assert picture[70, 43, 3] == 255 and picture[70, 57, 3] == 0, "the left half is there, the right half is not"
        assert picture[70, 43, 0] > 3 * picture[70, 43, 1]
        behind = camera()
        behind.world_to_camera[:3, :3] = np.diag([-1.0, -1.0, 1.0])
        assert studio.render(behind, "texture")[70, 57, 3] == 255, "seen from behind"
        assert not studio.render(camera(), "clay").any()
    finally:
        studio.close()


def test_a_repainted_ball_has_another_colour(ball):
    ball.repaint(np.full((8, 8, 3), (40, 200, 40), np.uint8))
    try:
        red, green, _, _ = (int(v) for v in ball.render(camera(), "texture")[70, 50])
        assert green > 2 * red
    finally:
        ball.repaint(np.full((8, 8, 3), (200, 40, 40), np.uint8))
