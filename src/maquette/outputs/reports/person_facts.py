"""What report.json says of a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from maquette.core.types import Observation
from maquette.outputs.asset import Asset, kind_of_scale

SURE = 0.5  # confidence from which a key point counts
OUTLINE = 0.5  # of the mask: where the person ends
BAD_KEYPOINTS = 4.0  # percent of the person's height in the photo
BAD_OUTLINE = 0.75  # overlap of silhouettes (IoU)
SMALL_PERSON = 160  # pixels of the photo, tall
STEEP = 25.0  # degrees by which a camera looks down or up
FEW_POINTS = 0.6  # share of key points that the detector sees
LITTLE_SEEN = 0.25  # share of the skin's texels; one photo shows a third
FILES = {
    "{stem}.glb": "rigged mesh, at rest with arms out, its bones turned as in the photo, metres, y up, facing +z",
    "{stem}.obj": "pose of the photo, metres, y up, facing +z",
    "{stem}.stl": "closed solid for printing in the pose of the photo, millimetres, z up, its base on z = 0",
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
        return asset.of_observation(provenance.get(name) or [], index)

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
    """Warnings about one picture, in plain words without its numbers, so that pictures can be counted."""
    found = [
        (facts["person_px"] < SMALL_PERSON, f"the person is under {SMALL_PERSON} pixels tall: expect little detail"),
        (facts["keypoints_seen"] < FEW_POINTS, "much of the body is hidden or outside the picture: it is guessed"),
    ]
    return [text for wrong, text in found if wrong]


def pose_remarks(provenance: Mapping[str, Any]) -> list[list[str]]:
    """Warnings about each pose, as the method measured it: also those of a clip whose pictures are not kept."""
    errors, overlaps = (list(provenance.get(name) or []) for name in ("keypoint_error_percent", "silhouette_iou"))
    flags = [list(flag or []) for flag in provenance.get("pose_flags") or []]
    pitches = list(provenance.get("camera_looks_down_degrees") or [])
    found: list[list[str]] = [[] for _ in range(max(len(errors), len(overlaps), len(flags), len(pitches)))]
    for texts, error in zip(found, errors):
        if error is not None and error > BAD_KEYPOINTS:
            texts.append("the body fits the key points badly: check overview.jpg")
    for texts, overlap in zip(found, overlaps):
        if overlap is not None and overlap < BAD_OUTLINE:
            texts.append("the mesh fits the person's outline badly: check overview.jpg")
    for texts, pitch in zip(found, pitches):
        if abs(pitch) > STEEP:
            texts.append("the camera looks steeply down or up: how deep limbs lie is less sure")
    for texts, flag in zip(found, flags):
        texts += flag
    return found


def counted(lists: list[list[str]]) -> list[str]:
    """Each warning once; where there are several pictures, with the number of those it is about.

    Example:
        >>> counted([["small"], [], ["small"]])
        ['2 of 3 pictures: small']
    """
    totals = Counter(text for texts in lists for text in dict.fromkeys(texts))
    prefix = "{} of {} pictures: " if len(lists) > 1 else ""
    return [prefix.format(count, len(lists)) + text for text, count in totals.items()]


def warnings(asset: Asset, photos: list[dict[str, Any]], shares: Mapping[str, float]) -> list[str]:
    """Warnings about the whole result, in plain words; those of several frames are counted.

    Args:
        photos: `photo_facts` of each.
        shares: of the texture that was seen, by region.
    """
    found = counted([remarks(facts) for facts in photos])
    found += counted(pose_remarks(asset.result.reconstruction.provenance))
    if not asset.result.reconstruction.metric:
        found.append("the size is that of an average person: give --height for the true size")
    found += head_remarks(asset.result.reconstruction.provenance.get("head") or {})
    share = shares.get("skin", 1.0)
    if share < LITTLE_SEEN:
        found.append(f"only {share:.0%} of the texture was seen: the rest is continued or invented")
    return found


def head_remarks(head: Mapping[str, Any]) -> list[str]:
    """Warnings about the head that the person was given."""
    if not head or head["kind"] == "own":
        return []
    made = {
        "average": "the head is an average one in the photo's colours",
        "body's": "the head is the body's, drawn with the rest",
    }
    return [f"{made[head['kind']]}: {head['why']}"]


def clip_facts(asset: Asset) -> dict[str, Any] | None:
    """How long the motion is and how well its poses fit; None without motion."""
    if not asset.is_clip:
        return None
    times, provenance = asset.motion.times, asset.result.reconstruction.provenance
    fit = {}
    for name, worst in (("keypoint_error_percent", np.max), ("silhouette_iou", np.min)):
        values = np.array(provenance.get(name) or [], float)
        known = values[np.isfinite(values)]
        fit[name] = {"median": float(np.median(known)), "worst": float(worst(known))} if len(known) else None
    span = float(times[-1] - times[0])
    return {"frames": len(times), "start_s": times[0], "seconds": span, "mean_fps": (len(times) - 1) / span, **fit}


def facts(asset: Asset) -> dict[str, Any]:
    """What only people have: height standing upright, pose, skeleton."""
    provenance = asset.result.reconstruction.provenance
    standing = asset.mesh.vertices if asset.body is None else asset.rest(np.zeros(len(asset.body.expression_names)))
    known = provenance.get("height_cm")
    return {
        "height_cm": float(known) if known else 100 * float(np.ptp(standing[:, 1])),
        "height_source": provenance.get("scale_source") or kind_of_scale(asset.result.reconstruction),
        **({"head": dict(provenance["head"])} if "head" in provenance else {}),
        "body_model": None if asset.body is None else asset.body.name,
        "bones": 0 if asset.rig is None else len(asset.rig.bones),
        "poses": len(asset.motion) if asset.body is not None else 1,
        "clip": clip_facts(asset),
    }
