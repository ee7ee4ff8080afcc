"""The method from files to a result: networks of the published sizes, a small twin of FLAME."""

from __future__ import annotations

import pytest
from safetensors.torch import save_file

import flame_twin as twin
from deca_by_seed import deca, network, observed
from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import options_from
from maquette.reconstruction.deca import method
from maquette.reconstruction.deca.method import build, reconstruct
from maquette.weights.convert.deca import NETWORKS
from maquette.weights.convert.pytorch import COUNTER


def none(name: str):
    raise AssertionError(f"{name} is fetched")


@pytest.mark.parametrize(
    "given",
    [{}, {"deca_weights": "a"}, {"deca_model": "a"}, {"deca_weights": "nowhere", "deca_model": "nowhere"}],
)
def test_files_that_are_not_there_are_named_in_one_line(given):
    with pytest.raises(WeightsMissing, match="weights convert deca") as caught:
        build(none, options_from(method="deca", **given))
    assert "\n" not in str(caught.value)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"no weights")
    with pytest.raises(BadInput, match="weights of deca"):
        build(none, options_from(method="deca", deca_weights=str(tmp_path / "x"), deca_model=str(tmp_path)))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The user's files."""
    folder = tmp_path_factory.mktemp("own")
    tensors = {}
    for name in NETWORKS:
        tensors |= {f"{name}.{k}": v.half() for k, v in network(name).state_dict().items() if not k.endswith(COUNTER)}
    save_file(tensors, folder / "deca.safetensors", {"network": "deca"})
    twin.write(folder / "data")
    return {"deca_weights": str(folder / "deca.safetensors"), "deca_model": str(folder / "data")}


def test_files_to_a_face(files):
    made = build(none, options_from(method="deca", **files))([observed()])
    assert made.shape.vertices.shape == (900, 3) and len(made.cameras) == 1 and made.motion is None
    assert made.parameters["code_shape"].shape == (1, 100) and made.parameters["levels"].shape == (224, 5 * 224, 3)
    assert made.shape.normal_map is not None and made.provenance["method"] == "deca"
    assert "albedo" not in made.parameters


def test_the_expression_of_another_photo(monkeypatch, files, tmp_path):
    monkeypatch.setattr(method, "deca_from", lambda *_: deca())
    monkeypatch.setattr(method.photos, "read", lambda path: path)
    small = observed()
    monkeypatch.setitem(method.OBSERVERS, method.Subject.FACE, lambda *_: [small, small])
    made = build(none, options_from(method="deca", expression_from="smile.jpg", **files))([observed()])
    assert made.motion is not None and made.motion.shape == (1, 900, 3)


def test_the_same_photo_gives_the_same_bytes():
    first, second = (reconstruct(deca(), observed(), None) for _ in range(2))
    assert first.shape.vertices.tobytes() == second.shape.vertices.tobytes()
    for name, value in first.parameters.items():
        assert value.tobytes() == second.parameters[name].tobytes()
