"""What report.json tells of a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from maquette.core.types import Observation
from maquette.outputs.asset import Asset

SURE = 0.5  # confidence from which a key point counts
OUTLINE = 0.5  # of the mask: where the person ends
BAD_KEYPOINTS = 4.0  # percent of the person's height in the photo
BAD_OUTLINE = 0.75  # overlap of silhouettes (IoU)
SMALL_PERSON = 160  # pixels of the photo, tall
FEW_POINTS = 0.6  # share of key points that the detector sees
LITTLE_SEEN = 0.25  # share of the skin's texels; one photo shows a third
FILES = {
    "{stem}.glb": "mesh, metres, y up, facing +z; a rigged body in its rest pose, its joints turned as in the photo",
    "{stem}.obj": "pose of the photo, metres, y up, facing +z",
    "{stem}.stl": "closed skin with the pose of the photo, millimetres, y up",
    "{stem}.ply": "pose of the photo with vertex colours, metres, y up, facing +z",
    "overview.jpg": "twelve pictures on one sheet",
}


def tall_px(observation: Observation) -> float:
    """Height of the person in pixels of the photo: of the mask, or where that is empty of the landmarks."""
    rows = np.flatnonzero((observation.mask > OUTLINE).any(axis=1))
    crop = float(np.ptp(rows) + 1) if len(rows) else float(np.ptp(observation.landmarks[:, 1]))
    return crop * _per_crop_pixel(observation)


def _per_crop_pixel(observation: Observation) -> float:
    """Pixels of the photo per pixel of the crop."""
    return float((observation.box[3] - observation.box[1]) / observation.frame.size[1])


def photo_facts(asset: Asset, index: int) -> dict[str, Any]:
    """What is known about one photo or frame and how well the body fits it."""
    observation, provenance = asset.result.observations[index], asset.result.reconstruction.provenance

    def item(name: str) -> Any:
        values = provenance.get(name) or []
        return values[index] if index < len(values) else None

    error = item("keypoint_error_px")
    return {
        "photo": observation.frame.origin,
        "time": observation.frame.time,
        "size": list(observation.full_size),
        "box": observation.box,
        "confidence": observation.confidence,
        "person_px": tall_px(observation),
        "keypoints_seen": float((observation.landmark_confidence >= SURE).mean()),
        "keypoint_error_px": None if error is None else error * _per_crop_pixel(observation),
        "keypoint_error_percent": item("keypoint_error_percent"),
        "silhouette_iou": item("silhouette_iou"),
        "pose_flags": list(item("pose_flags") or []),
        "notes": list(observation.notes),
    }


def remarks(facts: Mapping[str, Any]) -> list[str]:
    """Warnings about one photo or frame, in plain words without its numbers, so that frames can be counted."""
    error, overlap = facts["keypoint_error_percent"], facts["silhouette_iou"]
    found = [
        (
            facts["person_px"] < SMALL_PERSON,
            f"the person is under {SMALL_PERSON} pixels tall: expect little detail",
        ),
        (facts["keypoints_seen"] < FEW_POINTS, "much of the body is hidden or outside the picture: it is guessed"),
        (error is not None and error > BAD_KEYPOINTS, "the body fits the key points badly: check overview.jpg"),
        (overlap is not None and overlap < BAD_OUTLINE, "the mesh fits the person's outline badly: check overview.jpg"),
    ]
    return [text for wrong, text in found if wrong] + list(facts["pose_flags"])


def warnings(asset: Asset, photos: list[dict[str, Any]], shares: Mapping[str, float]) -> list[str]:
    """Warnings about the whole result, in plain words; those of several frames are counted.

    Args:
        photos: `photo_facts` of each.
        shares: of the texture that was seen, by region.
    """
    counted = Counter(text for facts in photos for text in dict.fromkeys(remarks(facts)))
    several = len(photos) > 1
    found = [f"{count} of {len(photos)} pictures: {text}" if several else text for text, count in counted.items()]
    if asset.result.reconstruction.scale == "relative":
        found.append("the size is that of an average person: give --height for the true size")
    share = shares.get("skin", 1.0)
    if share < LITTLE_SEEN:
        found.append(f"only {share:.0%} of the texture was seen: the rest is continued or invented")
    return found


def facts(asset: Asset) -> dict[str, Any]:
    """What is told of people only: height standing upright, pose, skeleton."""
    provenance = asset.result.reconstruction.provenance
    standing = asset.mesh.vertices if asset.body is None else asset.rest(np.zeros(len(asset.body.expression_names)))
    known = provenance.get("height_cm")
    return {
        "height_cm": float(known) if known else 100 * float(np.ptp(standing[:, 1])),
        "height_source": provenance.get("scale_source") or asset.result.reconstruction.scale,
        "body_model": None if asset.body is None else asset.body.name,
        "bones": 0 if asset.rig is None else len(asset.rig.bones),
        "poses": len(asset.motion) if asset.body is not None else 1,
    }
