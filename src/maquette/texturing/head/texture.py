"""The whole story of the texture: bake each photo, blend, fill, paint eyes and mouth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.options import TextureOptions
from maquette.core.types import Mesh, Observation, Reconstruction
from maquette.geometry.raycast import RayCaster
from maquette.morphable.posing import neutral_vertices
from maquette.texturing.detail.chart import detail_chart
from maquette.texturing.detail.heights import Folds, fold_normals, folds_of, unfolded
from maquette.texturing.detail.moments import Moments, believed, moving_folds
from maquette.texturing.detail.wrinkles import as_parameters, wrinkles_of
from maquette.texturing.head.bake import Baked, bake
from maquette.texturing.head.blend import blend
from maquette.texturing.head.delight import delit
from maquette.texturing.head.details.beard import with_beard
from maquette.texturing.head.details.glasses import with_glasses, without_frame
from maquette.texturing.head.details.hollows import paint_hollows
from maquette.texturing.head.details.lashes import with_lashes
from maquette.texturing.head.details.lids import paint_lid_edges
from maquette.texturing.head.eyes import paint_eyes
from maquette.texturing.head.fill import Palette, complete, palette_of
from maquette.texturing.head.layers import Layers, layers_of
from maquette.texturing.head.mouth import paint_mouth
from maquette.texturing.head.skin.exposure import exposed
from maquette.texturing.head.skin.folds import lasting, without_folds
from maquette.texturing.head.skin.grain import unit_energies
from maquette.texturing.head.skin.lids import clean_lids
from maquette.texturing.head.skin.relief import skin_maps
from maquette.texturing.head.skin.strands import without_strands
from maquette.texturing.images import enlarged
from maquette.texturing.projection import check_cameras, without_covering
from maquette.texturing.texels import UNSEEN

DEFAULTS = TextureOptions()


def finish_head(
    reconstruction: Reconstruction,
    observations: Sequence[Observation],
    options: TextureOptions = DEFAULTS,
    moments: Callable[[], Moments] | None = None,
) -> Reconstruction:
    """Texture a reconstructed head from the photos it was made of.

    Args:
        reconstruction: a mesh of a head model that is known here, with one camera per observation.
        observations: the crops, with masks and landmarks.
        options: texture size, whether unseen parts are filled, whether glasses are given back, and maps of the skin.
        moments: further frames of a clip, to learn the folds of its expressions from; asked for last.

    Returns:
        The same reconstruction, its mesh with `texture` (S, S, 3) uint8 sRGB and `texture_confidence` (S, S) uint8:
        255 seen in a photo, at most 64 mirrored, 0 invented.

    Raises:
        TypeError: the mesh is of no model. ValueError: not one camera per observation.
    """
    if reconstruction.model is None:
        raise TypeError("finish_head: wanted a mesh of a parametric model (Reconstruction.model)")
    check_cameras(reconstruction, observations, "finish_head")
    layers = layers_of(reconstruction.model, options.texture_size)
    if options.glasses == "auto":
        reconstruction = with_glasses(reconstruction, observations, layers.model)
    observations = _bare(reconstruction, observations)
    posed = posed_vertices(reconstruction, layers)
    rays = [RayCaster(vertices, layers.model.faces) for vertices in posed]
    baked = [bake(o, c, v, layers, r) for o, c, v, r in zip(observations, reconstruction.cameras, posed, rays)]
    folds: Folds | None = None
    if options.detail == "auto":
        kept = [lasting(observation, layers) for observation in observations]
        folds = folds_of(baked, reconstruction.cameras, posed, kept, layers.model.name)
        folds = believed(folds, observations) if moments else folds
        baked = [unfolded(*each, folds.chart) for each in zip(baked, folds.photos, folds.heights)]
    seen = blend([cleaned(*each, layers) for each in zip(baked, posed, observations)])
    texture, palette = np.full((layers.size, layers.size, 3), UNSEEN, np.uint8), palette_of(seen)
    if options.fill:
        paint_mouth(texture, observations, reconstruction.cameras, posed, rays, layers, palette)
        neutral = neutral_vertices(reconstruction, layers.model)
        paint_eyes(texture, observations, reconstruction.cameras, posed, neutral, layers, palette)
    confidence = paint_skin(texture, seen, layers, palette if options.fill else None)
    if options.fill:
        paint_hollows(texture, layers, palette)
        clean_lids(texture, confidence, layers)
        paint_lid_edges(texture, layers, palette)
    folds, moving = both_folds(folds, reconstruction, observations, layers, moments)
    heights = None if folds is None else folds.displacement_map()
    maps = skin_maps(texture, confidence, layers, heights) if options.maps else (fold_normals(folds), None)
    textured = with_texture(reconstruction.shape, texture, confidence, options.texture_size, *maps)
    textured = replace(textured, displacement_map=heights)
    if folds is not None and reconstruction.expression is not None:
        further = as_parameters(folds, moving)
        reconstruction = replace(reconstruction, parameters={**reconstruction.parameters, **further})
    bearded = with_beard(replace(reconstruction, shape=textured), observations, seen, layers)
    return with_lashes(bearded, layers.model, palette)


def _bare(reconstruction: Reconstruction, observations: Sequence[Observation]) -> list[Observation]:
    """The photos without what is no skin: the frame of glasses that were found, masks and hands."""
    if any(part.name == "glasses" for part in reconstruction.parts):
        observations = [without_frame(observation) for observation in observations]
    return [without_covering(observation) for observation in observations]


def prepare(model: str, options: TextureOptions = DEFAULTS) -> None:
    """Work out what no photo changes, four seconds of it: else the first `finish_head` does. It is for a second thread.

    Args:
        model: name of the head.
    """
    layers = layers_of(model, options.texture_size)
    if options.fill:
        unit_energies(layers)
    if options.detail == "auto":
        detail_chart(model)


def both_folds(
    folds: Folds | None,
    reconstruction: Reconstruction,
    observations: Sequence[Observation],
    layers: Layers,
    moments: Callable[[], Moments] | None,
) -> tuple[Folds | None, dict[str, NDArray]]:
    """The folds that last, and those that come with units: see `wrinkles_of`, of a clip `moving_folds`."""
    names = layers.model.expression_names
    if folds is not None and moments is not None:
        return moving_folds(folds, moments(), names)
    if folds is None or reconstruction.expression is None:
        return folds, {}
    return folds, wrinkles_of(folds, observations, reconstruction.expression, names, layers)


def cleaned(baked: Baked, vertices: NDArray, observation: Observation, layers: Layers) -> Baked:
    """One photo brought to the texture without its light, burns, strands of hair and the folds of its expression."""
    even = exposed(delit(baked, vertices, layers), layers)
    return without_folds(without_strands(even, layers), observation, layers)


def posed_vertices(reconstruction: Reconstruction, layers: Layers) -> list[NDArray]:
    """(V, 3) metres per camera: the head with the expression it has in that photo."""
    if reconstruction.motion is not None:
        return list(reconstruction.motion)
    identity, expressions = reconstruction.identity, reconstruction.expression
    assert identity is not None and expressions is not None, "a mesh of a model has both"
    return [layers.model.vertices(identity, weights, reconstruction.scale) for weights in expressions]


def paint_skin(texture: NDArray, seen: Baked, layers: Layers, palette: Palette | None) -> NDArray:
    """Put the skin's chart into the texture, in place; returns the confidence (S, S) uint8 of the whole texture.

    Without a palette nothing is filled.
    """
    shape = (layers.skin_rows, layers.size)
    confidence = np.zeros(texture.shape[:2], np.uint8)
    if palette is not None:
        colour, coarse = complete(seen, layers, palette)
        texture[: shape[0]] = colour[: shape[0]]
    else:
        coarse = seen.trust
        shown = enlarged(coarse, (layers.rows, layers.size))[: shape[0]] > 0
        texture[: shape[0]][shown] = seen.colour[: shape[0]][shown]
    level = np.rint(255 * enlarged(coarse, (layers.rows, layers.size)))
    confidence[: shape[0]] = np.clip(level, 0, 255)[: shape[0]]
    return confidence


def with_texture(
    mesh: Mesh, texture: NDArray, confidence: NDArray, size: int, normals: NDArray | None = None,
    roughness: NDArray | None = None,
) -> Mesh:  # fmt: skip
    """The mesh with its pictures at exactly the wanted size."""

    def sized(picture: NDArray | None) -> NDArray | None:
        if picture is None or picture.shape[0] == size:
            return picture
        return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA))

    return replace(
        mesh,
        texture=sized(texture),
        texture_confidence=sized(confidence),
        normal_map=normals if normals is None or normals.shape[0] <= size else sized(normals),
        roughness_map=sized(roughness),
    )
