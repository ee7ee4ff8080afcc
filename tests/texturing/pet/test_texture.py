"""The texture of an animal's head: the photo where it is seen, the coat elsewhere, painted eyes, fur."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.options import TextureOptions
from maquette.geometry.mesh import face_normals
from maquette.texturing.pet.texture import finish_pet

SMALL = {"texture_size": 512}


@pytest.fixture(scope="module")
def striped(seen):
    made, observation = seen
    return finish_pet(made, [observation], TextureOptions(**SMALL, fur=2))


def at_vertices(mesh, picture):
    """(F, ...) of a picture at the middles of triangles."""
    size = picture.shape[0]
    middle = mesh.uvs[mesh.uv_faces].mean(axis=1)
    x, y = np.clip(middle[:, 0] * size, 0, size - 1).astype(int), np.clip((1 - middle[:, 1]) * size, 0, size - 1)
    return picture[y.astype(int), x]


def test_the_front_is_the_photo_and_the_back_is_not_said_to_be(striped, cat):
    mesh = striped.shape
    level = at_vertices(mesh, mesh.texture_confidence)
    skin = cat.parts["skin"]
    normals = face_normals(mesh.vertices.astype(float), mesh.faces[skin])
    behind = normals[:, 2] < -0.3 * np.linalg.norm(normals, axis=1)
    assert level[skin][behind].max() < 128
    assert 0.1 < (level[skin] > 200).mean() < 0.8
    seen = at_vertices(mesh, mesh.texture).astype(int)[skin][level[skin] > 250]
    stripes = np.array([[150, 110, 80], [90, 60, 40]])
    away = np.abs(seen[:, None] - stripes).max(axis=2).min(axis=1)
    assert np.median(away) < 12


def test_stripes_go_on_where_nothing_is_seen(striped, plain, cat):
    made, observation = plain
    even = finish_pet(made, [observation], TextureOptions(**SMALL, fur=0))
    spread = {}
    for name, done in (("striped", striped), ("plain", even)):
        level = at_vertices(done.shape, done.shape.texture_confidence)[cat.parts["skin"]]
        colours = at_vertices(done.shape, done.shape.texture)[cat.parts["skin"]][level < 40].astype(float)
        furry = cat.regions["fur_length"][cat.faces[cat.parts["skin"]]].mean(axis=1)[level < 40] > 0.5
        spread[name] = colours[furry].std(axis=0).mean()
    assert spread["striped"] > spread["plain"] + 5
    assert np.abs(colours[furry].mean(axis=0) - [150, 110, 80]).max() < 20


def test_eyes_are_painted_and_said_to_be(striped, cat):
    mesh = striped.shape
    for side in ("eyeLeft", "eyeRight"):
        assert at_vertices(mesh, mesh.texture_confidence)[cat.parts[side]].max() < 10
    assert striped.provenance["surface"]["photos"] == 1


def test_fur_is_asked_for(striped, seen):
    made, observation = seen
    assert [part.name for part in striped.parts] == ["fur", "whiskers"]
    bare = finish_pet(made, [observation], TextureOptions(**SMALL, fur=0))
    assert bare.parts == ()
    assert np.array_equal(bare.shape.texture, striped.shape.texture)


def test_nothing_is_filled_if_not_wanted(seen):
    made, observation = seen
    bare = finish_pet(made, [observation], TextureOptions(**SMALL, fur=0, fill=False))
    unseen = bare.shape.texture_confidence == 0
    assert (np.abs(bare.shape.texture[unseen].astype(int) - 127).max(axis=1) == 0).mean() > 0.9


def test_bad_calls(seen):
    made, observation = seen
    with pytest.raises(ValueError, match="one camera per observation"):
        finish_pet(made, [observation, observation])
