"""The body of dogs and cats that ships: closed, symmetric, and moved as its bones say."""

import numpy as np
import pytest
import trimesh

from maquette.core.errors import BadInput
from maquette.morphable import load
from maquette.morphable.animals import stance
from maquette.morphable.animals.body import PET_BODY, load_animal_body
from maquette.weights import store

BODY = load_animal_body(store.fetch(PET_BODY))
MIRROR = np.array([-1, 1, 1])


def test_the_mesh_is_closed_symmetric_and_as_large_as_a_dog():
    model = BODY.model
    mesh = trimesh.Trimesh(model.mean, model.faces, process=False)
    assert mesh.is_watertight and mesh.volume > 0 and mesh.body_count == 3
    assert (model.mirror[model.mirror] == np.arange(len(model.mean))).all()
    assert np.abs(model.mean[model.mirror] - model.mean * MIRROR).max() < 1e-6
    assert model.mean[:, 1].min() == pytest.approx(0, abs=1e-3) and 0.7 < np.ptp(model.mean[:, 1]) < 0.9
    assert sorted(np.concatenate(list(model.parts.values())).tolist()) == list(range(len(model.faces)))


def test_the_coarse_skin_is_closed_and_made_of_the_same_vertices():
    coarse = trimesh.Trimesh(BODY.model.mean, BODY.coarse, process=False)
    whole = trimesh.Trimesh(BODY.model.mean, BODY.model.faces, process=False)
    assert coarse.is_watertight and len(BODY.coarse) < len(BODY.model.faces) / 4
    assert coarse.volume == pytest.approx(whole.volume, rel=0.03)


def test_every_build_is_symmetric_and_moves_joints_with_the_skin():
    model, rig = BODY.model, BODY.rig
    swap = [
        rig.bones.index(name[:-1] + {"L": "R", "R": "L"}[name[-1]] if name[-2:] in ("_L", "_R") else name)
        for name in rig.bones
    ]
    assert len(BODY.modes) == len(model.identity_basis) == len(rig.heads_basis)
    for number in range(len(BODY.modes)):
        move = model.identity_basis[number].astype(float)
        assert np.abs(move[model.mirror] - move * MIRROR).max() < 2e-3, BODY.modes[number]
        assert np.abs(rig.heads_basis[number][swap] - rig.heads_basis[number] * MIRROR).max() < 2e-3
    longer = BODY.modes.index("legs")
    assert rig.heads_basis[longer][rig.bones.index("torso"), 1] > 0.02


def test_weights_sum_to_one_and_parents_come_first():
    rig = BODY.rig
    assert np.abs(rig.bone_weight.sum(axis=1) - 1).max() < 1e-3 and (rig.bone_weight >= 0).all()
    assert rig.bone_index.shape[1] == 4 and (rig.parents < np.arange(len(rig.bones))).all()
    assert {"skull", "jaw", "ear_L", "ear_R", "Ca_21", "toe_L", "finger_R"} <= set(rig.bones)


def test_without_turns_it_rests():
    posed, joints = BODY.posed(np.zeros(len(BODY.modes)), np.zeros(len(stance.TURNS)))
    assert np.abs(posed - BODY.model.mean).max() < 1e-4 and np.abs(joints - BODY.rig.heads).max() < 1e-4


@pytest.mark.parametrize("name", stance.STANCES)
def test_stances_stand_on_the_floor_symmetrically_with_level_paws(name):
    posed, joints = BODY.posed(np.zeros(len(BODY.modes)), stance.angles(name))
    assert posed[:, 1].min() == pytest.approx(0, abs=1e-6)
    assert np.abs(posed[BODY.model.mirror] - posed * MIRROR).max() < 5e-3
    heights = joints[[BODY.rig.bones.index(paw) for paw in ("toe_L", "toe_R", "finger_L", "finger_R")], 1]
    assert np.ptp(heights) < 0.08


def test_sitting_is_higher_in_front_and_lying_lower_than_standing():
    heights = {}
    for name in stance.STANCES:
        joints = BODY.posed(np.zeros(len(BODY.modes)), stance.angles(name))[1]
        heights[name] = joints[[BODY.rig.bones.index(bone) for bone in ("pelvis", "skull")], 1]
    assert heights["sitting"][0] < 0.6 * heights["standing"][0] < heights["standing"][0]
    assert heights["sitting"][1] > 0.8 * heights["standing"][1] and heights["lying"][1] < heights["standing"][1]


def test_landmarks_of_the_face_lie_where_they_should():
    points = BODY.rig.keypoints_of("pet20", BODY.model.mean)
    assert points[4, 2] == pytest.approx(BODY.model.mean[:, 2].max(), abs=2e-3)  # the nose
    assert points[16, 1] == pytest.approx(BODY.model.mean[:, 1].max(), abs=5e-3)  # an ear's tip
    assert np.allclose(points[[3, 2, 8, 16]], points[[0, 1, 7, 13]] * MIRROR, atol=1e-5)
    assert (points[[2, 3, 8, 15, 16, 17, 19], 0] > 0).all()


def test_a_cat_has_a_shorter_muzzle_and_a_rounder_skull():
    cat = BODY.rig.sliders["cat"]
    assert cat[BODY.modes.index("muzzle")] < -1 and cat[BODY.modes.index("skull")] > 0.5
    shorter = BODY.model.vertices(cat, np.zeros(0))
    points, dog = BODY.rig.keypoints_of("pet20", shorter), BODY.rig.keypoints_of("pet20", BODY.model.mean)
    assert points[4, 2] - points[3, 2] < 0.75 * (dog[4, 2] - dog[3, 2])


def test_it_is_known_by_name():
    assert load(PET_BODY) is BODY.model and BODY.model.licence["spdx"] == "Apache-2.0"


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "dog.safetensors"
    path.write_bytes(store.fetch(PET_BODY).read_bytes()[:5000])
    with pytest.raises(BadInput):
        load_animal_body(path)
