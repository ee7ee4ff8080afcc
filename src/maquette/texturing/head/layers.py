"""What the texture of a model needs to know before any photo is seen: charts, zones, ambient light, grain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import adjacency, vertex_normals
from maquette.geometry.raycast import ambient_occlusion
from maquette.morphable import MorphableModel, load
from maquette.texturing.atlas import Chart, chart
from maquette.texturing.images import blurred, enlarged, remapped, smoothstep

COARSE_SIZE = 512  # texels: weights, fills and visibility are worked out at no more than this
MAP_SIZE = 1024  # texels: the way from texel to photo is worked out at no more than this
COARSE_TEXEL_M = (0.0015, 0.003)  # at the coarse size; the neck's rim has longer ones, a photo would show as stripes
AMBIENT_RAYS = 36
AMBIENT_REACH_M = 0.05  # farther walls do not darken a spot
GRAIN_SIGMAS_M = (0.0003, 0.0006, 0.001)  # on the face: pores, fine lines, blotches
FACE_WIDTH_M = 0.14  # what one texture width shows of a face, measured on the layout
FADE = 3  # power by which grain shorter than a texel is weaker: longer strokes than pores would be left of it
NOISE_UNIT = 32  # steps per standard deviation of the stored noise
# z and y from the middle of the forehead to the earlobe, on the mean head.
HAIRLINE_M = ((0.060, 0.070), (0.030, 0.068), (0.0, 0.062), (-0.025, 0.046), (-0.042, 0.022), (-0.052, -0.004),
              (-0.060, -0.030))  # fmt: skip
NAPE_M = -0.060  # y
STRANDS = 2048  # hairs around the crown in the strand pattern


@dataclass(frozen=True, eq=False)
class Layers:
    """Everything about a model's texture that no photo changes.

    Attributes:
        model: the model itself.
        size: working size of the texture, a multiple of 16.
        skin: chart of skin and mouth cavity at `size` / `coarse_step`.
        place: the same chart at `size` / `map_step`.
        zones: name -> (h, w) float32 0-1 in `skin`: "core" (features of the face), "middle" (nose and mouth), "hair"
            (hair is likely), "hairline" (photo hair may reach here), "below", "beside", "off" (ears and neck),
            "inner" (sockets, nostrils, inside of the mouth), "cavity" (mouth), "edge" (lips and lids), "lips", "brows",
            "plain" (skin only).
        fine: (h, w) float32 0-1 in `skin`: whether the chart leaves this spot enough texels to show a photo.
        ambient: (h, w) float32 0-1 in `skin`: how much of the sky each spot sees.
        small: part -> chart at `size`: "eyeLeft", "eyeRight", "teeth", "tongue".
        grain: (bands, H, W) int8 in units of 1 / NOISE_UNIT, about unit variance, at `size`, rows of the skin chart.
        strands: (H, W) int8 likewise, drawn out along the hair.
    """

    model: MorphableModel
    size: int
    skin: Chart
    place: Chart
    zones: Mapping[str, NDArray]
    fine: NDArray
    ambient: NDArray
    small: Mapping[str, Chart]
    grain: NDArray
    strands: NDArray

    @property
    def skin_rows(self) -> int:
        """Rows of the full texture down to the skin chart's lower border and one texel of padding."""
        part = np.concatenate([self.model.parts[p] for p in ("skin", "mouth") if p in self.model.parts])
        lowest = float(self.model.uvs[self.model.uv_faces[part], 1].min())
        return min(int(np.ceil((1 - lowest) * self.size)) + 1, self.rows)

    @property
    def rows(self) -> int:
        """Rows of the full texture that the skin chart fills."""
        return self.skin.window[1] * self.size // self.skin.size


def working_size(texture_size: int) -> int:
    """The multiple of 16 at which a texture is made."""
    return -(-texture_size // 16) * 16


def step(size: int, most: int) -> int:
    """The power of two by which `size` is divided to be no more than `most`."""
    factor = 1
    while size // factor > most:
        factor *= 2
    return factor


@lru_cache(maxsize=2)
def layers_of(name: str, texture_size: int) -> Layers:
    """The layers of a model, kept for the next call."""
    return build_layers(load(name), working_size(texture_size))


def build_layers(model: MorphableModel, size: int) -> Layers:
    """Draw the charts of a model and work out all that no photo changes."""
    select = np.concatenate([model.parts[p] for p in ("skin", "mouth") if p in model.parts])
    lowest = float(model.uvs[model.uv_faces[select], 1].min())
    rows = min(size, int(np.ceil((1 - lowest) * size / 16)) * 16)

    def drawn(divide: int) -> Chart:
        window = np.array([0, rows // divide, 0, size // divide])
        return chart(model.faces, model.uvs, model.uv_faces, select, size // divide, window)

    skin = drawn(step(size, COARSE_SIZE))
    place = drawn(step(size, MAP_SIZE))
    ambient = vertex_ambient(model)
    zones = {key: np.clip(skin.spread(value), 0, 1) for key, value in vertex_zones(model, ambient).items()}
    small = {  # painted before the skin, which may overwrite their padding
        part: chart(model.faces, model.uvs, model.uv_faces, model.parts[part], size)
        for part in ("eyeLeft", "eyeRight", "teeth", "tongue")
        if part in model.parts
    }
    noise, hairs = grain(place, model, (rows, size)), strands(place, model, (rows, size))
    fine = 1 - smoothstep(texel_length(skin, model), *COARSE_TEXEL_M)
    return Layers(model, size, skin, place, zones, fine, skin.spread(ambient), small, noise, hairs)


def vertex_ambient(model: MorphableModel) -> NDArray:
    """(V,) float32 0-1: share of the hemisphere above each vertex of the mean shape that is open."""
    vertices, faces = model.mean.astype(float), model.faces
    normals = vertex_normals(vertices, faces)
    return ambient_occlusion(vertices, normals, faces, AMBIENT_RAYS, AMBIENT_REACH_M)


def vertex_zones(model: MorphableModel, ambient: NDArray) -> dict[str, NDArray]:
    """(V,) masks per zone, from the model's regions and its mean shape."""
    x, y, z = model.mean.T
    region = {key: model.regions.get(key, np.zeros(len(y), np.float32)) for key in (
        "face", "scalp", "ears", "neck", "lips", "brows", "eyelids", "nostrils")}  # fmt: skip
    graph = adjacency(model.faces, len(y))
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)
    cavity = np.zeros(len(y), np.float32)
    if "mouth" in model.parts:
        cavity[model.part_vertices("mouth")] = 1
        # Lips go on for a ring of vertices behind their edge: there the mouth is not dark yet.
        beside = (graph @ (region["lips"] > 0.5)) > 0
        cavity *= 1 - smoothstep(np.maximum(region["lips"], 0.6 * beside), 0.3, 0.8)
    behind = np.zeros(len(y), np.float32)
    for side in ("Left", "Right"):
        if f"eye{side}" in model.parts:
            behind = np.maximum(behind, _socket(model, side))
    hollow = smoothstep(model.regions.get("hollows", np.zeros(len(y))), 0.12, 0.85)
    line = behind_hairline(y, z)
    line = np.minimum(line, y - NAPE_M + 0.15 * np.maximum(0.07 + z, 0))
    side = smoothstep(-z, 0.060, 0.080) * smoothstep(y, -0.045, 0.0)
    nape = smoothstep(-z, 0.10, 0.13) * smoothstep(y, -0.085, -0.055)
    off_ears = (1 - smoothstep(region["ears"], 0.2, 0.7)) * (1 - cavity)
    hair = np.maximum.reduce([smoothstep(line, -0.006, 0.006), side, nape]) * off_ears
    reach = np.maximum(smoothstep(line, -0.022, -0.010), hair) * off_ears
    ahead = vertex_normals(model.mean, model.faces)[:, 2]
    core = smoothstep(region["face"], 0.5, 0.95) * smoothstep(ahead, 0.3, 0.65)
    for _ in range(3):
        core = (core + (graph @ core) / degree) / 2
    hair = (hair + (graph @ hair) / degree) / 2
    middle = (1 - smoothstep(np.abs(x), 0.030, 0.042)) * smoothstep(y, -0.105, -0.090) * smoothstep(-y, -0.035, -0.025)
    middle = middle * smoothstep(region["face"], 0.5, 0.95) * (1 - cavity)
    features = np.maximum.reduce([region["lips"], region["brows"], region["eyelids"], region["nostrils"]])
    return {
        "core": np.maximum.reduce([core, smoothstep(features, 0.2, 0.6), middle]),
        "middle": middle,
        "hair": hair,
        "hairline": reach,
        "below": smoothstep(-y, 0.012, 0.016),
        "beside": smoothstep(np.abs(x), 0.038, 0.052),
        "off": np.maximum(smoothstep(region["ears"], 0.2, 0.7), smoothstep(region["neck"], 0.3, 0.9)),
        "inner": np.maximum.reduce([behind, cavity, hollow]),
        "cavity": cavity,
        "edge": smoothstep(np.maximum(region["lips"], region["eyelids"]), 0.1, 0.5) * (1 - cavity),
        "lips": smoothstep(region["lips"], 0.1, 0.5) * (1 - cavity),
        "brows": smoothstep(region["brows"], 0.02, 0.2),
        "plain": smoothstep(region["face"], 0.5, 0.9) * (1 - smoothstep(features, 0.05, 0.3)) * smoothstep(
            ambient, 0.4, 0.6),
    }  # fmt: skip


def behind_hairline(y: NDArray, z: NDArray) -> NDArray:
    """(V,) metres behind (or before, negative) a usual hairline, seen from the side: forehead, temple, sideburn."""
    line = np.array(HAIRLINE_M)
    start, edge = line[:-1], np.diff(line, axis=0)
    offset = np.stack([z, y], axis=1)[:, None] - start
    along = np.clip((offset * edge).sum(axis=2) / (edge**2).sum(axis=1), 0, 1)
    distance = np.linalg.norm(offset - along[..., None] * edge, axis=2)
    nearest = distance.argmin(axis=1)
    cross = edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0]
    row = np.arange(len(y))
    return -np.sign(cross[row, nearest]) * distance[row, nearest]


def _socket(model: MorphableModel, side: str) -> NDArray:
    """(V,) 0-1: skin that lies against the eyeball, behind the lids' edge."""
    centre = model.eye_centre(model.mean, side)
    ball = model.mean[model.part_vertices(f"eye{side}")]
    radius = np.linalg.norm(ball - centre, axis=1).max()
    near = np.linalg.norm(model.mean - centre, axis=1) < 1.12 * radius
    back = smoothstep(centre[2] + 0.72 * radius - model.mean[:, 2], 0, 0.2 * radius)
    return (near * back).astype(np.float32)


def texel_length(drawn: Chart, model: MorphableModel) -> NDArray:
    """(h, w) metres: the longer side of each texel on the mean shape."""
    points = drawn.spread(model.mean)
    along, across = (np.linalg.norm(np.gradient(points, axis=k), axis=2) for k in (0, 1))
    return blurred(np.maximum(along, across), 1.0)


def grain(place: Chart, model: MorphableModel, shape: tuple[int, int]) -> NDArray:
    """(bands, H, W) int8 noise, one band per size of GRAIN_SIGMAS_M, the same on every call."""
    bands = noise_of(place, model, GRAIN_SIGMAS_M, np.random.default_rng(20))
    return np.stack([_quantised(enlarged(band, shape)) for band in bands])


def noise_of(
    drawn: Chart, model: MorphableModel, sigmas: Sequence[float], rng: np.random.Generator
) -> Iterator[NDArray]:
    """(h, w) noise in a chart for each of the sizes, metres.

    Its variance is one where texels are fine enough; it is laid out in metres on the head (a cylinder, from above on
    the crown), so that it does not stretch with the texture, and fades where a texel is longer than its grain.
    """
    points = drawn.spread(model.mean)
    normals = drawn.spread(vertex_normals(model.mean, model.faces))
    texel = texel_length(drawn, model)
    radius = 0.075
    turn = np.arctan2(points[..., 0], points[..., 2] + 0.08) * radius
    top = smoothstep(normals[..., 1], 0.5, 0.85) * smoothstep(points[..., 1], 0.05, 0.08)
    side_place = np.stack([turn, points[..., 1]], axis=2)
    top_place = points[..., [0, 2]]
    for sigma in sigmas:
        tile = np.pad(rng.standard_normal((512, 512), np.float32), 8, mode="wrap")
        tile = blurred(tile, 1.0)[8:-8, 8:-8]
        tile /= tile.std()
        band = (1 - top) * _tiled(tile, side_place / sigma) + top * _tiled(tile, top_place / sigma)
        yield band * np.minimum(sigma / np.maximum(texel, 1e-9), 1) ** FADE


def _quantised(noise: NDArray) -> NDArray:
    return np.clip(np.rint(noise * NOISE_UNIT), -127, 127).astype(np.int8)


def _tiled(tile: NDArray, place: NDArray) -> NDArray:
    """(H, W) values of a square tile repeated without end, at positions (H, W, 2) in its pixels, bilinear."""
    size = tile.shape[0]
    wrapped = np.pad(tile, ((0, 1), (0, 1)), mode="wrap")
    return remapped(wrapped, np.mod(place, size).astype(np.float32))


def strands(place: Chart, model: MorphableModel, shape: tuple[int, int]) -> NDArray:
    """(H, W) int8: unit noise drawn out along lines from the crown downwards."""
    middle = model.mean.mean(axis=0)
    crown = np.array([0.0, 0.85, -0.53])
    spread = place.spread(model.mean - [0.0, middle[1], model.mean[:, 2].mean()])
    spread /= np.maximum(np.linalg.norm(spread, axis=2, keepdims=True), 1e-9)
    spread = enlarged(spread, shape)
    front = np.cross([1.0, 0.0, 0.0], crown)
    turn = np.arctan2(spread[..., 0], spread @ front.astype(np.float32)) / (2 * np.pi) + 0.5
    down = np.arccos(np.clip(spread @ crown.astype(np.float32), -1, 1)) / np.pi
    rng = np.random.default_rng(21)
    total = np.zeros(shape, np.float32)
    for count, length, share in ((STRANDS // 16, 3, 0.8), (STRANDS // 4, 6, 1.0), (STRANDS, 10, 0.7)):
        noise = rng.standard_normal((64, count), np.float32)
        noise = np.concatenate([noise, noise[:, :8]], axis=1)
        wave = 0.004 * np.sin(40 * turn + 25 * down) if count > 200 else 0
        map_x = (((turn + wave) % 1) * count).astype(np.float32)
        map_y = (down * 64 * length / 10).astype(np.float32)
        total += share * cv2.remap(noise, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    # Around the crown the lines are finer than texels.
    total *= smoothstep(np.sin(np.pi * down), 0.03, 0.2)
    return _quantised(total / total.std())
