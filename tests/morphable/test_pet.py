"""The shipped heads of pets keep their promises: one mesh, symmetry, charts, landmarks, lids that shut."""

from __future__ import annotations

import numpy as np
import pytest

from maquette import morphable
from maquette.core.errors import BadInput
from maquette.geometry.mesh import face_areas, face_normals
from maquette.geometry.raycast import RayCaster
from maquette.geometry.surfaces.clean import is_closed, signed_volume
from maquette.morphable.pet import CARRIAGES, ear_model, load_pet, species_of
from maquette.weights import store

PET = load_pet(store.fetch("maquette-pet"))
PARTS = {"skin", "mouth", "tongue", "teeth", "eyeLeft", "eyeRight"}
UNITS = {"jawOpen", "tongueOut", "browUp"} | {
    f"{name}{side}" for name in ("eyeBlink", "earsBack", "earsDroop", "noseSneer") for side in ("Left", "Right")
}
AREAS = {
    "face",
    "ears",
    "ear_inner",
    "nose_pad",
    "muzzle",
    "chin",
    "eyelids",
    "neck",
    "mane",
    "fur_length",
}
FLIP = [3, 2, 1, 0, 4, 5, 6, 8, 7, 9, 10, 11, 17, 16, 15, 14, 13, 12, 19, 18]
EARS = (("left", 16, (15, 17)), ("right", 13, (12, 14)))
SIDEWAYS = np.array([-1, 1, 1], np.float32)
NATURAL_M = {"cat": (0.03, 0.05), "dog": (0.045, 0.07), "wild": (0.06, 0.1)}  # between the eyes


@pytest.fixture(params=PET.species)
def model(request):
    return PET.models[request.param]


def shaped(model, identity=None, **units):
    weights = np.zeros(len(model.expression_names))
    for name, value in units.items():
        weights[model.expression_names.index(name)] = value
    return model.vertices(np.zeros(len(model.identity_basis)) if identity is None else identity, weights)


def random_identity(model, seed):
    return np.clip(np.random.default_rng(seed).standard_normal(len(model.identity_basis)), -2, 2)


def test_all_species_share_one_mesh():
    assert PET.species == ("cat", "dog", "wild")
    first = PET.models["cat"]
    for model in PET.models.values():
        assert np.array_equal(model.faces, first.faces) and np.array_equal(model.uv_faces, first.uv_faces)
        assert set(model.parts) == PARTS and set(model.expression_names) == UNITS and set(model.regions) == AREAS
        assert model.expression_names == first.expression_names
    assert 5500 <= len(first.mean) <= 9000
    assert sorted(np.concatenate([*first.parts.values()])) == list(range(len(first.faces)))


def test_the_mirror_is_exact(model):
    assert np.array_equal(model.mirror[model.mirror], np.arange(len(model.mean)))
    for field in (model.mean, model.identity_basis):
        assert np.array_equal(field[..., model.mirror, :] * SIDEWAYS, field)
    for k, name in enumerate(model.expression_names):
        twin = name.replace("Left", "Right") if "Left" in name else name.replace("Right", "Left")
        other = model.expression_basis[model.expression_names.index(twin)]
        assert np.array_equal(model.expression_basis[k][model.mirror] * SIDEWAYS, other), name
    for name, region in model.regions.items():
        assert np.array_equal(region[model.mirror], region) and region.min() >= 0 and region.max() <= 1, name


def test_it_stands_in_the_world(model):
    left, right = (model.eye_centre(model.mean, side) for side in ("Left", "Right"))
    np.testing.assert_allclose((left + right) / 2 * [1, 1, 0], 0, atol=1e-6)
    low, high = NATURAL_M[model.name.removeprefix("maquette-pet-")]
    assert left[0] > 0 and low < left[0] - right[0] < high
    nose = model.mean[model.regions["nose_pad"] > 0.9]
    assert nose[:, 2].mean() > left[2] and nose[:, 1].mean() < 0


def test_skin_and_mouth_are_closed_and_eyes_are_balls(model):
    body = np.concatenate([model.parts["skin"], model.parts["mouth"]])
    assert is_closed(model.faces[body]) and signed_volume(model.mean, model.faces[body]) > 0
    for part in ("eyeLeft", "eyeRight", "tongue", "teeth"):
        assert is_closed(model.faces[model.parts[part]]) or part == "teeth", part
        assert signed_volume(model.mean, model.faces[model.parts[part]]) > 0, part
    own = {part: set(model.part_vertices(part)) for part in PARTS}
    for part in PARTS - {"skin"}:
        assert bool(own[part] & own["skin"]) == (part == "mouth"), part


def test_triangles_are_sound(model):
    skin = model.faces[model.parts["skin"]]
    areas = face_areas(model.mean, skin)
    assert areas.min() > 0
    edges = np.linalg.norm(model.mean[skin] - model.mean[np.roll(skin, 1, axis=1)], axis=2)
    quality = 4 * np.sqrt(3) * areas / (edges**2).sum(axis=1)
    assert np.median(quality) > 0.85 and (quality < 0.1).mean() < 0.03
    normals = face_normals(model.mean, skin)
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    assert _folded_edges(skin, normals) < 0.012


def _folded_edges(faces, normals):
    """Share of edges whose two faces look away from each other."""
    keys = {}
    for f, face in enumerate(faces):
        for k in range(3):
            keys.setdefault(frozenset((int(face[k]), int(face[(k + 1) % 3]))), []).append(f)
    pairs = np.array([pair for pair in keys.values() if len(pair) == 2])
    return float((np.einsum("nd,nd->n", normals[pairs[:, 0]], normals[pairs[:, 1]]) < -0.3).mean())


def test_the_charts_do_not_overlap():
    model = PET.models["cat"]
    assert model.uvs.min() >= 0 and model.uvs.max() <= 1
    corners = model.uvs[model.uv_faces].astype(float)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = 0.5 * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    assert (areas > 0).all()
    size, cover = 700, np.zeros((700, 700), int)
    points = (np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1) + 0.5) / size
    for triangle, area in zip(corners, areas):
        low = np.maximum(np.floor(triangle.min(0) * size).astype(int), 0)
        high = np.minimum(np.ceil(triangle.max(0) * size).astype(int) + 1, size)
        window = points[low[1] : high[1], low[0] : high[0]]
        inside = np.ones(window.shape[:2], bool)
        for k in range(3):
            edge, off = triangle[(k + 1) % 3] - triangle[k], window - triangle[k]
            inside &= edge[0] * off[..., 1] - edge[1] * off[..., 0] > 1e-9 + 1e-6 * area
        cover[low[1] : high[1], low[0] : high[0]] += inside
    assert (cover > 1).mean() < 2e-4
    assert (cover > 0).mean() > 0.5


def test_the_face_has_most_of_the_texture():
    model = PET.models["dog"]
    skin = model.parts["skin"]
    corners = model.uvs[model.uv_faces[skin]].astype(float)
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    surface = face_areas(model.mean, model.faces[skin])
    front = model.regions["face"][model.faces[skin]].mean(axis=1) > 0.7
    assert areas[front].sum() / surface[front].sum() > 1.5 * areas[~front].sum() / surface[~front].sum()


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_shut_lids_cover_the_eyes(model, seed):
    identity = None if seed is None else 0.7 * random_identity(model, seed)
    shut = shaped(model, identity, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    wide = shaped(model, identity)
    eyes = np.concatenate([model.parts["eyeLeft"], model.parts["eyeRight"]])
    seen = [_seen(vertices, model, eyes) for vertices in (wide, shut)]
    assert seen[0] > 100
    assert seen[1] <= (0 if seed is None else 0.04 * seen[0])


def _seen(vertices, model, eyes):
    """Rays from the front that meet an eye first."""
    left = model.eye_centre(vertices, "Left")
    step = np.linspace(-0.35, 0.35, 41) * 2 * left[0]
    x, y = np.meshgrid(step, step)
    starts = np.stack([left[0] + x.ravel(), left[1] + y.ravel(), np.full(x.size, vertices[:, 2].max() + 0.1)], axis=1)
    first, _, _ = RayCaster(vertices, model.faces).first_hits(starts, np.broadcast_to([0, 0, -1.0], starts.shape))
    return int(np.isin(first, eyes).sum())


def test_modes_are_apart_and_the_largest_come_first(model):
    left = np.ones(len(model.mean), bool)
    left[model.mirror[model.mean[:, 0] > 0]] = False  # the half that was decomposed
    rows = model.identity_basis[:, left].reshape(len(model.identity_basis), -1).astype(float)
    gram = rows @ rows.T
    sizes = np.sqrt(np.diag(gram))
    assert (np.diff(sizes) <= 0).all() and 5 <= len(sizes) <= 40
    assert np.abs(gram / np.outer(sizes, sizes) - np.eye(len(sizes))).max() < 5e-3


def test_landmarks_are_in_their_places(model):
    points = model.embeddings["pet20"].points(model.mean, model.faces)
    assert points.shape == (20, 3)
    np.testing.assert_allclose(points[FLIP] * SIDEWAYS, points, atol=1e-6)
    assert (points[[0, 1, 7, 12, 13, 18], 0] < 0).all()
    assert (np.diff(points[[6, 5, 4, 9, 11], 1]) < 0).all()
    assert points[4, 2] > points[[0, 3, 7, 8, 11], 2].max()
    distance = points[3, 0] - points[0, 0]
    assert distance > points[2, 0] - points[1, 0] > 0.2 * distance


def test_muzzles_are_longer_on_dogs_than_on_cats():
    lengths = {}
    for species, model in PET.models.items():
        points = model.embeddings["pet20"].points(model.mean, model.faces)
        lengths[species] = points[4, 2] / (2 * model.eye_centre(model.mean, "Left")[0])
    assert lengths["dog"] > lengths["wild"] > lengths["cat"]


def test_units_do_as_they_are_called(model):
    rest = shaped(model)
    points = model.embeddings["pet20"]
    size = 2 * model.eye_centre(rest, "Left")[0]
    jaw = points.points(shaped(model, jawOpen=1.0), model.faces) - points.points(rest, model.faces)
    assert (jaw[[10, 11], 1] < -0.2 * size).all() and np.abs(jaw[[0, 1, 4, 5, 6, 9, 13]]).max() < 0.03 * size
    back = shaped(model, earsBackLeft=1.0)
    tip = points.points(back, model.faces)[16] - points.points(rest, model.faces)[16]
    assert tip[2] < -0.1 * size
    assert np.array_equal(back[rest[:, 0] < 0], rest[rest[:, 0] < 0])
    tongue = model.part_vertices("tongue")
    assert shaped(model, tongueOut=1.0)[tongue, 2].max() > rest[tongue, 2].max() + 0.15 * size
    brow = shaped(model, browUp=1.0) - rest
    assert brow[:, 1].max() > 0.04 * size and np.abs(brow[model.regions["neck"] > 0.9]).max() < 1e-3 * size
    sneer = shaped(model, noseSneerLeft=1.0) - rest
    assert sneer[:, 1].max() > 0.03 * size and np.abs(sneer[rest[:, 0] < -1e-6]).max() == 0


def test_the_tongue_lies_on_the_floor_of_an_open_mouth(model):
    vertices = shaped(model, jawOpen=1.0)
    tongue, mouth = model.parts["tongue"], model.parts["mouth"]
    points = model.embeddings["pet20"].points(vertices, model.faces)
    low, high = points[10] + [0, 0, 0], points[9]
    x, y = np.meshgrid(np.linspace(-0.1, 0.1, 9) * (points[3, 0] - points[0, 0]), np.linspace(low[1], high[1], 30))
    starts = np.stack([x.ravel(), y.ravel(), np.full(x.size, vertices[:, 2].max() + 0.1)], axis=1)
    first, _, _ = RayCaster(vertices, model.faces).first_hits(starts, np.broadcast_to([0, 0, -1.0], starts.shape))
    assert np.isin(first, tongue).sum() > 0.8 * np.isin(first, mouth).sum() > 0


@pytest.mark.parametrize("left", CARRIAGES)
def test_each_ear_of_a_dog_is_carried_as_asked(left):
    model, upright = PET.eared(left, "hanging"), PET.models["dog"]
    assert species_of(model.name) == "dog" and morphable.load(model.name).name == model.name
    assert np.array_equal(model.faces, upright.faces) and model.expression_names == upright.expression_names
    points = model.embeddings["pet20"].points(model.mean, model.faces)
    size = points[3, 0] - points[0, 0]
    rise = {side: points[tip, 1] - points[list(base), 1].mean() for side, tip, base in EARS}
    assert rise["right"] < -0.35 * size
    assert (rise["left"] > 0.3 * size) == (left == "upright") and (rise["left"] < -0.3 * size) == (left == "hanging")
    face = (model.regions["face"] > 0.5) & (model.regions["ears"] == 0)
    beside = np.linalg.norm(model.mean - upright.mean, axis=1)[face]
    assert np.median(beside) < 0.01 * size and beside.max() < 0.25 * size  # skin about the roots slides
    longer = shaped(model, random_identity(model, 0))
    assert is_closed(model.faces[np.concatenate([model.parts["skin"], model.parts["mouth"]])])
    assert np.isfinite(longer).all() and PET.eared("upright", "upright") is upright


def test_a_hanging_ear_lies_beside_the_head():
    model = PET.eared("hanging", "hanging")
    flap = np.flatnonzero(model.regions["ears"] > 0.9)
    flap = flap[model.mean[flap, 0] > 0]
    skin = np.flatnonzero((model.regions["ears"] == 0) & (model.mean[:, 0] > 0))
    size = 2 * model.eye_centre(model.mean, "Left")[0]
    away = np.linalg.norm(model.mean[flap][:, None] - model.mean[skin][None], axis=2).min(axis=1)
    assert np.ptp(model.mean[flap, 1]) > 0.9 * size and away.max() < 0.7 * size
    back = shaped(model, earsBackLeft=1.0)[flap] - model.mean[flap]
    assert back[:, 2].min() < -0.1 * size


def test_there_is_no_fur_on_nose_lids_and_inner_ears(model):
    fur = model.regions["fur_length"]
    for name in ("nose_pad", "eyelids", "ear_inner"):
        assert fur[model.regions[name] > 0.99].max() < 0.02, name
    assert fur[model.regions["neck"] > 0.9].mean() > 2 * fur[model.regions["muzzle"] > 0.9].mean() > 0


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "pet.safetensors"
    path.write_bytes(b"no tensors")
    with pytest.raises(BadInput):
        load_pet(path)


def test_models_are_known_by_name():
    for species in PET.species:
        assert morphable.load(f"maquette-pet-{species}") is PET.models[species]
    assert ear_model("upright", "upright") == "maquette-pet-dog"
    assert ear_model("hanging", "upright") == "maquette-pet-dog-hanging-upright"
