"""Every network computes where `device` says, with the result of the CPU, and leaves nothing behind on the way."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

import deca_by_seed
import dolls
import maquette
import temporal_by_seed
from far_device import far_device
from hrn_by_seed import hrn, network, observed, pictures
from known_bodies import SKELETON, STANDING, STOUT, seen
from maquette.core.errors import BadInput
from maquette.core.options import Options, UpscaleOptions, options_from
from maquette.core.types import Subject
from maquette.reconstruction import methods
from maquette.reconstruction.deca.method import reconstruct as reconstruct_deca
from maquette.reconstruction.deca.networks.fast import prepared as prepared_deca
from maquette.reconstruction.deca.temporal.fast import prepared as prepared_clips
from maquette.reconstruction.hrn.method import reconstruct as reconstruct_hrn
from maquette.reconstruction.hrn.networks.fast import prepared
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.reconstruction.pifuhd.bodyfield import BodyField, cube_of, square_of
from maquette.weights.store import fetch
from pifuhd_by_key import SMALL

ACCELERATORS = ("cuda", "mps")


def test_a_tensor_that_stays_behind_is_a_fault():
    with far_device() as work:
        there = torch.ones(3).to("cuda")
        assert (there + 1).cpu().tolist() == [2, 2, 2] and work["add"] == 1
        with pytest.raises(RuntimeError, match="stayed on the CPU"):
            there + torch.ones(3)
        with pytest.raises(RuntimeError, match="float64"):
            there.double()
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()


@pytest.mark.parametrize("device", ACCELERATORS)
@pytest.mark.parametrize("row", methods.METHODS, ids=lambda row: f"{row.name}-{row.subjects[0].value}")
def test_no_method_is_loaded_for_a_device_that_is_not_there(row, device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(BadInput, match=f"^device {device}: this machine has none: take --device cpu$"):
        methods.load(row, fetch, options_from(device=device))


@pytest.mark.parametrize("device", ACCELERATORS)
def test_every_door_refuses_a_device_that_is_not_there(device, monkeypatch, tmp_path, astronaut):
    from maquette.core.options import SourceOptions
    from maquette.pipeline.upscale import enlarge

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    doors = (
        lambda: maquette.face(astronaut, device=device),
        lambda: maquette.person(astronaut, device=device),
        lambda: maquette.video(tmp_path / "clip.mp4", tmp_path / "out", device=device),
        lambda: enlarge([astronaut], tmp_path, UpscaleOptions(device=device), SourceOptions()),
    )
    for door in doors:
        with pytest.raises(BadInput, match=f"^device {device}: this machine has none"):
            door()


def made(photo, method: str, device: str):
    """The face of a photo, all the way, without the writing."""
    return maquette.face(photo, method=method, device=device, texture_size=256, photometric=False)[0].reconstruction


@pytest.mark.parametrize("method", ["parametric", "vrn"])
def test_a_face_is_the_same_from_another_device(astronaut, method):
    here = made(astronaut, method, "cpu")
    with far_device() as work:
        there = made(astronaut, method, "cuda")
    assert work["convolution"] > (60 if method == "vrn" else 20)
    assert np.abs(here.shape.vertices - there.shape.vertices).max() < 1e-4


def test_hrn_is_the_same_from_another_device():
    made = reconstruct_hrn(hrn(MENDED), [observed()], None)
    with far_device() as work:
        there = reconstruct_hrn(hrn(MENDED, device="cuda"), [observed()], None)
        x = pictures("mid_net", 1)
        drawn = prepared(copy.deepcopy(network("mid_net")), 16, "cuda")(x).cpu()
    assert work["convolution"] > 20 and work["mm"] >= 3
    assert np.abs(made.shape.vertices - there.shape.vertices).max() < 1e-5
    for name in ("coefficients", "deformation", "displacement", "detail_vertices"):
        np.testing.assert_allclose(there.parameters[name], made.parameters[name], atol=1e-4)
    torch.testing.assert_close(drawn, network("mid_net")(x), atol=1e-4, rtol=0)


@pytest.mark.slow
def test_deca_is_the_same_from_another_device():
    seen = [deca_by_seed.observed()] * 2
    made = reconstruct_deca(deca_by_seed.deca(), seen, None)
    with far_device() as work:
        there = reconstruct_deca(deca_by_seed.deca(device="cuda"), seen, None)
        x = deca_by_seed.given("D_detail", 1)
        drawn = prepared_deca(copy.deepcopy(deca_by_seed.network("D_detail")), "cuda")(x).cpu()
        clip = temporal_by_seed.clip(2).float()
        codes = prepared_clips(copy.deepcopy(temporal_by_seed.encoder()).float(), "cuda")(clip).cpu()
    assert work["convolution"] > 100
    assert np.abs(made.shape.vertices - there.shape.vertices).max() < 1e-5
    for name in ("landmarks3d_photo", "displacement", "detail_vertices"):
        np.testing.assert_allclose(there.parameters[name], made.parameters[name], atol=1e-3)
    torch.testing.assert_close(drawn, deca_by_seed.network("D_detail")(x), atol=1e-6, rtol=0)
    torch.testing.assert_close(codes, temporal_by_seed.encoder()(clip.double()).float(), atol=1e-5, rtol=0)


def test_a_small_face_is_enlarged_on_another_device(astronaut):
    import cv2

    from maquette.core.options import SourceOptions
    from maquette.core.types import Frame
    from maquette.perception.faces.enlarge import observe_enlarged
    from maquette.sources.photos import read

    small = cv2.resize(read(astronaut, SourceOptions()).pixels, (256, 256), interpolation=cv2.INTER_AREA)
    options = options_from(upscale="2", device="mps").perception
    (here,) = observe_enlarged(Frame(small), replace(options, device="cpu"))
    with far_device() as work:
        (there,) = observe_enlarged(Frame(small), options)
    assert work["pixel_shuffle"] and np.abs(here.landmarks - there.landmarks).max() < 0.05, "one in 255 of a few pixels"


@pytest.mark.parametrize("device", ACCELERATORS)
@pytest.mark.parametrize("method", ["espcn", "srcnn"])
@pytest.mark.parametrize("compat", [False, True])
def test_a_picture_is_enlarged_on_another_device(method, compat, device):
    from maquette.core.types import Frame
    from maquette.imaging.upscale.method import upscaled

    frame = Frame(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
    here = upscaled(frame, 2, method, None, compat).pixels
    with far_device() as work:
        there = upscaled(frame, 2, method, None, compat, device).pixels
    assert work["convolution"] >= 3 and np.abs(here.astype(int) - there).max() <= 1


@pytest.fixture
def few_steps(monkeypatch):
    """A fit that ends soon: each operation on the other device takes a millisecond."""
    for name in ("POSE_STEPS", "OUTLINE_STEPS", "CLIP_POSE_STEPS", "CLIP_OUTLINE_STEPS"):
        monkeypatch.setattr(f"maquette.reconstruction.body_fit.fit.{name}", 3)


def test_a_body_is_fitted_on_another_device(few_steps):
    person = [seen(STANDING, STOUT, np.random.default_rng(0))]
    row = methods.find("parametric", Subject.PERSON)
    here = methods.load(row, fetch, Options())(person)
    with far_device() as work:
        there = methods.load(row, fetch, options_from(device="cuda"))(person)
    assert work["grid_sampler_2d"] == 3, "the outline was compared there"
    assert np.abs(here.shape.vertices - there.shape.vertices).max() < 1e-4


def test_a_clip_is_fitted_on_another_device(few_steps):
    from maquette.reconstruction.body_fit import fit

    rows = [seen(STANDING, STOUT, np.random.default_rng(k), noise=1.0, time=k / 30) for k in range(26)]
    with far_device() as work:
        state, plane = fit.fit_clip(rows, SKELETON.on("mps"))
    assert work["grid_sampler_2d"] and len(state.turns) == len(plane.size) == 26 and state.turns.device.type == "cpu"


def test_the_shipped_pifuhd_answers_on_another_device():
    from maquette.reconstruction.pifuhd.method import SHIPPED
    from maquette.reconstruction.pifuhd.shipped import load_any

    placement, observation = dolls.seen()
    vertices, model = placement.vertices(0), placement.skeleton.model
    skin, camera = model.faces[model.parts["skin"]], placement.camera(0, observation)
    cube = cube_of(camera, square_of(observation, camera, vertices), np.array([0, 0.9, 0]))
    points = np.random.default_rng(0).uniform(-1, 1, (3000, 3)).astype(np.float32)
    here = BodyField(load_any(fetch(SHIPPED)), observation, cube, vertices, skin)
    with far_device() as work:
        there = BodyField(load_any(fetch(SHIPPED), "cuda"), observation, cube, vertices, skin)
        found = there(points)
    assert work["addmm_"] >= 4 and np.abs(found - here(points)).max() < 1e-4
    assert np.abs(there.normals - here.normals).max() < 1e-4


def test_a_published_pifuhd_answers_on_another_device():
    from maquette.reconstruction.pifuhd import published
    from maquette.reconstruction.pifuhd.network import PIFuHD

    torch.manual_seed(0)
    network = PIFuHD(SMALL).eval().requires_grad_(False)
    crop = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    points = np.random.default_rng(1).uniform(-1, 1, (500, 3)).astype(np.float32)
    field = published.read(network, crop)
    here, normals = field(points), field.normals(points)
    with far_device() as work:
        field = published.read(network.to("mps"), crop)
        assert np.abs(field(points) - here).max() < 1e-4 and np.abs(field.normals(points) - normals).max() < 1e-2
    assert work["addmm_"]
