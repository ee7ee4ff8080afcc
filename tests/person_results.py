"""Results of a doll of two balls, as maquette person and maquette video write them."""

from __future__ import annotations

import json

import numpy as np
import trimesh

from maquette.core.types import Camera, Frame, Observation, Subject
from maquette.evaluation.image_space.person_mesh import PersonMesh, render_person
from maquette.evaluation.meshes import Shape
from maquette.reconstruction.body_fit.place import STAND_M

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
    pose[:3, 3] = [0, 1.0, STAND_M]
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


def only_row(table):
    assert len(table.rows) == 1
    return dict(zip(table.columns, table.rows[0]))
