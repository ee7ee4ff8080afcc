"""The other files of a person: report, landmarks, depth, solid, parameters."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from PIL import Image

from maquette import morphable
from maquette.core.options import OutputOptions
from maquette.geometry.camera import project
from maquette.outputs.asset import open_asset
from maquette.outputs.pictures.maps import depth_unit, write_depth
from maquette.outputs.printing.stl import UNDER_SOLES, is_sound, printed, solid_arrays, write_stl
from maquette.outputs.reports.landmarks import write_landmarks
from maquette.outputs.reports.parameters import write_parameters
from maquette.outputs.reports.report import write_report
from people import BOX, make_person

FACE_WORDS = ("pupil", "face", "eye", "head", "disagree", "focal")


def opened(result):
    return open_asset(result, OutputOptions())


def told(result, **provenance) -> dict:
    facts = {**result.reconstruction.provenance, **provenance}
    return json.loads(
        write_report(opened(replace(result, reconstruction=replace(result.reconstruction, provenance=facts))))
    )


def test_the_report_tells_of_a_person_and_not_of_a_face(person_result):
    facts = told(person_result)
    photo = facts["photo_facts"][0]
    assert not [key for key in (*photo, *facts) if any(word in key for word in FACE_WORDS)]
    assert photo["keypoint_error_px"] == 4.0, "the crop is half the photo's size"
    assert photo["keypoint_error_percent"] == 1.0 and photo["silhouette_iou"] == 0.9
    rows = np.flatnonzero(person_result.observations[0].mask.any(axis=1))
    assert photo["person_px"] == 2 * (rows[-1] - rows[0] + 1)
    asset = opened(person_result)
    assert facts["height_cm"] == pytest.approx(100 * np.ptp(asset.neutral[:, 1]), abs=1e-3)
    assert facts["height_source"] == "average person" and facts["bones"] == 13 and facts["poses"] == 1
    assert set(facts["texture_real_share"]) == {"skin"}
    assert facts["warnings"] == ["a remark", "the size is that of an average person: give --height for the true size"]


def test_a_free_form_person_keeps_the_given_height(cloth_result):
    facts = told(cloth_result)
    assert (facts["height_cm"], facts["height_source"], facts["body_model"]) == (181.0, "given height", "tiny-body")
    assert facts["bones"] == 0 and not [text for text in facts["warnings"] if "--height" in text]


@pytest.mark.parametrize(
    "provenance, word",
    [
        ({"keypoint_error_percent": [9.0]}, "key points badly"),
        ({"silhouette_iou": [0.5]}, "outline badly"),
        ({"pose_flags": [["the person lies down"]]}, "lies down"),
        ({"camera_looks_down_degrees": [-40.0]}, "steeply"),
    ],
)
def test_trouble_is_told_in_plain_words(person_result, provenance, word):
    assert sum(word in text for text in told(person_result, **provenance)["warnings"]) == 1


def test_trouble_of_frames_is_counted(clip_result):
    warnings = told(clip_result, silhouette_iou=[0.9, 0.2, 0.9, 0.3, 0.9, 0.9, 0.9])["warnings"]
    assert next(text for text in warnings if "outline" in text).startswith("2 of 7 pictures: ")


def test_a_person_half_hidden_and_small_is_told(person_result):
    seen = person_result.observations[0]
    far = replace(seen, box=np.array([0.0, 0, 50, 80]), landmark_confidence=np.full(33, 0.2))
    warnings = told(replace(person_result, observations=(far,)))["warnings"]
    assert any("160 pixels" in text for text in warnings) and any("it is guessed" in text for text in warnings)


@pytest.mark.parametrize("which", ["person_result", "cloth_result", "clip_result"])
def test_landmarks_of_every_frame_are_projected(which, request):
    result = request.getfixturevalue(which)
    asset, photos = opened(result), json.loads(write_landmarks(opened(result)))["photos"]
    assert len(photos) == len(result.observations)
    for index, photo in enumerate(photos):
        rows = photo["schemes"]["mediapipe33"]
        world = asset.body.rig.keypoints_of("mediapipe33", asset.posed(index).astype(float))
        assert np.abs(np.array(rows["world"]) - world).max() < 1e-5
        pixels = project(result.reconstruction.cameras[index], world)[0]
        assert np.abs(np.array(rows["reprojected"]) - pixels).max() < 0.01
        assert np.allclose(rows["reprojected_photo"], pixels * 2 + BOX[:2], atol=0.01)
        assert len(rows["detected"]) == len(rows["confidence"]) == 33 and "visible" not in rows


def test_depth_of_a_camera_that_stands_nowhere_begins_before_the_person(person_result):
    asset, image = opened(person_result), Image.open(io.BytesIO(write_depth(opened(person_result))))
    depth, start = np.asarray(image), float(image.text["Start"].split()[0])
    assert (
        depth[depth > 0].min() * depth_unit(asset) == pytest.approx(0.1, abs=2e-3)
        and "counted from" in image.text["Description"]
    )
    _, along = project(person_result.reconstruction.cameras[0], asset.mesh.vertices.astype(float))
    assert start == pytest.approx(along.min() - 0.1, abs=2e-3)
    assert json.loads(write_report(asset))["depth_start_m"] == start


@pytest.mark.parametrize("which", ["person_result", "cloth_result"])
def test_the_solid_is_the_skin_without_eyeballs(which, request):
    asset = opened(request.getfixturevalue(which))
    vertices, faces = solid_arrays(printed(asset))
    assert is_sound(vertices, faces)
    solid = trimesh.load(io.BytesIO(write_stl(asset)), file_type="stl")
    assert solid.is_volume and solid.body_count == 1
    skin = asset.mesh.vertices[np.unique(asset.mesh.faces[asset.part("skin")])]
    base = UNDER_SOLES.thickness - UNDER_SOLES.sunk
    above = solid.vertices[solid.vertices[:, 2] > UNDER_SOLES.thickness + 1]
    assert np.ptp(solid.vertices[:, 2]) == pytest.approx(1000 * np.ptp(skin[:, 1]) + base, abs=0.1)
    assert np.ptp(above[:, 0]) == pytest.approx(1000 * np.ptp(skin[:, 0]), abs=0.1), "arms reach further than the base"


def test_the_shipped_body_makes_a_closed_solid(person_result):
    """Its mouth is lined, its eyes are pieces of their own."""
    model = morphable.load("maquette-body")
    shape = replace(
        person_result.reconstruction.shape,
        vertices=model.mean, faces=model.faces, uvs=None, uv_faces=None, texture=None, texture_confidence=None,
    )  # fmt: skip
    made = replace(person_result.reconstruction, shape=shape, model=model.name)
    vertices, faces = solid_arrays(printed(opened(replace(person_result, reconstruction=made))))
    assert is_sound(vertices, faces)
    base = UNDER_SOLES.thickness - UNDER_SOLES.sunk
    assert np.ptp(vertices[:, 2]) == pytest.approx(1000 * np.ptp(model.mean[:, 1]) + base, abs=0.1)


def test_frames_and_times_of_a_clip_are_kept(clip_result, person_result):
    with np.load(io.BytesIO(write_parameters(opened(clip_result)))) as file:
        assert np.array_equal(file["time"], clip_result.reconstruction.pose.times)
        assert file["rotations"].shape[:2] == (7, 13) and list(file["camera_projection"]) == ["orthographic"] * 7
        assert str(file["body_model"]) == "tiny-body" and np.array_equal(file["box"][0], BOX)
    with np.load(io.BytesIO(write_parameters(opened(person_result)))) as file:
        assert np.isnan(file["time"]).all()


@pytest.fixture(params=["cameras of pictures", "cameras of poses"])
def thinned(request, clip_result):
    """The clip with two of its seven pictures kept, as long clips are."""
    told = clip_result.reconstruction
    kept = tuple(clip_result.observations[k] for k in (0, 5))
    shifted = tuple(replace(camera, size=(200 + k, 320)) for k, camera in enumerate(told.cameras))
    cameras = tuple(shifted[k] for k in (0, 5)) if request.param == "cameras of pictures" else shifted
    pose = replace(told.pose, frames=np.array([10, 11, 12, 13, 15, 16, 17]))
    return replace(clip_result, reconstruction=replace(told, cameras=cameras, pose=pose), observations=kept)


def test_a_clip_may_keep_few_of_its_pictures(thinned, clip_result):
    asset = opened(thinned)
    assert [asset.pose_of(k) for k in (0, 1)] == [0, 5]
    assert asset.of_observation(thinned.reconstruction.cameras, 1).size == (205, 320)
    few = json.loads(write_landmarks(asset))["photos"]
    whole = json.loads(write_landmarks(opened(clip_result)))["photos"]
    assert few == [whole[0], whole[5]] and few[1]["time"] == pytest.approx(2.24)
    with np.load(io.BytesIO(write_parameters(asset))) as file:
        assert len(file["box"]) == len(file["time"]) == 2 and len(file["frames"]) == len(file["rotations"]) == 7
    facts = told(thinned, silhouette_iou=[0.9, 0.9, 0.2, 0.9, 0.9, 0.8, 0.9])
    assert [photo["silhouette_iou"] for photo in facts["photo_facts"]] == [0.9, 0.8]
    assert any(text.startswith("1 of 7 pictures: the mesh fits") for text in facts["warnings"])
    facts = told(thinned, silhouette_iou=[0.9, 0.7])
    assert [photo["silhouette_iou"] for photo in facts["photo_facts"]] == [0.9, 0.7]


def test_the_report_sums_up_a_clip(clip_result):
    clip = told(clip_result, silhouette_iou=[0.9, None, 0.2, 0.9, 0.9, 0.8, 0.9], keypoint_error_percent=[])["clip"]
    assert (clip["frames"], clip["start_s"], clip["seconds"]) == (7, 2.0, pytest.approx(0.28))
    assert clip["mean_fps"] == pytest.approx(6 / 0.28, abs=1e-3)
    assert clip["silhouette_iou"] == {"median": 0.9, "worst": 0.2} and clip["keypoint_error_percent"] is None


def test_several_photos_of_one_person_are_told_apart(tiny):
    asset = opened(make_person(tiny, 3))
    assert not asset.is_clip and len(asset.motion) == 3
    assert np.abs(asset.vertices_in(2) - asset.vertices_in(0)).max() > 0.01
