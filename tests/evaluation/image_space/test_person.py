"""People in image space: dolls of two balls on a photo and in a clip, with results that fit, and some that do not."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import trimesh
from PIL import Image

from clips import write_clip
from maquette.core.errors import BadInput, NothingFound
from maquette.core.types import Camera, Frame, Observation, Subject
from maquette.evaluation.image_space import evaluate, person, person_report
from maquette.evaluation.image_space.measures import silhouette_iou
from maquette.evaluation.image_space.person import PersonThresholds, detail, pose_flags
from maquette.evaluation.image_space.person_mesh import PersonMesh, read_person_mesh, render_person
from maquette.evaluation.image_space.rendering import resample_box
from maquette.evaluation.image_space.sheet import WorstRows
from maquette.evaluation.image_space.steadiness import rect_jitter, warped_by_flow
from maquette.evaluation.image_space.views import clip_views, photo_views
from maquette.evaluation.meshes import Shape

FULL = (320, 240)  # width, height of the pictures
BOX = np.array([60.0, 20.0, 180.0, 220.0])
CROP = (120, 200)
SCALE = 100.0  # pixels per metre


def doll():
    """A body of 1.6 m and a head on it, metres, on the floor, one closed piece each."""
    parts = []
    for radii, centre in (((0.3, 0.7, 0.2), (0.0, 0.7, 0.0)), ((0.15, 0.2, 0.15), (0.05, 1.5, 0.0))):
        ball = trimesh.creation.icosphere(subdivisions=3)
        parts.append(trimesh.Trimesh(ball.vertices * radii + centre, ball.faces, process=False))
    return trimesh.util.concatenate(parts)


def camera():
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = [0, 1.0, 3.0]
    return Camera(np.array([[SCALE, 0, 60], [0, SCALE, 100], [0, 0, 1]]), pose, CROP, "orthographic")


def colours(mesh):
    """Stripes, so that the texture has structure."""
    wave = 0.5 + 0.5 * np.sin(18 * mesh.vertices)
    return np.clip(60 + 150 * wave, 0, 255).astype(np.uint8)


def write_result(folder, mesh, path="someone.png", **changes):
    """What imagespace needs of a result, as maquette person writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    mesh = mesh.copy()
    mesh.visual.vertex_colors = np.column_stack([colours(doll()), np.full(len(mesh.vertices), 255)])
    mesh.export(folder / "person.ply")
    seen = camera()
    arrays = {
        "camera_intrinsics": seen.intrinsics[None],
        "camera_world_to_camera": seen.world_to_camera[None],
        "camera_size": np.array([seen.size]),
        "camera_projection": np.array([seen.projection]),
        "box": BOX[None],
        "photo": np.array([str(path)]),
        "time": np.array([np.nan]),
        "model": np.array(""),
    }
    np.savez_compressed(folder / "parameters.npz", **{**arrays, **changes})


def picture(mesh, shift=(0, 0)):
    """(H, W, 3) and (H, W) bool: the doll drawn on a noisy wall, and where it is."""
    drawn = render_person(PersonMesh(Shape(mesh.vertices, mesh.faces), colours(mesh)), camera())
    noise = np.random.default_rng(0).normal(0, 8, (FULL[1], FULL[0], 1))
    pixels, mask = np.repeat(noise + 100, 3, axis=2), np.zeros((FULL[1], FULL[0]), bool)
    x, y = BOX[:2].astype(int) + shift
    inside = np.zeros_like(mask)
    inside[y : y + CROP[1], x : x + CROP[0]] = drawn.inside
    pixels[inside], mask[inside] = drawn.colour[drawn.inside] + noise[inside], True
    return np.clip(pixels, 0, 255).astype(np.uint8), mask


def observation(pixels, mask, box=BOX, **more):
    x0, y0, x1, y1 = box.astype(int)
    landmarks = np.tile([40.0, 60.0, 0.0], (33, 1))
    return Observation(
        Frame(pixels[y0:y1, x0:x1].copy()), box, Subject.PERSON, landmarks, "mediapipe33", np.full(33, 0.9),
        mask[y0:y1, x0:x1].astype(np.float32), **more,
    )  # fmt: skip


@pytest.fixture
def out(tmp_path, monkeypatch):
    """OUT with one result that fits its photo, and a function that says who is found in pictures."""
    pixels, mask = picture(doll())
    Image.fromarray(pixels).save(tmp_path / "someone.png")
    write_result(tmp_path / "out" / "someone" / "person-1", doll(), tmp_path / "someone.png")

    def seen(*people):
        def observe(*_):
            if not people:
                raise NothingFound("nobody")
            return list(people)

        monkeypatch.setattr(person_report, "observe_people", observe)

    seen(observation(pixels, mask))
    return tmp_path, seen, pixels, mask


def only_row(table):
    assert len(table.rows) == 1
    return dict(zip(table.columns, table.rows[0]))


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


def test_one_bad_result_never_stops_the_others(out):
    root, seen, pixels, mask = out
    for name, file in (("a", "person.ply"), ("b", "parameters.npz"), ("d", None)):
        place = root / "out" / name / "person-1"
        write_result(place, doll(), root / ("gone.png" if file is None else "someone.png"))
        if file:
            (place / file).write_bytes(b"rubbish")
    table = evaluate.evaluate_imagespace(root / "out")
    failed = dict(zip(table.column("result"), table.column("failed")))
    assert failed["someone/person-1"] == "" and evaluate.exit_status(table) == 1
    assert "not a readable .ply mesh" in failed["a/person-1"] and "not a readable .npz" in failed["b/person-1"]
    assert "gone.png: is not at" in failed["d/person-1"]
    seen()
    table = evaluate.evaluate_imagespace(root / "out" / "someone")
    assert "no person found again at [60, 20, 180, 220]" in only_row(table)["failed"]
    seen(observation(pixels, mask))
    with pytest.raises(BadInput, match="not a readable"):
        evaluate.evaluate_imagespace(root / "out" / "a", [root / "someone.png"])
    (root / "out" / "a" / "person-1" / "person.ply").unlink()
    with pytest.raises(BadInput, match=r"holds neither person.obj nor person.ply"):
        evaluate.evaluate_imagespace(root / "out" / "a")


def clip_manifest(root, tracks):
    """manifest.json of a clip of as many frames as there are lists of tracks."""
    frames = [{"frame": k, "time": k / 25, "tracks": each} for k, each in enumerate(tracks)]
    reported = {"clip": str(root / "walk.mp4"), "fps": 25, "settings": {"method": "pifuhd"}, "frames": frames}
    (root / "out").mkdir(exist_ok=True)
    (root / "out" / "manifest.json").write_text(json.dumps(reported))


def track(mesh, status="done", reason="", **more):
    seen = camera()
    reported = {
        "intrinsics": seen.intrinsics.tolist(),
        "world_to_camera": seen.world_to_camera.tolist(),
        "size": list(seen.size),
        "projection": seen.projection,
    }
    rect = [60, 20, 120, 200]
    return {"track": 0, "status": status, "reason": reason, "rect": rect, "camera": reported, "mesh": mesh, **more}


def test_a_clip_is_measured_frame_by_frame(tmp_path, monkeypatch):
    pixels, mask = picture(doll())
    write_clip(tmp_path / "walk.mp4", [pixels] * 5, options={"crf": "12"})
    frames = tmp_path / "out" / "walk" / "person-1" / "frames"
    frames.mkdir(parents=True)
    moved = doll().apply_translation([0.1, 0, 0])
    for k, mesh in enumerate((doll(), moved, doll())):
        mesh.export(frames / f"{k:06d}.ply")
    names = [f"walk/person-1/frames/{k:06d}.ply" for k in range(4)]
    clip_manifest(
        tmp_path,
        [
            [track(names[0])],
            [track(names[1])],
            [track(names[2], "flagged", "blurred")],
            [track(None, "skipped", "blurred")],
            [track(names[3])],
        ],
    )
    monkeypatch.setattr(person_report, "observe_people", lambda *_: [observation(pixels, mask)])
    table = evaluate.evaluate_imagespace(tmp_path / "out")
    assert table.column("picture") == [f"walk.mp4 {k}" for k in range(5)]
    assert [bool(failed) for failed in table.column("failed")] == [False, True, False, False, True]
    assert "blurred" in table.column("flags")[2] and table.column("flags")[3] == "skipped: blurred"
    assert "000003.ply: no such file" in table.column("failed")[4]
    reported = json.loads((tmp_path / "out" / "walk" / "person-1" / "imagespace.json").read_text())
    assert [frame["status"] for frame in reported["per_frame"]] == ["done", "failed", "flagged", "skipped", "failed"]
    assert (reported["frames"], reported["failed"]) == (5, 2)
    steady = dict(zip(table.more[0].columns, table.more[0].rows[0]))
    assert (steady["frames"], steady["rect jitter px"]) == (3, 0) and reported["steadiness"][0]["frames"] == 3
    # The mesh jumps to the side and back in a clip that stands still.
    assert steady["silhouette IoU after flow"] == pytest.approx(table.column("silhouette IoU")[1], abs=0.05)
    assert 1 < steady["chamfer cm"] < 10
    (tmp_path / "out" / "manifest.json").write_text('{"frames": 3}')
    with pytest.raises(BadInput, match=r"manifest.json: cannot be read"):
        evaluate.evaluate_imagespace(tmp_path / "out")


def test_the_motion_of_a_clip_is_found_by_the_number_of_the_frame(tmp_path):
    from maquette import morphable

    model = morphable.load("maquette-body")
    count, turns = 3, np.tile([1.0, 0, 0, 0], (3, len(model.rig.bones), 1))
    moves = np.arange(3)[:, None] * [0.1, 0, 0]
    write_result(
        tmp_path / "out" / "walk" / "person-1", doll(), tmp_path / "walk.mp4", model=np.array(model.name),
        identity=np.zeros(len(model.identity_basis)), expression=np.zeros((count, len(model.expression_names))),
        scale=np.ones(1), rotations=turns, translation=moves, times=np.array([0.0, 0.4, 0.8]),
        frames=np.array([0, 10, 20]), time=np.array([0.4]),
    )  # fmt: skip
    clip_manifest(tmp_path, [[]] * 20 + [[track(None)]])
    (view,) = clip_views(tmp_path / "out" / "manifest.json", tmp_path / "out")
    assert (view.frame, view.row, view.lost, view.method) == (20, 2, "no mesh", "surface")
    reported = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({**reported, "settings": {"method": "parametric"}}))
    (view,) = clip_views(tmp_path / "out" / "manifest.json", tmp_path / "out")
    assert view.lost == "" and view.camera is not None
    assert read_person_mesh(view).shape.vertices[:, 0].mean() == pytest.approx(0.2, abs=0.01)
    # Without a row in the manifest, the frames of the texture.
    (view,) = photo_views(tmp_path / "out" / "walk" / "person-1", "x")
    assert (view.frame, view.row, view.mesh, view.lost) == (10, 1, None, "")
    assert clip_views(tmp_path / "out" / "manifest.json", tmp_path / "out" / "walk" / "person-2") == []


def test_a_posed_body_stands_in_for_a_mesh_and_gives_key_points(out):
    from maquette import morphable

    root, seen, pixels, mask = out
    model = morphable.load("maquette-body")
    place = root / "out" / "someone" / "person-1"
    bones = len(model.rig.bones)
    turns = np.tile([1.0, 0, 0, 0], (2, bones, 1))
    turns[1, 0] = [np.cos(0.3), 0, np.sin(0.3), 0]
    seen_by = camera()
    write_result(
        place, doll(), root / "someone.png",
        camera_intrinsics=np.repeat(seen_by.intrinsics[None], 2, 0),
        camera_world_to_camera=np.repeat(seen_by.world_to_camera[None], 2, 0),
        camera_size=np.array([CROP] * 2), camera_projection=np.array(["orthographic"] * 2), box=np.stack([BOX] * 2),
        photo=np.array([str(root / "someone.png")] * 2), time=np.full(2, np.nan), model=np.array(model.name),
        identity=np.zeros(len(model.identity_basis)), expression=np.zeros((2, len(model.expression_names))),
        scale=np.ones(1), rotations=turns, translation=np.zeros((2, 3)),
    )  # fmt: skip
    first, second = photo_views(place, "x")
    assert first.method == "parametric" and first.mesh and second.mesh is None and not second.lost
    posed = read_person_mesh(second)
    rest = model.vertices(np.zeros(len(model.identity_basis)), np.zeros(len(model.expression_names)))
    assert posed.shape.vertices.shape == rest.shape and np.abs(posed.shape.vertices - rest).max() > 0.1
    points = read_person_mesh(first).keypoints["mediapipe33"]
    pixel = points @ seen_by.world_to_camera[:3, :3].T + seen_by.world_to_camera[:3, 3]
    landmarks = np.column_stack([pixel[:, :2] * SCALE + [60, 100] + [3, 4], np.zeros(33)])
    seen(replace(observation(pixels, mask), landmarks=landmarks))
    rows = evaluate.evaluate_imagespace(root / "out")
    assert rows.column("keypoints px")[0] == pytest.approx(5, abs=1e-3)
    tall = np.ptp(np.flatnonzero(mask.any(axis=1))) + 1
    assert rows.column("keypoints %")[0] == pytest.approx(500 / tall, rel=1e-3)


def test_a_texture_is_laid_on_the_corners_of_an_obj(out):
    root, *_ = out
    place = root / "out" / "someone" / "person-1"
    (place / "person.ply").unlink()
    mesh = doll()
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in mesh.vertices]
    uv = mesh.vertices[:, :2] / [1.2, 2.0] + [0.5, 0.1]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in uv]
    lines += ["f " + " ".join(f"{k + 1}/{k + 1}" for k in face) for face in mesh.faces]
    (place / "person.obj").write_text("\n".join(lines))
    x, y = np.meshgrid(np.arange(128), np.arange(128))
    texture = np.stack([2 * x, 255 - 2 * y, np.full_like(x, 90)], axis=2).astype(np.uint8)
    Image.fromarray(texture).save(place / "texture.png")
    view = next(photo_views(place, "x"))
    drawn = render_person(read_person_mesh(view), camera())
    rows, columns = np.nonzero(drawn.inside)
    world = np.stack([(columns + 0.5 - 60) / SCALE, 1.0 - (rows + 0.5 - 100) / SCALE], axis=1)
    wanted = (world / [1.2, 2.0] + [0.5, 0.1]) * 256
    assert np.abs(drawn.colour[drawn.inside][:, :2] - wanted).mean() < 3


def test_maps_move_between_crops_by_their_pixels():
    values = np.arange(48, dtype=np.float32).reshape(6, 8)
    source = np.array([10.0, 20.0, 18.0, 26.0])
    same = resample_box(values, source, source, (8, 6), cv2.INTER_LINEAR)
    assert np.array_equal(same, values)
    part = resample_box(values, source, np.array([12.0, 21.0, 20.0, 27.0]), (8, 6), cv2.INTER_LINEAR)
    assert np.array_equal(part[:5, :6], values[1:, 2:]) and not part[5].any() and not part[:, 6:].any()


def test_jitter_of_crops_is_their_noise_and_not_their_motion():
    noise = np.random.default_rng(0).normal(0, 0.7, (4000, 3))
    walk = np.arange(4000)[:, None] * [3.0, 0.5, 0.1]
    assert rect_jitter(list(enumerate(walk))) == pytest.approx(0, abs=1e-9)
    assert rect_jitter(list(enumerate(walk + noise))) == pytest.approx(0.7, rel=0.05)
    assert rect_jitter([(0, walk[0]), (1, walk[1])]) is None
    assert rect_jitter([(0, walk[0]), (1, walk[1]), (9, walk[9])]) is None


def test_a_silhouette_is_carried_by_the_flow():
    random = np.random.default_rng(0)
    before = cv2.GaussianBlur(random.integers(0, 255, (96, 128)).astype(np.uint8), (0, 0), 2)
    before = cv2.normalize(before, None, 0, 255, cv2.NORM_MINMAX)
    now = np.roll(before, (3, -5), (0, 1))
    mask = np.zeros((96, 128), np.float32)
    mask[30:60, 40:80] = 1
    moved = warped_by_flow(mask, before, now) > 0.5
    assert silhouette_iou(moved, np.roll(mask, (3, -5), (0, 1)) > 0.5) > 0.95
    assert silhouette_iou(moved, mask > 0.5) < 0.75


def test_a_sheet_keeps_the_worst():
    worst = WorstRows(most=3)
    for k, score in enumerate((0.9, 0.2, 0.8, 0.5, 0.2)):
        worst.add(score, np.full((2, 2, 3), k, np.uint8))
    assert [int(row[0, 0, 0]) for row in worst.rows] == [1, 4, 3]
