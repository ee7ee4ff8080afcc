"""The fit: derivatives against differences, bounds against a slow twin, known heads recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.core.options import FitOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.geometry.camera import project
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers
from maquette.reconstruction.face_fit import shading
from maquette.reconstruction.face_fit.method import MODES, fit, landmark_term, reprojection
from maquette.reconstruction.face_fit.registration import slide
from maquette.reconstruction.face_fit.solve import bounded_step
from maquette.reconstruction.face_fit.state import OPENCV, FaceView, first_guess, project_points
from maquette.weights.store import fetch

MODEL = morphable.load("maquette-head")


def make_view(
    yaw: float, pitch: float, roll: float, expression: np.ndarray | None = None, focal: float = 900.0
) -> FaceView:
    rotation = OPENCV @ Rotation.from_euler("YXZ", [yaw, -pitch, -roll]).as_matrix()
    units = np.zeros(52) if expression is None else expression
    return FaceView(rotation, np.array([0.02, 0.01, 1.1]), focal, np.array([256.0, 256.0]), units)


def observe(view: FaceView, identity: np.ndarray, noise: float = 0.0) -> Observation:
    """A perfect detector on a known head, with its learned bias."""
    vertices = MODEL.vertices(identity, view.expression)
    points = MODEL.embeddings["mediapipe478"].points(vertices, MODEL.faces)
    pixels, depth = project(view.camera((512, 512)), points)
    term = landmark_term(fetch)
    depth = (depth - depth.mean()) * view.focal / view.translation[2]
    seen = np.column_stack([pixels, depth]) + term.bias(view) * view.unit()
    seen += noise * np.random.default_rng(0).normal(size=seen.shape)
    blank = Frame(np.zeros((512, 512, 3), np.uint8))
    box = np.array([0.0, 0, 512, 512])
    trust = np.ones(len(seen))
    return Observation(
        blank, box, Subject.FACE, seen, "mediapipe478", trust, np.ones((512, 512), np.float32), full_size=(512, 512)
    )


@pytest.mark.parametrize("yaw, pitch, roll", [(0.4, 0.1, -0.2), (-0.9, -0.3, 0.3), (0, 0, 0)])
def test_pose_angles_round_trip(yaw, pitch, roll):
    assert np.allclose(make_view(yaw, pitch, roll).yaw_pitch_roll(), (yaw, pitch, roll), atol=1e-12)


def test_positive_yaw_turns_to_the_subjects_left():
    """The nose moves towards the subject's left, which a camera in front sees on the right of the picture."""
    nose = np.array([[0, 0, 0.1]])
    turned, straight = (project(make_view(yaw, 0, 0).camera((512, 512)), nose)[0] for yaw in (0.3, 0))
    assert turned[0, 0] > straight[0, 0]


def test_pixels_come_with_their_derivatives():
    view, rng = make_view(0.4, 0.1, 0.2), np.random.default_rng(0)
    points, basis = rng.normal(size=(5, 3)) * 0.05, rng.normal(size=(5, 3, 4)) * 0.01

    def place(v, weights):
        return (points + basis @ weights) @ v.rotation.T + v.translation

    found = project_points(view, place(view, np.zeros(4)), basis)
    for k in range(7):
        step = np.eye(7)[k] * 1e-6
        moved = view.moved(step, view.expression)
        change = project_points(moved, place(moved, np.zeros(4)), basis).value - found.value
        assert np.allclose(change / 1e-6, found.by_pose[:, :, k], rtol=1e-3, atol=1e-2)
    for k in range(4):
        change = project_points(view, place(view, np.eye(4)[k] * 1e-6), basis).value - found.value
        assert np.allclose(change / 1e-6, found.by_shape[:, :, k], rtol=1e-3, atol=1e-2)


def test_landmark_jacobian_is_the_derivative():
    term, rng = landmark_term(fetch), np.random.default_rng(1)
    shape = np.concatenate([rng.normal(size=MODES) * 0.5, np.full(52, 0.1)])
    view = make_view(0.3, 0.1, 0.1, shape[MODES:])
    seen = observe(make_view(0.25, 0.1, 0.1), np.zeros(MODES))
    unit, bias = view.unit(), term.bias(view)

    def prediction(v, s):
        return -(term.residual(v, seen, s).value + term.bias(v)) * v.unit() / unit - bias

    start = prediction(view, shape)
    slope = term.residual(view, seen, shape)
    for k in (0, 1, 2, 3):
        change = prediction(view.moved(np.eye(7)[k] * 1e-6, view.expression), shape) - start
        assert np.allclose(
            change / 1e-6, slope.by_pose[:, :, k], rtol=2e-2, atol=2e-2 * np.abs(slope.by_pose[:, :, k]).max()
        )
    for k in (0, 7, MODES + 24):
        change = prediction(view, shape + np.eye(len(shape))[k] * 1e-6) - start
        assert np.allclose(change / 1e-6, slope.by_shape[:, :, k], rtol=1e-2, atol=1e-3)


def test_bounded_step_equals_the_slow_twin():
    rng = np.random.default_rng(3)
    for _ in range(5):
        J, b = rng.normal(size=(40, 12)), rng.normal(size=40)
        bounds = np.column_stack([-rng.random(12) * 0.1, rng.random(12) * 0.1])
        twin = lsq_linear(J, b, (bounds[:, 0], bounds[:, 1]), method="bvls", tol=1e-12).x
        found = bounded_step(J.T @ J, J.T @ b, bounds)
        assert np.allclose(found, twin, atol=1e-6)


def test_first_guess_finds_the_pose():
    view = make_view(0.5, 0.2, -0.3)
    guess = first_guess(observe(view, np.zeros(MODES)), landmark_term(fetch).mean, 52)
    assert np.allclose(guess.yaw_pitch_roll(), view.yaw_pitch_roll(), atol=0.12)
    assert np.isclose(guess.unit(), view.unit(), rtol=0.12)


def test_fit_recovers_a_known_face():
    """With noise-free landmarks the fit is closer than the average head in identity, pose and expression."""
    rng = np.random.default_rng(5)
    identity = rng.normal(size=MODES) * 0.8
    expression = np.zeros(52)
    expression[MODEL.expression_names.index("jawOpen")] = 0.6
    view = make_view(0.2, 0.05, 0.1, expression)
    result = fit(MODEL, landmark_term(fetch), [observe(view, identity)], FitOptions(photometric=False))
    face = MODEL.regions["face"] > 0.5
    truth, mean = MODEL.vertices(identity, np.zeros(52))[face], MODEL.mean[face]
    found = MODEL.vertices(result.identity, np.zeros(52))[face]
    assert np.linalg.norm(found - truth, axis=1).mean() < 0.7 * np.linalg.norm(mean - truth, axis=1).mean()
    assert abs(result.expression[0][MODEL.expression_names.index("jawOpen")] - 0.6) < 0.2
    assert abs(result.provenance["pose"][0]["yaw"] - 0.2) < 0.05
    assert (result.expression >= 0).all() and (result.expression <= 1).all()


def test_two_photos_share_the_identity_and_do_not_depend_on_order():
    identity = np.random.default_rng(6).normal(size=MODES)
    seen = [observe(make_view(y, 0, 0), identity, noise=0.5) for y in (-0.5, 0.4)]
    options = FitOptions(photometric=False)
    one, two = fit(MODEL, landmark_term(fetch), seen, options), fit(MODEL, landmark_term(fetch), seen[::-1], options)
    assert len(one.cameras) == 2 and one.motion.shape[0] == 2
    assert np.allclose(one.identity, two.identity, atol=0.02)


def test_harmonics_slope_is_the_derivative():
    rng = np.random.default_rng(0)
    normals, light = rng.normal(size=(6, 3)), rng.normal(size=9)
    slope = shading.harmonics_slope(normals, light)
    for k in range(3):
        change = (shading.harmonics(normals + np.eye(3)[k] * 1e-6) - shading.harmonics(normals)) @ light
        assert np.allclose(change / 1e-6, slope[:, k], atol=1e-4)


def test_normals_and_their_derivative():
    term = shading.ShadingTerm.of(MODEL, MODES, [observe(make_view(0, 0, 0), np.zeros(MODES))])
    points = term.mean.astype(float)
    normals, slope = term.normals(points)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1)
    assert (normals[:, 2] > 0).mean() > 0.9
    for k in (0, 5, MODES + 24):
        moved, _ = term.normals(points + 1e-4 * term.basis[:, :, k])
        assert np.allclose((moved - normals) / 1e-4, slope[:, :, k], atol=2e-2 * np.abs(slope[:, :, k]).max() + 1e-3)


def test_pupil_distance_sets_the_scale():
    seen = observe(make_view(0, 0, 0), np.zeros(MODES))
    result = fit(MODEL, landmark_term(fetch), [seen], FitOptions(photometric=False, pupil_distance=70.0))
    eyes = [MODEL.eye_centre(result.shape.vertices, side) for side in ("Left", "Right")]
    assert result.metric
    assert abs(np.linalg.norm(eyes[0] - eyes[1]) - 0.070) < 0.006


def test_registration_brings_the_landmarks_home_and_keeps_the_surface():
    """The mesh slides along its own skin: landmarks come closer, the surface hardly moves along its normals."""
    term = landmark_term(fetch)
    view, identity = make_view(0.1, 0.05, 0.0), np.zeros(MODES)
    seen = observe(view, identity)
    shift = np.zeros_like(seen.landmarks)
    shift[:, 1] = 0.03 * view.unit()  # the detector sees everything 2 mm lower
    moved = replace(seen, landmarks=seen.landmarks + shift)
    field = slide(MODEL, term, view, moved, identity)
    vertices = MODEL.vertices(identity, view.expression)
    before = reprojection(MODEL, view, moved, vertices)
    after = reprojection(MODEL, view, moved, vertices + field)
    assert after < 0.5 * before
    skin = MODEL.part_vertices("skin")
    along = np.abs((field * vertex_normals(vertices.astype(float), MODEL.faces)).sum(axis=1))[skin]
    assert along.mean() < 0.3 * np.linalg.norm(field[skin], axis=1).mean()
    for part in ("eyeLeft", "eyeRight"):
        assert np.allclose(field[MODEL.part_vertices(part)], field[MODEL.part_vertices(part)[0]])
    assert not np.abs(field[MODEL.regions["scalp"] > 0.9]).max() > 1e-3


def test_a_wild_start_stays_finite():
    """A step is shortened where the linear model fails, so that no pose runs away."""
    view = make_view(0.0, 0.0, 0.0)
    far = view.moved(np.array([5.0, 0, 0, 0, 0, -50.0, 9.0]), view.expression)
    assert far.translation[2] > 0 and np.isfinite(far.focal)
    assert np.allclose(far.rotation @ far.rotation.T, np.eye(3), atol=1e-9)


def test_shading_improves_a_lit_head():
    """On a rendered head of even colour the shading brings the shape closer than landmarks alone."""
    rng = np.random.default_rng(11)
    identity = np.append(rng.normal(size=40), np.zeros(MODES - 40))
    view = make_view(0.25, 0.0, 0.0, focal=2600.0)
    view = replace(view, translation=np.array([0.0, 0.0, 1.1]))
    vertices = MODEL.vertices(identity, np.zeros(52)).astype(float)
    face, barycentric, _ = render_buffers(view.camera((512, 512)), vertices, MODEL.faces)
    normals = vertex_normals(vertices, MODEL.faces)
    pixel = np.einsum("hwk,hwkd->hwd", barycentric, normals[MODEL.faces[face]])
    light = np.array([0.5, 0.4, 0.77])
    shade = np.where(face >= 0, 0.15 + 0.75 * np.clip(pixel @ light, 0, 1), 0.05)
    photo = np.repeat((255 * shade).astype(np.uint8)[..., None], 3, axis=2)
    seen = observe(view, identity, noise=2.0)
    seen = replace(seen, frame=Frame(photo), mask=(face >= 0).astype(np.float32))
    region = MODEL.regions["face"] > 0.5

    def error(options):
        found = MODEL.vertices(fit(MODEL, landmark_term(fetch), [seen], options).identity, np.zeros(52))
        return np.linalg.norm((found - vertices)[region], axis=1).mean()

    assert error(FitOptions()) < 0.97 * error(FitOptions(photometric=False))
