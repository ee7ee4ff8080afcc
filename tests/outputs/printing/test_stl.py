"""head.stl: one closed solid that stands."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from maquette.core.options import MESHES, OutputOptions
from maquette.geometry.raycast import RayCaster
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.weld import fill, weld
from maquette.outputs.printing.stl import UNDER_NECK, UNDER_SOLES, is_sound, mouth_gap, part_touching, write_stl
from parts import hair_part
from results import make_result


@pytest.fixture(params=[(which, mesh) for which in ("head_result", "shut_result") for mesh in MESHES], ids="-".join)
def printed(request):
    which, mesh = request.param
    asset = open_asset(request.getfixturevalue(which), OutputOptions(mesh=mesh))
    return asset, trimesh.load(io.BytesIO(write_stl(asset)), file_type="stl")


def stands(solid: trimesh.Trimesh) -> float:
    """Square millimetres of the middle of its first layer (0.2 mm); it stands on z = 0 and does not tip over."""
    assert solid.bounds[0, 2] == 0 and np.allclose(solid.bounds[:, :2].sum(axis=0), 0, atol=1e-3)
    flat = np.abs(solid.triangles[:, :, 2]).max(axis=1) < 1e-3
    base = solid.triangles[flat][:, :, :2]
    balance = solid.center_mass[:2]
    assert (base.min(axis=(0, 1)) + 10 < balance).all() and (balance < base.max(axis=(0, 1)) - 10).all()
    (outline,) = solid.section([0, 0, 1], [0, 0, 0.1]).discrete
    (x, y), (x_next, y_next) = outline[:-1, :2].T, outline[1:, :2].T
    return abs(float(x @ y_next - x_next @ y)) / 2


def in_the_world(solid: trimesh.Trimesh, asset) -> np.ndarray:
    """(V, 3) millimetres: the solid's vertices turned back to y up, and moved to where the asset's mesh is."""
    world = np.stack([solid.vertices[:, 0], solid.vertices[:, 2], -solid.vertices[:, 1]], axis=1)
    mesh = 1000 * asset.mesh.vertices
    nose = world[:, 1] > world[:, 1].max() - np.ptp(mesh[:, 1])  # above the pedestal, which is wider than the neck
    shift = mesh.max(axis=0) - world[nose].max(axis=0)
    shift[0] += mesh[:, 0].min() - world[nose][:, 0].min() - shift[0]
    return world + shift


def test_it_is_one_watertight_solid(printed):
    _, solid = printed
    assert solid.is_watertight and solid.is_winding_consistent
    assert solid.body_count == 1, "no loose parts, no inner shells"
    assert 2.0e6 < solid.volume < 8.0e6, "cubic millimetres of a head"


def test_it_stands_on_a_flat_base(printed):
    _, solid = printed
    assert stands(solid) > 5000, "square millimetres"


@pytest.mark.parametrize("which", ["person_result", "cloth_result"])
def test_a_person_stands_on_a_flat_base(which, request):
    """The tiny body is a tenth as wide at its feet as it is tall: without a base it would tip over."""
    asset = open_asset(request.getfixturevalue(which), OutputOptions())
    solid = trimesh.load(io.BytesIO(write_stl(asset)), file_type="stl")
    assert solid.is_watertight and solid.body_count == 1
    assert stands(solid) > 20000, "square millimetres"
    tall = 1000 * np.ptp(asset.mesh.vertices[np.unique(asset.mesh.faces[asset.part("skin")])][:, 1])
    assert np.ptp(solid.bounds[:, 2]) == pytest.approx(tall + UNDER_SOLES.thickness - UNDER_SOLES.sunk, abs=0.1)


def test_it_is_the_head_in_millimetres(printed):
    asset, solid = printed
    skin = asset.mesh.vertices * 1000
    under = np.ptp(solid.bounds[:, 2]) - np.ptp(skin[:, 1])
    assert UNDER_NECK.thickness < under < UNDER_NECK.thickness + 20
    back = in_the_world(solid, asset)
    assert np.allclose(back.max(axis=0)[1:], skin.max(axis=0)[1:], atol=0.8), "rounded between the vertices"
    assert np.allclose([back[:, 0].min(), back[:, 0].max()], [skin[:, 0].min(), skin[:, 0].max()], atol=0.8)


def test_the_eyeballs_are_part_of_it(printed):
    asset, solid = printed
    whole, printable = (
        RayCaster(vertices, faces)
        for vertices, faces in (
            (asset.mesh.vertices.astype(float), asset.mesh.faces),
            (in_the_world(solid, asset) / 1000, solid.faces),
        )
    )
    for side in ("Left", "Right"):
        ball = asset.mesh.vertices[asset.model.part_vertices(f"eye{side}")].astype(float)
        starts, along = ball + np.array([0, 0, 0.05]), np.tile([0.0, 0, -1], (len(ball), 1))
        hit, _, distance = whole.first_hits(starts, along)
        seen = np.isin(hit, asset.model.parts[f"eye{side}"])
        assert seen.sum() > 10
        apart = np.abs(printable.first_hits(starts, along)[2] - distance)[seen]
        # The print's rounded lids cover a little more of the eyeball than a coarse mesh does.
        assert (apart < 2e-4).sum() > 5 and np.median(apart) < 8e-4


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


def test_hair_is_printed_as_one_solid_with_the_head(shut_result):
    """A card two centimetres above the crown: the print is as much taller, and still whole."""
    plain = open_asset(shut_result, OutputOptions(mesh="light"))
    top = plain.mesh.vertices[:, 1].max()
    flat = [[-0.05, 0, -0.1], [0.05, 0, -0.1], [0.05, 0, -0.02], [-0.05, 0, -0.02]]
    places = np.array(flat) + np.array([0, top + 0.02, 0])
    hair = replace(hair_part(), mesh=replace(hair_part().mesh, vertices=places.astype(np.float32)))
    opaque = replace(hair, mesh=replace(hair.mesh, texture=np.full((8, 8, 4), 255, np.uint8)))
    made = replace(shut_result, reconstruction=replace(shut_result.reconstruction, parts=(opaque,)))
    bald, haired = (
        trimesh.load(io.BytesIO(write_stl(open_asset(result, OutputOptions(mesh="light")))), file_type="stl")
        for result in (shut_result, made)
    )
    assert haired.is_watertight and haired.body_count == 1
    assert haired.extents[2] - bald.extents[2] == pytest.approx(20, abs=4)
    assert haired.volume - bald.volume > 40_000, "cubic millimetres"
