"""A full beard gets volume and follows the jaw; shade, stubble, half a beard and a clean chin do not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maquette.core.types import Mesh, Part, Reconstruction
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.details.beard import LAYERS, LENGTH_M, bearded, with_beard
from maquette.texturing.head.layers import Layers, layers_of

SCALE = 1.06
SKIN = np.array([200.0, 160.0, 140.0], np.float32)


@pytest.fixture(scope="module")
def layers() -> Layers:
    return layers_of("maquette-head", 512)


def photo(beard: bool = True) -> SimpleNamespace:
    skin = np.zeros((32, 32), np.float32)
    skin[4:28, 8:24] = 1
    hair = np.zeros_like(skin)
    hair[20:28, 8:24] = beard
    return SimpleNamespace(skin=skin, beard=hair)


def face(layers: Layers, darkness: float, rough: float, sides: tuple[int, ...] = (-1, 1)) -> Baked:
    """Skin whose jaw is darker by a factor exp(-darkness), with noise of that standard deviation."""
    x, y, _ = np.moveaxis(layers.skin.spread(layers.model.mean), -1, 0)
    jaw = (y < -0.050) & np.isin(np.where(x > 0, 1, -1), sides)
    noise = rough * np.random.default_rng(1).standard_normal(jaw.shape)
    coarse = (SKIN * np.exp(jaw * (noise - darkness))[..., None]).clip(0, 255).astype(np.float32)
    one = np.ones(jaw.shape, np.float32)
    return Baked(coarse.astype(np.uint8), coarse, one, 0 * one, one, None)


def head(layers: Layers, **units: float) -> Reconstruction:
    model = layers.model
    expression = np.array([[units.get(name, 0.0) for name in model.expression_names]])
    vertices = model.vertices(np.zeros(20), expression[0], SCALE)
    shape = Mesh(vertices, model.faces, model.uvs, model.uv_faces, np.full((512, 512, 3), 90, np.uint8))
    return Reconstruction(shape, (), model=model.name, identity=np.zeros(20), expression=expression, scale=SCALE)


def grown(layers: Layers, **units: float) -> Part:
    parts = with_beard(head(layers, **units), [photo()], face(layers, 0.9, 0.4), layers).parts
    assert [part.name for part in parts] == ["beard"]
    return parts[0]


def test_a_full_beard_stands_off_chin_and_jaw(layers: Layers) -> None:
    part = grown(layers)
    places, skin = part.mesh.vertices / SCALE, head(layers).shape.vertices / SCALE
    away = cKDTree(skin).query(places)[0]
    assert 0.6 * LENGTH_M < np.linalg.norm(places - skin[part.anchors[:, 0]], axis=1).max() < 1.3 * LENGTH_M
    assert away.max() > 0.003, "metres: it has volume"
    assert places[:, 1].max() < -0.01 and layers.model.regions["ears"][part.anchors].max() < 0.5
    assert len(part.mesh.faces) < 8000 and part.mesh.texture.shape[2] == 4
    lips = layers.model.regions["lips"][part.anchors[:, 0]] > 0.9
    assert np.linalg.norm(places - skin[part.anchors[:, 0]], axis=1)[lips].max() < 0.002, "metres"


def test_its_upper_layers_are_sparser(layers: Layers) -> None:
    opacity = np.split(grown(layers).mesh.texture[..., 3].astype(float), LAYERS)
    shares = [layer.mean() for layer in opacity]
    assert all(a > b for a, b in pairwise(shares)) and shares[-1] > 0.02 * 255


def test_it_follows_the_jaw_and_lies_on_the_neutral_head(layers: Layers) -> None:
    part = grown(layers)
    model = layers.model
    moved = part.follow(SCALE * model.expression_basis[model.expression_names.index("jawOpen")])
    chin = part.mesh.vertices[:, 1] < np.quantile(part.mesh.vertices[:, 1], 0.3)
    assert moved[chin, 1].mean() < -0.004, "metres"
    assert np.abs(grown(layers, jawOpen=0.6).mesh.vertices - part.mesh.vertices).max() < 2e-6


@pytest.mark.parametrize(
    ("darkness", "rough", "sides"),
    [(0.9, 0.0, (-1, 1)), (0.3, 0.4, (-1, 1)), (0.9, 0.4, (1,)), (0.0, 0.0, (-1, 1))],
    ids=["shade", "stubble", "half", "clean"],
)
def test_what_is_no_full_beard_stays_in_the_texture(layers: Layers, darkness, rough, sides) -> None:
    assert bearded(face(layers, darkness, rough, sides), layers) is None


def test_the_network_must_have_seen_it_and_so_must_the_photo(layers: Layers) -> None:
    bare, seen = head(layers), face(layers, 0.9, 0.4)
    assert with_beard(bare, [photo(beard=False)], seen, layers) is bare
    assert with_beard(bare, [SimpleNamespace(skin=None, beard=None)], seen, layers) is bare
    assert with_beard(bare, [photo()], replace(seen, trust=0 * seen.trust), layers) is bare
