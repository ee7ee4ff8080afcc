"""What every texel of the head's skin shows: places, soft zones, distances to features; made once per model and size.

Zones and lines are tied to the model's landmarks, in millimetres from them on the mean head; the skin is one chart
(tools/head/unwrap.py), so that what is continuous on the head is continuous in the texture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import splev, splprep
from scipy.spatial import cKDTree

from maquette.morphable import MorphableModel
from maquette.perception.faces import topology
from maquette.synthesis.hair.scalp import CENTRE, hairline_height
from maquette.synthesis.skin.noise import noise_bank
from maquette.texturing.atlas import Chart, chart
from maquette.texturing.images import smoothstep

FAR_M = 0.05  # distances are only wanted near a feature
FINER = 4  # outlines are drawn so many times finer
COARSER = 4  # what varies slowly is mixed on a grid so many times coarser
SLOW_OCTAVES = ("broad", "patch")
CREASED = {"forehead": 0.35, "neck": 0.6, "socket": 0.8, "cheeks": 0.25}  # where old skin crinkles finely
FAST_OCTAVES = ("blotch", "mottle", "grain")
SLOW_ZONES = ("nose", "bridge", "cheeks", "cheekbones", "forehead", "glabella", "chin", "crease", "socket", "trough",
              "philtrum", "ears", "neck", "under", "lid")  # fmt: skip


@dataclass(frozen=True, eq=False)
class SkinGuide:
    """The skin's texels: the upper `rows` rows of the texture.

    Attributes:
        model: whose charts these are.
        size: of the whole texture, texels.
        place: (R, S, 3) float32 metres on the mean head.
        normal: (R, S, 3) float32 on the mean head.
        zones: name -> (R, S) float32 in 0-1.
        noise: (n, R * S) float32 unit fields: "fast", those of FAST_OCTAVES in turn; "level"; "upright".
        windows: zone -> the smallest rectangle of the texture outside of which it is 0, as an index.
        slow: (n, r * s) float32: SLOW_ZONES and then the fields of SLOW_OCTAVES, COARSER times coarser.
        slow_mean: (n,) their means over the bare face.
        charts: the small charts: "eyeLeft", "eyeRight", "teeth", "tongue".
    """

    model: MorphableModel
    size: int
    place: NDArray
    normal: NDArray
    zones: Mapping[str, NDArray]
    noise: Mapping[str, NDArray]
    charts: Mapping[str, Chart]
    windows: dict[str, tuple[slice, slice]]
    slow: NDArray
    slow_mean: NDArray

    @property
    def rows(self) -> int:
        """How many rows of the texture the skin takes."""
        return self.place.shape[0]


@lru_cache(maxsize=2)
def guide_of(model: MorphableModel, size: int) -> SkinGuide:
    """The guide of a head model; takes seconds, then is kept."""
    floor = model.uvs[np.unique(model.uv_faces[model.parts["skin"]])][:, 1].min()
    rows = int(np.ceil((1 - floor) * size))
    select = np.concatenate([model.parts["skin"], model.parts["mouth"]])
    window = np.array([0, rows, 0, size])
    skin = chart(model.faces, model.uvs, model.uv_faces, select, size, window)
    place = skin.spread(model.mean)
    normal = skin.spread(_normals(model))
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-9)
    small = ("eyeLeft", "eyeRight", "teeth", "tongue")
    charts = {name: chart(model.faces, model.uvs, model.uv_faces, model.parts[name], size) for name in small}
    zones = {name: skin.spread(weights[:, None])[..., 0] for name, weights in model.regions.items()}
    inside = np.zeros((len(model.mean), 1), np.float32)
    inside[np.setdiff1d(model.part_vertices("mouth"), model.part_vertices("skin"))] = 1
    zones["mouth"] = skin.spread(inside)[..., 0]
    bank = noise_bank(place)
    empty = np.zeros((0, 0), np.float32)
    guide = SkinGuide(model, size, place, normal, zones, {}, charts, {}, empty, empty)
    zones.update(_spots(guide))
    zones.update(_eye_zones(guide))
    zones.update(_lip_zones(guide))
    zones.update(_brow_zones(guide))
    zones.update(_hair_zones(guide, zones))
    zones["creased"] = np.sum([share * zones[name] for name, share in CREASED.items()], axis=0)
    windows = {name: window_of(zone > (-15 if name.endswith("mm") else 0.004)) for name, zone in zones.items()}
    maps = [zones[name] for name in SLOW_ZONES] + [field for octave in SLOW_OCTAVES for field in bank[octave]]
    coarse = [cv2.resize(field, (size // COARSER, rows // COARSER), interpolation=cv2.INTER_AREA) for field in maps]
    bare = zones["face"] * (1 - zones["mouth"]) * (1 - zones["hollow"]) > 0.7
    mean = np.array([field[bare].mean() for field in maps], np.float32)
    quick = {name: bank[name].reshape(len(bank[name]), -1) for name in ("level", "upright")}
    quick["fast"] = np.concatenate([bank[name] for name in FAST_OCTAVES]).reshape(-1, rows * size)
    return replace(guide, noise=quick, windows=windows, slow=np.stack(coarse).reshape(len(maps), -1), slow_mean=mean)


@lru_cache(maxsize=16)
def reach_of(guide: SkinGuide, part: str, padding: int = 3) -> NDArray:
    """(h, w) bool: what may be painted of a small chart: a few texels more than its triangles, none of the skin's."""
    part_chart = guide.charts[part]
    reach = cv2.dilate(part_chart.inside.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=padding) > 0
    reach[: max(guide.rows + 1 - part_chart.window[0], 0)] = False
    return reach


def window_of(where: NDArray) -> tuple[slice, slice]:
    """The rectangle around True."""
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _normals(model: MorphableModel) -> NDArray:
    """(V, 3) area-weighted normals of the mean head."""
    a, b, c = (model.mean[model.faces[:, k]] for k in range(3))
    area = np.cross(b - a, c - a)
    total = np.stack([np.bincount(model.faces.ravel(), np.repeat(area[:, k], 3), len(model.mean)) for k in range(3)], 1)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def landmark_places(model: MorphableModel, scheme: str = "ibug68") -> NDArray:
    """(N, 3) metres on the mean head."""
    return model.embeddings[scheme].points(model.mean, model.faces)


def landmark_texels(guide: SkinGuide, scheme: str = topology.SCHEME) -> NDArray:
    """(N, 2) x, y texels of the landmarks."""
    embedding = guide.model.embeddings[scheme]
    uv = embedding.points(guide.model.uvs, guide.model.uv_faces)
    return uv * [guide.size, -guide.size] + [0, guide.size] - 0.5


def blob(guide: SkinGuide, centres: NDArray, radius: float) -> NDArray:
    """(R, S) in 0-1: Gaussians of `radius` metres around the centres (n, 3), the largest of them."""
    squared = [((guide.place - centre.astype(np.float32)) ** 2).sum(axis=2) for centre in np.atleast_2d(centres)]
    return np.exp(-np.min(squared, axis=0) / radius**2).astype(np.float32)


def mirrored_pair(point: NDArray) -> NDArray:
    """(2, 3): a point in millimetres and its mirror image, in metres."""
    return np.array([point, [-point[0], point[1], point[2]]]) * 1e-3


def _spots(guide: SkinGuide) -> dict[str, NDArray]:
    """Soft round zones of the face that differ in blood, melanin and oil."""
    mark = landmark_places(guide.model) * 1e3
    eye, corner, ala = mark[42:48].mean(axis=0), mark[54], mark[35]
    cheek = np.array([eye[0] + 7, (eye[1] + corner[1]) / 2 + 3, eye[2]])
    up = smoothstep(guide.place[..., 1] * 1e3, mark[24][1] + 5, mark[24][1] + 30)
    front = smoothstep(guide.place[..., 2] * 1e3, -70, -30)
    tip = blob(guide, mark[30:31] * 1e-3, 0.013)
    parts = ((-6, 1, 0, 0.012, 0.5), (3, 0, 0, 0.017, 0.6), (14, 2, -8, 0.016, 0.35), (9, -16, -4, 0.018, 0.3))
    apples = np.sum(
        [share * blob(guide, mirrored_pair(cheek + np.array([x, y, z])), radius) for x, y, z, radius, share in parts],
        axis=0,
    )
    return {
        "nose": np.maximum(tip, 0.8 * blob(guide, mirrored_pair(ala + np.array([1, 3, -2])), 0.009)),
        "bridge": blob(guide, curve(mark[27:30] * 1e-3, count=12), 0.010),
        "cheeks": np.clip(apples, 0, 1).astype(np.float32),
        "cheekbones": blob(guide, mirrored_pair(cheek + np.array([10, 8, -4])), 0.017),
        "forehead": (up * front).astype(np.float32),
        "glabella": blob(guide, (mark[27:28] + np.array([0, 14, 4])) * 1e-3, 0.016),
        "chin": blob(guide, (mark[8:9] + np.array([0, 12, 6])) * 1e-3, 0.015),
        "crease": blob(guide, mirrored_pair(ala + np.array([2, -3, -2])), 0.006),
        "socket": blob(guide, mirrored_pair(eye + np.array([-6, 3, 0])), 0.017),
        "trough": blob(
            guide,
            np.concatenate([mirrored_pair(eye + np.array([-6, -9, 0])), mirrored_pair(eye + np.array([2, -11, 0]))]),
            0.009,
        ),
        "philtrum": blob(guide, (mark[51:52] + np.array([0, 7, 0])) * 1e-3, 0.008),
        "under": smoothstep(-guide.normal[..., 1], 0.2, 0.9).astype(np.float32) * (1 - up).astype(np.float32),
    }


def curve(points: NDArray, closed: bool = False, count: int = 200) -> NDArray:
    """(count, D): a smooth curve through points (n, D)."""
    points = np.concatenate([points, points[:1]]) if closed else points
    made, _ = splprep(points.T, s=0, per=closed, k=min(3, len(points) - 1))
    spline = cast(tuple[NDArray, list[NDArray], int], made)  # the stub has a list of any of them
    return np.stack(splev(np.linspace(0, 1, count), spline), axis=1)


def distance(guide: SkinGuide, line: NDArray, reach: float = FAR_M) -> tuple[NDArray, NDArray]:
    """(R, S) metres to the nearest of the points (n, 3), at most `reach`, and (R, S) int, which one that is."""
    near = ((guide.place > line.min(axis=0) - reach) & (guide.place < line.max(axis=0) + reach)).all(axis=2)
    apart, index = np.full(near.shape, reach, np.float32), np.zeros(near.shape, np.int32)
    apart[near], index[near] = cKDTree(line).query(guide.place[near], distance_upper_bound=reach)
    apart = np.minimum(apart, reach)
    return apart, np.minimum(index, len(line) - 1)


def inside_by(guide: SkinGuide, outline: NDArray, most: float = 4.0) -> NDArray:
    """(R, S) float32 texels inside (positive) or outside a closed line of texels (n, 2), to `most` at most."""
    low = np.maximum(np.floor(outline.min(axis=0) - most - 1).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(axis=0) + most + 2).astype(int), guide.place.shape[1::-1])
    canvas = np.zeros((high - low)[::-1] * FINER, np.uint8)
    corners = ((outline - low + 0.5) * FINER - 0.5) * 16
    cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], (1,), cv2.LINE_8, 4)
    apart = cv2.distanceTransform(canvas, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - canvas, cv2.DIST_L2, 5)
    inward = np.full(guide.place.shape[:2], -most, np.float32)
    small = cv2.resize(apart / FINER, tuple(int(k) for k in high - low), interpolation=cv2.INTER_AREA)
    inward[low[1] : high[1], low[0] : high[0]] = np.clip(small, -most, most)
    return inward


def _inward(guide: SkinGuide, indices: Sequence[int], reach: float = FAR_M) -> NDArray:
    """(R, S) metres inside (positive) or outside (negative) a closed ring of landmarks."""
    marks = list(indices)
    apart, _ = distance(guide, curve(landmark_places(guide.model, topology.SCHEME)[marks], True, 400), reach)
    # The sign passes zero over a texel's width: a sign per texel would draw the border as a staircase.
    return apart * np.clip(inside_by(guide, curve(landmark_texels(guide)[marks], True, 400)) / 0.8, -1, 1)


def _eye_zones(guide: SkinGuide) -> dict[str, NDArray]:
    """Lid margins, lash lines, upper lids and the inside of the lids."""
    names = ("margin", "lash", "liner", "lidfold", "lid")
    rings = {name: np.zeros(guide.place.shape[:2], np.float32) for name in names}
    hollow = np.zeros_like(rings["lid"])
    places = landmark_places(guide.model, topology.SCHEME)
    for ring in (topology.RIGHT_EYE, topology.LEFT_EYE):
        inward = _inward(guide, ring) * 1e3
        upper = curve(places[[ring[0], *ring[:8:-1], ring[8]]], False, 200)
        apart, index = distance(guide, upper, 0.02)
        above = (guide.place[..., 1] > upper[index][..., 1] - 0.0005) & (inward < 0.4)
        ends = np.sin(np.pi * np.clip(index / 199, 0.02, 0.98)) ** 0.5
        apart = apart * 1e3
        hollow = np.maximum(hollow, smoothstep(inward, 0.3, 1.6))
        add = {
            "margin": np.exp(-((inward / 1.3) ** 2)),
            "lash": np.exp(-((apart / 0.75) ** 2)) + 0.35 * np.exp(-(((inward + 0.2) / 0.6) ** 2)),
            "liner": np.exp(-((apart / 1.3) ** 2)) * (inward < 0.6),
            "lidfold": np.exp(-(((apart - 5.2 * ends) / 0.9) ** 2)) * above * ends,
            "lid": smoothstep(9.0 - apart, 0, 5) * above,
        }
        for name, value in add.items():
            rings[name] = np.maximum(rings[name], value.astype(np.float32))
    rings["hollow"] = hollow.astype(np.float32)
    return rings


def _lip_zones(guide: SkinGuide) -> dict[str, NDArray]:
    """The red of the lips, its border and the parting line."""
    outer = _inward(guide, topology.LIPS, 0.02) * 1e3
    inner = _inward(guide, topology.MOUTH_OPENING, 0.02) * 1e3
    red = smoothstep(outer, -0.9, 1.1) * (1 - guide.zones["mouth"])
    return {
        "red": red.astype(np.float32),
        "lipedge": (np.exp(-(((outer + 0.3) / 1.0) ** 2))).astype(np.float32),
        "parting": np.exp(-((inner / 1.1) ** 2)).astype(np.float32),
        "lipsoft": smoothstep(outer, -3.5, 3.0).astype(np.float32),
    }


def _brow_zones(guide: SkinGuide) -> dict[str, NDArray]:
    """Both brows: `brow` in 0-1 across, `browalong` 0 at the outer end to 1 at the nose."""
    places = landmark_places(guide.model, topology.SCHEME)
    total = np.zeros(guide.place.shape[:2], np.float32)
    along = np.zeros_like(total)
    for ring in (topology.RIGHT_BROW, topology.LEFT_BROW):
        low, high = places[list(ring[:5])], places[list(ring[:4:-1])]
        line = curve((low + high) / 2, False, 200)
        half = np.interp(np.linspace(0, 4, 200), np.arange(5), np.linalg.norm(high - low, axis=1) / 2)
        taper = np.interp(np.linspace(0, 1, 200), [0, 0.25, 0.8, 1], [0.45, 0.9, 1, 1.05])
        half = np.clip(half, 0.0012, 0.0042) * taper
        apart, index = distance(guide, line, 0.02)
        value = 1 - smoothstep(apart / half[index], 0.45, 1.45)
        total = np.maximum(total, value).astype(np.float32)
        along = np.where(value > 0, index / 199, along).astype(np.float32)
    return {"brow": total, "browalong": along}


def _hair_zones(guide: SkinGuide, zones: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Where hair grows: beard, moustache and scalp."""
    mark = landmark_places(guide.model) * 1e3
    x, y, z = (guide.place[..., k] * 1e3 for k in range(3))
    side = np.abs(x)
    nose, ala, corner, ear = mark[33], mark[35], mark[54], mark[16]
    edge = np.array([[0, nose[1] - 3], [ala[0], nose[1] - 3], [ala[0] + 6, nose[1] - 7], [corner[0] + 5, corner[1] + 5],
            [corner[0] + 14, corner[1] + 1], [corner[0] + 26, corner[1] + 10], [ear[0] - 10, corner[1] + 26],
            [ear[0] - 4, ear[1] - 22], [ear[0] + 1, ear[1] + 8]])  # fmt: skip
    line = np.interp(side, edge[:, 0], edge[:, 1])
    beard = 1 - smoothstep(y - line, -6, 2)
    beard *= smoothstep(z, -68, -52) * smoothstep(y, mark[8][1] - 22, mark[8][1] - 8)
    beard *= np.maximum(smoothstep(z, -50, -30), smoothstep(y, corner[1] - 10, corner[1] + 10))
    beard *= (1 - zones["lipsoft"]) * (1 - smoothstep(zones["ears"], 0.05, 0.4)) * (1 - zones["mouth"])
    lip = 1 - smoothstep(np.hypot(x / 24, (y - (nose[1] - 9)) / 10), 0.7, 1.25)
    above = (y * 1e-3 - hairline_height(guide.place - CENTRE)) * 1e3
    above = np.where(zones["ears"] > 0.15, -20, np.clip(above, -20, 30))
    return {
        "beard": (beard**1.5).astype(np.float32),
        "moustache": (lip * beard * smoothstep(z, 10, 20)).astype(np.float32),
        "overhairline_mm": above.astype(np.float32),
    }
