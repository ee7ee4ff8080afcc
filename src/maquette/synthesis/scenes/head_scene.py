"""Somebody who does not exist, and how they look in one photograph: shape, skin, hair, clothes, things."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import ambient_occlusion
from maquette.morphable import MorphableModel, load
from maquette.synthesis.accessories.glasses import draw_glasses
from maquette.synthesis.accessories.hands import draw_hand
from maquette.synthesis.accessories.hats import draw_hat
from maquette.synthesis.accessories.masks import draw_mask
from maquette.synthesis.anatomy.bust import rim
from maquette.synthesis.anatomy.population import draw_identity
from maquette.synthesis.hair.beard import grow_beard
from maquette.synthesis.hair.cards import card_hair, cards_for
from maquette.synthesis.hair.scalp import scalp_shade
from maquette.synthesis.hair.strands import grow_brows, grow_lashes, grow_style
from maquette.synthesis.hair.styles import draw_style
from maquette.synthesis.scenes.dressed_bust import draw_dressed_bust
from maquette.synthesis.skin.paint import paint_head
from maquette.synthesis.types import Identity, Kind, SceneSurface, SkinMaps, Strands

GLASSES, HAT, MASK, HAND = 0.22, 0.10, 0.04, 0.06  # shares of photographs that show them
CARDS = 0.4  # share of the cuts that are drawn as cards, where a card style is like them
OCCLUSION_RAYS, OCCLUSION_REACH_M = 96, 0.04
HAIR_SHADE, ROOT_DARKNESS = 0.8, 0.6  # how far roots tint the scalp, and how dark they are against the hair
SKIN_SPECULAR = 0.028  # refractive index 1.40


@dataclass(frozen=True, eq=False)
class SyntheticPerson:
    """Who it is and what stays the same from photograph to photograph.

    Attributes:
        seed: of all that is drawn once per person.
        identity: shape, age, ancestry.
        skin: appearance in the head's charts.
        hair: strands over the neutral head, or None when bald.
        cards: hair as cards instead, which shows wherever no hat presses it.
    """

    seed: tuple[int, ...]
    identity: Identity
    skin: SkinMaps
    hair: Strands | None
    cards: SceneSurface | None = None

    def generator(self, what: str) -> np.random.Generator:
        """The same numbers for the same thing of this person, each time."""
        return np.random.default_rng([*self.seed, *what.encode()])


@lru_cache(maxsize=1)
def head_occlusion() -> NDArray:
    """(V,) float32: how much of the surroundings each vertex of the average head sees."""
    model = head_model()
    normals = vertex_normals(model.mean, model.faces)
    return ambient_occlusion(model.mean, normals, model.faces, OCCLUSION_RAYS, OCCLUSION_REACH_M)


def head_model() -> MorphableModel:
    """The shipped head, loaded once."""
    return load("maquette-head")


def draw_person(
    seed: tuple[int, ...], texture_size: int = 512, split: str = "train", folds: tuple[float, float] | None = None
) -> SyntheticPerson:
    """Somebody by seed.

    Args:
        seed: non-negative integers.
        texture_size: side of the skin maps, pixels.
        split: "train" or "test": no base identity is in both.
        folds: of the skin, see `paint_head`.
    """
    model = head_model()
    rng = np.random.default_rng(seed)
    identity = draw_identity(rng, split=split)
    skin = paint_head(model, identity, rng, texture_size, folds=folds)
    neutral = model.vertices(identity.coefficients, np.zeros(len(model.expression_names)), identity.scale)
    style = draw_style(identity, rng)
    if style is None:
        return SyntheticPerson(seed, identity, skin, None)
    hair = grow_style(model, neutral, style, identity, skin.hair_color, rng)
    # Roots darken the skin between the strands.
    shade = HAIR_SHADE * scalp_shade(model, neutral, hair, texture_size)[..., None]
    albedo = skin.albedo * (1 - shade) + shade * ROOT_DARKNESS * skin.hair_color
    person = SyntheticPerson(seed, identity, replace(skin, albedo=albedo.astype(np.float32)), hair)
    chance = person.generator("cards")
    name = cards_for(style.name, chance) if chance.random() < CARDS else None
    if name is None:
        return person
    return replace(person, cards=card_hair(name, neutral, model, identity.scale, skin.hair_color, chance))


def dress(
    person: SyntheticPerson, vertices: NDArray, neck_turn: tuple[float, float, float], rng: np.random.Generator
) -> tuple[list[SceneSurface], list[Strands]]:
    """Everything to render: the head first.

    Args:
        vertices: (V, 3) the head with expression, metres.
        neck_turn: yaw, pitch, roll of the head against the torso, radians.
        rng: for what changes between photographs (hat, glasses or not, a hand).
    """
    model, identity, skin = head_model(), person.identity, person.skin
    surfaces = [_head(model, vertices, skin)]
    strands = [grow_lashes(model, vertices, person.generator("lashes"))]
    strands.append(grow_brows(model, vertices, skin.hair_color, person.generator("brows")))
    masked = rng.random() < MASK
    beard = None if masked else grow_beard(model, vertices, identity, skin.hair_color, person.generator("beard"))
    surfaces += draw_dressed_bust(model, vertices, identity, rim_color(skin), person.generator("bust"), neck_turn)
    hair = person.hair
    if rng.random() < HAT:
        hat, covered = draw_hat(model, vertices, rng)
        surfaces += hat
        hair = None if hair is None else covered.press(hair)
    elif person.cards is not None:
        surfaces, hair = [*surfaces, person.cards], None
    if rng.random() < GLASSES:
        surfaces += draw_glasses(model, vertices, rng)
    if masked:
        surfaces += draw_mask(model, vertices, rng)
    if rng.random() < HAND:
        surfaces += draw_hand(model, vertices, neck_color(skin), rng)
    return surfaces, [hairs for hairs in (hair, *strands, beard) if hairs is not None]


def _head(model: MorphableModel, vertices: NDArray, skin: SkinMaps) -> SceneSurface:
    return SceneSurface(
        vertices,
        model.faces,
        Kind.SKIN,
        skin.albedo,
        model.uvs,
        model.uv_faces,
        displacement=skin.displacement,
        roughness=skin.roughness,
        specular=SKIN_SPECULAR,
    )


@lru_cache(maxsize=1)
def _neck_texels() -> NDArray:
    model = head_model()
    inside = np.flatnonzero(model.regions["neck"][model.faces].min(axis=1) > 0.8)
    return model.uvs[model.uv_faces[inside]].mean(axis=1)


def neck_color(skin: SkinMaps) -> NDArray:
    """(3,) float32 linear RGB: the mean of the painted neck, for skin that the head's charts do not hold."""
    size = skin.albedo.shape[0]
    at = np.clip((_neck_texels() * [size, -size] + [0, size]).astype(int), 0, size - 1)
    return skin.albedo[at[:, 1], at[:, 0]].mean(axis=0)


@lru_cache(maxsize=1)
def _rim_texels() -> NDArray:
    """(R, 2) one chart position per vertex of the head's lower rim."""
    model = head_model()
    corners, first = np.unique(model.faces.ravel(), return_index=True)
    return model.uvs[model.uv_faces.ravel()[first[np.searchsorted(corners, rim())]]]


def rim_color(skin: SkinMaps) -> NDArray:
    """(R, 3) float32 linear RGB of the painted skin along the rim, a little smoothed: where the bust joins."""
    size = skin.albedo.shape[0]
    at = np.clip((_rim_texels() * [size, -size] + [0, size]).astype(int), 0, size - 1)
    near = np.clip(at[:, :, None] + np.arange(-2, 3), 0, size - 1)
    return skin.albedo[near[:, 1, :, None], near[:, 0, None, :]].mean(axis=(1, 2))


@lru_cache(maxsize=1)
def face_kinds() -> NDArray:
    """(F,) uint8: the `Kind` of every triangle of the head."""
    model = head_model()
    kinds = np.full(len(model.faces), Kind.SKIN, np.uint8)
    for part in ("mouth", "teeth", "tongue"):
        kinds[model.parts[part]] = Kind.MOUTH
    for part in ("eyeLeft", "eyeRight"):
        kinds[model.parts[part]] = Kind.EYES
    return kinds
