"""Conversion of VRN: the list of its tensors against the network itself, every kind of file, every kind of mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from maquette.cli.main import run
from maquette.core.errors import BadInput
from maquette.reconstruction.vrn.network import SIZES, VRN, VRNSize
from maquette.weights.convert import vrn
from maquette.weights.convert.torch7 import LuaObject
from seeded import fill
from torch7_writer import Writer, module

SMALL = VRNSize(5, 16, 1, 1, 12)
COUNTERS = sum(key.endswith("running_var") for key in vrn.shapes(5, 16, 1, 1, 12))


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Of a small network, without counters."""
    network = VRN(SMALL)
    fill(network, 9)
    return {key: value for key, value in network.state_dict().items() if not key.endswith("tracked")}


def written(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    with safe_open(path, framework="pt") as file:
        return file.metadata(), {key: file.get_tensor(key) for key in file.keys()}


def same(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def tree(state: dict[str, np.ndarray], prefix: str = "") -> LuaObject:
    """A tree of Torch7 modules with weights at their places; what has none is a ReLU."""
    inside = {key.removeprefix(prefix) for key in state if key.startswith(prefix)}
    children = {int(key.split(".")[0]) for key in inside if "." in key}
    if not children:
        return module("nn.Leaf", **{key: state[f"{prefix}{key}"] for key in inside}, output=np.zeros(3, "f4"))
    places = range(max(children) + 1)
    parts = [tree(state, f"{prefix}{k}.") if k in children else module("nn.ReLU") for k in places]
    return module("nn.Sequential", *parts)


@pytest.mark.parametrize("size", [*SIZES.values(), SMALL, VRNSize(4, 128, 1, 3, 7)])
def test_the_list_of_tensors_is_that_of_the_network(size):
    with torch.device("meta"):
        state = VRN(size).state_dict()
    wanted = {key: tuple(value.shape) for key, value in state.items() if not key.endswith("tracked")}
    found = vrn.shapes(**vars(size))
    assert found == wanted
    assert vrn.size_of({key: np.broadcast_to(np.float32(0), shape) for key, shape in found.items()}) == vars(size)


LAYOUTS = ["plain", "module.", "a.b.", "counters", "wrapped", "before-1.6", "half", "float64", "safetensors", "t7"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_file(tmp_path, state, layout):
    source, target = tmp_path / "source.pth", tmp_path / "out" / "vrn.safetensors"
    wanted = state
    if layout.endswith("."):
        torch.save({f"{layout}{key}": value for key, value in state.items()}, source)
    elif layout == "counters":
        places = [key.removesuffix("running_var") for key in state if key.endswith("running_var")]
        torch.save({**state, **{f"{place}num_batches_tracked": torch.tensor(7) for place in places}}, source)
    elif layout == "wrapped":
        torch.save({"epoch": 3, "state_dict": state}, source)
    elif layout in ("half", "float64"):
        kind = torch.float16 if layout == "half" else torch.float64
        torch.save({key: value.to(kind) for key, value in state.items()}, source)
        wanted = {key: value.to(kind).float() for key, value in state.items()}
    elif layout == "safetensors":
        source = tmp_path / "source.safetensors"
        save_file(state, source)
    elif layout == "t7":
        source = tmp_path / "source.t7"
        source.write_bytes(Writer().value(tree({key: value.numpy() for key, value in state.items()})).data)
    else:
        torch.save(state, source, _use_new_zipfile_serialization=layout != "before-1.6")
    done = vrn.convert(source, target)
    metadata, found = written(target)
    assert same(found, wanted)
    assert json.loads(metadata["size"]) == done.size == vars(SMALL)
    assert (metadata["side"], metadata["bn_stats"], metadata["crop"]) == ("192", "image", "matlab")
    assert done.parameters == sum(value.numel() for key, value in state.items() if "running" not in key)
    assert done.ignored == (COUNTERS if layout == "counters" else 0)
    assert [path.name for path in target.parent.iterdir()] == ["vrn.safetensors"]


def test_old_normalisation_becomes_variance(tmp_path, state):
    old = {}
    for key, value in state.items():
        if key.endswith("running_var"):
            old[key.replace("running_var", "running_std")] = ((value + 1e-5) ** -0.5).numpy()
        else:
            old[key] = value.numpy()
    source = tmp_path / "old.t7"
    source.write_bytes(Writer().value(tree(old)).data)
    vrn.convert(source, tmp_path / "new.safetensors", "running", "bash")
    metadata, found = written(tmp_path / "new.safetensors")
    assert (metadata["bn_stats"], metadata["crop"]) == ("running", "bash")
    assert found.keys() == state.keys()
    assert all(torch.allclose(found[key], state[key], rtol=1e-5, atol=1e-6) for key in state)


def mistakes(state: dict) -> Iterator[tuple[str, dict, str]]:
    keys = list(state)
    yield "missing", {key: state[key] for key in keys[9:]}, "9 missing"
    yield "one more", {**state, "99.weight": torch.zeros(3)}, r"got \d+: 1 unexpected \(99.weight\)"
    yield "shape", {**state, "1.weight": torch.zeros(63)}, r"1 of another shape \(1.weight \(63,\) for \(64,\)\)"
    yield "axes", {**state, "3.0.0.2.weight": torch.zeros(64, 64)}, "of another shape"
    yield "another network", {f"conv{k}.weight": torch.zeros(3, 3) for k in range(5)}, "1644 missing .* 5 unexpected"
    yield "features", {**state, "6.0.0.8.weight": torch.zeros(18, 9, 1, 1)}, "of another shape"
    yield "integers", {**state, "1.bias": torch.zeros(64, dtype=torch.int64)}, r"floating point .*\(1.bias\)"
    yield "not finite", {**state, "1.bias": torch.full((64,), torch.nan)}, r"1 tensors hold NaN.*\(1.bias\)"
    yield "variance", {**state, "1.running_var": torch.full((64,), -1.0)}, "negative variances"
    yield "two names", {**state, **{f"module.{key}": value.clone() for key, value in state.items()}}, "unexpected"
    yield "empty", {}, "no named tensors"
    yield "nothing to name", {"0.weight": 3}, "no named tensors"


@pytest.mark.parametrize("number", range(12))
def test_mistakes_are_counted_and_named(tmp_path, state, number):
    what, wrong, message = [*mistakes(state)][number]
    plain = wrong and all(isinstance(value, torch.Tensor) for value in wrong.values())
    source, target = tmp_path / f"{what}{'.safetensors' if plain else '.pth'}", tmp_path / "out.safetensors"
    (save_file if plain else torch.save)(wrong, source)
    with pytest.raises(BadInput, match=message) as refusal:
        vrn.convert(source, target)
    assert len(str(refusal.value)) < 900 and "\n" not in str(refusal.value)
    assert [*tmp_path.iterdir()] == [source]


class Trap:
    """Makes a file when it is unpickled without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_run_nothing(tmp_path, zipped):
    source, trap = tmp_path / "trap.pth", tmp_path / "sprung"
    torch.save({"0.weight": Trap(trap)}, source, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadInput, match="state_dict"):
        vrn.convert(source, tmp_path / "out.safetensors")
    assert not trap.exists()


def test_a_whole_network_is_refused_with_what_to_do(tmp_path):
    torch.save(VRN(SMALL), tmp_path / "whole.pth")
    with pytest.raises(BadInput, match=r"torch.save\(network.state_dict\(\)\)"):
        vrn.convert(tmp_path / "whole.pth", tmp_path / "out.safetensors")


@pytest.mark.parametrize("name", ["x.pth", "x.pt", "x.t7", "x.safetensors"])
@pytest.mark.parametrize("data", [b"", b"noise" * 50, b"PK\x03\x04" + bytes(90), b"\xff" * 64])
def test_noise_is_refused(tmp_path, name, data):
    source = tmp_path / name
    source.write_bytes(data)
    with pytest.raises(BadInput, match=name):
        vrn.convert(source, tmp_path / "out.safetensors")


def test_cut_files_are_refused(tmp_path, state):
    source = tmp_path / "cut.pth"
    for zipped in (True, False):
        torch.save(state, source, _use_new_zipfile_serialization=zipped)
        whole = source.read_bytes()
        for part in (0.01, 0.3, 0.9, 0.999):
            source.write_bytes(whole[: int(part * len(whole))])
            with pytest.raises(BadInput, match="cut.pth"):
                vrn.convert(source, tmp_path / "out.safetensors")


def test_tensors_larger_than_their_file_are_refused(tmp_path):
    source = tmp_path / "wide.pth"
    torch.save({"0.weight": torch.zeros(1).expand(10**6, 10**6)}, source)
    with pytest.raises(BadInput, match="claim more"):
        vrn.convert(source, tmp_path / "out.safetensors")


def test_archives_that_unpack_to_more_are_refused(tmp_path):
    import zipfile

    source = tmp_path / "bomb.pth"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**6))
    with pytest.raises(BadInput, match="claim to unpack"):
        vrn.convert(source, tmp_path / "out.safetensors")


def test_places_that_cannot_be_used(tmp_path, state):
    source = tmp_path / "source.safetensors"
    save_file(state, source)
    before = source.read_bytes()
    with pytest.raises(BadInput, match="with -o"):
        vrn.convert(source, source)
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "folder", source / "below.safetensors"):
        with pytest.raises(BadInput, match="cannot be written"):
            vrn.convert(source, target)
    for wrong, message in (("none.t7", "there is none"), ("source.onnx", "got .onnx"), ("folder", "no extension")):
        with pytest.raises(BadInput, match=message):
            vrn.convert(tmp_path / wrong, tmp_path / "out.safetensors")
    assert source.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["folder", source.name]


def test_the_command_says_what_it_wrote(tmp_path, state, capsys):
    source = tmp_path / "net.pth"
    torch.save(state, source)
    assert run(["weights", "convert", "vrn", str(source), "--bn-stats", "running"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1 and "features 16, residuals 1, stacks 1" in shown
    assert written(tmp_path / "net.safetensors")[0]["bn_stats"] == "running"
    assert run(["weights", "convert", "vrn", str(source), "--crop", "round"]) == 2
    assert run(["weights", "convert", "vrn", str(tmp_path / "none.t7"), "-o", str(tmp_path / "x.safetensors")]) == 2
    assert run(["weights", "convert", "espcn", str(source)]) == 2
    assert all(len(text.splitlines()) == 1 for text in capsys.readouterr().err.split("maquette: ")[1:])
