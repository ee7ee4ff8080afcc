"""A whole animal gets the photo, its mirror image on the other side, and something everywhere."""

import numpy as np
import pytest

from maquette.core.options import TextureOptions
from maquette.core.types import BodyPose, Camera, Frame, Mesh, Observation, Reconstruction, Subject
from maquette.geometry.camera import project
from maquette.morphable import load
from maquette.morphable.animals.body import PET_BODY
from maquette.reconstruction.pet_fit.outline import silhouette
from maquette.texturing.pet.whole import MIRRORED, finish_whole_pet, lying_fur

SIZE = 512
GREEN = np.array([40, 160, 60])


@pytest.fixture(scope="module")
def textured():
    """The resting dog from its left, in a photo that is green where the dog is."""
    model = load(PET_BODY)
    turn = np.array([[0, 0, -1.0], [0, -1, 0], [-1, 0, 0]])  # the camera stands on the animal's left
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, [0.15, 0.4, 2.4]
    camera = Camera(np.array([[600.0, 0, 256], [0, 600, 256], [0, 0, 1]]), matrix, (SIZE, SIZE))
    pixels, _ = project(camera, model.mean.astype(float))
    mask = silhouette(pixels, model.faces, (SIZE, SIZE))
    photo = np.where(mask[..., None], GREEN, [200, 30, 200]).astype(np.uint8)
    shown = Observation(
        frame=Frame(photo, None, "dog.png", None),
        box=np.array([0.0, 0, SIZE, SIZE]),
        subject=Subject.PET,
        landmarks=np.zeros((20, 3)),
        landmark_scheme="pet20",
        landmark_confidence=np.zeros(20),
        mask=mask.astype(np.float32),
        confidence=0.9,
        camera=None,
        full_size=(SIZE, SIZE),
    )
    bones = len(model.rig.bones)
    still = np.tile([1.0, 0, 0, 0], (1, bones, 1))
    made = Reconstruction(
        Mesh(model.mean, model.faces, model.uvs, model.uv_faces),
        (camera,),
        model=PET_BODY,
        identity=np.zeros(len(model.identity_basis), np.float32),
        expression=np.zeros((1, 0), np.float32),
        pose=BodyPose(PET_BODY, still, np.zeros((1, 3)), np.array([np.nan])),
        provenance={"pet": {"species": "dog"}},
    )
    return finish_whole_pet(made, [shown], TextureOptions(texture_size=512)), made, shown


def colours_at(mesh, faces):
    middle = mesh.uvs[mesh.uv_faces[faces]].mean(axis=1)
    size = mesh.texture.shape[0]
    row, column = ((1 - middle[:, 1]) * size).astype(int), (middle[:, 0] * size).astype(int)
    return mesh.texture[row, column].astype(int), mesh.texture_confidence[row, column]


def test_both_sides_have_the_photos_colour_and_say_which_is_invented(textured):
    mesh = textured[0].shape
    model = load(PET_BODY)
    middle = model.mean[model.faces].mean(axis=1)
    trunk = (np.abs(middle[:, 2] - 0.25) < 0.15) & (np.abs(middle[:, 1] - 0.45) < 0.05)
    left, seen = colours_at(mesh, np.flatnonzero(trunk & (middle[:, 0] > 0.05)))
    right, guessed = colours_at(mesh, np.flatnonzero(trunk & (middle[:, 0] < -0.05)))
    assert np.abs(np.median(left, axis=0) - GREEN).max() < 12 and np.abs(np.median(right, axis=0) - GREEN).max() < 12
    assert np.median(seen) > 200 and guessed.max() <= MIRRORED and np.median(guessed) > 10


def test_eyes_and_mouth_are_painted(textured):
    mesh, model = textured[0].shape, load(PET_BODY)
    mouth, _ = colours_at(mesh, model.parts["mouth"])
    assert (mouth[:, 0] > mouth[:, 1]).mean() > 0.9
    ball, _ = colours_at(mesh, model.parts["eyeLeft"])
    assert np.abs(ball - GREEN).max(axis=1).min() > 20


def test_without_filling_what_was_not_seen_stays_plain(textured):
    _, made, shown = textured
    plain = finish_whole_pet(made, [shown], TextureOptions(texture_size=512, fill=False)).shape
    assert (plain.texture_confidence == 255).any() and not (
        (plain.texture_confidence > 0) & (plain.texture_confidence <= 30)
    ).all()


def test_the_coat_runs_along_the_bones(textured):
    model = load(PET_BODY)
    lie = lying_fur(textured[1].shape, model, model.rig.heads)
    trunk = (model.rig.bone_weight * (model.rig.bone_index == model.rig.bones.index("L_5"))).sum(axis=1) > 0.3
    assert np.abs(lie[trunk, 2]).mean() > 0.8
    assert np.allclose(np.linalg.norm(lie, axis=1)[trunk], 1, atol=1e-3)


def test_a_mesh_of_no_model_is_refused(textured):
    _, made, shown = textured
    with pytest.raises(TypeError, match="wanted a mesh of the body"):
        finish_whole_pet(Reconstruction(made.shape, made.cameras), [shown])
