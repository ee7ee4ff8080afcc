"""From levels to a reconstruction: frame, units, mesh, maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hrn_by_seed import PHOTO, face, hrn, marks68, observed
from maquette.geometry.camera import project
from maquette.geometry.mesh import vertex_normals
from maquette.reconstruction.hrn import result as result_module
from maquette.reconstruction.hrn.method import levels
from maquette.reconstruction.hrn.result import reconstruction_of, world_frame
from maquette.reconstruction.hrn.sampling import MENDED, OFFICIAL


@pytest.fixture(scope="module")
def made():
    found = levels(hrn(MENDED), observed())
    return found, reconstruction_of(hrn(MENDED), [found], [PHOTO], None)


def test_the_mesh_is_the_middle_level_in_metres(made):
    found, result = made
    mesh = result.shape
    marks = mesh.vertices[face().landmarks.numpy()]
    middle = (marks[36:42].mean(axis=0) + marks[42:48].mean(axis=0)) / 2
    np.testing.assert_allclose(middle, [0, 0, 0.012], atol=1e-6)
    edges = np.ptp(mesh.vertices, axis=0) / np.ptp(found.mid.shape[0].numpy(), axis=0)
    np.testing.assert_allclose(edges, 0.1, rtol=1e-5)
    assert mesh.uvs.shape == (900, 2) and result.model is None and not result.metric
    assert vertex_normals(mesh.vertices.astype(float), mesh.faces)[:, 2].mean() > 0.5, "outside is towards +z"


def test_a_measured_pupil_distance_sets_the_size(made):
    found, _ = made
    result = reconstruction_of(hrn(MENDED), [found], [PHOTO], 0.07)
    marks = result.shape.vertices[face().landmarks.numpy()]
    assert np.linalg.norm(marks[36:42].mean(axis=0) - marks[42:48].mean(axis=0)) == pytest.approx(0.07, rel=1e-5)
    assert result.metric and world_frame(found.mid.shape[0, face().landmarks], 0.07).metres == pytest.approx(
        0.1 * result.scale
    )


def test_detail_is_the_displaced_grid_in_the_same_frame(made):
    result = made[1]
    detail = result.parameters
    assert detail["detail_vertices"].dtype == np.float32 and detail["detail_faces"].max() < len(detail["detail_uvs"])
    # Each grid vertex lies on the mesh's point of the same texture coordinates, moved by the displacement.
    rows = np.round((1 - detail["detail_uvs"][:, 1]) * 256 - 0.5).astype(int)
    columns = np.round(detail["detail_uvs"][:, 0] * 256 - 0.5).astype(int)
    plain = face().table.draw(torch.from_numpy(result.shape.vertices)[None])[0].permute(1, 2, 0).numpy()
    moved = np.linalg.norm(detail["detail_vertices"] - plain[rows, columns], axis=1)
    np.testing.assert_allclose(moved, np.abs(detail["displacement"][rows, columns]), atol=1e-6)
    assert result.provenance["displacement_mm"] == pytest.approx(1000 * np.abs(detail["displacement"]).max(), abs=1e-3)


def test_quirks_of_the_published_files_can_be_had(made, monkeypatch):
    found, plain = made
    monkeypatch.setattr(result_module, "residual", lambda *given: 0 * given[2])
    published = reconstruction_of(hrn(OFFICIAL), [found], [PHOTO], None)
    lit = published.shape.texture
    assert lit.shape == (256, 256, 3) and plain.shape.texture is None
    wanted = 255 * found.high.colours[0].clamp(0, 1).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(lit, wanted, atol=0.51)


def test_what_the_report_says_of_each_photo(made):
    found, result = made
    facts = result.provenance
    assert set(facts["pose"][0]) == {"yaw", "pitch", "roll"} and len(facts["landmark_error_px"]) == 1
    pixels, _ = project(result.cameras[0], result.shape.vertices[face().landmarks.numpy()].astype(float))
    apart = np.linalg.norm(pixels - marks68()[0], axis=1)
    assert facts["landmark_error_px"][0] == pytest.approx(np.median(apart), rel=0.03)
    # To the subject's left is the picture's right.
    turned = replace(found.low.coefficients, angles=torch.tensor([[0.0, 0.5, 0.0]]))
    low = replace(found.low, coefficients=turned)
    left = reconstruction_of(hrn(MENDED), [replace(found, low=low)], [PHOTO], None)
    assert left.provenance["pose"][0]["yaw"] == pytest.approx(0.5) and left.cameras[0].world_to_camera[0, 2] > 0.4
