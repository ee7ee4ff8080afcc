"""Conversion of PIFuHD: its list of tensors against the network, both containers, every kind of mistake, the loader."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from maquette.cli.main import run
from maquette.core.errors import BadInput
from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDSize
from maquette.reconstruction.pifuhd.weights import load
from maquette.weights.convert import pifuhd
from pifuhd_by_key import SMALL, fill, occupancy, pictures, points

TINY = replace(SMALL, coarse=replace(SMALL.coarse, width=16), fine=replace(SMALL.fine, width=16))


def listed(size: PIFuHDSize) -> dict:
    """As the metadata have it."""
    return json.loads(json.dumps(asdict(size)))


def options(size: PIFuHDSize) -> tuple[Namespace, Namespace]:
    """`opt` and `opt_netG` of a size, with more fields than are read."""
    found = []
    for level, points_size in ((size.fine, size.fine_points), (size.coarse, size.coarse_points)):
        found.append(
            Namespace(
                num_stack=level.stacks,
                hg_depth=level.depth,
                hg_dim=level.features,
                hg_down="ave_pool",
                norm="group",
                mlp_dim=list(points_size.widths),
                mlp_res_layers=list(points_size.skips),
                mlp_norm="none",
                merge_layer=points_size.merge,
                loadSize=size.side,
                z_size=size.depth,
                use_front_normal=True,
                use_back_normal=True,
                crop_type="fullbody",
                name="test",
                use_compose=False,
                gpu_ids=[0],
            )
        )
    found[0].loadSize = found[0].loadSizeBig = 2 * size.side
    return found[0], found[1]


@pytest.fixture(autouse=True)
def tiny_parts(monkeypatch):
    """What the published code fixes is smaller here."""
    monkeypatch.setattr(pifuhd, "WIDTH", 16)
    monkeypatch.setattr(pifuhd, "NORMALS", asdict(TINY.normals))


@pytest.fixture(scope="module")
def network() -> PIFuHD:
    network = PIFuHD(TINY).eval().requires_grad_(False)
    fill(network)
    return network


@pytest.fixture
def content(network) -> dict:
    """Of a checkpoint."""
    fine, coarse = options(TINY)
    return {"opt": fine, "opt_netG": coarse, "model_state_dict": dict(network.state_dict())}


@pytest.mark.parametrize("size", [PIFuHDSize(), SMALL, TINY])
def test_the_list_of_tensors_is_that_of_the_network(size):
    with torch.device("meta"):
        state = PIFuHD(size).state_dict()
    wanted = {key: tuple(value.shape) for key, value in state.items() if ".downsample.0." not in key}
    assert pifuhd.shapes(listed(size)) == wanted


def test_the_published_options_are_the_published_size(monkeypatch):
    monkeypatch.undo()
    fine, coarse = options(PIFuHDSize())
    assert pifuhd.size_of(vars(fine), vars(coarse), Path("x")) == listed(PIFuHDSize())
    assert len(pifuhd.shapes(listed(PIFuHDSize()))) == 756


@pytest.mark.parametrize("layout", ["zip", "before-1.6", "half", "one name", "other name"])
def test_every_layout_becomes_the_same_network(tmp_path, network, content, layout):
    source, target = tmp_path / "pifuhd.pt", tmp_path / "out" / "pifuhd.safetensors"
    state = content["model_state_dict"]
    if layout == "half":
        state = {key: value.half() for key, value in state.items()}
    elif layout == "one name":
        state = {key: value for key, value in state.items() if ".downsample.0." not in key}
    elif layout == "other name":
        twice = {key.replace(".downsample.0.", ".bn4.") for key in state if ".downsample.0." in key}
        state = {key: value for key, value in state.items() if key not in twice}
    content["model_state_dict"] = state
    torch.save(content, source, _use_new_zipfile_serialization=layout != "before-1.6")
    done = pifuhd.convert(source, target)
    assert done.size == listed(TINY) and done.crop == "fullbody"
    assert done.parameters == sum(value.numel() for value in network.parameters())
    assert [path.name for path in target.parent.iterdir()] == ["pifuhd.safetensors"]
    loaded = load(target)
    assert loaded.size == TINY and loaded.crop == "fullbody" and not loaded.training
    assert loaded.image_filter["conv2"].bn4 is loaded.image_filter["conv2"].downsample[0]
    wanted, found = network.state_dict(), loaded.state_dict()
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        assert torch.equal(found[key], value.half().float() if layout == "half" else value), key
    if layout == "zip":
        pair = [occupancy(net, net.prepare(*pictures(64)), points())[0] for net in (network, loaded)]
        assert torch.equal(*pair)


WRONG_OPTIONS = [
    ("opt", "mlp_norm", "group", "fine mlp_norm 'group': wanted none"),
    ("opt_netG", "norm", "batch", "norm 'batch': wanted group"),
    ("opt_netG", "hg_down", "conv64", "hg_down 'conv64': wanted ave_pool or no_down"),
    ("opt_netG", "use_back_normal", False, "both normal maps"),
    ("opt", "loadSizeBig", 700, "loadSizeBig 700: wanted twice"),
    ("opt", "hg_depth", 3, r"\d+ missing"),
    ("opt", "num_stack", 10**9, "num_stack '1000000000': wanted a whole number from 1 to 16"),
    ("opt", "hg_dim", None, "hg_dim 'None'"),
    ("opt_netG", "merge_layer", 1, r"mlp_dim begins with 65 and 48: wanted 65 \(coarse\) and 80"),
    ("opt_netG", "merge_layer", 9, "merge_layer '9'"),
    ("opt_netG", "mlp_dim", [65, 96], "at least two layers"),
    ("opt_netG", "mlp_dim", "many", "mlp_dim 'many'"),
    ("opt_netG", "mlp_res_layers", [1], "of another shape"),
    ("opt", "crop_type", "foot", "crop_type 'foot'"),
]


@pytest.mark.parametrize(("part", "name", "value", "message"), WRONG_OPTIONS)
def test_options_that_do_not_fit_are_named(tmp_path, content, part, name, value, message):
    setattr(content[part], name, value)
    refused(tmp_path, content, message)


def refused(tmp_path: Path, content: object, message: str) -> None:
    """One line that says `message`, and nothing written."""
    source = tmp_path / "source.pt"
    torch.save(content, source)
    with pytest.raises(BadInput, match=message) as refusal:
        pifuhd.convert(source, tmp_path / "out.safetensors")
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 600
    assert [*tmp_path.iterdir()] == [source]


def test_tensors_that_do_not_fit_are_counted(tmp_path, content):
    state = content["model_state_dict"]
    first, *_ = state
    (twice, *_) = (key for key in state if ".downsample.0." in key)
    changes = {
        "1 unexpected": {"mlp.norms.0.weight": torch.zeros(3)},
        r"1 of another shape \(image_filter.conv1.weight": {first: torch.zeros(3)},
        "damaged: 1 tensors hold NaN": {first: torch.full_like(state[first], torch.nan)},
        "no fractions": {first: state[first].long()},
        "in a PIFuHD they are one tensor": {twice: state[twice] + 1},
        "share storage": {first: torch.zeros(1).expand(state[first].shape)},
        "named tensors": {first: 3},
        "got .* of float8_e4m3fn": {first: state[first].to(torch.float8_e4m3fn)},
    }
    for message, change in changes.items():
        refused(tmp_path, content | {"model_state_dict": state | change}, message)
    fewer = dict(list(state.items())[3:])
    refused(tmp_path, content | {"model_state_dict": fewer}, r"3 missing \(image_filter.conv1.weight")


def test_other_contents_are_refused(tmp_path, content):
    refused(tmp_path, content["model_state_dict"], "wanted a PIFuHD checkpoint with opt, opt_netG, model_state_dict")
    refused(tmp_path, [1, 2], "got none")
    refused(tmp_path, content | {"opt": {"num_stack": 1}}, r"opt: wanted options \(argparse.Namespace\), got dict")


class Trap:
    """Makes a file when it is unpickled without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_the_file_is_run(tmp_path, content, zipped):
    trap, source = tmp_path / "sprung", tmp_path / "trap.pt"
    content["opt"].more = Trap(trap)
    torch.save(content, source, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadInput, match="wanted a PyTorch checkpoint of tensors and plain values"):
        pifuhd.convert(source, tmp_path / "out.safetensors")
    assert not trap.exists()
    assert Namespace not in torch.serialization.get_safe_globals(), "allowed for this file alone"


@pytest.mark.parametrize("zipped", [True, False])
def test_cut_files_and_noise_are_refused(tmp_path, content, zipped):
    source = tmp_path / "cut.pt"
    torch.save(content, source, _use_new_zipfile_serialization=zipped)
    whole = source.read_bytes()
    for data in (b"", b"noise" * 50, *(whole[: int(part * len(whole))] for part in (0.01, 0.5, 0.999))):
        source.write_bytes(data)
        with pytest.raises(BadInput, match="cut.pt"):
            pifuhd.convert(source, tmp_path / "out.safetensors")


def test_places_that_cannot_be_used(tmp_path, content):
    source = tmp_path / "source.pt"
    torch.save(content, source)
    with pytest.raises(BadInput, match="with -o"):
        pifuhd.convert(source, source)
    with pytest.raises(BadInput, match="no such file"):
        pifuhd.convert(tmp_path / "none.pt", tmp_path / "out.safetensors")
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "folder", source / "below.safetensors"):
        with pytest.raises(BadInput, match="cannot be written"):
            pifuhd.convert(source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "source.pt"]


def test_the_command_says_what_it_wrote(tmp_path, content, capsys):
    source = tmp_path / "pifuhd.pt"
    torch.save(content, source)
    assert run(["weights", "convert", "pifuhd", str(source)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1 and "PIFuHD of" in shown and "fullbody" in shown
    assert load(tmp_path / "pifuhd.safetensors").size == TINY
    assert run(["weights", "convert", "pifuhd", str(tmp_path / "none.pt")]) == 2


@pytest.fixture
def converted(tmp_path, content) -> tuple[Path, dict, dict]:
    """A file with its metadata and tensors."""
    torch.save(content, tmp_path / "source.pt")
    path = pifuhd.convert(tmp_path / "source.pt", tmp_path / "out.safetensors").path
    with safe_open(path, framework="pt") as file:
        return path, file.metadata(), {key: file.get_tensor(key) for key in file.keys()}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("network", "vrn", "lack the size of a PIFuHD"),
        ("crop", "foot", "metadata crop 'foot'"),
        ("size", "{", "metadata size"),
        ("size", "[]", "metadata size"),
        ("size", '{"side": 64}', "is missing or unknown"),
        (("coarse", "stacks"), 10**6, "stacks '1000000' is out of range"),
        (("coarse", "halved"), 1, "halved '1' is out of range"),
        (("normals", "halvings"), 99, "halvings '99' is out of range"),
        (("coarse_points", "widths"), [65, 1], "is missing|out of range|tuple index|wanted"),
        (("coarse_points", "widths"), 65, "widths '65' is out of range"),
        (("fine", "features"), 8, "fine points: wanted 40 channels, got 48"),
        (("fine", "depth"), 1, "unexpected"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(converted, field, value, message):
    path, metadata, tensors = converted
    if isinstance(field, tuple):
        size = json.loads(metadata["size"])
        size[field[0]][field[1]] = value
        field, value = "size", json.dumps(size)
    save_file(tensors, path, metadata | {field: value})
    with pytest.raises(BadInput, match=message) as refusal:
        load(path)
    assert "\n" not in str(refusal.value)


def test_files_that_are_no_weights_are_refused(converted):
    path, metadata, tensors = converted
    save_file({**tensors, "mlp.filters.0.bias": torch.full((64,), torch.inf)}, path, metadata)
    with pytest.raises(BadInput, match="damaged: 1 tensors"):
        load(path)
    path.write_bytes(b"noise")
    with pytest.raises(BadInput, match="maquette weights convert pifuhd"):
        load(path)
    with pytest.raises(BadInput, match="there is none"):
        load(path.with_name("none.safetensors"))
