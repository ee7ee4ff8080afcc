"""The method from files to a result: networks of the published sizes, a small twin of FLAME."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from safetensors.torch import save_file

import flame_twin as twin
from deca_by_seed import codes, deca, network, observed
from maquette.core.errors import BadInput, WeightsMissing
from maquette.core.options import options_from
from maquette.reconstruction.deca import method
from maquette.reconstruction.deca.codes import HeadCodes
from maquette.reconstruction.deca.method import OVERLAP, TEMPORAL_PIECE, CropPieces, build, reconstruct
from maquette.weights.convert.deca.networks import NETWORKS
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
    first, second = (reconstruct(deca(), [observed()], None) for _ in range(2))
    assert first.shape.vertices.tobytes() == second.shape.vertices.tobytes()
    for name, value in first.parameters.items():
        assert value.tobytes() == second.parameters[name].tobytes()


def test_several_photos_are_one_person(files):
    made = build(none, options_from(method="deca", **files))([observed(), observed()])
    assert len(made.cameras) == 2 and made.motion.shape == (2, 900, 3)


class Counted:
    """Stands for the networks: a crop's number is its code; what was seen together is kept."""

    def __init__(self, temporal: bool) -> None:
        self.temporal = temporal
        self.seen: list[list[int]] = []

    def encode(self, crops: torch.Tensor) -> HeadCodes:
        self.seen.append([int(number) for number in crops.flatten()])
        rows = {name: torch.zeros(len(crops), *value.shape[1:]) for name, value in codes(1).items()}
        return HeadCodes(**rows | {"shape": crops.view(-1, 1)})


def numbered(ready: Counted, times: list[float | None]) -> list[int]:
    pieces = CropPieces(ready)
    for number, time in enumerate(times):
        pieces.add(torch.full((1, 1), float(number)), time)
    return [int(number) for number in pieces.codes().shape]


@pytest.mark.parametrize("count", [1, TEMPORAL_PIECE - 1, TEMPORAL_PIECE, TEMPORAL_PIECE + 1, 100])
def test_a_clip_is_read_in_pieces_that_overlap(count):
    ready = Counted(True)
    assert numbered(ready, [k / 25 for k in range(count)]) == [*range(count)]
    for before, after in pairwise(ready.seen):
        assert before[-2 * OVERLAP :] == after[: 2 * OVERLAP]
    assert all(len(piece) <= TEMPORAL_PIECE for piece in ready.seen)


def test_another_piece_begins_where_a_clip_has_a_hole():
    ready = Counted(True)
    assert numbered(ready, [0.0, 0.04, 0.08, 3.0, 3.04]) == [*range(5)]
    assert ready.seen == [[0, 1, 2], [3, 4]]
    photos = Counted(True)
    assert numbered(photos, [None, None]) == [0, 1] and photos.seen == [[0], [1]]
    single = Counted(False)
    assert numbered(single, [None] * 9) == [*range(9)] and [len(part) for part in single.seen] == [8, 1]


def test_weights_of_clips_are_known(monkeypatch, tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a", {"network": "deca-tv"})
    monkeypatch.setattr(method.files, "read", lambda _: None)
    monkeypatch.setattr(method, "deca_head", lambda *_: None)
    monkeypatch.setattr(method.temporal_weights, "load", lambda _: "clips")
    monkeypatch.setattr(method, "deca_of", lambda networks, *_: networks)
    method.deca_from.cache_clear()
    assert method.deca_from(tmp_path / "a", tmp_path, "cpu") == "clips"
    method.deca_from.cache_clear()
