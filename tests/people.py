"""Finished results of persons without a photo: a tiny rigged body, still and dancing, and a free-form mesh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import trimesh

from maquette import morphable
from maquette.core.result import Result
from maquette.core.types import BodyPose, Camera, Frame, Mesh, Observation, Reconstruction, Subject
from maquette.geometry.camera import project
from maquette.geometry.raycast import render_buffers
from maquette.morphable.model import MorphableModel
from maquette.morphable.rig import Rig

SIZE = (200, 320)  # width, height of the crop
BOX = np.array([100.0, 40.0, 500.0, 680.0])  # the crop was made at half the photo's resolution
TALL_M = 1.69  # of the tiny body in its rest pose
BONES = {  # name -> parent, head in metres
    "root": (None, (0, 0.9, 0)),
    "spine": ("root", (0, 1.05, 0)),
    "neck": ("spine", (0, 1.42, 0)),
    "eye.L": ("neck", (0.04, 1.6, 0.08)),
    "eye.R": ("neck", (-0.04, 1.6, 0.08)),
    "upperarm.L": ("spine", (0.16, 1.32, 0)),
    "lowerarm.L": ("upperarm.L", (0.42, 1.2, 0)),
    "upperarm.R": ("spine", (-0.16, 1.32, 0)),
    "lowerarm.R": ("upperarm.R", (-0.42, 1.2, 0)),
    "upperleg.L": ("root", (0.1, 0.85, 0)),
    "lowerleg.L": ("upperleg.L", (0.12, 0.45, 0)),
    "upperleg.R": ("root", (-0.1, 0.85, 0)),
    "lowerleg.R": ("upperleg.R", (-0.12, 0.45, 0)),
}
UNITS = ("jawOpen", "eyeBlinkLeft", "mouthSmileLeft")


def limb(start, end, radius: float):
    """A capsule between two points as a manifold3d solid."""
    from manifold3d import Manifold

    return Manifold.batch_hull([Manifold.sphere(radius, 16).translate(tuple(map(float, p))) for p in (start, end)])


def skin_of_limbs() -> trimesh.Trimesh:
    """A closed doll that stands on y = 0: torso, head, four limbs with elbows and knees."""
    head = {name: np.array(place, float) for name, (_, place) in BONES.items()}
    solid = limb(head["root"], head["spine"] + [0, 0.25, 0], 0.14) + limb(head["neck"], [0, 1.58, 0], 0.11)
    for side, sign in (("L", 1), ("R", -1)):
        arm, leg = head[f"lowerarm.{side}"], head[f"lowerleg.{side}"]
        solid += limb(head[f"upperarm.{side}"], arm, 0.05) + limb(arm, [0.62 * sign, 1.0, 0], 0.045)
        solid += limb(head[f"upperleg.{side}"], leg, 0.08) + limb(leg, [0.13 * sign, 0.06, 0.03], 0.06)
    mesh = solid.refine_to_length(0.08).to_mesh()
    made = trimesh.Trimesh(np.asarray(mesh.vert_properties)[:, :3], np.asarray(mesh.tri_verts), process=False)
    assert made.is_watertight and made.body_count == 1
    return made


def tiny_body() -> MorphableModel:
    """A rigged model of two thousand vertices with all that the writers ask for."""
    skin = skin_of_limbs()
    skin.apply_translation([0, -skin.bounds[0, 1], 0])
    balls = [trimesh.creation.icosphere(1, 0.02).apply_translation(BONES[f"eye.{side}"][1]) for side in "LR"]
    parts, vertices, faces, start = {}, [], [], 0
    for name, mesh in zip(("skin", "eyeLeft", "eyeRight"), (skin, *balls)):
        parts[name] = np.arange(len(mesh.faces)) + sum(len(f) for f in faces)
        vertices.append(mesh.vertices)
        faces.append(mesh.faces + start)
        start += len(mesh.vertices)
    mean, faces = np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32)
    names = list(BONES)
    heads = np.array([place for _, place in BONES.values()], np.float32)
    parents = np.array([-1 if parent is None else names.index(parent) for parent, _ in BONES.values()], np.int32)
    index, weight = weights_near(mean, heads, [len(skin.vertices), len(balls[0].vertices)], names)
    random = np.random.default_rng(5)
    taller = np.stack([mean * [0, 0.04, 0], mean * [0.05, 0, 0.05]]).astype(np.float32)
    units = np.zeros((len(UNITS), len(mean), 3), np.float32)
    for unit in units:
        face = np.argsort(np.linalg.norm(mean[: len(skin.vertices)] - [0, 1.55, 0.11], axis=1))[:12]
        unit[face] = random.normal(size=(12, 3)) * 0.01
    # One chart seen from the front and one from behind would overlap: every triangle has its own corners here.
    uvs = random.uniform(0.02, 0.98, (len(faces) * 3, 2)).astype(np.float32)
    points = np.argsort(np.linalg.norm(mean[None] - heads.repeat(3, 0)[:33, None], axis=2), axis=1)[:, :4]
    keypoints = {"mediapipe33": (points.astype(np.int32), np.full((33, 4), 0.25, np.float32))}
    return MorphableModel(
        name="tiny-body",
        mean=mean,
        identity_basis=taller,
        expression_basis=units,
        expression_names=UNITS,
        faces=faces,
        uvs=uvs,
        uv_faces=np.arange(len(faces) * 3, dtype=np.int32).reshape(-1, 3),
        mirror=np.arange(len(mean), dtype=np.int32),
        parts=parts,
        regions={},
        embeddings={},
        licence={"spdx": "CC0-1.0", "source": "made by a test"},
        rig=Rig(
            tuple(names),
            parents,
            heads,
            np.stack([heads * [0, 0.04, 0], heads * [0.05, 0, 0.05]]).astype(np.float32),
            index,
            weight,
            keypoints,
        ),
    )


def weights_near(mean, heads, counts, names) -> tuple[np.ndarray, np.ndarray]:
    """(V, 6) bones and weights by distance to the bones' heads; eyes follow their own bone alone."""
    near = np.exp(-((np.linalg.norm(mean[:, None] - heads, axis=2) / 0.12) ** 2)) + 1e-9
    near[:, [names.index("eye.L"), names.index("eye.R")]] = 0
    index = np.argsort(-near, axis=1)[:, :6].astype(np.int32)
    weight = np.take_along_axis(near, index, 1)
    for start, name in ((counts[0], "eye.L"), (counts[0] + counts[1], "eye.R")):
        ball = slice(start, start + counts[1])
        index[ball], weight[ball] = 0, 0
        index[ball, 0], weight[ball, 0] = names.index(name), 1
    return index, (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)


def turns(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, B, 4) rotations wxyz and (N, 3) translation of a dance; neck and eyes keep still."""
    from scipy.spatial.transform import Rotation

    names, beat = list(BONES), np.linspace(0.4, 4.0, frames)
    rotations = np.zeros((frames, len(names), 4))
    rotations[..., 0] = 1
    axes = {"root": (0, 1, 0), "spine": (0.2, 0, 1), "upperarm.L": (0, 0, 1), "lowerarm.L": (0, 1, 0.3)}
    axes |= {"upperarm.R": (0, 0.4, -1), "upperleg.L": (-1, 0, 0), "lowerleg.L": (1, 0, 0), "lowerleg.R": (1, 0, 0.1)}
    for phase, (name, axis) in enumerate(axes.items()):
        swing = np.outer(0.6 * np.sin(beat + phase), axis)
        rotations[:, names.index(name)] = Rotation.from_rotvec(swing).as_quat()[:, [3, 0, 1, 2]]
    rotations[1::2] *= -1  # the same turns; writers must not spin the long way round
    return rotations, np.stack([0.1 * np.sin(beat), 0.02 * np.cos(beat), 0.2 * beat], axis=1)


def make_camera() -> Camera:
    """An orthographic camera that stands inside the person, as a person's may: its depth counts from anywhere."""
    world_to_camera = np.eye(4)
    world_to_camera[:3, :3] = np.diag([1.0, -1.0, -1.0])
    world_to_camera[:3, 3] = [0, 0.85, 0]
    return Camera(np.array([[130.0, 0, 100], [0, 130.0, 160], [0, 0, 1]]), world_to_camera, SIZE, "orthographic")


def make_observation(shape: Mesh, landmarks: np.ndarray, time: float | None) -> Observation:
    """What would have been seen of a mesh."""
    mask = (render_buffers(make_camera(), shape.vertices, shape.faces)[0] >= 0).astype(np.float32)
    x, y = np.meshgrid(np.linspace(40, 215, SIZE[0]), np.linspace(0, 255, SIZE[1]))
    pixels = np.where(mask[..., None] > 0, [200, 120, 80], np.stack([x, y, 255 - x], axis=2)).astype(np.uint8)
    confidence = np.full(len(landmarks), 0.9)
    confidence[:3] = 0.1
    return Observation(
        frame=Frame(pixels, time=time, origin="dancer.mp4" if time is not None else "someone.jpg"),
        box=BOX,
        subject=Subject.PERSON,
        landmarks=np.concatenate([landmarks, np.zeros((len(landmarks), 1))], axis=1),
        landmark_scheme="mediapipe33",
        landmark_confidence=confidence,
        mask=mask,
        full_size=(1000, 800),
    )


def make_person(model: MorphableModel, frames: int = 1, times: np.ndarray | None = None) -> Result:
    """The tiny body in its first pose, seen in `frames` photos or at `times` seconds."""
    rotations, translation = turns(frames)
    expression = np.zeros((frames, len(UNITS)))
    expression[:, 0] = np.linspace(0.4, 0.8, frames)
    identity, scale, rig = np.array([0.8, -0.5]), 1.04, model.rig
    from scipy.spatial.transform import Rotation

    first = Rotation.from_quat(rotations[0][:, [1, 2, 3, 0]]).as_matrix()
    rest = model.vertices(identity, expression[0], scale)
    vertices = rig.pose(rest, rig.joints(identity, scale), first, translation[0])[0]
    x, y = np.meshgrid(np.linspace(30, 230, 256), np.linspace(30, 230, 256))
    confidence = np.tile(np.where(np.arange(256) < 100, 255, 0).astype(np.uint8), (256, 1))
    texture = np.stack([x, y, 200 - y / 2], axis=2).astype(np.uint8)
    shape = Mesh(vertices, model.faces, model.uvs, model.uv_faces, texture, confidence)
    seen = project(make_camera(), rig.keypoints_of("mediapipe33", vertices.astype(float)))[0] + [2.0, 0.0]
    seconds = np.full(frames, np.nan) if times is None else np.asarray(times, float)
    pose = BodyPose(model.name, np.asarray(rotations, float), np.asarray(translation, float), seconds)
    facts = {
        "method": "parametric",
        "scale_source": "average person",
        "keypoint_error_px": [2.0] * frames,
        "keypoint_error_percent": [1.0] * frames,
        "silhouette_iou": [0.9] * frames,
    }
    stamps = [None] * frames if times is None else times.tolist()
    observations = tuple(make_observation(shape, seen, time) for time in stamps)
    reconstruction = Reconstruction(
        shape, (make_camera(),) * frames, model=model.name, identity=identity, expression=expression, scale=scale,
        pose=pose, provenance=facts,
    )  # fmt: skip
    report = {"photos": ["someone.jpg"], "seed": 0, "seconds": {"reading": 0.1}, "warnings": ["a remark"]}
    return Result("person-1", "someone", reconstruction, observations, report)


@pytest.fixture(scope="session")
def tiny() -> Iterator[MorphableModel]:
    """The tiny rigged model, known to `morphable.load` as long as the tests run."""
    model = tiny_body()
    morphable.MODELS[model.name] = lambda _: model
    yield model
    morphable.MODELS.pop(model.name, None)


@pytest.fixture(scope="session")
def person_result(tiny) -> Result:
    """A person in one photo."""
    return make_person(tiny)


@pytest.fixture(scope="session")
def clip_result(tiny) -> Result:
    """A person in seven frames of a clip of variable rate."""
    return make_person(tiny, 7, 2.0 + np.array([0.0, 0.04, 0.08, 0.12, 0.20, 0.24, 0.28]))


@pytest.fixture(scope="session")
def cloth_result(person_result) -> Result:
    """A free-form mesh with vertex colours around a fitted body, as the pixel-aligned method makes it."""
    ball = trimesh.creation.icosphere(4, 1.0)
    vertices = (ball.vertices * [0.35, 0.85, 0.25] + [0, 0.85, 0]).astype(np.float32)
    colours = np.clip(128 + 110 * ball.vertices, 0, 255).astype(np.uint8)
    shape = Mesh(vertices, ball.faces.astype(np.int32), vertex_colors=colours)
    facts = {"method": "pifuhd", "scale_source": "given height", "height_cm": 181.0}
    guess = np.zeros((6, 16, 16), np.int8)
    guess[2, 4:12, 4:12], guess[5, 4:12, 4:12] = 127, -127
    known = {"guessed_normals": guess, "square": np.array([0.0, 0, max(person_result.observations[0].frame.size)])}
    fitted = person_result.reconstruction
    made = replace(fitted, shape=shape, model=None, provenance=facts, metric=True, parameters=known)
    return replace(person_result, reconstruction=made)
