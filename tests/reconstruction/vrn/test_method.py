"""The whole method on a real photograph, with the network that ships."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import FitOptions, Options, SourceOptions
from maquette.geometry.camera import project
from maquette.geometry.surfaces.extract import surface_of
from maquette.morphable import load as load_model
from maquette.perception.faces.observe import observe
from maquette.perception.faces.topology import IBUG68
from maquette.reconstruction import methods
from maquette.reconstruction.face_fit.method import fit_landmarks, landmark_term
from maquette.reconstruction.vrn import method
from maquette.sources.photos import read
from maquette.weights.store import fetch

OPTIONS = FitOptions(method="vrn")
VRN = methods.find("vrn")


@pytest.fixture(scope="module")
def face(astronaut):
    return observe(read(astronaut, SourceOptions()))[0]


def fitted(face):
    """The head fitted to the landmarks alone."""
    return fit_landmarks(load_model("maquette-head"), landmark_term(fetch), [face], OPTIONS)


@pytest.fixture(scope="module")
def result(face):
    return methods.load(VRN, fetch, Options(fit=OPTIONS))([face])


def test_the_head_has_the_usual_topology_and_lies_on_the_photo(result, face):
    model = load_model("maquette-head")
    assert np.array_equal(result.shape.faces, model.faces) and result.shape.uvs is not None
    assert result.motion.shape == (1, *model.mean.shape) and result.expression.shape == (1, 52)
    points = model.embeddings["ibug68"].points(result.motion[0], model.faces).astype(float)
    found, seen = project(result.cameras[0], points)[0], face.landmarks[list(IBUG68), :2]
    apart = np.linalg.norm(found - seen, axis=1).mean() / np.linalg.norm(seen[36] - seen[45])
    assert apart < 0.04
    assert result.provenance["method"] == "vrn" and result.provenance["network"]["guided"]


def test_the_volume_is_one_closed_face_in_the_same_frame(result):
    surface = surface_of(result.volume)
    assert surface.closed and 700 < surface.volume_cm3 < 3500
    model = load_model("maquette-head")
    nose = result.shape.vertices[model.mean[:, 2].argmax()]
    vertices = surface.mesh.vertices
    near = vertices[np.linalg.norm(vertices[:, :2] - nose[:2], axis=1) < 0.01]
    assert abs(near[:, 2].max() - nose[2]) < 0.012
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    assert (low < [-0.05, -0.08, 0]).all() and (high > [0.05, 0.05, 0.02]).all()


def test_several_photos_in_any_order(face):
    """The same face three times, two of them shifted: as three photos of one person."""
    seen = [face, *(replace(face, landmarks=face.landmarks + np.array([shift, 0, 0])) for shift in (1.5, -1.0))]
    reconstruct = methods.load(VRN, fetch, Options(fit=OPTIONS))
    one, other = reconstruct(seen), reconstruct([seen[0], seen[2], seen[1]])
    assert np.abs(one.shape.vertices - other.shape.vertices).max() < 1e-5
    assert np.abs(one.volume.values - other.volume.values).max() < 1e-3
    assert len(one.cameras) == 3 and one.motion.shape[0] == 3


def test_a_network_that_sees_nothing_is_reported(face):
    network, _ = method.network_of(fetch(method.SHIPPED))

    def blind(_: torch.Tensor) -> torch.Tensor:
        return torch.full((1, network.size.depth, network.side // 4, network.side // 4), -8.0)

    with pytest.raises(NothingFound, match="the volume has no surface"):
        method.reconstruct(fitted(face), network, blind, OPTIONS, 0.0)


def test_weights_that_are_not_there_or_no_vrn(tmp_path):
    with pytest.raises(BadInput, match=r"gone\.safetensors"):
        methods.load(VRN, fetch, Options(fit=replace(OPTIONS, vrn_weights=str(tmp_path / "gone.safetensors"))))
    with pytest.raises(BadInput, match="metadata"):
        methods.load(VRN, fetch, Options(fit=replace(OPTIONS, vrn_weights=str(fetch("face-regressor")))))


def test_an_unguided_network_of_ones_own_is_run(face, tmp_path):
    """A converted file with another size, crop and side; its weights are random, so only the way through counts."""
    import json
    from dataclasses import asdict

    from safetensors.torch import save_file

    from maquette.reconstruction.vrn.network import VRN, VRNSize

    torch.manual_seed(0)
    size = VRNSize(3, 32, 1, 1, 40)
    tensors = {k: v for k, v in VRN(size).state_dict().items() if not k.endswith("tracked")}
    facts = {"size": json.dumps(asdict(size)), "side": "64", "bn_stats": "image", "crop": "bash"}
    save_file(tensors, tmp_path / "own.safetensors", metadata=facts)
    network, coarse = method.network_of(tmp_path / "own.safetensors")
    reading = method.read(network, coarse, face)
    assert reading.logits.shape == (40, 64, 64) and reading.matte.any() and not network.upright


def test_a_volume_that_is_no_face_shows_in_the_gap(result, face):
    from maquette.outputs.reports.report import VOLUME_GAP_MM

    network, _ = method.network_of(fetch(method.SHIPPED))
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 24), indexing="ij")
    bowl = 50 * (rows**2 + columns**2) + 25  # slices: hollow where a face bulges

    def wrong(_: torch.Tensor) -> torch.Tensor:
        return (bowl - torch.arange(network.size.depth)[:, None, None])[None] / 2

    found = method.reconstruct(fitted(face), network, wrong, OPTIONS, 0.0)
    assert result.provenance["volume_gap_mm"][0] < VOLUME_GAP_MM < found.provenance["volume_gap_mm"][0]
