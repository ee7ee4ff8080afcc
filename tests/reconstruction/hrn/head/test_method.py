"""From a photo to a head: whole mesh, camera in the photo's pixels, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import head_twin
from hrn_by_seed import network, observed
from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import options_from
from maquette.geometry.camera import project
from maquette.perception.faces.topology import landmarks68
from maquette.reconstruction.hrn.align import aligned
from maquette.reconstruction.hrn.head.method import HEAD_SCALE, head_crop, reconstruct_head
from maquette.reconstruction.hrn.method import build
from maquette.weights.convert.pytorch import COUNTER

MODEL = head_twin.model()


def reads(turned: float = 0.0):
    """Stands for the network: a face near the mean, in the middle of its crop."""
    values = torch.zeros(1, 257)
    values[:, 225] = turned
    return lambda _: values.clone()


@pytest.fixture(scope="module")
def made():
    return reconstruct_head(reads(0.05), MODEL, [observed()], None, (60, 3))


def test_the_head_is_the_drawn_model_in_the_world(made):
    D = len(MODEL.source.uvs)
    assert made.shape.vertices.shape == (D, 3) and made.shape.uvs.shape == (D, 2)
    assert len(made.shape.faces) == len(MODEL.source.drawn.triangles) and made.model is None
    np.testing.assert_array_equal(made.shape.uv_faces, MODEL.source.uv_triangles)
    assert made.provenance["model"] == "head" and made.parameters["offset"].shape == (300, 300, 3)
    assert np.ptp(made.shape.vertices[:, 2]) > 0.15  # metres: there is a back


def test_the_camera_sees_the_landmarks_where_the_photo_has_them(made):
    places = made.shape.vertices[MODEL.source.drawn.landmarks].astype(float)
    pixels, depth = project(made.cameras[0], places)
    wanted = landmarks68(observed())
    size = np.ptp(wanted, axis=0).max()
    assert np.median(np.linalg.norm(pixels - wanted, axis=1)) < 0.05 * size and (depth > 0.5).all()
    assert made.provenance["landmark_error_px"][0] < 0.05 * size


@pytest.mark.slow
def test_a_measured_pupil_distance_sets_the_size(made):
    other = reconstruct_head(reads(0.05), MODEL, [observed()], 0.07, (60, 3))
    assert other.metric and not made.metric
    ratio = np.ptp(other.shape.vertices, axis=0) / np.ptp(made.shape.vertices, axis=0)
    np.testing.assert_allclose(ratio, other.scale / made.scale, rtol=1e-4)


def test_a_head_that_is_turned_too_far_is_refused():
    with pytest.raises(BadInput, match="turned by 34 degrees.* up to 30: leave --hrn-head away"):
        reconstruct_head(reads(0.6), MODEL, [observed()], None)
    with pytest.raises(BadInput, match="fits one photo, got 2"):
        reconstruct_head(reads(), MODEL, [observed(), observed(1)], None)


def test_hair_belongs_to_the_head():
    seen = observed()
    face = aligned(seen, MODEL.source.five_points, size=HEAD_SCALE)
    without = head_crop(seen, face)
    hair = np.zeros_like(seen.mask)
    hair[:200] = 1
    more = head_crop(replace(seen, hair=hair), face)
    assert more.shape == (1, 1, 224, 224) and more.sum() > without.sum() + 1000 and more.max() == 1


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The user's files: the network of the published head, which has no others, and its assets."""
    folder = tmp_path_factory.mktemp("own")
    state = network("net_recon").state_dict()
    tensors = {f"net_recon.{k}": v.half() for k, v in state.items() if not k.endswith(COUNTER)}
    save_file(tensors, folder / "head.safetensors", {"network": "hrn"})
    head_twin.write(folder / "assets", head_twin.arrays())
    return {"hrn_weights": str(folder / "head.safetensors"), "hrn_head": str(folder / "assets")}


def none(name: str):
    raise AssertionError(f"{name} is fetched")


def test_the_files_make_a_method(files, monkeypatch):
    asked = []
    monkeypatch.setattr("maquette.reconstruction.hrn.method.reconstruct_head", lambda *given: asked.append(given))
    build(none, options_from(method="hrn", **files))([observed()])
    regress, model, (seen,), distance = asked[0]
    assert regress(torch.zeros(1, 3, 224, 224)).shape == (1, 257) and model.face_count == MODEL.face_count
    assert distance is None and seen.landmarks.shape == (478, 3)


def test_missing_assets_and_networks_are_named(files, tmp_path):
    with pytest.raises(WeightsMissing, match="bfm_keep_inds.npy"):
        build(none, options_from(method="hrn", **files | {"hrn_head": str(tmp_path)}))
    with pytest.raises(WeightsMissing, match="--hrn-head FOLDER"):
        build(none, options_from(method="hrn", hrn_weights=files["hrn_weights"]))
    with pytest.raises(BadInput, match="alone, of the published head: give --hrn-head"):
        build(none, options_from(method="hrn", hrn_weights=files["hrn_weights"], hrn_model=str(tmp_path)))
