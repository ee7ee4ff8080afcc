"""The whole story of a head's hair: look at the photo, choose a style, place, bend, carve, paint."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Mesh, Observation, Part
from maquette.morphable.model import MorphableModel
from maquette.texturing.hair.carve import CarvedHair, EmptyPixels, carve, empty_pixels
from maquette.texturing.hair.outline import Rays, bend, outer_skin, outline_points, rays_of
from maquette.texturing.hair.paint import DEFAULT, paint, toned
from maquette.texturing.hair.place import PlacedHair, chin_of, laid_down, lit_normals, place
from maquette.texturing.hair.seen import HairSeen
from maquette.texturing.hair.styles import HANGING, TO_THE_CHIN, mirrored, solid, style, texel_map

BOB_M = 0.035  # below the chin: where chin-length hair ends
AGAIN_M = 0.006  # by which hair is bent once more, after its cards were laid down
HANGING_M = 0.05  # below the neck's lowest point: where hanging hair ends
ROUGHNESS, SPECULAR = 0.75, 0.25  # a whole reflection lies on dark cards as a grey veil


@dataclass(frozen=True, eq=False)
class HeadSeen:
    """One photo and the head in it.

    Attributes:
        observation, camera: the photo.
        seen: what it shows of hair.
        posed, neutral: (V, 3) metres, the head as in the photo and without its expression.
        model: whose mesh it is; scale: its size, of the model's.
        rays: from the head's middle to the outline.
        empty: where the photo shows no hair.
    """

    observation: Observation
    camera: Camera
    seen: HairSeen
    posed: NDArray
    neutral: NDArray
    model: MorphableModel
    scale: float
    rays: Rays
    empty: EmptyPixels


def head_seen(
    observation: Observation, camera: Camera, seen: HairSeen, heads: tuple[NDArray, NDArray],
    model: MorphableModel, scale: float,
) -> HeadSeen:  # fmt: skip
    """One photo with what is needed to try styles on; `heads`: posed and neutral."""
    posed, neutral = (np.asarray(head, float) for head in heads)
    rays = rays_of(seen, scale)
    empty = empty_pixels(seen, posed, model.faces, rays.metre)
    return HeadSeen(observation, camera, seen, posed, neutral, model, scale, rays, empty)


@dataclass(frozen=True, eq=False)
class Trial:
    """A style tried on.

    Attributes:
        hair: bent.
        cut: what is left of it.
        errors: millimetres between outline and bare head, placed and bent hair; nan where no outline is in the picture.
    """

    hair: PlacedHair
    cut: CarvedHair
    errors: tuple[float, float, float]


def try_on(name: str, head: HeadSeen, flipped: bool = False, bent: bool = True, carved: bool = True) -> Trial:
    """A style on this head, bent to the photo's outline, cut off below and carved where it shows no hair."""
    own, opaque = mirrored(name, head.model) if flipped else style(name), solid(name)
    placed = place(own, head.neutral, head.model, head.scale)
    hair = bend(placed, head.rays, head.neutral, head.model, opaque) if bent else placed
    if bent and name in HANGING:
        hair = bend(laid_down(hair), head.rays, head.neutral, head.model, opaque, AGAIN_M)
    cut = CarvedHair(np.ones(len(own.faces), bool), np.ones(own.opacity.shape, np.float32))
    if carved:
        cut = carve(hair, texel_map(name), head.empty, _floor(name, head.neutral, head.model, head.scale))
    skin = outer_skin(head.neutral, head.model)
    shown = opaque & cut.kept
    errors = [head.rays.error(skin)]
    errors += [head.rays.error(np.concatenate([skin, outline_points(one, shown)])) for one in (placed, hair)]
    return Trial(hair, cut, (errors[0], errors[1], errors[2]))


def carved(trial: Trial, head: HeadSeen) -> Trial:
    """A trial that is cut off below and carved where the photo shows no hair."""
    name = trial.hair.style.name
    floor = _floor(name, head.neutral, head.model, head.scale)
    cut = carve(trial.hair, texel_map(name), head.empty, floor)
    points = outline_points(trial.hair, solid(name) & cut.kept)
    error = head.rays.error(np.concatenate([outer_skin(head.neutral, head.model), points]))
    return replace(trial, cut=cut, errors=(*trial.errors[:2], error))


def shortened(trial: Trial, head: HeadSeen) -> Trial:
    """A trial of which only what hangs below the neck is cut off, whatever the photo shows."""
    floor = _floor(trial.hair.style.name, head.neutral, head.model, head.scale)
    return replace(trial, cut=carve(trial.hair, texel_map(trial.hair.style.name), None, floor))


def part_of(trial: Trial, head: HeadSeen) -> Part:
    """The hair as a part of the head, painted."""
    texels, hair = texel_map(trial.hair.style.name), trial.hair
    colour = paint(hair, texels, head.rays.metre, (head.observation, head.camera, head.seen))
    return _part(hair, trial.cut, colour)


def plain_part(name: str, neutral: NDArray, model: MorphableModel, scale: float) -> Part:
    """A style on a head of which no photo says more: placed, in a usual colour."""
    hair = place(style(name), neutral, model, scale)
    cut = carve(hair, texel_map(name), None, _floor(name, np.asarray(neutral, float), model, scale))
    return _part(hair, cut, toned(DEFAULT, hair.style.grey).astype(np.uint8))


def _floor(name: str, neutral: NDArray, model: MorphableModel, scale: float) -> float:
    """Metres: the height at which hanging hair of a style ends."""
    if name in TO_THE_CHIN:
        return chin_of(neutral, model) - BOB_M * scale
    return float(outer_skin(neutral, model)[:, 1].min()) - HANGING_M * scale


def _part(hair: PlacedHair, cut: CarvedHair, colour: NDArray) -> Part:
    own = hair.style
    opacity = np.rint(own.opacity * cut.opacity).astype(np.uint8)
    normals, faces, turned = lit_normals(hair)
    uv_faces = np.where(turned[:, None], own.uv_faces[:, ::-1], own.uv_faces)
    used, corners = np.unique(faces[cut.kept], return_inverse=True)
    used_uvs, uv_corners = np.unique(uv_faces[cut.kept], return_inverse=True)
    mesh = Mesh(
        hair.vertices[used].astype(np.float32),
        corners.reshape(-1, 3).astype(np.int32),
        own.uvs[used_uvs],
        uv_corners.reshape(-1, 3).astype(np.int32),
        np.dstack([colour, opacity]),
    )
    return Part("hair", mesh, normals=normals[used], roughness=ROUGHNESS, specular=SPECULAR)
