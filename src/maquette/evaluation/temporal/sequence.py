"""How steady a sequence of reconstructions is: jitter of positions, and drift of identity.

Jitter alone rewards a result that does not move at all, so it is read beside an error against truth. A still picture
repeated has jitter 0 and drift 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Camera
from maquette.evaluation.image_space.face_result import head_model, read_face_arrays
from maquette.evaluation.image_space.result_files import cameras_of, result_files
from maquette.evaluation.table import Table
from maquette.geometry.camera import project
from maquette.perception.faces.topology import SCHEME

COLUMNS = (
    "subject",
    "frames",
    "steps",
    "head jitter mm",
    "camera jitter mm",
    "image jitter px",
    "identity drift mm",
    "size drift %",
    "coefficient spread",
)


def second_difference(points: NDArray, order: NDArray | None = None) -> NDArray:
    """Positions at t+1 less twice those at t plus those at t-1: (M, V, D), the unit of the positions per frame^2.

    Args:
        points: (N, V, D) positions over time, N >= 3.
        order: (N,) numbers or times of the frames, ascending; only triples as far apart as most neighbours are
            count, so that a lost frame is no jump. None: all follow each other.

    Returns:
        M <= N - 2 rows, one per triple.

    Raises:
        BadInput: fewer than three frames, NaN, `order` of another length or not ascending, no triple left.

    Example:
        >>> second_difference(np.array([0.0, 1.0, 4.0, 9.0]).reshape(4, 1, 1)).ravel()
        array([2., 2.])
    """
    points = _sequence("positions", points)
    if len(points) < 3:
        raise BadInput(f"jitter: wanted at least 3 frames, got {len(points)}")
    differences = points[2:] - 2 * points[1:-1] + points[:-2]
    if order is None:
        return differences
    even = _even(np.asarray(order, float), len(points))
    if not even.any():
        raise BadInput("jitter: no three frames follow each other evenly: give frames without gaps")
    return differences[even]


def jitter(points: NDArray, order: NDArray | None = None) -> float:
    """Mean norm of the second difference over points and time; the unit of the positions per frame^2.

    Args:
        points: (N, V, D); order: as `second_difference`.

    Raises:
        BadInput: as `second_difference`.
    """
    return float(np.linalg.norm(second_difference(points, order), axis=2).mean())


def identity_drift(neutral: NDArray) -> float:
    """Mean over the vertices of their standard deviation over time, sqrt(mean |v - mean v|^2); the vertices' unit.

    Args:
        neutral: (N, V, D) of one subject without expression and pose, N >= 2.

    Raises:
        BadInput: fewer than two frames, NaN.
    """
    neutral = _sequence("neutral vertices", neutral)
    if len(neutral) < 2:
        raise BadInput(f"identity drift: wanted at least 2 frames, got {len(neutral)}")
    return float(np.sqrt(np.sum((neutral - neutral.mean(axis=0)) ** 2, axis=2).mean(axis=0)).mean())


def coefficient_spread(coefficients: NDArray) -> float:
    """Root mean square over the K coefficients of their standard deviation over time.

    Args:
        coefficients: (N, K), N >= 2.

    Raises:
        BadInput: fewer than two frames, NaN.
    """
    values = _sequence("coefficients", np.asarray(coefficients)[..., None])
    if len(values) < 2:
        raise BadInput(f"coefficient spread: wanted at least 2 frames, got {len(values)}")
    return float(np.sqrt(values.var(axis=0).mean()))


@dataclass(frozen=True, eq=False)
class Track:
    """One subject over time, N frames.

    Attributes:
        name: the subject, "face-1".
        order: (N,) float64 ascending: time in seconds, or the number in the frame's name, or the position.
        head: (N, V, 3) metres, the face's vertices in the head's frame; camera: the same in the camera's frame.
        landmarks: (N, L, 2) pixels of the full frame.
        neutral: (N, V, 3) metres, the face without expression at its size.
        identity: (N, K); scale: (N,).
    """

    name: str
    order: NDArray
    head: NDArray
    camera: NDArray
    landmarks: NDArray
    neutral: NDArray
    identity: NDArray
    scale: NDArray

    def measure(self) -> tuple:
        """The row of the table."""
        steps = len(second_difference(self.head, self.order))
        moving = [jitter(points, self.order) for points in (1000 * self.head, 1000 * self.camera, self.landmarks)]
        size = 100 * float(self.scale.std() / self.scale.mean())
        drift, spread = identity_drift(1000 * self.neutral), coefficient_spread(self.identity)
        return self.name, len(self.order), steps, *moving, drift, size, spread


def evaluate_temporal(folder: str | Path) -> Table:
    """Jitter and drift over the results of consecutive frames.

    Args:
        folder: OUT of `maquette face` on the frames of a clip; frames are sorted by the array `time` of parameters.npz
            (seconds) where there is one, else by the number at the end of their name. One parameters.npz with several
            photos is a clip too.

    Returns:
        A row per subject. "face-2" counts from the left of each frame and is not tracked.

    Raises:
        BadInput: one line: no results, fewer than three frames, a broken file, another model in between.
    """
    tracks, left_out = read_tracks(Path(folder))
    rows = tuple(track.measure() for track in tracks)
    curves = {
        f"{track.name} head": np.linalg.norm(1000 * second_difference(track.head, track.order), axis=2).mean(axis=1)
        for track in tracks
    }
    notes = (
        "jitter: mean norm of the second difference per frame^2, over the vertices of the face or the landmarks; "
        "head: in the head's frame (expression and identity), camera: with pose and distance, image: full frame",
        "steps: triples of evenly spaced frames; frames around a gap are left out",
        "identity drift: standard deviation over time of the neutral face's vertices; size drift: of its scale; "
        "coefficient spread: of the identity weights, in standard deviations of the model",
        "smoothness alone proves nothing: read it beside an error against truth",
        *left_out,
    )
    title = f"Steadiness: {Path(folder).name}, {sum(row[1] for row in rows)} frames"
    return Table(title, COLUMNS, rows, notes, curves, "mm per frame^2")


def read_tracks(folder: Path) -> tuple[list[Track], list[str]]:
    """The subjects under OUT, each over its frames, and a remark on each that has too few of them.

    Raises:
        BadInput: as `evaluate_temporal`; no subject has three frames in a row.
    """
    groups: dict[str, list[tuple[Path, dict[str, NDArray]]]] = {}
    for path in result_files(folder):
        groups.setdefault(path.parent.name, []).append((path, read_face_arrays(path)))
    tracks, left_out = [], []
    for name, files in sorted(groups.items()):
        track = _track(name, files)
        if len(track.order) >= 3 and _even(track.order, len(track.order)).any():
            tracks.append(track)
        else:
            left_out.append(f"{name}: left out, its {len(track.order)} frames hold no three in a row")
    if not tracks:
        raise BadInput(f"{folder}: {'; '.join(left_out)}: wanted results of at least 3 frames of a clip in a row")
    return tracks, left_out


def frame_numbers(names: Sequence[str]) -> NDArray:
    """(N,) float64: the numbers at the end of names that are else equal; of other names, their places when sorted.

    Example:
        >>> frame_numbers(["f10", "f9"]), frame_numbers(["b", "a"])
        (array([10.,  9.]), array([1., 0.]))
    """
    found = [re.fullmatch(r"(.*?)(\d+)", name) for name in names]
    numbers = [float(match[2]) for match in found if match]
    if len(set(numbers)) == len(names) and len({match[1] for match in found if match}) == 1:
        return np.array(numbers)
    return np.argsort(np.argsort(np.array(names), kind="stable"), kind="stable").astype(float)


def _track(name: str, files: list[tuple[Path, dict[str, NDArray]]]) -> Track:
    """One subject from its files, frames in order."""
    times = [parameters["time"] for _, parameters in files if "time" in parameters]
    frames = [(path, parameters, k) for path, parameters in files for k in range(len(parameters["photo"]))]
    # Photos have no time: theirs is NaN.
    if len(times) == len(files) and not any(np.isnan(np.asarray(time, float)).all() for time in times):
        order = np.concatenate([np.ravel(time) for time in times]).astype(float)
    else:
        order = frame_numbers([Path(str(parameters["photo"][k])).stem for _, parameters, k in frames])
    if len(order) != len(frames) or not np.isfinite(order).all() or len(set(order)) < len(order):
        raise BadInput(f"{files[0][0]}: time: wanted one per frame of {name}, finite and all different")
    states = [_state(path, parameters, k) for path, parameters, k in (frames[i] for i in np.argsort(order))]
    if len({state["identity"].shape for state in states}) > 1 or len({str(p["model"]) for _, p in files}) > 1:
        raise BadInput(f"{files[0][0]}: the frames of {name} come from different models; wanted one")
    stacked = {key: np.stack([state[key] for state in states]) for key in states[0]}
    return Track(name, np.sort(order), **stacked)


def _state(path: Path, parameters: dict[str, NDArray], index: int) -> dict[str, NDArray]:
    """One frame of a track."""
    model, camera = head_model(parameters, path), cameras_of(parameters, path)[index]
    scale = float(np.ravel(parameters["scale"])[0])
    face = model.regions["face"] > 0.5
    identity = np.asarray(parameters["identity"], float)
    vertices = model.vertices(identity, parameters["expression"][index], scale).astype(float)
    points = model.embeddings[SCHEME].points(vertices, model.faces)
    pose = camera.world_to_camera
    return {
        "head": vertices[face],
        "camera": vertices[face] @ pose[:3, :3].T + pose[:3, 3],
        "landmarks": _full_frame(camera, points, parameters["box"][index]),
        "neutral": model.vertices(identity, np.zeros(len(model.expression_names)), scale)[face].astype(float),
        "identity": identity,
        "scale": np.array(scale),
    }


def _full_frame(camera: Camera, points: NDArray, box: NDArray) -> NDArray:
    """(N, 2) pixels of the full frame: the crop moves with the face, the frame does not."""
    return project(camera, points)[0] * (box[2:] - box[:2]) / np.array(camera.size) + box[:2]


def _sequence(name: str, values: NDArray) -> NDArray:
    values = np.asarray(values, float)
    if values.ndim != 3 or 0 in values.shape:
        raise BadInput(f"{name}: wanted shape (N, V, D) without an empty axis, got {values.shape}")
    bad = ~np.isfinite(values).all(axis=(1, 2))
    if bad.any():
        raise BadInput(f"{name}: frame {int(np.argmax(bad))} holds NaN or infinity ({bad.sum()} of {len(bad)} frames)")
    return values


def _even(order: NDArray, count: int) -> NDArray:
    """(N - 2,) bool: triples whose two steps are both the usual one."""
    if order.shape != (count,) or not np.isfinite(order).all() or not (np.diff(order) > 0).all():
        raise BadInput(f"order: wanted {count} ascending numbers, one per frame, got shape {order.shape}")
    steps = np.diff(order)
    usual = np.isclose(steps, np.median(steps), rtol=0.25)  # timestamps are rounded to milliseconds
    return usual[1:] & usual[:-1]
