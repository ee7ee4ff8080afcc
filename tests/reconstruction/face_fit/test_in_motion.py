"""A known head is followed: poses, expressions and gaze of drawn landmarks are found again."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.core.types import Frame, Mesh, Observation, Reconstruction, Subject
from maquette.outputs.meshes.motion import matrices
from maquette.reconstruction.face_fit.gaze import LOOK_RAD, looked
from maquette.reconstruction.face_fit.in_motion import KnownHead, fit_frame, follow_head, with_eyes
from maquette.reconstruction.face_fit.method import landmark_term
from maquette.reconstruction.face_fit.state import OPENCV, FaceView
from maquette.weights.store import fetch

SIZE, FOCAL = (640, 480), 700.0
IDENTITY = np.random.default_rng(5).normal(0, 0.7, 80)


@pytest.fixture(scope="module")
def head():
    term = landmark_term(fetch)
    exact = {**term.noise, "bias": 0 * term.noise["bias"]}
    model = morphable.load("maquette-head")
    shown = np.zeros((1, len(term.names)))
    mesh = Mesh(model.vertices(IDENTITY, shown[0], 1.1), model.faces)
    whole = Reconstruction(mesh, (), model=model.name, identity=IDENTITY, expression=shown, scale=1.1)
    return KnownHead.of(replace(term, noise=exact), whole, FOCAL, SIZE)


def drawn(head, turn=(0.1, -0.2, 0.05), place=(0.02, 0.01, 0.7), **weights):
    """The observation of the head in that pose, without error, and its view."""
    expression = np.zeros(len(head.term.names))
    for name, weight in weights.items():
        expression[head.term.names.index(name)] = weight
    rotation = OPENCV @ Rotation.from_rotvec(turn).as_matrix()
    view = FaceView(rotation, np.array(place), FOCAL, np.array(SIZE) / 2, expression, FOCAL)
    points = head.term.mean + head.term.basis @ expression
    depth = (points @ rotation.T)[:, 2:] * FOCAL / place[2]
    return Observation(
        frame=Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 0.0),
        box=np.array([0, 0, *SIZE], float),
        subject=Subject.FACE,
        landmarks=np.column_stack([view.pixels(points), depth]),
        landmark_scheme="mediapipe478",
        landmark_confidence=np.ones(478),
        mask=np.ones((SIZE[1], SIZE[0]), np.float32),
        full_size=SIZE,
    ), view


def test_pose_and_expression_are_found_from_nothing(head):
    seen, view = drawn(head, jawOpen=0.7, mouthSmileLeft=0.5, mouthSmileRight=0.5)
    found = fit_frame(head, seen, None)
    assert np.degrees(np.arccos((np.trace(found.view.rotation @ view.rotation.T) - 1) / 2)) < 0.6
    assert found.view.expression[head.term.names.index("jawOpen")] == pytest.approx(0.7, abs=0.1)
    assert found.reprojection < 0.6 and found.trust > 0.8


def test_a_wrong_start_is_begun_anew(head):
    seen, _ = drawn(head)
    _, elsewhere = drawn(head, place=(0.3, 0.2, 0.5))
    found, anew = fit_frame(head, seen, elsewhere), fit_frame(head, seen, None)
    assert np.abs(found.view.translation - anew.view.translation).max() < 1e-3


@pytest.mark.parametrize(("yaw", "pitch"), [(0.15, 0.0), (-0.2, 0.05), (0.0, -0.12)])
def test_the_gaze_is_read_from_the_irises(head, yaw, pitch):
    names = head.term.names
    wanted = looked(np.zeros((1, len(names))), np.full((1, 2, 2), [yaw, pitch]), names)[0]
    seen, _ = drawn(head, **dict(zip(names, wanted)))
    # Lids hide nothing here, and what they do by themselves is not part of it.
    assert np.allclose(fit_frame(head, seen, None).gaze, [yaw, pitch], atol=0.07)


def test_eyes_turn_as_the_model_says():
    model = morphable.load("maquette-head")
    for side, sign in (("Left", 1), ("Right", -1)):
        ball = model.part_vertices(f"eye{side}")
        rest = (model.mean[ball] - model.eye_centre(model.mean, side)).astype(float)
        for unit, axis in (("Out", [0, sign, 0]), ("In", [0, -sign, 0]), ("Up", [-1, 0, 0]), ("Down", [1, 0, 0])):
            moved = model.expression_basis[model.expression_names.index(f"eyeLook{unit}{side}")][ball]
            turn = Rotation.from_rotvec(LOOK_RAD[unit] * np.array(axis, float)).as_matrix()
            assert np.abs(rest @ turn.T - rest - moved).max() < 2e-5, unit


def test_a_clip_is_followed_and_blinks_when_the_landmarks_do(head):
    blinks = np.zeros(20)
    blinks[9:11] = 1.0
    poses = [drawn(head, (0.0, 0.02 * k, 0.0), eyeBlinkLeft=b, eyeBlinkRight=b) for k, b in enumerate(blinks)]
    rows = [(0, k, k / 25, seen) for k, (seen, _) in enumerate(poses)]
    motion = with_eyes(follow_head(head, rows), head.term.names)
    assert np.allclose(motion.times, np.arange(20) / 25) and motion.frames.tolist() == list(range(20))
    turned = Rotation.from_matrix(matrices(motion.rotations)).as_rotvec()[:, 1]
    assert np.abs(turned - 0.02 * np.arange(20)).max() < 0.02
    shut = motion.expression[:, head.term.names.index("eyeBlinkLeft")]
    assert (shut[9:11] > 0.8).all() and shut[:8].max() < 0.1
    assert motion.translation[0] == pytest.approx(1.1 * (OPENCV @ [0.02, 0.01, 0.7]), abs=0.02)


def test_a_frame_takes_little_time(head):
    from time import thread_time

    seen, view = drawn(head, jawOpen=0.3)
    fit_frame(head, seen, view)
    start = thread_time()
    for _ in range(5):
        fit_frame(head, seen, view)
    assert (thread_time() - start) / 5 < 0.25, "eight frames a second with all else"
