"""How well the meshes of people fit the pictures they were made from (see `face` for heads).

Each mesh is rendered with its stored camera and compared with a person mask that is made afresh from the picture:
overlap of the silhouettes and of their boundaries, normals against those a method predicted, colours where the texture
was photographed, key points of the fitted body against freshly detected ones. Frames that are blurred, crowded or in a
pose outside the range are flagged: a bad score there says more about the picture than about the method.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Frame, Observation
from maquette.evaluation.image_space.person_mesh import (
    PersonMesh,
    PersonRender,
    moved_camera,
    read_person_mesh,
    render_person,
)
from maquette.evaluation.image_space.rendering import resample_box
from maquette.evaluation.image_space.result_files import read_normals
from maquette.evaluation.image_space.views import PARAMETRIC, SURFACE, PersonView
from maquette.evaluation.normals import normal_cosine
from maquette.evaluation.pictures import LEAST_PIXELS, inner_scores
from maquette.evaluation.silhouettes import boundary_f, silhouette_iou
from maquette.geometry.camera import project
from maquette.perception.boxes import overlap

LARGEST_SIDE = 512  # pixels; larger pictures are compared at this size
SAME_PERSON = 0.3  # overlap of a stored crop and one found again
SURE = 0.5  # confidence from which a key point counts
CROWD = 0.05  # of the person's own area that others may fill in the crop
SHARP_HEIGHT = 256  # pixels to which the person is brought, so that a larger picture is no sharper
BLURRED = 0.4  # of `detail`: below this a frame is called blurred
LEANING_DEG = 50.0  # from hips to shoulders against the vertical
TURNED_DEG = 60.0  # of the shoulders from facing the camera
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 11, 12, 23, 24  # of MediaPipe's 33
MEASURES = (
    "silhouette IoU",
    "boundary F",
    "normal cosine",
    "back cosine",
    "masked SSIM",
    "masked PSNR dB",
    "keypoints px",
    "keypoints %",
)


@dataclass(frozen=True)
class PersonThresholds:
    """Below (key points: above) which a frame's fit counts as failed; None: never.

    Attributes:
        iou: least overlap of silhouettes by method; a body without clothes and hair cannot reach what a surface can.
        boundary: least boundary F by method.
        cosine: least mean cosine of normals, front and back. ssim: least masked SSIM.
        keypoints: largest mean distance, percent of the person's height in the picture.
    """

    iou: Mapping[str, float | None]
    boundary: Mapping[str, float | None]
    cosine: float | None = 0.7
    ssim: float | None = None
    keypoints: float | None = 5.0

    def failed(self, scores: Mapping[str, float | None], method: str) -> list[str]:
        """Names of the measures that miss their threshold; a measure that was not taken fails nothing."""
        least = {
            "silhouette IoU": self.iou.get(method),
            "boundary F": self.boundary.get(method),
            "normal cosine": self.cosine,
            "back cosine": self.cosine,
            "masked SSIM": self.ssim,
        }
        known = {name: value for name, value in scores.items() if value is not None}
        missed = [name for name, low in least.items() if low is not None and known.get(name, low) < low]
        if self.keypoints is not None and known.get("keypoints %", 0) > self.keypoints:
            missed.append("keypoints %")
        return missed


PERSON_DEFAULTS = PersonThresholds(iou={PARAMETRIC: 0.85, SURFACE: 0.92}, boundary={PARAMETRIC: None, SURFACE: 0.5})


@dataclass(frozen=True, eq=False)
class ViewScores:
    """One mesh against its picture.

    Attributes:
        scores: measure -> value, None where it could not be taken.
        flags: what is odd about the picture: "blurred", "crowded", "pose: ..." and the remark of the manifest.
        pixels: (H, W, 3) uint8, the part of the picture that was compared; mask: (H, W) bool, the person; drawn.
        box: (4,) that part in pixels of the whole picture; vertices: (V, 3) metres, world, of the mesh.
    """

    scores: dict[str, float | None]
    flags: tuple[str, ...]
    pixels: NDArray
    mask: NDArray
    drawn: PersonRender
    box: NDArray
    vertices: NDArray

    @property
    def overlap(self) -> float:
        """Of the silhouettes, 0-1; it can always be taken."""
        return self.scores["silhouette IoU"] or 0.0


def score_view(view: PersonView, frame: Frame, people: list[Observation], normals: Path | None = None) -> ViewScores:
    """Measure one mesh.

    Args:
        view: which mesh, camera and crop.
        frame: the whole picture, upright.
        people: everybody who is found in it.
        normals: folder with <picture stem>.png to compare with; None: normals_front.png and normals_back.png of the
            result.

    Raises:
        BadInput: no mesh, a broken file, a picture of another size.
        LookupError: nobody is found where the result's person was.
    """
    if view.box[0] >= frame.size[0] or view.box[1] >= frame.size[1] or (view.box[2:] <= 0).any():
        crop = f"{frame.size[0]} x {frame.size[1]} pixels do not hold the crop {view.box.round().astype(int).tolist()}"
        raise BadInput(f"{view.shown}: {crop} of {view.folder}: give the picture that the result was made from")
    own = same_person(view, people)
    mesh = read_person_mesh(view)
    box, size = common_grid(view, own, mesh, frame.size)
    camera = moved_camera(view, box, size)
    drawn = render_person(mesh, camera)
    mask = resample_box(own.mask, own.box, box, size, cv2.INTER_LINEAR) > 0.5
    x0, y0, x1, y1 = box.astype(int)
    pixels = cv2.resize(frame.pixels[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    scores: dict[str, float | None] = dict.fromkeys(MEASURES)
    scores["silhouette IoU"] = silhouette_iou(drawn.inside, mask)
    scores["boundary F"] = boundary_f(drawn.inside, mask)
    for name, rendered, stored in (
        ("normal cosine", drawn.normals, stored_normals(view, "front", normals)),
        ("back cosine", drawn.back, None if normals else stored_normals(view, "back", None)),
    ):
        if stored is not None:
            wanted = resample_box(stored, view.box, box, size, cv2.INTER_NEAREST)
            known = drawn.inside & mask & (np.linalg.norm(wanted, axis=2) > 0.5) & rendered.any(axis=2)
            if np.count_nonzero(known) >= LEAST_PIXELS:
                scores[name] = normal_cosine(rendered, wanted, known)
    if drawn.colour is not None:
        area = drawn.photographed & mask
        scores["masked SSIM"], scores["masked PSNR dB"] = inner_scores(drawn.colour, pixels, area)
    scores["keypoints px"], scores["keypoints %"] = keypoint_error(view, own, mesh)
    others = [
        resample_box(other.mask, other.box, box, size, cv2.INTER_LINEAR) > 0.5 for other in people if other is not own
    ]
    return ViewScores(scores, flags_of(view, own, pixels, mask, others), pixels, mask, drawn, box, mesh.shape.vertices)


def same_person(view: PersonView, people: list[Observation]) -> Observation:
    """Who of the people the view shows, by overlap of crops. Raises LookupError if it is nobody."""
    overlaps = [overlap(view.box, person.box) for person in people]
    if not overlaps or max(overlaps) < SAME_PERSON:
        raise LookupError(f"no person found again at {np.round(view.box).astype(int).tolist()} of {view.shown}")
    return people[int(np.argmax(overlaps))]


def common_grid(
    view: PersonView, own: Observation, mesh: PersonMesh, full: tuple[int, int]
) -> tuple[NDArray, tuple[int, int]]:
    """What is compared: all that mesh and person fill in the picture, so that nothing that sticks out is forgiven.

    Returns:
        (4,) whole pixels of the picture, and (width, height) of the grid, at most LARGEST_SIDE.
    """
    camera = view.known_camera
    points, _ = project(camera, mesh.shape.vertices)
    points = points / np.array(camera.size, float) * (view.box[2:] - view.box[:2]) + view.box[:2]
    low = np.floor(np.minimum(np.minimum(view.box[:2], own.box[:2]), points.min(axis=0) - 2))
    high = np.ceil(np.maximum(np.maximum(view.box[2:], own.box[2:]), points.max(axis=0) + 2))
    low, high = np.clip(low, 0, np.array(full) - 2), np.minimum(high, full)
    extent = np.maximum(high - low, 2)
    shrink = min(1.0, LARGEST_SIDE / extent.max())
    size = tuple(max(2, round(float(side) * shrink)) for side in extent)
    return np.concatenate([low, low + extent]), (size[0], size[1])


def keypoint_error(view: PersonView, own: Observation, mesh: PersonMesh) -> tuple[float | None, float | None]:
    """Mean distance of the body's key points to the seen ones: pixels of the picture, percent of the person's height.

    The height is that of the person's mask in the picture. None where there is no body or nothing is seen.
    """
    points = mesh.keypoints.get(own.landmark_scheme)
    sure = own.landmark_confidence >= SURE
    if points is None or len(points) != len(own.landmarks) or not sure.any():
        return None, None
    camera = view.known_camera
    projected = project(camera, points)[0] / camera.size * (view.box[2:] - view.box[:2]) + view.box[:2]
    per_crop = (own.box[2:] - own.box[:2]) / own.frame.size
    seen = own.landmarks[:, :2] * per_crop + own.box[:2]
    away = float(np.linalg.norm(projected - seen, axis=1)[sure].mean())
    rows = np.flatnonzero((own.mask > 0.5).any(axis=1))
    tall = (np.ptp(rows) + 1) * per_crop[1] if len(rows) else 0.0
    return away, float(100 * away / tall) if tall > 0 else None


def stored_normals(view: PersonView, side: str, folder: Path | None) -> NDArray | None:
    """(H, W, 3) float32 normals that the method predicted in the pixels of its crop; None if it stored none.

    Args:
        side: "front" or "back": both in the axes of the camera (right, up, to it), the back in the front's pixels.
        folder: with <picture stem>.png instead of the result's own.

    Raises:
        BadInput: the file is not a map of normals.
    """
    if folder is not None:
        path = folder / f"{Path(view.picture).stem}.png"
    elif view.frame is not None:
        path = view.folder / "frames" / f"{view.frame:06d}_normals_{side}.png"
    else:
        path = view.folder / f"normals_{side}.png"
    if not path.is_file() or (view.frame is None and view.row):
        return None
    return read_normals(path).astype(np.float32)


def flags_of(
    view: PersonView, own: Observation, pixels: NDArray, mask: NDArray, others: list[NDArray]
) -> tuple[str, ...]:
    """What makes this picture hard: blur, other people in the crop, a pose outside what the methods are made for."""
    flags = [view.remark] if view.remark else []
    if mask.any() and detail(pixels, mask) < BLURRED:
        flags.append("blurred")
    if sum(int(np.count_nonzero(other & ~mask)) for other in others) > CROWD * max(1, int(np.count_nonzero(mask))):
        flags.append("crowded")
    flags += [flag for flag in pose_flags(own) if not any(flag in known for known in flags)]
    return tuple(dict.fromkeys(flags))


def detail(pixels: NDArray, mask: NDArray) -> float:
    """How sharp a person is: mean square of second over that of first differences, in the least sharp direction.

    Free of contrast. Blur of motion leaves the detail across it, so that the least of four directions counts. On
    eleven pictures of four people it was 0.58 to 0.87, after motion by 2 % of the person's height 0.17 to 0.37.

    Args:
        pixels: (H, W, 3) uint8; mask: (H, W) bool, not empty. The person is brought to 256 pixels of height.

    Returns:
        0 to about 2; 1 where there is nothing to measure.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    factor = min(1.0, SHARP_HEIGHT / (int(np.ptp(rows)) + 1))
    size = max(8, round(mask.shape[1] * factor)), max(8, round(mask.shape[0] * factor))
    grey = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    # The outline's own contrast says nothing.
    inner = cv2.erode(small, np.ones((7, 7), np.uint8), borderValue=(0.0,)) > 0
    if np.count_nonzero(inner) < LEAST_PIXELS:
        return 1.0
    shares: list[float] = []
    for x, y in ((1, 0), (0, 1), (1, 1), (1, -1)):
        ahead, behind = np.roll(grey, (-y, -x), (0, 1)), np.roll(grey, (y, x), (0, 1))
        first, second = (ahead - grey)[inner], (ahead + behind - 2 * grey)[inner]
        slope = max(float((first**2).mean()), 1e-2)
        shares.append(float((second**2).mean() / ((x * x + y * y) * slope)))
    return min(shares)


def pose_flags(own: Observation) -> list[str]:
    """What of a pose lies outside upright people who face the camera, from the landmarks in space."""
    points = own.landmarks_metric
    if points is None or own.landmark_scheme != "mediapipe33":
        return []
    flags = []
    spine = points[[LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=0) - points[[LEFT_HIP, RIGHT_HIP]].mean(axis=0)
    if np.degrees(np.arctan2(np.hypot(spine[0], spine[2]), -spine[1])) > LEANING_DEG:
        flags.append("pose: leaning")
    across = points[LEFT_SHOULDER] - points[RIGHT_SHOULDER]  # to the right in the picture of who faces the camera
    if abs(np.degrees(np.arctan2(across[2], across[0]))) > TURNED_DEG:
        flags.append("pose: turned away")
    return flags
