"""People in image space: dolls of two balls on a photo and in a clip, with results that fit, and some that do not."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from maquette.evaluation.image_space import evaluate, person
from maquette.evaluation.image_space.person import PersonThresholds, detail, pose_flags
from maquette.evaluation.image_space.person_mesh import PersonMesh, render_person
from maquette.evaluation.meshes import Shape
from person_results import (
    BOX,
    camera,
    doll,
    observation,
    only_row,
    picture,
    write_result,
)


def test_a_result_of_its_own_picture_fits(out):
    root, *_ = out
    table = evaluate.evaluate_imagespace(root / "out")
    row = only_row(table)
    assert row["result"] == "someone/person-1" and row["picture"] == "someone.png" and row["method"] == "surface"
    assert row["silhouette IoU"] > 0.99 and row["boundary F"] == 1
    assert row["masked SSIM"] > 0.7 and row["masked PSNR dB"] > 28
    assert row["normal cosine"] is None and row["keypoints px"] is None
    assert row["failed"] == "" and row["flags"] == "" and evaluate.exit_status(table) == 0
    place = root / "out" / "someone" / "person-1"
    reported = json.loads((place / "imagespace.json").read_text())
    assert reported["frames"] == 1 and reported["failed"] == 0 and reported["per_frame"][0]["status"] == "done"
    assert reported["per_frame"][0]["scores"]["silhouette IoU"] == pytest.approx(row["silhouette IoU"], abs=1e-5)
    for folder in (place, root / "out"):
        assert cv2.imread(str(folder / "imagespace.jpg")).shape[1] > 600
    assert evaluate.evaluate_imagespace(place).rows[0][1:] == table.rows[0][1:]


def test_what_sticks_out_of_the_crop_is_not_forgiven(out):
    root, seen, pixels, mask = out
    wide = mask.copy()
    wide[100:140, 150:300] = True  # an arm that the crop does not hold
    seen(observation(pixels, wide, np.array([60.0, 20.0, 310.0, 220.0])))
    row = only_row(evaluate.evaluate_imagespace(root / "out"))
    assert row["silhouette IoU"] == pytest.approx(mask.sum() / wide.sum(), abs=0.02)
    assert "silhouette IoU" in row["failed"]


def test_a_displaced_mesh_fails_and_the_threshold_depends_on_the_method(out):
    root, *_ = out
    moved = doll().apply_translation([0.025, 0, 0])
    write_result(root / "out" / "someone" / "person-1", moved, root / "someone.png")
    table = evaluate.evaluate_imagespace(root / "out")
    row = only_row(table)
    assert 0.85 < row["silhouette IoU"] < 0.92 and "silhouette IoU" in row["failed"]
    assert evaluate.exit_status(table) == 1
    scores = {"silhouette IoU": row["silhouette IoU"], "keypoints %": 6.0}
    assert person.PERSON_DEFAULTS.failed(scores, "parametric") == ["keypoints %"]
    never = PersonThresholds({}, {}, None, None, None)
    assert evaluate.exit_status(evaluate.evaluate_imagespace(root / "out", person_thresholds=never)) == 0


def test_predicted_normals_are_compared_front_and_back(out):
    root, *_ = out
    place = root / "out" / "someone" / "person-1"
    drawn = render_person(PersonMesh(Shape(doll().vertices, doll().faces)), camera())
    assert (drawn.normals[drawn.inside][:, 2] > -0.1).all() and (drawn.back[drawn.inside][:, 2] < 0.1).all()
    for name, normals, kind, steps in (
        ("front", drawn.normals, np.uint16, 32767.5),
        ("back", drawn.back, np.uint8, 127.5),
    ):
        coded = np.where(drawn.inside[..., None], np.round((normals + 1) * steps), 0).astype(kind)
        cv2.imwrite(str(place / f"normals_{name}.png"), coded[..., ::-1])
    row = only_row(evaluate.evaluate_imagespace(root / "out"))
    assert row["normal cosine"] > 0.99 and row["back cosine"] > 0.99
    cv2.imwrite(str(place / "normals_back.png"), cv2.imread(str(place / "normals_front.png"), cv2.IMREAD_UNCHANGED))
    row = only_row(evaluate.evaluate_imagespace(root / "out"))
    assert row["back cosine"] < 0.5 and row["failed"] == "back cosine"


def test_crowds_and_blur_and_poses_are_flagged(out):
    root, seen, pixels, mask = out
    other, there = picture(doll(), (70, 0))
    seen(observation(pixels, mask), observation(other, there & ~mask, BOX + np.array([70, 0, 70, 0])))
    assert "crowded" in only_row(evaluate.evaluate_imagespace(root / "out"))["flags"]
    blurred = cv2.GaussianBlur(pixels, (0, 0), 3, sigmaY=0.6)  # a motion to the side
    assert detail(blurred, mask) < person.BLURRED < detail(pixels, mask)
    Image.fromarray(blurred).save(root / "someone.png")
    points = np.zeros((33, 3))
    points[[11, 12, 23, 24]] = [[0.2, -0.5, 0], [-0.2, -0.5, 0], [0.1, 0, 0], [-0.1, 0, 0]]
    upright = observation(pixels, mask, landmarks_metric=points)
    assert pose_flags(upright) == []
    turned = points @ np.array([[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]])
    lying = points @ np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 1]])
    assert pose_flags(replace(upright, landmarks_metric=turned)) == ["pose: turned away"]
    assert "pose: leaning" in pose_flags(replace(upright, landmarks_metric=lying))
    seen(replace(upright, landmarks_metric=turned))
    assert only_row(evaluate.evaluate_imagespace(root / "out"))["flags"] == "blurred, pose: turned away"
