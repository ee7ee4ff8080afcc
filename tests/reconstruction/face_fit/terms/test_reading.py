"""What the network's reading does to the fit."""

from dataclasses import replace

import numpy as np
import pytest

from maquette import morphable
from maquette.core.errors import NothingFound
from maquette.core.options import FitOptions
from maquette.core.types import Frame, Observation, Reading, Subject
from maquette.geometry.camera import project
from maquette.reconstruction.face_fit import method
from maquette.reconstruction.face_fit.state import POSE, FaceView, first_guess
from maquette.reconstruction.face_fit.terms import reading
from maquette.synthesis.rendering.viewpoint import look_at
from maquette.weights.store import fetch

MODEL = morphable.load("maquette-head")
PLAIN = FitOptions(photometric=False)


def seen_exactly(identity, yaw=0.2, sigma=0.3, alone=False):
    """An observation whose reading knows the truth."""
    expression = np.zeros(52)
    camera = look_at(yaw, 0.1, 0.05, 1.0, (400, 400), 0.6)
    points = MODEL.embeddings["mediapipe478"].points(MODEL.vertices(identity, expression), MODEL.faces)
    pixels, depth = project(camera, points.astype(float))
    landmarks = np.column_stack([pixels, (depth - depth.mean()) * camera.intrinsics[0, 0] / depth.mean()])
    read = Reading(
        landmarks,
        np.full(478, 1.0),
        identity[:60] * (1 - sigma**2),  # a posterior mean: drawn to the prior's
        np.full(60, sigma),
        expression,
        np.full(52, 0.1),
        0.99,
        None if alone else 0.01,
        MODEL.edition,
    )
    return Observation(
        Frame(np.full((400, 400, 3), 128, np.uint8), origin="a.jpg"),
        np.array([0.0, 0, 400, 400]),
        Subject.FACE,
        landmarks,
        "mediapipe478",
        np.ones(478),
        np.ones((400, 400), np.float32),
        full_size=(400, 400),
        reading=read,
    )


@pytest.fixture(scope="module")
def identity():
    return np.random.default_rng(3).normal(size=100) * 0.8


def shape_error(found, identity):
    face = MODEL.regions["face"] > 0.5
    basis = MODEL.identity_basis[:, face]
    away = np.tensordot(found - identity[: len(found)], basis[: len(found)], 1)
    return 1000 * np.linalg.norm(away, axis=1).mean()


def test_a_reading_brings_the_identity_nearer(identity):
    seen = seen_exactly(identity)
    with_reading = method.fit(MODEL, method.landmark_term(fetch), [seen], PLAIN).identity
    without = method.fit(MODEL, method.landmark_term(fetch), [seen], replace(PLAIN, reader="landmarks")).identity
    assert shape_error(with_reading, identity) < 0.8 * shape_error(without, identity)


def test_coefficients_of_another_head_are_not_believed(identity):
    term = method.landmark_term(fetch)
    seen = seen_exactly(identity)
    view, shape = first_guess(seen, term.mean, 52), np.zeros(method.MODES + 52)
    other = replace(seen.reading, edition=MODEL.edition + 1)
    known, unknown = (reading.equations(term, view, read, shape, 0.35) for read in (seen.reading, other))
    alone = reading.landmark_equations(term, view, other, shape)
    assert np.allclose(unknown.matrix, alone.matrix) and np.allclose(unknown.vector, alone.vector)
    assert not np.allclose(known.matrix, alone.matrix)


def test_a_reading_that_knows_nothing_changes_nothing_of_the_identity(identity):
    seen = seen_exactly(identity)
    for mean, prior in ((seen.reading.identity, 1.0), (seen.reading.expression, 0.35)):
        information, vector = reading.coefficient_information(np.zeros(80), mean, np.ones(len(mean)), prior)
        assert not information.any() and not vector.any()


def test_the_network_alone_is_enough(identity):
    found = method.fit(MODEL, method.landmark_term(fetch), [seen_exactly(identity, yaw=1.3, alone=True)], PLAIN)
    yaw = found.provenance["pose"][0]["yaw"]
    assert np.degrees(abs(yaw)) == pytest.approx(np.degrees(1.3), abs=6)
    assert found.provenance["disagreement"] == [None]
    assert found.provenance["landmark_error_px"][0] < 4


def test_only_the_detector_is_asked_for_and_there_is_none(identity):
    with pytest.raises(NothingFound, match=r"a\.jpg.*--reader both"):
        method.fit(
            MODEL, method.landmark_term(fetch), [seen_exactly(identity, alone=True)], replace(PLAIN, reader="landmarks")
        )


def test_equations_are_those_of_the_whole_covariance(identity):
    """Slow twin: the cost with the covariance written out and inverted, differentiated by differences."""
    seen = seen_exactly(identity)
    term = method.landmark_term(fetch, 20)
    view = first_guess(seen, term.mean, 52)
    shape = np.concatenate([np.zeros(20), view.expression])
    noise = term.reader_noise
    factor, spread = noise.factor, noise.spread
    extent = np.ptp(seen.reading.landmarks[:, :2], axis=0).max()
    sigma = reading.GAP * np.repeat(np.maximum(seen.reading.sigma, reading.LOWEST_SIGMA * extent), 2)
    inverse = np.linalg.inv((factor.T @ factor + np.diag(spread**2)) * sigma[:, None] * sigma)

    def cost(shape):
        placed = (term.mean + term.basis @ shape) @ view.rotation.T + view.translation
        pixels = view.focal * placed[:, :2] / placed[:, 2:] + view.centre
        apart = (seen.reading.landmarks[:, :2] - noise.mean_error(view, extent) - pixels).ravel()
        return 0.5 * apart @ inverse @ apart

    found = reading.landmark_equations(term, view, seen.reading, shape)
    matrix, vector = found.matrix, found.vector
    assert np.allclose(matrix, matrix.T) and np.linalg.eigvalsh(matrix).min() > -1e-6 * np.trace(matrix)
    for k in (0, 3, 7, 19):
        step = np.zeros(len(shape))
        step[k] = 1e-4
        slope = (cost(shape + step) - cost(shape - step)) / 2e-4
        assert -slope == pytest.approx(vector[POSE + k], rel=1e-3, abs=1e-3)


def test_the_mean_error_turns_with_the_head_and_mirrors_with_its_yaw():
    noise = method.landmark_term(fetch).reader_noise

    turn = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1.0]])  # in the picture

    def error(yaw, rolled):
        pose = look_at(yaw, 0.0, 0.0, 1.0, (400, 400), 0.6).world_to_camera
        view = FaceView(rolled @ pose[:3, :3], rolled @ pose[:3, 3], 400.0, np.full(2, 200.0), np.zeros(52))
        return noise.mean_error(view, 100.0)

    upright = error(0.4, np.eye(3))
    assert 0.02 < np.linalg.norm(upright, axis=1).mean() < 5, "pixels of a face of 100"
    assert error(0.0, turn) == pytest.approx(error(0.0, np.eye(3)) @ turn[:2, :2].T, abs=1e-9)
    assert error(-0.4, np.eye(3))[MODEL.landmark_mirror] * [-1, 1] == pytest.approx(upright, abs=0.02)


def test_several_readings_add_up(identity):
    one = method.fit(MODEL, method.landmark_term(fetch), [seen_exactly(identity, 0.0, 0.6, alone=True)], PLAIN).identity
    views = [seen_exactly(identity, yaw, 0.6, alone=True) for yaw in (-0.4, 0.0, 0.4)]
    three = method.fit(MODEL, method.landmark_term(fetch), views, PLAIN).identity
    assert shape_error(three, identity) < shape_error(one, identity)
