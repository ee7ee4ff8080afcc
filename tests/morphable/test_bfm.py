"""The Basel model's reader: what the files hold, which are missing, and every kind of damage in one line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.io import savemat

import basel_twin
from maquette.core.errors import BadInput, WeightsMissing
from maquette.morphable import bfm


@pytest.fixture(autouse=True)
def few_texels(monkeypatch):
    """256 texels take 63 MB."""
    monkeypatch.setattr(bfm, "UV_SIDE", 16)


@pytest.fixture(scope="module")
def found() -> dict:
    return basel_twin.arrays((60, 32))


@pytest.fixture
def folder(tmp_path, found):
    return basel_twin.write(tmp_path / "assets", found)


def test_what_the_files_hold(folder, found):
    model = bfm.read(folder)
    assert model.vertex_count == 60
    mean = found["meanshape"].reshape(-1, 3)
    np.testing.assert_allclose(model.mean.reshape(-1, 3), mean - mean.mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(model.triangles + 1, found["tri"])
    np.testing.assert_array_equal(model.uv_triangles, model.triangles)
    np.testing.assert_array_equal(model.rings + 1, found["point_buf"])
    assert model.rings.max() == len(model.triangles) and model.skin is not None and model.skin.sum() == 40
    np.testing.assert_allclose(model.identity, found["idBase"], atol=1e-7)


def test_albedo_is_the_bilinear_half(folder, found):
    found["tex_mean"] += np.arange(3072).reshape(32, 32, 3) % 7  # no two texels of a square alike
    basel_twin.write(folder, found)
    model = bfm.read(folder)
    whole = torch.from_numpy(found["tex_mean"]).permute(2, 0, 1)[None]
    half = torch.nn.functional.interpolate(whole, [16, 16], mode="bilinear")[0].permute(1, 2, 0)
    np.testing.assert_allclose(model.albedo_mean.reshape(16, 16, 3), half.numpy(), atol=1e-4)
    assert model.albedo_basis.shape == (3 * 16 * 16, 80)


def test_five_points_of_the_mean_stand_in(folder):
    own = bfm.read(folder)
    (folder / "BFM" / bfm.POINTS).unlink()
    (folder / "template_mesh" / bfm.TEMPLATE).unlink()
    other = bfm.read(folder)
    apart = own.five_points - other.five_points
    np.testing.assert_allclose(apart, apart[:1].repeat(5, 0), atol=1e-6)
    np.testing.assert_array_equal(other.uv_triangles, own.triangles)


def test_missing_files_are_named_with_their_folder(folder):
    (folder / "template_mesh" / bfm.UVS).unlink()
    with pytest.raises(WeightsMissing, match=f"bfm_uvs2.npy missing in {folder}"):
        bfm.read(folder)
    with pytest.raises(WeightsMissing, match="BFM_model_front.mat, bfm_uvs2.npy"):
        bfm.read(folder / "nowhere")


def rewritten(folder, found, **changed):
    names = ("uvs", "tex_mean", "tex_basis")
    kept = {name: value for name, value in {**found, **changed}.items() if name not in names and value is not None}
    savemat(folder / "BFM" / "BFM_model_front.mat", kept)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exBase": None}, "lacks exBase"),
        ({"tri": np.array([[1, 2, 61]])}, "tri: wanted whole numbers from 1 to 60"),
        ({"tri": np.array([[1, 2.5, 3]])}, "tri: wanted whole numbers"),
        ({"idBase": np.zeros((180, 79))}, "idBase: wanted \\(180, 80\\)"),
        ({"idBase": np.full((180, 80), np.nan)}, "idBase: wanted finite numbers"),
        ({"idBase": np.array([["a"]], object)}, "idBase: wanted a matrix of numbers"),
        ({"keypoints": np.ones((1, 5))}, "keypoints: wanted 68"),
        ({"skinmask": np.ones((1, 5))}, "skinmask: wanted 60"),
    ],
)
def test_models_that_do_not_fit_are_refused(folder, found, change, words):
    rewritten(folder, found, **change)
    with pytest.raises(BadInput, match=words) as caught:
        bfm.read(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["BFM/BFM_model_front.mat", "template_mesh/bfm_uvs2.npy", "template_mesh/template_bfm.obj"]
)
@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file" + bytes(200), b"\x93NUMPY\x01\x00", b"f 1 2\nf x"])
def test_damaged_files_are_refused(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        bfm.read(folder)
    assert "\n" not in str(caught.value) and name.split("/")[1] in str(caught.value)


def test_pickles_are_not_opened(folder):
    np.save(folder / "template_mesh" / bfm.UVS, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(BadInput, match="bfm_uvs2.npy"):
        bfm.read(folder)
