"""A surface without a face in the photo gets an average head in its colours; the whole is closed and has bones."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette import morphable
from maquette.core.options import Options, OutputOptions, TextureOptions
from maquette.core.result import Result
from maquette.core.types import BodyPose, Camera, Frame, Mesh, Observation, Reconstruction, Subject
from maquette.geometry.camera import project
from maquette.geometry.surfaces.clean import is_closed
from maquette.morphable.posing import rig_of
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.glb import write_glb
from maquette.pipeline.person.head import with_own_head
from maquette.reconstruction.own_head import bones

OPTIONS = Options(texture=TextureOptions(texture_size=256))
RED, GREY = np.array([200, 60, 60], np.uint8), np.array([120, 120, 120], np.uint8)


def stripes(body) -> Mesh:
    """The body, its head red, the rest grey."""
    texture = np.tile(GREY, (256, 256, 1))
    texture[:, 128:] = RED
    uvs = np.where(body.mean[:, 1:2] > 1.45, [[0.75, 0.5]], [[0.25, 0.5]]).astype(np.float32)
    return Mesh(body.mean, body.faces, uvs, body.faces, texture, np.zeros((256, 256), np.uint8))


@pytest.fixture(scope="module")
def person() -> Observation:
    return Observation(
        frame=Frame(np.full((360, 240, 3), 90, np.uint8)),
        box=np.array([0, 0, 240, 360.0]),
        subject=Subject.PERSON,
        landmarks=np.full((33, 3), 100.0),
        landmark_scheme="mediapipe33",
        landmark_confidence=np.zeros(33),
        mask=np.ones((360, 240), np.float32),
        full_size=(240, 360),
    )


def fitted(method: str) -> Reconstruction:
    """A body, or a surface of its shape, that faces the camera, one arm lowered and the head turned."""
    body = morphable.load("maquette-body")
    bones = len(body.rig.bones)
    turns = np.tile([1.0, 0, 0, 0], (1, bones, 1))
    turns[0, body.rig.bones.index("upperarm01.L")] = [np.cos(0.2), 0, 0, -np.sin(0.2)]
    turns[0, body.rig.bones.index("head")] = [np.cos(0.1), 0, np.sin(0.1), 0]
    pose = BodyPose(body.name, turns, np.zeros((1, 3)), np.array([np.nan]))
    flip = np.diag([1.0, -1, -1, 1])
    flip[2, 3] = 3.0
    camera = Camera(np.array([[190.0, 0, 120], [0, 190, 340], [0, 0, 1]]), flip, (240, 360), "orthographic")
    made = Reconstruction(
        stripes(body),
        (camera,),
        model=body.name,
        identity=np.zeros(2, np.float32),
        expression=np.zeros((1, 52), np.float32),
        pose=pose,
        provenance={"method": method},
    )
    from maquette.morphable.posing import posed_body

    made = replace(made, shape=replace(made.shape, vertices=posed_body(made, body, 0).vertices))
    if method == "pifuhd":
        skin = body.parts["skin"]
        free = replace(made.shape, faces=made.shape.faces[skin], uv_faces=made.shape.uv_faces[skin])
        made = replace(made, shape=free, model=None)
    return made


@pytest.fixture(scope="module")
def result(person) -> Result:
    return Result("person-1", "a", with_own_head(fitted("pifuhd"), [person], OPTIONS), (person,))


def test_a_body_keeps_its_own_head_where_no_face_shows(person):
    made = with_own_head(fitted("parametric"), [person], OPTIONS)
    assert made.model == "maquette-body" and made.skinning is None and made.provenance["head"]["kind"] == "body's"


def test_who_is_turned_away_keeps_what_the_photo_shows_and_gets_bones(person):
    made, turn = fitted("pifuhd"), np.diag([-1.0, 1, -1, 1])
    behind = replace(made.cameras[0], world_to_camera=made.cameras[0].world_to_camera @ turn)
    found = with_own_head(replace(made, cameras=(behind,)), [person], OPTIONS)
    assert np.array_equal(found.shape.vertices, made.shape.vertices)
    asset = open_asset(Result("person-1", "a", found, (person,)), OutputOptions())
    posed = asset.bones.posed(asset.neutral, asset.bones.influences, 0)
    assert np.abs(posed - asset.mesh.vertices).max() < 1e-4 and write_glb(asset)


def test_skin_and_mouth_are_one_closed_surface(result):
    made = result.reconstruction
    closed = np.concatenate([made.skinning.parts[name] for name in ("skin", "mouth")])
    assert is_closed(made.shape.faces[closed])
    assert made.provenance["head"]["kind"] == "average" and made.model is None


def test_the_pose_of_the_photo_is_the_rest_turned_by_its_bones(result):
    asset = open_asset(result, OutputOptions())
    posed = asset.bones.posed(asset.neutral, asset.bones.influences, 0)
    assert np.abs(posed - asset.mesh.vertices).max() < 1e-4
    shoulder = asset.bones.rig.bones.index("upperarm01.L")
    wrist = asset.bones.rig.bones.index("wrist.L")
    assert np.abs(np.diff(asset.bones.joints[[shoulder, wrist], 1])) < 2e-3


def test_the_head_is_where_the_bodys_was_and_has_its_colour(result):
    asset, body = open_asset(result, OutputOptions()), morphable.load("maquette-body")
    eyes = [asset.model.eye_centre(asset.mesh.vertices, side) for side in ("Left", "Right")]
    seen = asset.keypoints["mediapipe33"][0][[2, 5]]
    assert np.linalg.norm(np.mean(eyes, axis=0) - seen.mean(axis=0)) < 0.03
    mesh = asset.mesh
    used = mesh.uv_faces[asset.part("skin")][:5000].ravel()
    at = mesh.uvs[used] * [mesh.texture.shape[1], mesh.texture.shape[0]]
    colours = mesh.texture[(mesh.texture.shape[0] - 1 - at[:, 1]).astype(int).clip(0), at[:, 0].astype(int)]
    assert colours[:, 0].mean() > 1.5 * colours[:, 1].mean()
    assert len(body.expression_names) == len(asset.units)


def test_the_file_has_bones_and_targets_for_a_viewer(result):
    from pygltflib import GLTF2

    gltf = GLTF2.load_from_bytes(write_glb(open_asset(result, OutputOptions())))
    assert len(gltf.skins) == 1 and all(node.skin == 0 for node in gltf.nodes if node.mesh is not None)
    assert len(gltf.meshes[0].extras["targetNames"]) == 52
    humanoid = gltf.asset.extras["humanoid"]
    assert set(humanoid.values()) <= {node.name for node in gltf.nodes}
    assert {"hips", "head", "leftEye", "rightLowerArm", "leftIndexDistal"} <= humanoid.keys()


@pytest.mark.slow
@pytest.mark.real_data
@pytest.mark.parametrize("photo", ["05_half_suit.jpg", "14_standing.png"])
def test_the_face_lies_on_the_photos_face(photo):
    from maquette.pipeline.photo import reconstruct

    path = Path(os.environ["MAQUETTE_REAL_DATA"]) / "reports" / photo
    options = replace(Options(), fit=replace(Options().fit, method="parametric"))
    (found,) = reconstruct([path], options, kind=Subject.PERSON)
    made = found.reconstruction
    asset = open_asset(found, OutputOptions())
    assert made.provenance["head"]["kind"] == "own" and made.provenance["head"]["placed_error_percent"] < 1.5
    marks = asset.model.embeddings["mediapipe478"].points(asset.mesh.vertices, asset.mesh.faces)
    person, pixels = found.observations[0], project(made.cameras[0], marks.astype(float))[0]
    drawn, eyes = pixels[[468, 473]], person.landmarks[[5, 2], :2]
    face = np.ptp(pixels, axis=0).max()
    assert np.linalg.norm(drawn.mean(axis=0) - eyes.mean(axis=0)) < 0.06 * face


def test_lifted_arms_leave_the_neck_closed(result):
    """The two sides of the join move alike, however the arms and the neck are turned."""
    made = result.reconstruction
    body, skinning = morphable.load("maquette-body"), made.skinning
    rig, random = rig_of(body), np.random.default_rng(5)
    count = len(skinning.unit_vertices)
    edges = np.unique(np.sort(made.shape.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    between = edges[(edges < count).sum(axis=1) == 1]
    rest = skinning.vertices.astype(float)
    for _ in range(10):
        turns = np.zeros((len(rig.bones), 3))
        for bone, name in enumerate(rig.bones):
            if name.startswith(("upperarm01", "clavicle", "neck", "head")):
                turns[bone] = random.normal(size=3) * (0.6 if name.startswith("upperarm") else 0.15)
        moves = rig.transforms(skinning.joints.astype(float), Rotation.from_rotvec(turns).as_matrix())
        moved = bones.posed(rest, skinning.bone_index, skinning.bone_weight, moves)
        lengths = [np.linalg.norm(one[between[:, 0]] - one[between[:, 1]], axis=1) for one in (rest, moved)]
        assert (lengths[1] - lengths[0]).max() < 0.004
