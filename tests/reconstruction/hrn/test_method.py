"""The method from files to a result: real sizes of the networks, a small twin of the Basel model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import basel_twin
from hrn_by_seed import hrn, network, observed
from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import options_from
from maquette.reconstruction.hrn import method
from maquette.reconstruction.hrn.face_model import face_model
from maquette.reconstruction.hrn.method import build, reconstruct
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.weights.convert.hrn import NETWORKS
from maquette.weights.convert.pytorch import COUNTER


def none(name: str):
    raise AssertionError(f"{name} is fetched")


@pytest.mark.parametrize(
    "given",
    [{}, {"hrn_weights": "a"}, {"hrn_model": "a"}, {"hrn_weights": "nowhere", "hrn_model": "nowhere"}],
)
def test_files_that_are_not_there_are_named_in_one_line(given):
    with pytest.raises(WeightsMissing, match="weights convert hrn") as caught:
        build(none, options_from(method="hrn", **given))
    assert "\n" not in str(caught.value)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"no weights")
    with pytest.raises(BadInput, match="HRN weights"):
        build(none, options_from(method="hrn", hrn_weights=str(tmp_path / "x"), hrn_model=str(tmp_path)))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The user's files."""
    folder = tmp_path_factory.mktemp("own")
    tensors = {"alpha": torch.tensor([0.01]), "beta": torch.tensor([0.01])}
    for name in NETWORKS:
        tensors |= {f"{name}.{k}": v.half() for k, v in network(name).state_dict().items() if not k.endswith(COUNTER)}
    save_file(tensors, folder / "hrn.safetensors", {"network": "hrn"})
    basel_twin.write(folder / "bfm", basel_twin.arrays((900, 256)))
    return {"hrn_weights": str(folder / "hrn.safetensors"), "hrn_model": str(folder / "bfm")}


def test_files_to_a_face(files):
    made = build(none, options_from(method="hrn", **files))([observed()])
    assert made.shape.vertices.shape == (900, 3) and len(made.cameras) == 1 and made.motion is None
    assert made.parameters["coefficients"].shape == (1, 257) and made.parameters["levels"].shape == (224, 2240, 3)
    assert made.shape.normal_map is not None and made.provenance["method"] == "hrn"


def test_whose_landmarks_are_taken_can_be_chosen(monkeypatch, files):
    asked = []
    monkeypatch.setattr(method, "read_by", lambda reader, seen: asked.append(reader) or seen)
    monkeypatch.setattr(method, "reconstruct", lambda *given: given)
    monkeypatch.setattr(method, "hrn_from", lambda *_: hrn(MENDED))
    build(none, options_from(method="hrn", reader="network", **files))([observed(), observed(1)])
    assert asked == ["network", "network"]


def test_the_same_photo_gives_the_same_bytes():
    first, second = (reconstruct(hrn(MENDED), [observed()], None) for _ in range(2))
    assert first.shape.vertices.tobytes() == second.shape.vertices.tobytes()
    for name, value in first.parameters.items():
        np.testing.assert_array_equal(value, second.parameters[name])


@pytest.mark.slow
def test_the_published_sizes():
    """35,709 vertices and 70,789 triangles, from crops to the files' mesh."""
    basel = face_model(basel_twin.model(basel_twin.PUBLISHED))
    assert basel.mean.shape == (107_127,) and basel.triangles.shape == (70_789, 3)
    made = reconstruct(replace(hrn(MENDED), model=basel), [observed()], None)
    assert made.shape.vertices.shape == (35_709, 3) and made.shape.uvs.shape == (35_709, 2)
    assert made.shape.faces.shape == (70_789, 3) and np.isfinite(made.shape.vertices).all()
    assert len(made.parameters["detail_faces"]) > 90_000
