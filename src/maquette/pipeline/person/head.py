"""A person's own head: the face found in the person's crop, fitted and textured, and where it lies in the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette import texturing
from maquette.core.errors import NothingFound
from maquette.core.options import Options, OutputOptions, TextureOptions
from maquette.core.result import Result
from maquette.core.types import Camera, Frame, Mesh, Observation, Reconstruction, Subject
from maquette.geometry.camera import project
from maquette.morphable import MorphableModel, known, load
from maquette.morphable.model import SIDES
from maquette.morphable.posing import posed_body, rig_of
from maquette.outputs.asset import Asset, open_asset
from maquette.perception.faces.enlarge import observe_enlarged
from maquette.pipeline.person.paint import in_colours_of, light_of
from maquette.pipeline.person.rig import EYE_BONES, PersonHead, boned, head_turn, joined
from maquette.reconstruction import methods
from maquette.reconstruction.own_head.place import PIVOT, HeadPlace, in_photo, place_head, seen_by
from maquette.weights.store import fetch

EYES = (2, 5)  # of mediapipe33
PUPILS = (468, 473)  # of mediapipe478
NEAR = 1.0  # distances between the eyes: further from the person's eyes lies another face
FEWEST_PX = 9.0  # of the photo, between the eyes: fewer show no face
FACE_SCHEME = "mediapipe478"
FACE = 0.5  # of the model's region: what must lie on the photo's face
WINDOW_EYES, WINDOW_NECK, LEAST_WINDOW = 5.0, 1.6, 16  # of eye to eye, and of eyes to shoulders; pixels
FACING = 0.2  # cosine between where a head looks and the way to the camera, from which on it faces it
MOST_PHOTOS = 4  # that are looked at for a face
AVERAGE_SIZE = 512  # texels along a side of an average head's texture
HEAD_SHARE = 0.5  # of the body's texture that the head's takes, along a side


def with_own_head(made: Reconstruction, seen: Sequence[Observation], options: Options) -> Reconstruction:
    """The textured person with the head of `maquette face` and bones; as it was where no body was fitted.

    Of several photos that with the largest face gives the head. Where no face shows, a surface that faces the camera
    gets an average head in its colours; one that is turned away keeps what the photo shows, and a body its own.
    """
    body = None if made.pose is None else known(made.pose.model)
    if body is None or made.shape.texture is None or seen[0].frame.time is not None:
        return made
    if not {"head", *EYE_BONES.values()} <= set(rig_of(body).bones):
        return made
    found = [face_of(person, options) for person in seen[:MOST_PHOTOS]]
    sizes = [0.0 if face is None else wide_of(face) for face, _ in found]
    index = int(np.argmax(sizes))
    face, why = found[index]
    if face is None and made.model == body.name:
        return replace(made, provenance={**made.provenance, "head": {"kind": "body's", "why": why}})
    if face is None and turned_away(made, body):
        return boned(made, body, f"{why}, the person is turned away")
    if face is None:
        return joined(made, body, average_head(made, body, seen[0], why))
    return joined(made, body, own_head(made, body, (seen[index], face, index), options, why))


def turned_away(made: Reconstruction, body: MorphableModel) -> bool:
    """Whether the fitted head looks away from the first camera."""
    pose, rig = made.cameras[0].world_to_camera, rig_of(body)
    middle = posed_body(made, body, 0).joints[rig.bones.index("head")].astype(float)
    away = pose[:3, :3] @ middle + pose[:3, 3] if made.cameras[0].projection == "perspective" else np.array([0, 0, 1.0])
    return bool(head_turn(made, rig)[:, 2] @ pose[:3, :3].T @ away / np.linalg.norm(away) > -FACING)


def own_head(
    made: Reconstruction, body: MorphableModel, shown: tuple[Observation, Observation, int], options: Options, why: str
) -> PersonHead:
    """The head as a photo shows it: `shown` are the person, the face, and the number of the photo."""
    person, face, index = shown
    if made.cameras[index].projection == "perspective":
        face = replace(face, camera=seen_by(made.cameras[index], face, person))
    fitted = methods.load(methods.find("parametric", Subject.FACE), fetch, options)([face])
    size = max(256, int(HEAD_SHARE * options.texture.texture_size))
    texture = replace(options.texture, texture_size=size, maps=False, detail="none")
    asset = as_asset(texturing.finish(fitted, [face], texture), face)
    assert asset.model is not None, "heads are of a model"
    place = placed(asset, (person, face, index), made, body)
    return PersonHead(asset, place, "own", why, light_of(asset, asset.model), index)


def as_asset(made: Reconstruction, face: Observation) -> Asset:
    """The head with what writers draw from it."""
    return open_asset(Result("face-1", "", made, (face,)), OutputOptions())


def average_head(made: Reconstruction, body: MorphableModel, person: Observation, why: str) -> PersonHead:
    """An average head where the body has its own, in the colours that the person's surface has there."""
    model, rig = load("maquette-head"), rig_of(body)
    where = posed_body(made, body, 0)
    eyes = where.joints[[rig.bones.index(name) for name in EYE_BONES.values()]].astype(float)
    own = np.stack([model.eye_centre(model.mean, side) for side in SIDES])
    scale = float(np.linalg.norm(eyes[0] - eyes[1]) / np.linalg.norm(own[0] - own[1]))
    rotation = head_turn(made, rig)
    place = HeadPlace(rotation, scale, eyes.mean(axis=0) - scale * rotation @ own.mean(axis=0))
    size = min(AVERAGE_SIZE, made.shape.texture.shape[0]) if made.shape.texture is not None else AVERAGE_SIZE
    plain = unseen_head(model, person, size)
    coloured = as_asset(replace(plain, shape=in_colours_of(plain.shape, model, place, made.shape)), person)
    return PersonHead(coloured, place, "average", why, np.ones(3))


def unseen_head(model: MorphableModel, person: Observation, size: int) -> Reconstruction:
    """The average head with a texture of which no photo shows anything."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 1.0
    side = person.frame.size
    camera = Camera(np.array([[side[0], 0, side[0] / 2], [0, side[0], side[1] / 2], [0, 0, 1.0]]), pose, side)
    blank = np.zeros_like(person.mask)
    points = project(camera, model.embeddings[FACE_SCHEME].points(model.mean, model.faces).astype(float))[0]
    marks = np.column_stack([points, np.zeros(len(points))])
    face = replace(
        person,
        subject=Subject.FACE,
        landmarks=marks,
        landmark_scheme=FACE_SCHEME,
        landmark_confidence=np.zeros(len(marks)),
        landmarks_metric=None,
        mask=blank,
    )
    shape = Mesh(model.mean, model.faces, model.uvs, model.uv_faces)
    still = np.zeros((1, len(model.expression_names)), np.float32)
    made = Reconstruction(shape, (camera,), model=model.name, identity=np.zeros(1, np.float32), expression=still)
    options = TextureOptions(texture_size=size, hair="none", glasses="none", detail="none")
    return texturing.finish(made, [face], options)


def face_of(person: Observation, options: Options) -> tuple[Observation | None, str]:
    """The face of a person, its box in pixels of the photo, or None; and why."""
    step = (person.box[2] - person.box[0]) / person.frame.size[0]
    x0, y0, x1, y1 = head_window(person)
    window = Frame(np.ascontiguousarray(person.frame.pixels[y0:y1, x0:x1]), None, person.frame.origin, None)
    smaller = replace(options.perception, min_face=min(options.perception.min_face, FEWEST_PX))
    try:
        faces = observe_enlarged(window, smaller)
    except NothingFound:
        return None, "no face shows"
    found = [in_photo(replace(face, box=face.box + np.array([x0, y0, x0, y0])), person) for face in faces]
    eyes = person.landmarks[list(EYES), :2] * step + person.box[:2]
    middles = [pupils_of(face).mean(axis=0) for face in found]
    apart = [float(np.linalg.norm(middle - eyes.mean(axis=0))) for middle in middles]
    best = int(np.argmin(apart))
    wide = wide_of(found[best])
    if apart[best] > NEAR * max(wide, float(np.linalg.norm(eyes[0] - eyes[1]))):
        return None, "the face that shows is another's"
    if wide < FEWEST_PX:
        return None, f"{wide:.0f} pixels between the eyes"
    return found[best], f"{wide:.0f} pixels between the eyes"


def head_window(person: Observation) -> NDArray:
    """(4,) int x0, y0, x1, y1 of the part of a person's crop in which the head is looked for."""
    width, height = person.frame.size
    points, shoulders = person.landmarks[:, :2], person.landmarks[[11, 12], :2]
    eyes = points[list(EYES)]
    reach = max(
        WINDOW_EYES * float(np.linalg.norm(eyes[0] - eyes[1])),
        WINDOW_NECK * float(np.linalg.norm(shoulders.mean(axis=0) - eyes.mean(axis=0))),
        LEAST_WINDOW,
    )
    low, high = np.floor(eyes.mean(axis=0) - reach), np.ceil(eyes.mean(axis=0) + reach)
    low = np.clip(low, 0, np.array([width, height]) - LEAST_WINDOW).astype(int)
    return np.concatenate([low, np.clip(high, low + LEAST_WINDOW, [width, height])]).astype(int)


def wide_of(face: Observation) -> float:
    """Pixels of the photo between the pupils."""
    return float(np.linalg.norm(np.subtract(*pupils_of(face))))


def pupils_of(face: Observation) -> NDArray:
    """(2, 2) the right and left pupil, pixels of the photo."""
    step = (face.box[2:] - face.box[:2]) / face.frame.size
    out: NDArray = face.landmarks[list(PUPILS), :2] * step + face.box[:2]
    return out


def placed(
    asset: Asset, shown: tuple[Observation, Observation, int], made: Reconstruction, body: MorphableModel
) -> HeadPlace:
    """Where the head lies in the person's world; `shown` as for `own_head`."""
    (person, face, index), model, rig = shown, asset.model, rig_of(body)
    assert model is not None, "heads are of a model"
    camera = asset.result.reconstruction.cameras[0]
    points = asset.mesh.vertices[model.regions["face"] > FACE].astype(float)
    step = (face.box[2:] - face.box[:2]) / face.frame.size
    photo = project(camera, points)[0] * step + face.box[:2]
    wanted = (photo - person.box[:2]) * person.frame.size / (person.box[2:] - person.box[:2])
    seat = posed_body(made, body, index).joints[rig.bones.index("head")].astype(float)
    pivot = PIVOT * asset.scale
    return place_head(points, wanted, made.cameras[index], camera.world_to_camera[:3, :3], (pivot, seat))
