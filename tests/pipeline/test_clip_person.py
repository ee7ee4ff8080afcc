"""One person through a clip: the frames the texture is from, steadiness, a mesh per frame."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dolls import seen as doll
from drawn import RED, observe, picture, placement
from maquette.core.options import Options, options_from
from maquette.core.types import Frame, Mesh, Reconstruction
from maquette.perception.tracking.sighting import sighted
from maquette.pipeline import clip_person
from maquette.pipeline.clip_person import Meshes, key_frames, only, steadied
from maquette.reconstruction.body_fit.skeleton import skeleton


def sights(count, **odd):
    """Sightings of somebody; `odd`: k3=("flag",)."""
    one = sighted(observe(Frame(picture((RED, 60)), 0.0, "drawn"))[0], 0)
    return [replace(one, frame=2 * k, time=k / 12.5, flags=odd.get(f"k{k}", ())) for k in range(count)]


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 100])
def test_key_frames_begin_with_the_first_and_spread(count):
    chosen = key_frames(sights(count))
    assert chosen[0] == 0 and chosen == sorted(set(chosen)) and len(chosen) == min(count, 6)
    assert chosen[-1] >= 0.79 * (count - 1)


def test_key_frames_are_clear_ones():
    flagged = {f"k{k}": ("blurred",) for k in range(1, 60) if k != 33}
    assert 33 in key_frames(sights(60, **flagged))


def test_only_some_frames():
    part = only(placement(9), [0, 4, 8])
    np.testing.assert_allclose(part.root[:, 0] - part.root[0, 0], [0, 0.08, 0.16])
    assert part.rotations.shape[0] == len(part.spot) == 3


def shaken(count=60, flip=False):
    """A body that turns evenly while everything trembles."""
    rng, still = np.random.default_rng(0), placement(count)
    angles = np.linspace(0, 3.0, count) + 0.05 * rng.normal(size=count)
    rotations = still.rotations.copy()
    rotations[:, 0] = Rotation.from_rotvec(np.outer(angles, [0, 1, 0])).as_matrix()
    return replace(still, rotations=rotations, spot=still.spot + 2 * rng.normal(size=(count, 2))), angles


def test_motion_is_smoothed_without_lag():
    trembling, _ = shaken()
    times = np.arange(60) / 25
    calm = steadied(trembling, times, 0.15)
    turned = Rotation.from_matrix(calm.rotations[:, 0]).as_euler("yxz")[:, 0]
    inner = slice(8, -8)
    even = np.linspace(0, 3.0, 60)
    assert np.abs(np.unwrap(turned) - even)[inner].max() < 0.05
    # Acceptance 14: less than a pixel of jitter on somebody who stands or walks evenly.
    straight = placement(60).spot
    assert np.sqrt(((calm.spot - straight)[inner] ** 2).mean()) < 1.0
    bends = [np.diff(one.spot, 2, axis=0) for one in (trembling, calm)]
    assert np.abs(bends[1]).mean() < 0.1 * np.abs(bends[0]).mean()


def test_a_still_body_stays_and_nothing_is_done_where_nothing_is_asked():
    still, times = placement(20), np.arange(20) / 25
    calm = steadied(still, times, 0.1)
    np.testing.assert_allclose(calm.rotations, still.rotations, atol=1e-9)
    np.testing.assert_allclose(calm.translation - calm.root, still.translation - still.root, atol=1e-9)
    assert steadied(still, times, 0.0) is still


def test_the_clip_is_fitted_frame_by_frame_without_its_pictures(monkeypatch):
    asked = {}

    def fit(count, observed, progress):
        asked["frames"] = [seen.frame.origin for seen in observed(2, 4)]
        return "state", np.zeros((count, 2)), np.ones(count)

    monkeypatch.setattr(clip_person, "fit_clip", fit)
    monkeypatch.setattr(clip_person, "place", lambda state, centre, size, height: (placement(len(size)), height)[0])
    found = clip_person.moving(sights(6), options_from(height=170.0))
    assert asked["frames"] == ["frame 4", "frame 6"] and len(found.root) == 6


def test_the_motion_of_all_frames_and_the_texture_of_some(monkeypatch):
    monkeypatch.setattr(clip_person.texturing, "finish", lambda shape, seen, options: shape)
    watched = sights(9)
    frame = Frame(picture((RED, 60)), 0.0, "drawn")
    shape, seen = clip_person.finished(placement(9), watched, {0: frame, 8: frame, 16: frame}, Options())
    assert [one.frame.origin for one in seen] == ["frame 0", "frame 8", "frame 16"] or len(seen) >= 2
    motion = shape.parameters
    assert motion["frames"].tolist() == [2 * k for k in range(9)]
    np.testing.assert_allclose(motion["times"], np.arange(9) / 12.5)
    assert motion["rotations"].shape == (9, len(skeleton().model.rig.bones), 4)
    assert motion["expression"].shape[0] == len(motion["translation"]) == 9


def textured(place):
    model = skeleton().model
    texture = np.full((64, 64, 3), 99, np.uint8)
    return Reconstruction(Mesh(place.vertices(0), model.faces, model.uvs, model.uv_faces, texture=texture), ())


def test_a_mesh_of_the_body_with_its_colours_and_overlap():
    place, one = doll()
    made = Meshes(place, textured(place), Options()).of(0, one)
    assert made.mesh.vertex_colors.shape == (len(made.mesh.vertices), 3) and made.overlap > 0.97
    np.testing.assert_array_equal(made.mesh.vertices, place.vertices(0))
    moved = replace(place, spot=place.spot + [60, 0])
    assert Meshes(moved, textured(place), Options()).of(0, one).overlap < 0.5


def test_a_mesh_of_a_network_is_one_piece_coloured_from_the_frame(monkeypatch):
    import trimesh

    place, one = doll()
    ball, crumb = (trimesh.creation.icosphere(2, r).apply_translation([0, 0.9, z]) for r, z in ((0.3, 0), (0.02, 2)))
    both = trimesh.util.concatenate([ball, crumb])
    drawn = SimpleNamespace(vertices=np.float32(both.vertices), faces=np.int32(both.faces))
    monkeypatch.setattr(clip_person.pifuhd, "draw", lambda *given: drawn)
    made = Meshes(place, textured(place), Options(), network="a network").of(0, one)
    assert len(made.mesh.faces) == len(ball.faces) and made.mesh.vertex_colors.dtype == np.uint8


def test_the_networks_squares_are_steady_over_a_clip(monkeypatch):
    noise, rows = np.random.default_rng(0).normal(scale=2.0, size=(40, 2)), sights(40)
    monkeypatch.setattr(clip_person.pifuhd, "square_about", lambda place, k, seen: np.array([*(5 + noise[k]), 100.0]))
    place = placement(40)
    maker = Meshes(place, textured(only(place, [0])), Options(), network="a network")
    assert maker.square(0, rows[0].observation()) is None, "a single frame has nothing to be steadied by"
    maker.steady(rows)
    squares = np.stack([maker.square(k, one.observation()) for k, one in enumerate(rows)])
    assert squares[:, :2].std(axis=0).max() < 0.5 * noise.std() and squares[:, 2] == pytest.approx(100, abs=1)
