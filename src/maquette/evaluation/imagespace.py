"""How well a reconstruction fits the picture it was made from: rendered again with its stored camera.

The measures come first, on arrays, for any subject; then `evaluate_imagespace`, for results of `maquette face`.

A head without hair, neck and shoulders has no silhouette that a person mask could judge. The face has one: the patch
of the head that MediaPipe's 468 landmarks span, bounded by the oval from forehead to chin. Rendered with everything
that hides it, it is compared with the area those landmarks cover in the photo. On a turned face the detector lets the
oval slide over the near cheek, so that even a good fit reaches 0.85 to 0.9 there: compare like yaw with like. Beside
that stands a one-sided check against the person mask, which no part of the fit has seen: how much of the head lies
inside the person.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.evaluation.images import MARGIN, masked_psnr, masked_ssim
from maquette.evaluation.rerender import Photo, Result, Seen, find_results, given_normals, look, open_photo
from maquette.evaluation.table import Table

DAVIS_TOLERANCE = 0.008  # of the image diagonal, Perazzi et al. 2016
LEAST_PIXELS = 100  # of a patch in which texture or normals are compared
MEASURES = (
    "face IoU",
    "boundary F",
    "head inside person",
    "masked SSIM",
    "masked PSNR dB",
    "normal cosine",
    "reprojection px",
    "reprojection %",
)
COLUMNS = ("result", "photo", *MEASURES, "failed")


def silhouette_iou(mask_a: NDArray, mask_b: NDArray) -> float:
    """Intersection over union of two (H, W) bool masks; 1 if both are empty.

    Raises:
        BadInput: not bool, or different sizes.

    Example:
        >>> silhouette_iou(np.array([[True, True, False]]), np.array([[False, True, True]]))
        0.3333333333333333
    """
    _masks(mask_a, mask_b)
    union = np.count_nonzero(mask_a | mask_b)
    return np.count_nonzero(mask_a & mask_b) / union if union else 1.0


def boundary_f(mask_a: NDArray, mask_b: NDArray, tolerance: float = DAVIS_TOLERANCE) -> float:
    """Boundary measure F of DAVIS (Perazzi et al. 2016, A Benchmark Dataset and Evaluation Methodology for VOS, 4.2).

    A boundary pixel of one mask is matched if the other's boundary is at most ceil(tolerance x diagonal) pixels away;
    F is the harmonic mean of the shares matched on either side. It is 1 if neither mask has a boundary, 0 if one has.

    Args:
        mask_a, mask_b: (H, W) bool; the measure is symmetric.
        tolerance: share of the image diagonal, 0-1.

    Raises:
        BadInput: not bool, different sizes, tolerance out of range.
    """
    _masks(mask_a, mask_b)
    if not 0 <= tolerance <= 1:
        raise BadInput(f"tolerance: wanted a share of the image diagonal in 0-1, got {tolerance}")
    reach = np.ceil(tolerance * np.hypot(*mask_a.shape))
    edge_a, edge_b = boundary(mask_a), boundary(mask_b)
    if not edge_a.any() or not edge_b.any():
        return float(edge_a.any() == edge_b.any())
    precision, recall = _matched(edge_a, edge_b, reach), _matched(edge_b, edge_a, reach)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary(mask: NDArray) -> NDArray:
    """(H, W) bool: pixels that differ from their right, lower or lower right neighbour, as DAVIS draws boundaries."""
    edge = np.zeros(mask.shape, bool)
    edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    edge[:-1] |= mask[:-1] ^ mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def containment(inner: NDArray, outer: NDArray) -> float:
    """Share of the (H, W) bool mask `inner` that lies inside `outer`; 1 if `inner` is empty."""
    _masks(inner, outer)
    total = np.count_nonzero(inner)
    return np.count_nonzero(inner & outer) / total if total else 1.0


def normal_cosine(a: NDArray, b: NDArray, mask: NDArray) -> float:
    """Mean cosine between two normal maps over a mask; 1 is agreement.

    Args:
        a, b: (H, W, 3) float, any frame but the same; need not be unit.
        mask: (H, W) bool.

    Raises:
        BadInput: different sizes, an empty mask, NaN or a zero normal inside the mask.
    """
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3 or mask.shape != a.shape[:2]:
        raise BadInput(f"normals: wanted two (H, W, 3) maps and a (H, W) mask, got {a.shape}, {b.shape}, {mask.shape}")
    if not mask.any():
        raise BadInput("normals: the mask is empty, wanted at least one pixel")
    first, second = a[mask].astype(float), b[mask].astype(float)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise BadInput("normals: the mask holds NaN or zero normals; wanted a direction in each of its pixels")
    return float(np.mean(np.sum(first * second, axis=1) / lengths))


def reprojection(projected: NDArray, observed: NDArray, weights: NDArray | None = None) -> tuple[float, float]:
    """Mean distance between projected and observed points.

    Args:
        projected, observed: (N, 2) pixels.
        weights: (N,) not negative, or None for equal ones; 0 leaves a point out.

    Returns:
        pixels, and percent of the square root of width x height of the observed points' bounding box, the
        normalisation of AFLW2000-3D (Zhu et al. 2016).

    Raises:
        BadInput: different counts, NaN in a point that counts, nothing that counts, points without extent.

    Example:
        >>> reprojection(np.array([[3.0, 4.0], [10.0, 10.0]]), np.array([[0.0, 0.0], [10.0, 10.0]]))
        (2.5, 25.0)
    """
    weights = np.ones(len(observed)) if weights is None else np.asarray(weights, float)
    if projected.shape != observed.shape or observed.shape != (len(weights), 2):
        told = f"{projected.shape}, {observed.shape}, {weights.shape}"
        raise BadInput(f"reprojection: wanted as many projected and observed points (N, 2) and weights, got {told}")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise BadInput("reprojection: wanted finite weights, none negative and some positive")
    used = weights > 0
    distance = np.linalg.norm(projected[used] - observed[used], axis=1)
    if not np.isfinite(distance).all():
        raise BadInput(f"reprojection: {np.count_nonzero(~np.isfinite(distance))} points are NaN or infinite")
    extent = float(np.sqrt(np.prod(np.ptp(observed[used], axis=0))))
    if not extent > 0:
        raise BadInput("reprojection: the observed points lie on one line, wanted points with width and height")
    mean = float(np.average(distance, weights=weights[used]))
    return mean, 100 * mean / extent


@dataclass(frozen=True)
class Thresholds:
    """Below (reprojection: above) which a photo's fit counts as failed; None: never.

    Twelve portraits measured: IoU 0.85 to 0.96, boundary F 0.32 to 0.95, head inside person 0.87 to 1.00, masked SSIM
    0.88 to 0.99, reprojection 0.6 to 1.7 %; the lowest F and share inside are of a head that visibly leans.

    Attributes:
        iou, boundary, inside, ssim, cosine: least values, 0-1.
        reprojection: largest value, percent of the face's size.
    """

    iou: float | None = 0.8
    boundary: float | None = 0.4
    inside: float | None = 0.9
    ssim: float | None = 0.8
    cosine: float | None = 0.9
    reprojection: float | None = 2.5

    def failed(self, scores: dict[str, float | None]) -> list[str]:
        """Names of the measures that miss their threshold; a measure that was not taken fails nothing."""
        names = ("face IoU", "boundary F", "head inside person", "masked SSIM", "normal cosine", "reprojection %")
        missed = []
        for name, limit in zip(names, (getattr(self, f.name) for f in fields(self))):
            value = scores.get(name)
            if value is None or limit is None:
                continue
            if value > limit if name == "reprojection %" else value < limit:
                missed.append(name)
        return missed


DEFAULTS = Thresholds()


def scores_of(result: Result, seen: Seen, photo: Photo, normals: NDArray | None = None) -> dict[str, float | None]:
    """All measures of one photo of one result; None where one cannot be taken.

    Args:
        result: what the files hold.
        seen: the head as its stored camera sees it, on the grid of the photo's crop.
        photo: that crop and what perception finds in it.
        normals: (H, W, 3) float to compare the rendered ones with: right, up, to the camera; zero where unknown.
    """
    scores: dict[str, float | None] = dict.fromkeys(MEASURES)
    scores["face IoU"] = silhouette_iou(seen.face, photo.face)
    scores["boundary F"] = boundary_f(seen.face, photo.face)
    scores["head inside person"] = containment(seen.head, photo.person)
    # Windows that leave the patch would compare the rendering's background with the photo's.
    window = np.ones((2 * MARGIN + 1,) * 2, np.uint8)
    whole = cv2.erode((seen.face & seen.textured).astype(np.uint8), window, borderValue=0) > 0
    if seen.colour is not None and np.count_nonzero(whole) >= LEAST_PIXELS:
        scores["masked SSIM"] = masked_ssim(seen.colour, photo.pixels, whole, "luma")
        scores["masked PSNR dB"] = masked_psnr(seen.colour, photo.pixels, whole)
    if normals is not None:
        known = seen.face & (np.linalg.norm(normals, axis=2) > 0.5)
        if np.count_nonzero(known) >= LEAST_PIXELS:
            scores["normal cosine"] = normal_cosine(seen.normals, normals, known)
    if result.scheme == photo.scheme:
        scores["reprojection px"], scores["reprojection %"] = reprojection(
            seen.landmarks, photo.landmarks, seen.visible.astype(float)
        )
    return scores


def evaluate_imagespace(
    out_folder: str | Path,
    photos: str | Path | Sequence[str | Path] | None = None,
    normals: str | Path | None = None,
    thresholds: Thresholds = DEFAULTS,
) -> Table:
    """Render the results of `maquette face` again and compare them with their photos.

    Args:
        out_folder: OUT, OUT/<photo> or OUT/<photo>/face-1.
        photos: the photos' folder, or the photos, if they are no longer where parameters.npz says.
        normals: a folder with <photo stem>.png, coded as normals.png in the pixels of the crop, to compare with;
            without it, the result's own normals.png, which only shows that the files agree.
        thresholds: what counts as failed.

    Returns:
        A row per photo of each result. "failed" names the measures that miss their threshold, or says why nothing
        could be measured; it is empty if all is well (see `exit_status`).

    Raises:
        BadInput: one line: no results, a broken file, a photo that is not there or has another size.
    """
    rows, failures = [], 0
    for result in find_results(Path(out_folder)):
        for index, name in enumerate(result.photos):
            try:
                photo = open_photo(result, index, photos)
            except LookupError as error:  # the photo is fine, but shows nobody there any more
                failed: str = str(error)
                scores: dict[str, float | None] = {}
            else:
                maps = given_normals(result, index, normals, photo.size)
                scores = scores_of(result, look(result, index, photo.size), photo, maps)
                failed = ", ".join(thresholds.failed(scores))
            failures += bool(failed)
            rows.append((result.name, Path(name).name, *(scores.get(m) for m in MEASURES), failed))
    notes = (
        "silhouette: the face patch spanned by the 468 landmarks, rendered with all that hides it, against the area "
        "that freshly detected landmarks cover in the photo; hair, neck and shoulders do not count",
        f"boundary F: DAVIS, tolerance {DAVIS_TOLERANCE} of the crop's diagonal",
        "head inside person: share of the rendered head inside the person mask, which the fit has not used",
        "masked SSIM (luma) and PSNR (RGB): texture against photo where the texture was photographed; windows that "
        "leave the patch are left out. The texture was made from this photo, so this tells whether it sits where it "
        "should, not whether the shape is true",
        "normal cosine: against " + (f"{normals}" if normals else "the result's own normals.png: agreement of files"),
        "reprojection: landmarks that the head does not hide; % of the square root of their box's area. The detector "
        "is the one the fit used, so this measures the fit, not the truth",
        f"failed: {failures} of {len(rows)}; thresholds {json.dumps(vars(thresholds))}",
    )
    return Table(f"Image space: {Path(out_folder).name}, {len(rows)} photos", COLUMNS, tuple(rows), notes)


def exit_status(table: Table) -> int:
    """0 if no row of `evaluate_imagespace` failed, else 1."""
    return int(any(table.column("failed")))


def _masks(mask_a: NDArray, mask_b: NDArray) -> None:
    if mask_a.dtype != bool or mask_b.dtype != bool or mask_a.shape != mask_b.shape or mask_a.ndim != 2:
        told = f"{mask_a.dtype} {mask_a.shape} and {mask_b.dtype} {mask_b.shape}"
        raise BadInput(f"masks: wanted two bool masks (H, W) of one size, got {told}")


def _matched(edge: NDArray, other: NDArray, reach: float) -> float:
    """Share of the boundary pixels of `edge` within `reach` pixels of `other`."""
    from scipy.ndimage import distance_transform_edt

    return float(np.mean(distance_transform_edt(~other)[edge] <= reach))
