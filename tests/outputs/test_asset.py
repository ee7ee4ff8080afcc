"""What writers draw from: heads light and fine, and everything else as it was made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import MESHES, OutputOptions
from maquette.morphable import load
from maquette.morphable.refined.fine import fine_model, subdivision_of
from maquette.outputs.asset import open_asset
from maquette.outputs.reports.landmarks import write_landmarks
from maquette.outputs.reports.parameters import write_parameters
from maquette.outputs.reports.report import report, texture_shares
from results import make_result

LIGHT, FINE = (OutputOptions(mesh=mesh) for mesh in MESHES)


def test_a_head_is_refined_and_its_result_is_not(head_result):
    before = head_result.reconstruction.shape
    asset = open_asset(head_result, FINE)
    assert asset.is_fine and asset.model is fine_model(load("maquette-head"))
    wanted = subdivision_of(load("maquette-head")).refine(before.vertices.astype(float))
    assert np.abs(asset.mesh.vertices - wanted).max() < 1e-6
    assert asset.mesh.texture is before.texture and asset.mesh.texture_confidence is before.texture_confidence
    assert head_result.reconstruction.shape is before, "in Python the head stays as it was fitted"
    assert open_asset(head_result, LIGHT).mesh is before


def test_its_neutral_form_is_the_light_one_refined(head_result):
    light, fine = open_asset(head_result, LIGHT), open_asset(head_result, FINE)
    wanted = subdivision_of(load("maquette-head")).refine(light.neutral.astype(float))
    eyes = np.concatenate([fine.model.part_vertices(name) for name in ("eyeLeft", "eyeRight")])
    skin = np.setdiff1d(np.arange(len(wanted)), eyes)
    assert np.abs(fine.neutral - wanted)[skin].max() < 2e-6
    assert np.abs(fine.neutral - wanted)[eyes].max() < 2e-5, "they were moved as a whole, by a mean over them"


@pytest.mark.parametrize("down", [0.0, 1.0])
@pytest.mark.parametrize("options", [LIGHT, FINE], ids=["light", "fine"])
def test_closed_eyes_open_in_the_neutral_form(down, options):
    """Weights in files are of units that are linear, and within 0-1, though a blink is not the same on all eyes."""
    result = make_result(eyeBlinkLeft=1.0, eyeBlinkRight=0.9, eyeLookDownLeft=down)
    asset = open_asset(result, options)
    wanted = asset.model.vertices(asset.identity, np.zeros(52), asset.scale)
    skin = asset.model.part_vertices("skin")
    assert np.abs(asset.neutral - wanted)[skin].max() < 5e-6
    posed = asset.neutral + asset.scale * np.tensordot(asset.expression, asset.units, 1)
    assert np.abs(posed - asset.mesh.vertices)[skin].max() < 5e-6
    assert 0 <= asset.expression.min() <= asset.expression.max() <= 1


def test_further_photos_have_their_own_expression_on_it():
    result = make_result(photos=2, jawOpen=0.5)
    light, fine = (open_asset(result, options).vertices_in(1) for options in (LIGHT, FINE))
    refined = subdivision_of(load("maquette-head")).refine(light.astype(float))
    assert np.abs(fine - refined).max() < 2e-6


def test_motion_is_refined(shut_result):
    made = shut_result.reconstruction
    moved = np.stack([made.shape.vertices, made.shape.vertices + np.float32(0.01)])
    asset = open_asset(replace(shut_result, reconstruction=replace(made, motion=moved)), FINE)
    assert asset.vertices_in(1).shape == asset.mesh.vertices.shape
    assert np.abs(asset.vertices_in(1) - asset.mesh.vertices - 0.01).max() < 1e-6


@pytest.mark.parametrize("which", ["person_result", "clip_result", "cloth_result", "ball_result"])
def test_bodies_and_free_surfaces_stay_as_made(which, request):
    result = request.getfixturevalue(which)
    asset = open_asset(result, FINE)
    assert not asset.is_fine and asset.result is result


def test_the_surface_of_a_volume_stays_as_made(volume_result):
    light, fine = (open_asset(volume_result, options) for options in (LIGHT, FINE))
    assert np.array_equal(light.drawn.asset.mesh.vertices, fine.drawn.asset.mesh.vertices)


def test_what_was_fitted_is_written_alike(head_result):
    assert write_parameters(open_asset(head_result, LIGHT)) == write_parameters(open_asset(head_result, FINE))


def test_measured_facts_hardly_change(head_result):
    light, fine = (open_asset(head_result, options) for options in (LIGHT, FINE))
    shares, fine_shares = texture_shares(light), texture_shares(fine)
    assert all(fine_shares[name] == pytest.approx(share, abs=0.01) for name, share in shares.items())
    assert report(light)["scale"] == report(fine)["scale"]
    assert len(write_landmarks(fine)) == pytest.approx(len(write_landmarks(light)), rel=0.01)
