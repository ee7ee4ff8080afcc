"""DECA's stages: who learns, what the losses see, and that the file comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

import deca_by_seed
from deca_by_seed import codes, head
from maquette.core.errors import BadInput
from maquette.reconstruction.deca.codes import HeadCodes, merged
from maquette.training import checkpoint
from maquette.training.loop import train
from maquette.training.options import LoopOptions
from maquette.training.recipes import deca as recipe
from maquette.training.recipes.deca import (
    RECIPE,
    DECALearning,
    DECAOptions,
    build_network,
    coarse_losses,
    loss,
    picture,
    swapped,
)
from maquette.training.weights_file import export


class FewCodes(nn.Module):
    """Stands for an encoder: codes that one number moves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.norm = width, nn.BatchNorm2d(3)
        self.move = nn.Parameter(torch.full((1,), 0.05))
        self.spread = nn.Parameter(0.02 * torch.randn(width, generator=torch.Generator().manual_seed(3)))

    def forward(self, x: Tensor) -> Tensor:
        base = merged(HeadCodes(**codes(1))) if self.width == 236 else codes(1)["detail"]
        return base + self.spread * self.norm(x).mean((1, 2, 3))[:, None] + self.move


class FewTexels(nn.Module):
    """Stands for the generator."""

    def __init__(self) -> None:
        super().__init__()
        self.size = nn.Parameter(torch.ones(1))

    def forward(self, latent: Tensor) -> Tensor:
        return self.size * deca_by_seed.draw(latent)


@pytest.fixture
def few(monkeypatch):
    """Options of a stage with networks of few numbers, and a batch."""
    monkeypatch.setattr(recipe, "CodeEncoder", FewCodes)
    monkeypatch.setattr(recipe, "DetailGenerator", FewTexels)
    monkeypatch.setattr(DECALearning, "head", lambda *_: head())
    return lambda stage, **more: DECAOptions(stage=stage, **more)


def batch(count: int = 1, frames: int = 2) -> dict[str, Tensor]:
    rng = np.random.default_rng(4)
    images = rng.integers(0, 255, (count, frames, 3, 224, 224), np.uint8)
    marks = 0.5 * (2 * rng.random((count, frames, 68, 2)) - 1)
    arrays = {
        "images": images,
        "masks": np.full((count, frames, 1, 224, 224), 255, np.uint8),
        "marks": marks.astype(np.float32),
        "order": np.stack([rng.permutation(frames) for _ in range(count)]),
    }
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


@pytest.mark.parametrize(
    ("stage", "taught", "parts"),
    [
        ("pretrain", {"E_flame"}, {"landmarks", "eyes", "lips", "shape", "expression"}),
        ("coarse", {"E_flame"}, {"photo", "albedo", "light", "landmarks", "eyes", "lips", "shape", "expression"}),
        ("detail", {"E_detail", "D_detail"}, {"detail", "relief", "relief_smooth", "relief_even"}),
    ],
)
def test_each_stage_teaches_its_own(few, stage, taught, parts):
    options = few(stage)
    network = build_network(options).train()
    total, measures = loss(network, batch(), options)
    total.backward()
    pulled = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert pulled == taught and set(measures) == parts
    assert {name for name, part in network.named_children() if part.training} == taught
    assert total.isfinite() and all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_swapped_codes_are_those_of_the_same_person():
    values, order = torch.arange(12.0).view(6, 2), torch.tensor([[2, 0, 1], [0, 2, 1]])
    assert swapped(values, order)[:, 0].tolist() == [4, 0, 2, 6, 10, 8]


def test_one_frame_alone_has_nothing_to_swap(few):
    options = few("coarse", frames=1)
    network, given = build_network(options).eval(), batch(2, 1)
    given["order"] = torch.zeros(2, 1, dtype=torch.int64)
    total, _ = loss(network, given, options)
    found = recipe.split(*network(given["images"].float() / 255, given["order"])[:2])
    photos, marks = given["images"].float().flatten(0, 1) / 255, given["marks"].flatten(0, 1)
    parts = coarse_losses(head(), found, photos, marks, given["masks"].float().flatten(0, 1) / 255, options)
    torch.testing.assert_close(total, torch.stack([*parts.values()]).sum())


def test_swapping_equal_identities_changes_nothing_but_the_sums(few):
    options = few("coarse")
    network, given = build_network(options).eval(), batch()
    given = {name: value[:, :1].expand_as(value).contiguous() for name, value in given.items()}
    given["order"] = torch.tensor([[1, 0]])
    _, twice = loss(network, given, options)
    _, once = loss(network, given, replace(options, stage="coarse", frames=1))
    for name in ("landmarks", "photo", "light"):
        torch.testing.assert_close(twice[name], once[name])
    torch.testing.assert_close(twice["shape"], 2 * once["shape"])


def test_faces_and_patches_are_compared_where_their_networks_are(few, monkeypatch):
    class Unlike:
        def unlike(self, drawn: Tensor, photo: Tensor) -> Tensor:
            return (drawn - photo).square().mean()

    monkeypatch.setattr(recipe, "comparing", lambda *_: (Unlike(), Unlike()))
    for stage, name in (("coarse", "identity"), ("detail", "patches")):
        options = few(stage)
        network = build_network(options).train()
        total, measures = loss(network, batch(), options)
        total.backward()
        assert measures[name] > 0


@pytest.mark.parametrize("stage", ["pretrain", "detail"])
def test_a_picture_shows_photos_shape_and_detail(few, stage):
    drawn = picture(build_network(few(stage)).eval(), batch())
    assert drawn.shape == (672, 448, 3) and drawn.dtype == np.uint8
    assert (drawn[224:448] != drawn[448:]).any() == (stage == "detail")


def test_the_loss_falls_and_the_file_comes_back(few, monkeypatch, tmp_path):
    options = few("pretrain")
    one = batch()

    class Always:
        def __len__(self) -> int:
            return 1

        def batch(self, _: int) -> dict[str, np.ndarray]:
            return {name: value.numpy() for name, value in one.items()}

    monkeypatch.setattr(recipe, "DecaClips", lambda *_: Always())
    monkeypatch.setattr(recipe, "rows", lambda _: ([], []))
    loop = LoopOptions(
        steps=8, batch_size=1, learning_rate=3e-3, weight_decay=0.0, warmup=0, ema=0.0, workers=0, precision="32",
        accelerator="cpu", picture_every=0, save_every=1000, log_every=10, validate_every=0,
    )  # fmt: skip
    before = loss(build_network(options).eval(), one, options)[0].item()
    train(RECIPE, options, loop, tmp_path / "out")
    done = export(tmp_path / "out" / checkpoint.LAST, tmp_path / "mine.safetensors", RECIPE)
    with safe_open(done, framework="pt") as file:
        assert file.metadata()["network"] == "deca" and "E_flame.move" in file.keys()
        assert not any(key.endswith("num_batches_tracked") for key in file.keys())
    later = few("coarse", start_from=str(tmp_path / "out" / checkpoint.LAST))
    after = loss(build_network(later).eval(), one, options)[0].item()
    assert after < before


def test_options_that_cannot_be_are_refused():
    for given, words in (
        ({"stage": "fine"}, "wanted pretrain, coarse, detail"),
        ({"temporal": True}, "weights convert spynet"),
        ({"frames": 0}, "at least 1"),
    ):
        with pytest.raises(BadInput, match=words):
            DECAOptions(**given)


def test_a_temporal_network_sees_the_clip(few, monkeypatch):
    class SeesClips(FewCodes):
        def forward(self, x: Tensor) -> Tensor:
            assert x.ndim == 5
            return super().forward(x.flatten(0, 1))

    monkeypatch.setattr(recipe.temporal_weights, "load_flow", lambda _: None)
    monkeypatch.setattr(recipe, "fresh", lambda width, _: SeesClips(width))
    options = few("coarse", temporal=True, flow="spynet.safetensors")
    network = build_network(options)
    assert loss(network, batch(), options)[0].isfinite()
    assert recipe.export(network)[1] == {"network": "deca-tv"}


def test_photos_cannot_be_explained_without_an_albedo(few, monkeypatch):
    options = few("coarse")
    network = build_network(options)
    monkeypatch.setattr(DECALearning, "head", lambda *_: replace(head(), albedo_mean=None))
    with pytest.raises(BadInput, match="FLAME_albedo_from_BFM.npz"):
        loss(network, batch(), options)
