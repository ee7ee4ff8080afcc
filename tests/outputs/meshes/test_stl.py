"""head.stl: one closed solid that stands."""

from __future__ import annotations

import io

import numpy as np
import pytest
import trimesh

from maquette.core.options import OutputOptions
from maquette.geometry.raycast import RayCaster
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.stl import PEDESTAL_MM, is_sound, mouth_gap, part_touching, write_stl
from maquette.outputs.meshes.weld import fill, weld
from results import make_result


@pytest.fixture(params=["head_result", "shut_result"])
def printed(request):
    asset = open_asset(request.getfixturevalue(request.param), OutputOptions())
    return asset, trimesh.load(io.BytesIO(write_stl(asset)), file_type="stl")


def test_it_is_one_watertight_solid(printed):
    _, solid = printed
    assert solid.is_watertight and solid.is_winding_consistent
    assert solid.body_count == 1, "no loose parts, no inner shells"
    assert 2.0e6 < solid.volume < 8.0e6, "cubic millimetres of a head"


def test_it_stands_on_a_flat_base(printed):
    _, solid = printed
    floor = solid.bounds[0, 1]
    flat = np.abs(solid.triangles[:, :, 1] - floor).max(axis=1) < 1e-3
    base = solid.triangles[flat][:, :, [0, 2]]
    assert solid.area_faces[flat].sum() > 5000, "square millimetres"
    balance = solid.center_mass[[0, 2]]
    assert (base.min(axis=(0, 1)) + 10 < balance).all() and (balance < base.max(axis=(0, 1)) - 10).all()


def test_it_is_the_head_in_millimetres(printed):
    asset, solid = printed
    top = asset.mesh.vertices.max(axis=0) * 1000
    assert np.allclose(solid.bounds[1, 1:], top[1:], atol=0.8), "rounded between the vertices"
    depth = asset.mesh.vertices[:, 1].min() * 1000 - solid.bounds[0, 1]
    assert PEDESTAL_MM < depth < PEDESTAL_MM + 20


def test_the_eyeballs_are_part_of_it(printed):
    asset, solid = printed
    caster = RayCaster(solid.vertices / 1000, solid.faces)
    for side in ("Left", "Right"):
        ball = asset.mesh.vertices[asset.model.part_vertices(f"eye{side}")]
        front = ball[ball[:, 2].argmax()].astype(float)
        _, _, distance = caster.first_hits(front[None] + [0, 0, 0.05], np.array([[0.0, 0, -1]]))
        assert distance[0] == pytest.approx(0.05, abs=2e-4)


def test_the_gap_between_the_lips_is_measured(head_result, shut_result):
    assert mouth_gap(open_asset(head_result, OutputOptions())) > 0.008
    assert mouth_gap(open_asset(shut_result, OutputOptions())) < 0.004


@pytest.mark.parametrize("weights", [{"eyeBlinkLeft": 1.0, "jawOpen": 0.6}, {"mouthFunnel": 0.7, "tongueOut": 1.0}])
def test_extreme_expressions_stay_closed(weights):
    """A shut lid touches its own socket; what only touches must not be joined."""
    solid = trimesh.load(io.BytesIO(write_stl(open_asset(make_result(**weights), OutputOptions()))), file_type="stl")
    assert solid.is_watertight and solid.body_count == 1


def test_surfaces_that_only_touch_are_parted():
    box = trimesh.creation.box()
    vertices = np.vstack([box.vertices, box.vertices + np.array([1, 1, 0])]).astype(np.float32)
    faces = np.vstack([box.faces, box.faces + 8])
    assert not is_sound(vertices, faces)
    assert is_sound(part_touching(vertices, faces), faces)


def test_a_free_form_mesh_is_printed_too(ball_result):
    solid = trimesh.load(io.BytesIO(write_stl(open_asset(ball_result, OutputOptions()))), file_type="stl")
    assert solid.is_watertight and solid.body_count == 1
    assert np.ptp(solid.bounds[:, 0]) == pytest.approx(200, rel=0.2)


def test_a_fan_closes_a_hole_outwards():
    box = trimesh.creation.box()
    open_box = np.delete(box.faces, np.flatnonzero(box.face_normals[:, 1] > 0.5), axis=0)
    from maquette.geometry.mesh import boundary_loops

    loop = boundary_loops(open_box)[0]
    vertices, faces = fill(box.vertices, open_box, loop, box.vertices[loop].mean(axis=0))
    closed = trimesh.Trimesh(vertices, faces, process=False)
    assert closed.is_watertight and closed.volume == pytest.approx(1.0)


def test_welding_joins_what_coincides():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], float)
    joined, faces = weld(vertices, np.array([[0, 1, 2], [3, 5, 4], [1, 3, 2]]))
    assert len(joined) == 4 and len(faces) == 2
