"""Conversion of DECA: its list of tensors against the networks, and every kind of mistake."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from torch import nn

from deca_by_seed import NETWORKS
from maquette.cli.main import run
from maquette.core.errors import BadInput
from maquette.weights.convert.deca import networks
from maquette.weights.convert.pytorch import COUNTER

COUNTS = {"E_flame": 322, "E_detail": 322, "D_detail": 44}
SIZES = {"E_flame": 25_848_108, "E_detail": 25_737_408, "D_detail": 1_773_345}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_list_of_tensors_is_that_of_the_network(name):
    with torch.device("meta"):
        network = NETWORKS[name][0]()
    state = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert len(state) == COUNTS[name] and sum(p.numel() for p in network.parameters()) == SIZES[name]
    assert networks.shapes(name) == {key: shape for key, shape in state.items() if not key.endswith(COUNTER)}


def test_all_parameters():
    assert sum(SIZES.values()) == 53_358_861


@pytest.fixture
def tiny(monkeypatch):
    """Networks of two tensors each, so that files are small."""
    monkeypatch.setattr(networks, "shapes", lambda _: {"a.weight": (2, 3), "b.running_var": (4,)})


def state() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.rand(2, 3), "b.running_var": torch.rand(4), "b.num_batches_tracked": torch.tensor(3)}


def content() -> dict:
    optimiser = torch.optim.Adam(nn.Linear(2, 2).parameters())
    extra = {"opt": optimiser.state_dict(), "global_step": 3, "batch_size": 8}
    return {name: state() for name in networks.NETWORKS} | extra


def test_a_checkpoint_becomes_one_file(tmp_path, tiny, capsys):
    held = content()
    torch.save(held, tmp_path / "deca_model.tar")
    out = tmp_path / "deca.safetensors"
    assert run(["weights", "convert", "deca", str(tmp_path / "deca_model.tar"), "-o", str(out)]) == 0
    assert "18 parameters" in capsys.readouterr().out
    with safe_open(out, framework="pt") as file:
        assert file.metadata()["network"] == "deca" and len(list(file.keys())) == 6
        assert torch.equal(file.get_tensor("E_detail.a.weight"), held["E_detail"]["a.weight"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda held: held.pop("D_detail"), "wanted a checkpoint of DECA with D_detail"),
        (lambda held: held["E_flame"].pop("a.weight"), "1 missing \\(a.weight\\)"),
        (lambda held: held["E_flame"].update(c=torch.zeros(1)), "1 unexpected \\(c\\)"),
        (lambda held: held["E_flame"].update({"a.weight": torch.zeros(3, 2)}), "1 of another shape"),
        (lambda held: held["E_flame"]["a.weight"].fill_(torch.nan), "damaged"),
        (lambda held: held["E_flame"].update({"b.running_var": -torch.ones(4)}), "negative variances"),
        (lambda held: held.update(E_flame={"a.weight": 3}), "wanted named tensors"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, tiny, change, words):
    held = content()
    change(held)
    torch.save(held, tmp_path / "other.tar")
    with pytest.raises(BadInput, match=words) as caught:
        networks.convert(tmp_path / "other.tar", tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value) and not (tmp_path / "x.safetensors").exists()


def test_a_source_is_not_overwritten(tmp_path, tiny):
    torch.save(content(), tmp_path / "deca.safetensors")
    with pytest.raises(BadInput, match="is a source itself"):
        networks.convert(tmp_path / "deca.safetensors", tmp_path / "deca.safetensors")
