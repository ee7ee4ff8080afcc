"""Files of either network load; everything else is refused in one line."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from maquette.core.errors import BadInput
from maquette.reconstruction.pifuhd.conditioned import BodyPIFuHD, BodySize
from maquette.reconstruction.pifuhd.network import PIFuHD
from maquette.reconstruction.pifuhd.shipped import SMALL, load_any
from pifuhd_by_key import SMALL as PUBLISHED
from pifuhd_by_key import fill


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return BodyPIFuHD().eval()


@pytest.fixture
def written(network, tmp_path):
    def write(metadata=None, **changed):
        tensors = {key: value.clone() for key, value in network.state_dict().items()} | changed
        path = tmp_path / "x.safetensors"
        save_file({k: v for k, v in tensors.items() if v is not None}, path, metadata)
        return path

    return write


FACTS = {"network": SMALL, "size": json.dumps(asdict(BodySize()))}


@pytest.mark.parametrize("metadata", [FACTS, {"facts": json.dumps(FACTS | {"recipe": "pifuhd"})}])
def test_the_small_network_comes_back(network, written, metadata):
    again = load_any(written(metadata))
    assert isinstance(again, BodyPIFuHD) and again.size == BodySize() and not again.training
    assert all(torch.equal(a, b) for a, b in zip(again.state_dict().values(), network.state_dict().values()))
    assert not any(p.requires_grad for p in again.parameters())


def test_another_size_and_halves_come_back(tmp_path):
    size = BodySize(side=64, fine=replace(BodySize().fine, depth=1, width=16))
    network = BodyPIFuHD(size).half()
    path = tmp_path / "half.safetensors"
    metadata = {"network": SMALL, "size": json.dumps(asdict(size))}
    save_file({key: value.clone() for key, value in network.state_dict().items()}, path, metadata)
    again = load_any(path)
    assert again.size == size and all(p.dtype == torch.float32 for p in again.parameters())


def test_a_published_network_loads_too(tmp_path):
    network = PIFuHD(PUBLISHED)
    fill(network)
    state = {k: v.clone() for k, v in network.state_dict().items() if ".downsample.0." not in k}
    path = tmp_path / "published.safetensors"
    metadata = {"network": "pifuhd", "size": json.dumps(asdict(PUBLISHED) | {"depth": 25}), "crop": "fullbody"}
    save_file(state, path, metadata)
    assert isinstance(load_any(path), PIFuHD)


def sized(**changed) -> dict[str, str]:
    return {"network": SMALL, "size": json.dumps(asdict(BodySize()) | changed)}


@pytest.mark.parametrize(
    "metadata,match",
    [
        (None, "metadata lack"),
        ({"network": "vrn"}, "metadata lack"),
        ({"network": SMALL}, "metadata size"),
        ({"network": SMALL, "size": "{"}, "metadata size"),
        ({"network": SMALL, "size": "[]"}, "metadata size"),
        ({"network": SMALL, "size": "{}"}, "metadata size: fields are missing"),
        (sized(side=-1), "metadata size: side"),
        (sized(side="wide"), "metadata size: side"),
        (sized(coarse=asdict(BodySize().fine)), "coarse points: wanted"),
        (sized(coarse=asdict(BodySize().coarse) | {"enlarge": "magic"}), "enlarge"),
        (sized(coarse=asdict(BodySize().coarse) | {"stacks": 10**9}), "stacks"),
        (sized(fine=asdict(BodySize().fine) | {"depth": 3}), "not a small PIFuHD"),
        ({"facts": "{"}, "cannot be read"),
    ],
)
def test_other_metadata_are_refused(written, metadata, match):
    with pytest.raises(BadInput, match=match) as caught:
        load_any(written(metadata))
    assert "\n" not in str(caught.value) and "x.safetensors" in str(caught.value)


def test_other_tensors_are_refused(written, network):
    key = "fine_points.filters.0.weight"
    weight = network.state_dict()[key]
    for changed, match in (
        ({key: None}, "missing"),
        ({key: weight[:1].clone()}, "of another shape"),
        ({"extra": weight.clone()}, "unexpected"),
        ({key: torch.full_like(weight, float("nan"))}, "NaN"),
        ({key: weight.to(torch.int32)}, "no fractions"),
    ):
        with pytest.raises(BadInput, match=match):
            load_any(written(FACTS, **changed))


def test_what_is_no_such_file_is_refused(written, tmp_path):
    with pytest.raises(BadInput, match="there is none"):
        load_any(tmp_path / "nothing.safetensors")
    whole = written(FACTS).read_bytes()
    for count in (0, 7, 200, len(whole) // 2):
        cut = tmp_path / "cut.safetensors"
        cut.write_bytes(whole[:count])
        with pytest.raises(BadInput, match="cannot be read"):
            load_any(cut)
    np.save(tmp_path / "numbers.npy", np.zeros(3))
    with pytest.raises(BadInput, match="cannot be read"):
        load_any(tmp_path / "numbers.npy")
