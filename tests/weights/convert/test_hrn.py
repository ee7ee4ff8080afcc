"""Conversion of HRN: its list of tensors against the networks, the three files, and every kind of mistake."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from torch import nn

from maquette.cli.main import run
from maquette.core.errors import BadInput
from maquette.reconstruction.hrn.networks.generator import MapGenerator
from maquette.reconstruction.hrn.networks.landmarks import LandmarkNet
from maquette.reconstruction.hrn.networks.regressor import ReconNet
from maquette.reconstruction.hrn.networks.retouching import BlendNet
from maquette.weights.convert import hrn
from maquette.weights.convert.pytorch import COUNTER

MAKERS = {
    "net_recon": ReconNet,
    "mid_net": lambda: MapGenerator(6, 3),
    "high_net": lambda: MapGenerator(9, 1),
    "retouching": BlendNet,
    "landmarks": LandmarkNet,
}
COUNTS = {"net_recon": 332, "mid_net": 48, "high_net": 48, "retouching": 136, "landmarks": 335}
SIZES = {"net_recon": 24_034_625, "mid_net": 11_387_587, "high_net": 11_390_721}
SIZES |= {"retouching": 13_397_007, "landmarks": 1_722_112}


@pytest.mark.parametrize("name", MAKERS)
def test_the_list_of_tensors_is_that_of_the_network(name):
    with torch.device("meta"):
        network = MAKERS[name]()
    state = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert len(state) == COUNTS[name] and sum(p.numel() for p in network.parameters()) == SIZES[name]
    assert hrn.shapes(name) == {key: shape for key, shape in state.items() if not key.endswith(COUNTER)}


@pytest.fixture
def tiny(monkeypatch):
    """Networks of three tensors each, so that files are small."""
    monkeypatch.setattr(hrn, "shapes", lambda _: {"a.weight": (2, 3), "b.running_var": (4,)})


def state() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.rand(2, 3), "b.running_var": torch.rand(4), "b.num_batches_tracked": torch.tensor(3)}


def content() -> dict:
    optimiser = torch.optim.Adam(nn.Linear(2, 2).parameters())
    found = {name: state() for name in hrn.NETWORKS}
    return found | {"alpha": torch.ones(1), "beta": torch.tensor([0.5]), "opt_00": optimiser.state_dict()}


def test_three_files_become_one(tmp_path, tiny, capsys):
    files = [tmp_path / name for name in ("epoch_10.pth", "de.pth", "large.pth")]
    main, retouching, marks = content(), state(), state()
    main["mid_net"] = {f"module.{key}": value for key, value in main["mid_net"].items()}
    torch.save(main, files[0])
    torch.save({"generator": retouching}, files[1])
    torch.save({"state_dict": {f"module.{key}": value for key, value in marks.items()}}, files[2])
    out = tmp_path / "out" / "hrn.safetensors"
    words = ["weights", "convert", "hrn", str(files[0]), "--de-retouching", str(files[1])]
    assert run([*words, "--landmarks", str(files[2]), "-o", str(out)]) == 0
    assert "32 parameters" in capsys.readouterr().out
    with safe_open(out, framework="pt") as file:
        assert file.metadata()["network"] == "hrn"
        keys = set(file.keys())
        assert torch.equal(file.get_tensor("landmarks.a.weight"), marks["a.weight"])
        assert torch.equal(file.get_tensor("mid_net.a.weight"), main["mid_net"]["module.a.weight"])
    parts = (*hrn.NETWORKS, "retouching", "landmarks")
    assert keys == {f"{part}.{key}" for part in parts for key in ("a.weight", "b.running_var")} | {"alpha", "beta"}


def changed(kind: str) -> object:
    found = content()
    if kind == "not a dictionary":
        return [1]
    if kind == "no network":
        del found["high_net"]
    elif kind == "missing":
        del found["high_net"]["a.weight"]
    elif kind == "unexpected":
        found["high_net"]["c"] = torch.zeros(1)
    elif kind == "shape":
        found["high_net"]["a.weight"] = torch.zeros(3, 2)
    elif kind == "nan":
        found["high_net"]["a.weight"][0, 0] = torch.nan
    elif kind == "negative":
        found["high_net"]["b.running_var"][0] = -1
    elif kind == "scalar":
        found["alpha"] = torch.ones(2)
    elif kind == "no tensors":
        found["high_net"] = {"a.weight": 3}
    return found


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("not a dictionary", "wanted a checkpoint of HRN with net_recon"),
        ("no network", "wanted a checkpoint of HRN with high_net"),
        ("missing", "1 missing \\(a.weight\\)"),
        ("unexpected", "1 unexpected \\(c\\)"),
        ("shape", "1 of another shape"),
        ("nan", "damaged"),
        ("negative", "negative variances"),
        ("scalar", "alpha: wanted a tensor of one number"),
        ("no tensors", "high_net: wanted named tensors"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, tiny, kind, words):
    source = tmp_path / "other.pth"
    torch.save(changed(kind), source)
    with pytest.raises(BadInput, match=words) as caught:
        hrn.convert(source, tmp_path / "x.safetensors")
    assert "\n" not in str(caught.value) and not (tmp_path / "x.safetensors").exists()


def test_a_source_is_not_overwritten(tmp_path, tiny):
    source = tmp_path / "hrn.safetensors"
    torch.save(content(), source)
    with pytest.raises(BadInput, match="is a source itself"):
        hrn.convert(source, source)


def test_the_published_head_s_file_has_one_network(tmp_path, tiny):
    torch.save({"net_recon": state()}, tmp_path / "pytorch_model.pt")
    done = hrn.convert(tmp_path / "pytorch_model.pt", tmp_path / "head.safetensors")
    assert done.size == {"parts": ["net_recon"]} and done.ignored == 1
    with safe_open(tmp_path / "head.safetensors", framework="pt") as file:
        assert set(file.keys()) == {"net_recon.a.weight", "net_recon.b.running_var"}
