"""Conversion of GP-UNIT: its list of tensors against the networks, both files, and mistakes."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from maquette.cli.main import run
from maquette.core.errors import BadInput
from maquette.imaging.translate.gpunit.networks import GPUNIT, load
from maquette.weights.convert.pytorch import COUNTER
from maquette.weights.convert.translate import gpunit


def test_the_list_of_tensors_is_that_of_the_networks():
    with torch.device("meta"):
        state = GPUNIT().state_dict()
    found = {key: tuple(value.shape) for key, value in state.items() if not key.endswith(COUNTER)}
    assert found == {f"{name}.{key}": shape for name in gpunit.NETWORKS for key, shape in gpunit.shapes(name).items()}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Networks of three tensors each, so that files are small."""
    listed = {"a.weight": (2, 3), "b.weight_u": (2,), "b.running_var": (4,)}
    monkeypatch.setattr(gpunit, "shapes", lambda _: listed)
    state = {key: torch.rand(shape) for key, shape in listed.items()}
    own = {key: value.clone() for key, value in state.items()} | {"b.num_batches_tracked": torch.tensor(3)}
    torch.save({"g_ema": state, "sampler": own}, tmp_path / "cat2dog.pt")
    torch.save(state, tmp_path / "content.pt")
    return tmp_path, state


def test_two_files_become_one(files, capsys):
    folder, state = files
    words = ["weights", "convert", "gpunit", str(folder / "cat2dog.pt"), "--content", str(folder / "content.pt")]
    assert run(words) == 0 and "18 parameters" in capsys.readouterr().out
    with safe_open(folder / "cat2dog.safetensors", framework="pt") as file:
        assert file.metadata()["network"] == "gpunit" and len(list(file.keys())) == 9
        assert torch.equal(file.get_tensor("content.a.weight"), state["a.weight"])


def test_other_files_are_refused(files):
    folder, state = files
    torch.save({"g_ema": state}, folder / "half.pt")
    with pytest.raises(BadInput, match="GP-UNIT with sampler"):
        gpunit.convert(folder / "half.pt", folder / "content.pt", folder / "x")
    torch.save(state | {"c": torch.zeros(1)}, folder / "content2.pt")
    with pytest.raises(BadInput, match="1 unexpected \\(c\\)"):
        gpunit.convert(folder / "cat2dog.pt", folder / "content2.pt", folder / "x")
    with pytest.raises(BadInput, match="is a source itself"):
        gpunit.convert(folder / "cat2dog.pt", folder / "content.pt", folder / "content.pt")
    save_file({"a": torch.zeros(1)}, folder / "other", {"network": "hrn"})
    with pytest.raises(BadInput, match="weights convert gpunit"):
        load(folder / "other")
