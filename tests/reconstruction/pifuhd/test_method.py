"""The method on a drawn person: with untaught weights the surface is the body's own, closed and in its place."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh

import dolls
import drawn
from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import BodyOptions, Options
from maquette.core.types import Frame
from maquette.morphable.posing import posed_body
from maquette.reconstruction.body_fit.place import silhouette
from maquette.reconstruction.body_fit.skeleton import load_skeleton
from maquette.reconstruction.pifuhd import method
from maquette.reconstruction.pifuhd.conditioned import BodyPIFuHD, BodySize
from maquette.reconstruction.pifuhd.network import PIFuHD
from maquette.training.recipes.pifuhd import PIFuHDOptions, build_network
from pifuhd_by_key import SMALL, fill

OPTIONS = BodyOptions(resolution=128)


@pytest.fixture(scope="module")
def network() -> BodyPIFuHD:
    torch.manual_seed(0)
    network = BodyPIFuHD(BodySize(side=64))
    network.load_state_dict(build_network(PIFuHDOptions()).state_dict())
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def made(network):
    placement, observation = dolls.seen()
    return method.assembled(network, placement, [observation], OPTIONS)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_the_first_guess_is_the_body_closed_and_outward(made):
    placement, observation = dolls.seen()
    mesh = trimesh.Trimesh(made.shape.vertices, made.shape.faces, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0
    body, faces = placement.vertices(0), load_skeleton().model.faces
    # The last joints of fingers are thinner than a voxel.
    assert np.abs(mesh.bounds - [body.min(axis=0), body.max(axis=0)]).max() < 0.06
    naked = trimesh.Trimesh(body, faces[load_skeleton().model.parts["skin"]], process=False)
    assert mesh.volume == pytest.approx(naked.volume, rel=0.15)
    shown = silhouette(made.shape.vertices, made.shape.faces, made.cameras[0])
    assert overlap(shown, silhouette(body, faces, made.cameras[0])) > 0.9
    assert made.provenance["silhouette_iou"][0] == pytest.approx(overlap(shown, observation.mask > 0.5))


def test_what_is_reported(made):
    report = made.provenance
    assert report["method"] == "pifuhd" and made.pose.model == load_skeleton().model.name and made.model is None
    assert 0 < report["points_evaluated"] < 128**3 / 4 and report["body_silhouette_iou"][0] > 0.98
    assert made.parameters["guessed_normals"].shape == (6, 64, 64) and made.parameters["square"].shape == (3,)
    assert len(made.pose) == 1 and not made.metric


def test_both_grids_draw_the_same(network, made):
    placement, observation = dolls.seen()
    standing = method.observed_body(placement, 0, observation)
    exact = method.reconstruct_surface(network, standing, observation, replace(OPTIONS, grid="exact"))
    assert exact.evaluations > 1.5 * made.provenance["points_evaluated"]
    shown = silhouette(exact.vertices, exact.faces, placement.camera(0, observation))
    assert overlap(shown, silhouette(made.shape.vertices, made.shape.faces, made.cameras[0])) > 0.97


def test_nothing_is_drawn_far_from_the_mask(network):
    """What the mask cuts away, a leg here, is not drawn, though the body has it."""
    placement, observation = dolls.seen()
    standing = method.observed_body(placement, 0, observation)
    mask = observation.mask.copy()
    mask[230:, : mask.shape[1] // 2] = 0
    drawn = method.reconstruct_surface(network, standing, replace(observation, mask=mask), OPTIONS)
    shown = silhouette(drawn.vertices, drawn.faces, placement.camera(0, observation))
    assert shown[250:, : mask.shape[1] // 2 - 8].mean() < 0.01 < shown[250:, mask.shape[1] // 2 :].mean()


def test_an_empty_outline_and_an_empty_answer_are_reported(network):
    placement, observation = dolls.seen()
    standing = method.observed_body(placement, 0, observation)
    with pytest.raises(NothingFound, match="outline is empty"):
        method.reconstruct_surface(
            network,
            standing,
            replace(observation, mask=0 * observation.mask),
            OPTIONS,
        )
    empty = BodyPIFuHD(network.size).eval().requires_grad_(False)
    empty.load_state_dict(network.state_dict())
    empty.fine_points.filters[-1].bias.fill_(-50.0)
    with pytest.raises(NothingFound, match=r"drawn: .*--method parametric"):
        method.reconstruct_surface(empty, standing, observation, OPTIONS)


def test_a_published_network_takes_its_own_crop():
    """Random weights draw a random surface; it lies in the cube of the published crop, in front of the camera."""
    published = PIFuHD(SMALL).eval().requires_grad_(False)
    fill(published)
    placement, observation = dolls.seen()
    standing = method.observed_body(placement, 0, observation)
    drawn = method.reconstruct_surface(published, standing, observation, replace(OPTIONS, resolution=64))
    assert len(drawn.faces) and np.abs(drawn.cube.to_cube(drawn.vertices.astype(float))).max() < 1.05
    assert drawn.normals.shape == (6, 64, 64)
    rows = np.nonzero(observation.mask > 0.5)[0]
    assert drawn.cube.side == pytest.approx(1.3 * np.ptp(rows), rel=0.15)


def test_build_wants_our_files(tmp_path):
    options = Options(body=BodyOptions(pifuhd_weights=str(tmp_path / "none.safetensors")))
    with pytest.raises(BadInput, match="there is none"):
        method.build(lambda _: tmp_path, options)


def test_the_plug_of_the_mouth_stays_inside_the_head():
    from maquette.geometry.surfaces.distance import winding

    model = load_skeleton().model
    centre, radius = method.mouth_plug(load_skeleton(), model.mean)
    rng = np.random.default_rng(0)
    around = rng.normal(size=(2000, 3))
    shell = centre + radius * around / np.linalg.norm(around, axis=1, keepdims=True)
    hull = model.mean[np.linalg.norm(model.mean - centre, axis=1) < 0.2].astype(float)
    lips = hull[np.abs(hull[:, 0]) < 0.02][:, 2].max()
    assert shell[:, 2].max() < lips - 0.005, "behind the lips"
    inside = winding(model.mean.astype(float), model.faces[model.parts["skin"]], shell) > 0
    assert inside.mean() > 0.5 and np.abs(shell[:, 0]).max() < np.abs(hull[:, 0]).max()


@pytest.mark.slow
def test_of_a_clip_the_body_moves_and_each_frame_is_drawn(network):
    """The whole is the body; a frame's surface lies about the body as it stands there."""
    frames = [drawn.observe(Frame(drawn.picture((drawn.RED, 60 + k)), k / 25, "drawn"))[0] for k in range(3)]
    surfaces = method.SurfaceReconstructor(network, load_skeleton(), Options(body=OPTIONS))
    whole = surfaces(frames)
    assert whole.model == load_skeleton().model.name and len(whole.cameras) == len(whole.pose) == 3
    shape = surfaces.frame(whole, 2, frames[2])
    body = posed_body(whole, load_skeleton().model, 2).vertices
    assert np.abs(shape.mesh.vertices.mean(axis=0) - body.mean(axis=0)).max() < 0.2
    assert shape.rect.tolist() == whole.parameters["squares"][2].tolist()


def test_the_networks_squares_are_steady_over_a_clip(monkeypatch):
    noise = np.random.default_rng(0).normal(scale=2.0, size=(40, 2))
    _, seen = dolls.seen()
    frames = [replace(seen, frame=replace(seen.frame, time=k / 12.5)) for k in range(40)]
    shaken = iter([np.array([*(5 + shift), 100.0]) for shift in noise])
    monkeypatch.setattr(method, "square_of", lambda *_: next(shaken))
    monkeypatch.setattr(method, "posed_body", lambda *_: SimpleNamespace(vertices=None))
    squares = method.steady_squares(SimpleNamespace(cameras=[None] * 40), load_skeleton(), frames)
    assert squares[:, :2].std(axis=0).max() < 0.5 * noise.std() and squares[:, 2] == pytest.approx(100, abs=1)
