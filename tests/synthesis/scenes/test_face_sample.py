"""One photograph: bytes by seed, labels that agree with the mesh and with rays, inside tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maquette.core.options import SynthesisOptions
from maquette.geometry.camera import camera_centre, project
from maquette.geometry.raycast import RayCaster
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import Overrides, _closed_faces, _loops, photograph_face
from maquette.synthesis.scenes.head_scene import draw_person, head_model
from maquette.synthesis.types import Kind

SIZE = 128


@pytest.fixture(scope="module")
def person():
    return draw_person((0, 0, 5), 128)


@pytest.fixture(scope="module")
def sample(person):
    return photograph_face(person, (0, 0, 5, 1), SIZE, overrides=Overrides(yaw=0.2, sensor=Sensor()))


def solid_angle(vertices, faces, points):
    """The winding number by van Oosterom & Strackee 1983, slow and sure."""
    out = []
    for point in points:
        a, b, c = (vertices[faces[:, k]].astype(float) - point for k in range(3))
        la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
        top = (a * np.cross(b, c)).sum(1)
        bottom = la * lb * lc + (a * b).sum(1) * lc + (b * c).sum(1) * la + (c * a).sum(1) * lb
        out.append(np.arctan2(top, bottom).sum() / (2 * np.pi))
    return np.array(out)


def test_the_same_seed_gives_the_same_bytes_and_another_another(person, sample):
    again = photograph_face(
        draw_person((0, 0, 5), 128), (0, 0, 5, 1), SIZE, overrides=Overrides(yaw=0.2, sensor=Sensor())
    )
    for name in ("image", "kind", "depth", "normals", "uv", "expression", "vertices", "pose"):
        assert getattr(again, name).tobytes() == getattr(sample, name).tobytes(), name
    assert again.person.skin.displacement.tobytes() == person.skin.displacement.tobytes()
    other = photograph_face(person, (0, 0, 5, 2), SIZE)
    assert not np.array_equal(other.image, sample.image) and not np.array_equal(other.expression, sample.expression)


def test_what_is_asked_for_is_there(sample):
    assert sample.pose[0] == 0.2 and sample.sensor == Sensor()


def test_shapes_and_ranges(sample):
    assert sample.image.shape == (SIZE, SIZE, 3) and sample.image.dtype == np.uint8
    hit = sample.kind != Kind.BACKGROUND
    assert np.array_equal(np.isfinite(sample.depth), hit)
    assert np.allclose(np.linalg.norm(sample.normals[hit], axis=1), 1, atol=1e-3) and not sample.normals[~hit].any()
    head = np.isfinite(sample.uv[..., 0])
    assert head.mean() > 0.1 and (sample.uv[head] >= 0).all() and (sample.uv[head] <= 1).all()
    assert set(np.unique(sample.kind[head])) <= {Kind.SKIN, Kind.MOUTH, Kind.EYES}
    assert sample.landmarks["mediapipe478"].shape == (478, 3) and sample.landmarks["ibug68"].shape == (68, 3)


def test_landmarks_lie_on_the_mesh(sample):
    model = head_model()
    for scheme, seen in sample.landmarks.items():
        points = model.embeddings[scheme].points(sample.vertices, model.faces).astype(float)
        pixels, depth = project(sample.camera, points)
        assert np.allclose(seen, np.column_stack([pixels, depth]), atol=1e-4)
        # A ray through the visible ones hits the surface at their depth.
        away = points - camera_centre(sample.camera)
        reach = np.linalg.norm(away, axis=1)
        start = np.tile(camera_centre(sample.camera), (len(points), 1))
        hit = RayCaster(sample.vertices, model.faces).first_hits(start, away / reach[:, None])[2]
        assert np.median(np.abs(hit - reach)[sample.visible[scheme]]) < 1e-4


def test_visibility_is_that_of_rays(person):
    """On pixels where nothing but the head is seen."""
    model, agree = head_model(), []
    for yaw in (-1.1, 0.0, 0.8):
        sample = photograph_face(person, (0, 0, 5, 1), SIZE, overrides=Overrides(yaw=yaw))
        for scheme, seen in sample.landmarks.items():
            points = model.embeddings[scheme].points(sample.vertices, model.faces).astype(float)
            centre = camera_centre(sample.camera)
            reach = np.linalg.norm(points - centre, axis=1)
            rays = (points - centre) / reach[:, None]
            caster = RayCaster(sample.vertices, model.faces)
            hit = caster.first_hits(np.tile(centre, (len(points), 1)), rays)[2]
            at = np.floor(seen[:, :2]).astype(int)
            inside = ((at >= 0) & (at < SIZE)).all(axis=1)
            at = at.clip(0, SIZE - 1)
            bare = inside & np.isfinite(sample.uv[at[:, 1], at[:, 0], 0])
            agree.append((sample.visible[scheme] == (hit > reach - 0.006))[bare])
            assert not sample.visible[scheme][~inside].any()
    assert np.concatenate(agree).mean() > 0.96 and len(np.concatenate(agree)) > 800


def test_kinds_are_where_they_belong(sample):
    shares = np.bincount(sample.kind.ravel(), minlength=8) / sample.kind.size
    assert shares[Kind.SKIN] > 0.1 and shares[Kind.BACKGROUND] > 0.1 and shares[Kind.CLOTHES] > 0.01
    assert shares[Kind.EYES] < 0.02 and shares[Kind.MOUTH] < 0.05
    column, row = np.floor(sample.landmarks["ibug68"][30, :2]).astype(int)  # tip of the nose
    assert sample.kind[row, column] == Kind.SKIN
    eyes = np.argwhere(sample.kind == Kind.EYES)[:, ::-1]
    ring = sample.landmarks["ibug68"][36:48, :2]
    assert (eyes >= ring.min(0) - 3).all() and (eyes <= ring.max(0) + 3).all()


def test_inside_is_where_the_surface_goes_round(sample):
    rng = np.random.default_rng(0)
    low, high = sample.vertices.min(axis=0), sample.vertices.max(axis=0)
    points = rng.uniform(low, high, (250, 3)).astype(np.float32)
    closed = np.concatenate([sample.vertices, [sample.vertices[loop].mean(axis=0) for loop in _loops()]])
    turns = solid_angle(closed, _closed_faces(), points)
    assert np.abs(turns - np.round(turns)).max() < 0.01  # the surface is closed
    assert (sample.inside(points) == (np.round(turns) % 2 == 1)).mean() > 0.99
    assert 0.15 < sample.inside(points).mean() < 0.7
    brain = np.array([[0, 0.03, -0.08], [0, 0.03, 0.3], [0.3, 0, 0]]) * sample.person.identity.scale
    assert sample.inside(brain).tolist() == [True, False, False]


@pytest.mark.slow
def test_shards_do_not_depend_on_the_number_of_workers(tmp_path):
    from maquette.training.datasets.faces import make_shards

    options = SynthesisOptions(count=6, size=96, texture_size=128, photos_per_person=2)
    files = [list(make_shards(tmp_path / str(n), options, per_file=2, workers=n)) for n in (1, 2)]
    assert [Path(f).name for f in files[0]] == [Path(f).name for f in files[1]] and len(files[0]) == 3
    for first, second in zip(*files):
        assert first.read_bytes() == second.read_bytes()
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.gpu
def test_an_accelerator_takes_the_same_photograph(person):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no accelerator")
    one, two = (
        photograph_face(person, (0, 0, 5, 1), SIZE, device=d, overrides=Overrides(yaw=0.2, sensor=Sensor()))
        for d in ("cpu", "cuda")
    )
    assert (one.kind == two.kind).mean() > 0.99
    assert np.abs(one.image.astype(float) - two.image).mean() < 1
