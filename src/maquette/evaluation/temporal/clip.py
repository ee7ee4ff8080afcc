"""How steady the people of a clip are: crops, silhouettes, surfaces and joints from one frame to the next.

Steadiness alone rewards a result that does not move at all: read it beside the scores of `evaluate imagespace`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.evaluation.image_space.person_mesh import PersonMesh, moved_camera, read_person_mesh
from maquette.evaluation.image_space.rendering import resample_box
from maquette.evaluation.image_space.views import PersonView, clip_views, manifest_of
from maquette.evaluation.shapes import distances
from maquette.evaluation.silhouettes import silhouette_iou
from maquette.evaluation.table import Table
from maquette.evaluation.temporal.sequence import second_difference
from maquette.evaluation.temporal.vanished import vanished
from maquette.geometry.raycast import render_buffers
from maquette.outputs.reports.manifest import read_manifest
from maquette.sources import video

SIDE = 256  # pixels, longer side of the pictures in which silhouettes are compared
SAMPLES = 2000  # points per mesh for the Chamfer distance
GAP = 1.5  # usual steps beyond which two frames are no neighbours
JOINTS = ("mediapipe33", "body25", "coco17")
COLUMNS = (
    "person",
    "frames",
    "missing",
    "vanished",
    "pairs",
    "rect jitter px",
    "rect jitter %",
    "silhouette IoU",
    "IoU after flow",
    "Chamfer mm",
    "joint acceleration m/s2",
)


def rect_jitter(rects: NDArray, order: NDArray | None = None) -> float:
    """Root mean square over time of the noise in centre and size of (N, 4) rects x, y, w, h; their unit.

    It is taken from second differences, whose deviation is sqrt(6) times that of white noise: steady motion is no
    jitter, and unsmoothed noise of 3 pixels has jitter 3.

    Args:
        order: (N,) times or numbers of the frames, ascending; frames beside a gap do not count.

    Raises:
        BadInput: fewer than three frames in a row.
    """
    rects = np.asarray(rects, float)
    states = np.concatenate([rects[:, :2] + rects[:, 2:] / 2, rects[:, 2:]], axis=1)
    return float(np.sqrt(np.mean(second_difference(states[:, None], order) ** 2) / 6))


def acceleration(points: NDArray, times: NDArray) -> NDArray:
    """(N - 2, K) norm of the second derivative over uneven times, unit per second^2.

    Args:
        points: (N, K, D); times: (N,) seconds, ascending.

    Example:
        >>> acceleration(np.array([0.0, 1.0, 9.0]).reshape(3, 1, 1) ** 2, np.array([0.0, 1.0, 9.0]))
        array([[2.]])
    """
    points, times = np.asarray(points, float), np.asarray(times, float)
    speed = np.diff(points, axis=0) / np.diff(times)[:, None, None]
    return np.linalg.norm(2 * np.diff(speed, axis=0) / (times[2:] - times[:-2])[:, None, None], axis=2)


def flow_warped(mask: NDArray, before: NDArray, after: NDArray) -> NDArray:
    """A mask of one picture carried to the next by optical flow (DIS, Kroeger et al. 2016).

    Args:
        mask: (H, W) bool; before, after: (H, W, 3) uint8, the pictures.

    Returns:
        (H, W) bool.
    """
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (after, before)]
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = estimator.calc(grey[0], grey[1], None)  # type: ignore[call-overload]  # the stub wants a first guess
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    moved = cv2.remap(mask.astype(np.float32), x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
    return moved > 0.5


def evaluate_clip(
    folder: str | Path, clip: str | Path | None = None, flow: bool = True, generator: np.random.Generator | None = None
) -> Table:
    """Temporal measures of the results of `maquette video --subject person`.

    Args:
        folder: OUT, or a folder of people in it.
        clip: the clip, if it is no longer where the manifest says; without it there is no flow.
        flow: whether silhouettes are also compared after optical flow has carried one to the next frame.
        generator: draws the points for Chamfer distances; None is seed 0.

    Returns:
        A row per person.

    Raises:
        BadInput: one line: no manifest, a broken file, nobody with two frames in a row.
    """
    folder, generator = Path(folder), generator or np.random.default_rng(0)
    manifest = manifest_of(folder)
    if manifest is None:
        raise BadInput(f"{folder}: holds no manifest.json, wanted the output folder of maquette video")
    views = clip_views(manifest, folder)
    opened, remarks = _clip(views, clip) if flow else (None, [])
    numbers = [int(frame["frame"]) for frame in read_manifest(manifest.parent)["frames"]]
    gone = {} if opened is None else vanished(views, numbers, opened)
    rows, curves = [], {}
    for name in dict.fromkeys(view.name for view in views):
        of_person = [view for view in views if view.name == name]
        seen = [view for view in of_person if not view.lost]
        if len(seen) < 2:
            remarks.append(f"{name}: left out, {len(seen)} of its {len(of_person)} frames have a mesh")
            continue
        measured = _measured(seen, opened, generator)
        counts = len(seen), len(of_person) - len(seen), gone.get(name), len(measured.chamfer)
        rows.append((name, *counts, *measured.row(seen)))
        curves[name] = 1000 * np.array(measured.chamfer)
    if not rows:
        raise BadInput(f"{folder}: nobody with two frames in a row: {'; '.join(remarks) or 'the manifest is empty'}")
    notes = (
        "rect jitter: noise of the crop's centre and size as a standard deviation, from second differences; % of its "
        "side",
        "silhouette IoU: of rendered meshes of neighbouring frames, in the whole frame: motion lowers it; after flow: "
        "one is carried to the other by the optical flow of the pictures",
        "Chamfer: between the meshes of neighbouring frames in the world, motion included",
        "joint acceleration: mean over joints and frames, of the fitted body",
        "pairs: neighbouring frames; missing: frames without a result; vanished: frames in which somebody still stands "
        "where the person was, and has none",
        *remarks,
    )
    return Table(f"Steadiness: {folder.name}, {len(rows)} people", COLUMNS, tuple(rows), notes, curves, "mm")


@dataclass(frozen=True, eq=False)
class _Measured:
    """Values per pair of neighbouring frames, and joints per frame."""

    iou: list[float]
    flowed: list[float]
    chamfer: list[float]
    joints: list[NDArray | None]

    def row(self, views: Sequence[PersonView]) -> tuple[float | None, ...]:
        """The columns from rect jitter on."""
        rects = np.array([np.concatenate([view.box[:2], view.box[2:] - view.box[:2]]) for view in views])
        order = np.array([view.number for view in views], float)
        try:
            jitter = rect_jitter(rects, order)
        except BadInput:  # never three frames in a row
            jitter = None
        share = None if jitter is None else 100 * jitter / float(rects[:, 2:].max(axis=1).mean())
        chamfer = 1000 * float(np.mean(self.chamfer)) if self.chamfer else None
        iou, flowed = (float(np.mean(values)) if values else None for values in (self.iou, self.flowed))
        return jitter, share, iou, flowed, chamfer, self._acceleration(np.array([view.time for view in views], float))

    def _acceleration(self, times: NDArray) -> float | None:
        values = []
        usual = float(np.median(np.diff(times)))
        for k in range(len(times) - 2):
            triple = [points for points in self.joints[k : k + 3] if points is not None]
            if len(triple) == 3 and np.diff(times[k : k + 3]).max() <= GAP * usual:
                values.append(acceleration(np.stack(triple), times[k : k + 3]).mean())
        return float(np.mean(values)) if values else None


@dataclass(frozen=True, eq=False)
class _Shown:
    """A person in one frame: its view, its mesh, and the whole frame (H, W, 3) or None."""

    view: PersonView
    mesh: PersonMesh
    frame: NDArray | None


def _measured(views: Sequence[PersonView], clip: video.Clip | None, generator: np.random.Generator) -> _Measured:
    measured = _Measured([], [], [], [])
    numbers = [view.number for view in views]
    usual = float(np.median(np.diff(numbers)))
    earlier: _Shown | None = None
    for view, frame in zip(views, _pictures(clip, numbers)):
        shown = _Shown(view, read_person_mesh(view), frame)
        keypoints = shown.mesh.keypoints
        measured.joints.append(next((keypoints[scheme] for scheme in JOINTS if scheme in keypoints), None))
        if earlier is not None and view.number - earlier.view.number <= GAP * usual:
            box, size = _common_grid(earlier.view, view)
            first, second = (_silhouette(one, box, size) for one in (earlier, shown))
            measured.iou.append(silhouette_iou(first, second))
            if frame is not None and earlier.frame is not None:
                cuts = [_cut(whole, box, size) for whole in (earlier.frame, frame)]
                measured.flowed.append(silhouette_iou(flow_warped(first, *cuts), second))
            measured.chamfer.append(distances(earlier.mesh.shape, shown.mesh.shape, generator, SAMPLES).chamfer)
        earlier = shown
    return measured


def _common_grid(earlier: PersonView, later: PersonView) -> tuple[NDArray, tuple[int, int]]:
    """The (4,) box that two crops cover together, and (width, height) of a picture of it."""
    boxes = np.stack([earlier.box, later.box])
    box = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    extent = box[2:] - box[:2]
    width, height = np.maximum(np.round(extent * SIDE / extent.max()), 8).astype(int).tolist()
    return box, (width, height)


def _silhouette(shown: _Shown, box: NDArray, size: tuple[int, int]) -> NDArray:
    """(H, W) bool, of the mesh in a picture of the box."""
    camera, shape = moved_camera(shown.view, box, size), shown.mesh.shape
    return render_buffers(camera, shape.vertices, shape.faces)[0] >= 0


def _cut(picture: NDArray, box: NDArray, size: tuple[int, int]) -> NDArray:
    """The part (4,) box of a whole frame as (H, W, 3), black beyond the frame."""
    whole = np.array([0, 0, picture.shape[1], picture.shape[0]], float)
    return resample_box(picture, whole, box, size, cv2.INTER_LINEAR)


def _clip(views: Sequence[PersonView], given: str | Path | None) -> tuple[video.Clip | None, list[str]]:
    """The clip of the views; None with a remark where it cannot be read."""
    if not views:
        return None, []
    try:
        return video.open_clip(given or views[0].picture), []
    except BadInput as error:
        if given is not None:
            raise
        return None, [f"no flow: {error}"]


def _pictures(clip: video.Clip | None, numbers: Sequence[int]) -> Iterator[NDArray | None]:
    """(H, W, 3) of each frame, or None."""
    if clip is None:
        yield from (None for _ in numbers)
        return
    coming = video.frames_at(clip, numbers)
    found = next(coming, None)
    for wanted in numbers:
        while found is not None and found[0] < wanted:
            found = next(coming, None)
        yield found[1].pixels if found is not None and found[0] == wanted else None
