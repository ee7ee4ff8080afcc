import numpy as np
import pytest

from maquette.geometry.mesh import boundary_loops, face_areas
from maquette.geometry.surfaces.distance import winding
from maquette.perception.people.schemes import BODY_25, COCO, MEDIAPIPE_33, SCHEMES
from maquette.synthesis.anatomy.poses import ARMS, NECK, SPINE, STANCES, draw_pose, onto
from maquette.synthesis.scenes.person_scene import draw_person_scene
from maquette.synthesis.types import Kind


def ball(centre=(0, 0, 0), rows=40):
    polar, turn = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, 2 * rows), indexing="ij")
    points = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar), -np.sin(polar) * np.sin(turn)], axis=-1)
    index = np.arange(polar.size).reshape(polar.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    points = points.reshape(-1, 3) + centre
    return points, faces[face_areas(points, faces) > 1e-9]


def solid_angle(vertices, faces, points):
    """The winding number by van Oosterom & Strackee 1983, slow and sure."""
    a, b, c = (vertices[faces[:, k]][None] - points[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=2) for v in (a, b, c))
    top = (a * np.cross(b, c)).sum(2)
    bottom = la * lb * lc + (a * b).sum(2) * lc + (b * c).sum(2) * la + (c * a).sum(2) * lb
    return np.arctan2(top, bottom).sum(axis=1) / (2 * np.pi)


def test_points_in_a_ball_are_inside():
    points = np.random.default_rng(0).uniform(-1.3, 1.3, (4000, 3))
    radius = np.linalg.norm(points, axis=1)
    clear = np.abs(radius - 1) > 0.01
    found = winding(*ball(), points)
    assert np.array_equal(found[clear], (radius < 1)[clear].astype(int))


def test_where_two_balls_overlap_a_point_is_inside_twice():
    (first, faces), (second, _) = ball(), ball((0.8, 0, 0))
    both = np.concatenate([first, second]), np.concatenate([faces, faces + len(first)])
    points = np.array([[0.4, 0.05, 0.02], [-0.6, 0, 0.01], [1.5, 0.01, 0], [0.4, 2, 0]])
    assert winding(*both, points).tolist() == [2, 1, 1, 0]


def test_onto_turns_one_direction_to_the_other():
    a, b = np.array([1.0, 2, 0.5]), np.array([-0.3, 0.4, 1])
    turned = onto(a, b) @ (a / np.linalg.norm(a))
    assert np.allclose(turned, b / np.linalg.norm(b))


def test_poses_are_turns_within_the_joints():
    rng = np.random.default_rng(0)
    for stance in STANCES:
        for _ in range(50):
            turns = draw_pose(rng, stance)
            for matrix in turns.values():
                assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-9) and np.linalg.det(matrix) > 0
            knee = turns["lowerleg01.L"]
            assert 0 <= np.arctan2(knee[2, 1], knee[1, 1]) <= 2.2  # never bent forwards
            head = np.linalg.multi_dot([turns[n] for n in NECK])
            assert np.arccos(np.clip((np.trace(head) - 1) / 2, -1, 1)) < 1.5
            assert set(SPINE) <= set(turns)
    assert sum(STANCES.values()) == pytest.approx(1) and sum(ARMS.values()) == pytest.approx(1)


def test_schemes_have_their_sizes():
    assert (len(COCO), len(BODY_25), len(MEDIAPIPE_33)) == (17, 25, 33)
    assert all(len(set(names)) == len(names) for names in SCHEMES.values())


@pytest.mark.usefixtures("body_arrays")
def test_somebody_has_all_labels():
    person = draw_person_scene(np.random.default_rng(0), "stand")
    assert boundary_loops(person.faces) == []
    kinds = {s.kind for s in person.surfaces}
    assert {Kind.SKIN, Kind.CLOTHES, Kind.EYES} <= kinds
    outer = [s for s in person.surfaces if s.kind != Kind.EYES]
    area = sum(face_areas(s.vertices.astype(float), s.faces).sum() for s in outer)
    whole = face_areas(person.vertices.astype(float), person.faces).sum()
    assert abs(area / whole - 1) < 1e-3  # the pieces cover the closed surface once
    at = dict(zip(BODY_25, person.keypoints["body25"]))
    assert at["nose"][1] > at["neck"][1] > at["mid_hip"][1] > at["left_knee"][1] > at["left_ankle"][1]
    assert at["left_shoulder"][0] > at["right_shoulder"][0]
    assert np.linalg.norm(at["mid_hip"]) < 0.15
    deep = [at[n] for n in ("neck", "mid_hip", "left_knee", "right_knee", "left_shoulder", "right_elbow")]
    assert person.inside(np.array(deep)).all()
    assert not person.inside(np.array([[0, 2.0, 0], [0, 0, 1.5], [1.4, 0, 0]])).any()


@pytest.mark.usefixtures("body_arrays")
def test_inside_agrees_with_the_solid_angle():
    person = draw_person_scene(np.random.default_rng(3), "sit")
    rng = np.random.default_rng(0)
    points = person.vertices[rng.integers(len(person.vertices), size=60)] + 0.05 * rng.normal(size=(60, 3))
    number = solid_angle(person.vertices.astype(float), person.faces, points)
    assert np.array_equal(winding(person.vertices, person.faces, points), np.round(number).astype(int))


@pytest.mark.usefixtures("body_arrays")
def test_the_same_seed_makes_the_same_person():
    first, second = (draw_person_scene(np.random.default_rng(5)) for _ in range(2))
    assert first.vertices.tobytes() == second.vertices.tobytes()
    assert not np.array_equal(draw_person_scene(np.random.default_rng(6)).vertices, first.vertices)
