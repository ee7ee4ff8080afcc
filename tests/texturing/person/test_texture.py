"""The texture of whole people whose colours are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette import morphable
from maquette.core.options import TextureOptions
from maquette.core.types import BodyPose, Camera, Frame, Mesh, Observation, Reconstruction, Subject
from maquette.geometry.camera import project
from maquette.geometry.raycast import render_buffers
from maquette.morphable import MorphableModel
from maquette.morphable.posing import posed_body
from maquette.texturing import finish_person
from maquette.texturing.free_surface import MOST_PHOTOS, choose_photos
from maquette.texturing.person.guide import SCHEME, HeadFrame, head_of
from maquette.texturing.texels import UNSEEN

SIDE = 384
SMALL = TextureOptions(texture_size=512)
SHIRT, TROUSERS, HAIR, SKIN = [40, 90, 200], [150, 40, 40], [60, 40, 20], [215, 165, 140]
BACKGROUND = [20, 240, 30]


@pytest.fixture(scope="module")
def body() -> MorphableModel:
    return morphable.load("maquette-body")


@pytest.fixture(scope="module")
def head(body) -> HeadFrame:
    return head_of(body.rig.keypoints_of(SCHEME, body.mean.astype(float)))


@pytest.fixture(scope="module")
def dress(body, head) -> np.ndarray:
    """(V, 3) float: skin, a shirt that is lighter at the left, trousers, hair."""
    at, bones = body.mean, np.array(body.rig.bones)
    colour = np.tile(np.array(SKIN, float), (len(at), 1))
    arms = np.isin(bones, [b for b in bones if b.startswith(("lowerarm", "wrist", "finger", "metacarpal"))])
    bare = (body.rig.bone_weight * arms[body.rig.bone_index]).sum(axis=1) > 0.5
    clothed = ~bare & (head.places(at)[:, 1] < -1.3)
    shirt = clothed & (at[:, 1] > 0.85)
    colour[shirt] = SHIRT + np.clip(200 * at[shirt, :1], -40, 40)
    colour[clothed & (at[:, 1] <= 0.85)] = TROUSERS
    colour[(head.belongs(at) > 0.5) & (head.hairy(at) > 0)] = HAIR
    return colour


def camera_at(yaw: float) -> Camera:
    """An orthographic camera turned around the body by `yaw` radians."""
    c, s = np.cos(yaw), np.sin(yaw)
    pose = np.eye(4)
    pose[:3, :3] = [[c, 0, -s], [0, -1, 0], [-s, 0, -c]]
    pose[:3, 3] = [0, 0.85, 5]
    scale = SIDE / 1.9
    return Camera(
        np.array([[scale, 0, SIDE / 2], [0, scale, SIDE / 2], [0, 0, 1.0]]), pose, (SIDE, SIDE), "orthographic"
    )


@pytest.fixture(scope="module")
def photograph(body, dress):
    """photograph(yaw) -> the dressed body before green, and its camera."""

    def shoot(yaw: float = 0.0, gain: float = 1.0) -> tuple[Observation, Camera]:
        camera = camera_at(yaw)
        face, weights, _ = render_buffers(camera, body.mean.astype(float), body.faces)
        pixels = np.einsum("hwk,hwkd->hwd", weights, dress[body.faces[np.maximum(face, 0)]]) * gain
        pixels[face < 0] = BACKGROUND
        at = body.rig.keypoints_of(SCHEME, body.mean.astype(float))
        flat, depth = project(camera, at)
        landmarks = np.column_stack([flat, (depth - depth[[23, 24]].mean()) * camera.intrinsics[0, 0]])
        seen = Observation(
            Frame(np.clip(pixels, 0, 255).astype(np.uint8)), np.array([0.0, 0, SIDE, SIDE]), Subject.PERSON, landmarks,
            SCHEME, np.ones(33), (face >= 0).astype(np.float32),
        )  # fmt: skip
        return seen, camera

    return shoot


def reconstruct(body: MorphableModel, cameras: list[Camera]) -> Reconstruction:
    """The rigged body in its rest pose."""
    count = len(cameras)
    turns = np.zeros((count, len(body.rig.bones), 4))
    turns[..., 0] = 1
    return Reconstruction(
        Mesh(body.mean, body.faces, body.uvs, body.uv_faces), tuple(cameras), model=body.name, identity=np.zeros(3),
        expression=np.zeros((count, len(body.expression_names))),
        pose=BodyPose(body.name, turns, np.zeros((count, 3)), np.full(count, np.nan)),
    )  # fmt: skip


def at_faces(mesh: Mesh, picture: np.ndarray) -> np.ndarray:
    """(F, ...) float: the texture in the middle of each face."""
    place = mesh.uvs[mesh.uv_faces].mean(axis=1) * len(picture)
    column = np.clip(place[:, 0].astype(int), 0, len(picture) - 1)
    row = np.clip((len(picture) - place[:, 1]).astype(int), 0, len(picture) - 1)
    return picture[row, column].astype(float)


@pytest.fixture(scope="module")
def front(body, photograph) -> Mesh:
    seen, camera = photograph()
    return finish_person(reconstruct(body, [camera]), [seen], SMALL).shape


def test_what_is_seen_is_the_photo_and_never_the_background(front, body, dress):
    got, sure = at_faces(front, front.texture), at_faces(front, front.texture_confidence)
    error = np.abs(got - dress[body.faces].mean(axis=1)).max(axis=1)
    assert (sure > 200).mean() > 0.14 and np.quantile(error[sure > 200], 0.95) < 12
    inside = np.isin(np.arange(len(body.faces)), body.parts["skin"])
    green = got[:, 1] - got[:, [0, 2]].max(axis=1)
    assert green[inside].max() < 15


def test_the_back_is_like_the_front_but_has_no_face(front, body, dress, head):
    got, sure = at_faces(front, front.texture), at_faces(front, front.texture_confidence)
    middle, normal = (
        body.mean[body.faces].mean(axis=1),
        np.cross(
            body.mean[body.faces[:, 1]] - body.mean[body.faces[:, 0]],
            body.mean[body.faces[:, 2]] - body.mean[body.faces[:, 0]],
        ),
    )
    behind = normal[:, 2] < -0.8 * np.linalg.norm(normal, axis=1)
    error = np.abs(got - dress[body.faces].mean(axis=1)).max(axis=1)
    clothes = behind & (middle[:, 1] > 0.2) & (middle[:, 1] < 1.25) & (np.abs(middle[:, 0]) < 0.2)
    assert clothes.sum() > 300 and np.median(error[clothes]) < 8 and np.quantile(error[clothes], 0.9) < 60
    assert 30 < np.median(sure[clothes]) <= 64
    skull = behind & (head.belongs(middle) > 0.9) & (head.hairy(middle) > 0.3)
    assert skull.sum() > 20 and np.abs(got[skull] - HAIR).max() < 25
    assert sure[skull].max() == 0


def test_legs_keep_to_themselves_from_the_side(body, photograph):
    seen, camera = photograph(np.pi / 2)
    done = finish_person(reconstruct(body, [camera]), [seen], SMALL).shape
    got = at_faces(done, done.texture)
    middle = body.mean[body.faces].mean(axis=1)
    legs = (middle[:, 1] > 0.15) & (middle[:, 1] < 0.7) & (np.abs(middle[:, 0]) < 0.25)
    assert np.quantile(np.abs(got - TROUSERS).max(axis=1)[legs], 0.9) < 15


def test_more_photos_show_more_and_their_order_does_not_matter(body, photograph, dress, front):
    shots = [photograph(yaw, gain) for yaw, gain in ((0.0, 1.0), (2.1, 0.9), (4.2, 1.1))]
    forth, back = (
        finish_person(reconstruct(body, [c for _, c in order]), [o for o, _ in order], SMALL).shape
        for order in (shots, shots[::-1])
    )
    assert (forth.texture_confidence > 200).mean() > 1.6 * (front.texture_confidence > 200).mean()
    both = (forth.texture_confidence > 200) & (back.texture_confidence > 200)
    assert np.abs(forth.texture.astype(int) - back.texture)[both].mean() < 0.5
    sure = at_faces(forth, forth.texture_confidence) > 200
    error = np.abs(at_faces(forth, forth.texture) - dress[body.faces].mean(axis=1)).max(axis=1)
    assert np.median(error[sure]) < 12, "the light is evened out"


def test_a_free_surface_is_made_ready(body, photograph):
    seen, camera = photograph()
    skin = body.faces[body.parts["skin"]]
    used, index = np.unique(skin, return_inverse=True)
    loose = np.array([[2.0, 1, 0], [2.1, 1, 0], [2, 1.1, 0], [2, 1, 0.1]], np.float32)
    tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]) + len(used)
    shape = Mesh(
        np.concatenate([body.mean[used], loose]), np.concatenate([index.reshape(-1, 3), tetrahedron]).astype(np.int32)
    )
    done = finish_person(Reconstruction(shape, (camera,)), [seen], SMALL)
    facts = done.provenance["surface"]
    assert (facts["pieces"], facts["kept"], facts["closed"]) == (2, 1, True)
    assert done.shape.vertices[:, 0].max() < 1 and done.shape.texture.shape == (512, 512, 3)
    got, middle = at_faces(done.shape, done.shape.texture), done.shape.vertices[done.shape.faces].mean(axis=1)
    legs = (middle[:, 1] > 0.15) & (middle[:, 1] < 0.7) & (np.abs(middle[:, 0]) < 0.25)
    assert np.quantile(np.abs(got - TROUSERS).max(axis=1)[legs], 0.9) < 15


def test_without_fill_only_the_photo_is_there(body, photograph):
    seen, camera = photograph()
    done = finish_person(reconstruct(body, [camera]), [seen], replace(SMALL, fill=False)).shape
    nothing = at_faces(done, done.texture_confidence) == 0
    assert (at_faces(done, done.texture)[nothing] == UNSEEN).all(axis=1).mean() > 0.97


def test_nobody_in_the_mask_is_nobody_in_the_texture(body, photograph):
    seen, camera = photograph()
    empty = replace(seen, mask=np.zeros_like(seen.mask))
    done = finish_person(reconstruct(body, [camera]), [empty], SMALL).shape
    assert done.texture_confidence.max() == 0 and done.texture.std() < 60


def test_the_rest_pose_is_the_model_itself(body):
    assert np.abs(posed_body(reconstruct(body, [camera_at(0)]), body, 0).vertices - body.mean).max() < 1e-5


def test_a_clip_gives_its_first_frame_and_other_sides(photograph):
    shots = [photograph(yaw) for yaw in (0.0, 0.01, 0.02, 0.03, 1.5, 0.04, 3.0, 4.5)]
    chosen = choose_photos([o for o, _ in shots], [c for _, c in shots], True)
    assert chosen[0] == 0 and len(chosen) == MOST_PHOTOS and {4, 6, 7} <= set(chosen)
    timed = [replace(o, frame=replace(o.frame, time=k / 30)) for k, (o, _) in enumerate(shots)]
    assert choose_photos(timed, [c for _, c in shots], False) == [0]


def test_wrong_input_says_so(body, photograph):
    seen, camera = photograph()
    with pytest.raises(ValueError, match="one camera per observation"):
        finish_person(reconstruct(body, [camera]), [seen, seen], SMALL)
