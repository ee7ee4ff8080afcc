"""Meshes of people read, posed and rendered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from PIL import Image

from maquette.evaluation.image_space import evaluate
from maquette.evaluation.image_space.person_mesh import PersonMesh, read_person_mesh, render_person
from maquette.evaluation.image_space.views import photo_views
from maquette.evaluation.meshes import Shape
from maquette.geometry.camera import pixel_rays
from maquette.reconstruction.body_fit.place import STAND_M
from person_results import (
    BOX,
    CROP,
    SCALE,
    camera,
    doll,
    observation,
    write_result,
)


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


@pytest.mark.parametrize("distance", [3.0, STAND_M, 30.0])
def test_the_back_of_a_known_body_is_seen_wherever_the_camera_stands(distance):
    """An ellipsoid, whose normals have a formula: the back's is the front's with the depth reversed."""
    radii, centre = np.array([0.3, 0.7, 0.2]), np.array([0.0, 0.9, 0.1])
    ball = trimesh.creation.icosphere(subdivisions=5)
    mesh = PersonMesh(Shape(ball.vertices * radii + centre, np.asarray(ball.faces)))
    seen_by = camera()
    seen_by.world_to_camera[2, 3] = distance
    drawn = render_person(mesh, seen_by)
    rows, columns = np.nonzero(drawn.inside)
    x, y = (columns + 0.5 - 60) / SCALE - centre[0], 1.0 - (rows + 0.5 - 100) / SCALE - centre[1]
    depth = radii[2] * np.sqrt(np.clip(1 - (x / radii[0]) ** 2 - (y / radii[1]) ** 2, 0, None))
    front = np.column_stack([x, y, depth]) / radii**2
    front /= np.linalg.norm(front, axis=1, keepdims=True)
    assert len(rows) == pytest.approx(np.pi * radii[0] * radii[1] * SCALE**2, rel=0.01)
    for side, wanted in ((drawn.normals, front), (drawn.back, front * [1, 1, -1])):
        cosine = (side[drawn.inside] * wanted).sum(axis=1)
        assert cosine.mean() > 0.999 and np.quantile(cosine, 0.02) > 0.98


def test_the_back_is_what_a_near_camera_would_see_last():
    """The far hit of each pixel's ray with a ball, whose normals have a formula."""
    radius, centre = 0.5, np.array([0.0, 0.9, 0.1])
    ball = trimesh.creation.icosphere(subdivisions=5)
    mesh = PersonMesh(Shape(ball.vertices * radius + centre, np.asarray(ball.faces)))
    near = replace(camera(), intrinsics=camera().intrinsics * [[2], [2], [1]], projection="perspective")
    near.intrinsics[:2, 2] /= 2
    near.world_to_camera[2, 3] = 2.0
    drawn = render_person(mesh, near)
    rows, columns = np.nonzero(drawn.inside)
    eye, ways = pixel_rays(near, np.column_stack([columns, rows]) + 0.5)
    along = ((centre - eye) * ways).sum(axis=1)
    half = np.sqrt(np.clip(radius**2 - ((centre - eye) ** 2).sum(axis=1) + along**2, 0, None))
    last = eye + (along + half)[:, None] * ways
    wanted = (last - centre) / radius @ near.world_to_camera[:3, :3].T * [1, -1, -1]
    cosine = (drawn.back[drawn.inside] * wanted).sum(axis=1)
    assert len(rows) > 1000 and cosine.mean() > 0.999 and np.quantile(cosine, 0.02) > 0.98


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
