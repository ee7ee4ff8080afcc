"""What report.json says of a face."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from maquette.outputs.asset import Asset
from maquette.perception.faces import quality

AVERAGE_MM = 1.2  # mean distance from the average face below which the head says little; portraits: 1.3 to 3.5 mm
LITTLE_SEEN = 0.45  # share of the face's texels; its sides count, so a clear photo from the front reaches 0.6
BLURRED, DROWNED, BURNT, COVERED = 0.35, 0.25, 0.15, 0.40
TURNED = math.radians(50)
DISAGREE = 0.05  # share of the face's size by which network and detector may differ; see perception/regressor/CARD.md
SMALL_FACE = 100  # pixels between the outermost landmarks
FILES = {
    "{stem}.glb": "neutral head with 52 ARKit morph targets, metres, y up, facing +z",
    "{stem}.obj": "expression of the photo, metres, y up, facing +z",
    "{stem}.stl": "closed solid for printing, expression of the photo, millimetres, z up, its base on z = 0",
    "{stem}.ply": "expression of the photo with vertex colours, metres, y up, facing +z",
    "overview.jpg": "eight pictures on one sheet",
}
# Of a face whose mesh is of no parametric model.
FREE_FILES = {"{stem}.glb": "the mesh with its texture, expression of the photo, metres, y up, facing +z"}


def photo_facts(asset: Asset, index: int) -> dict[str, Any]:
    """What is known about one photo and how well the head fits it."""
    observation, provenance = asset.result.observations[index], asset.result.reconstruction.provenance

    def item(name: str) -> Any:
        values = provenance.get(name) or []
        return values[index] if index < len(values) else None

    pose = item("pose") or {}
    camera = asset.result.reconstruction.cameras[index]
    return {
        "photo": observation.frame.origin,
        "size": list(observation.full_size),
        "box": observation.box,
        "confidence": observation.confidence,
        "landmark_error_px": item("landmark_error_px"),
        "landmark_error_mm": item("landmark_error_mm"),
        "disagreement": item("disagreement"),
        "agreement": item("agreement"),
        "read_by": "network" if observation.reading is not None and observation.reading.alone else "detector",
        "pose_degrees": {name: math.degrees(angle) for name, angle in pose.items()},
        "focal_px": camera.intrinsics[0, 0],
        "distance_m": float(np.linalg.norm(camera.world_to_camera[:3, 3])),
        "face_px": float(np.ptp(observation.landmarks[:, :2], axis=0).max() * _photo_scale(observation)),
        **asdict(quality.measure(observation)),
        "notes": list(observation.notes),
    }


def _photo_scale(observation: Any) -> float:
    """Pixels of the photo per pixel of the crop."""
    return float((observation.box[2] - observation.box[0]) / observation.frame.size[0])


def remarks(facts: Mapping[str, Any], several: bool) -> list[str]:
    """Warnings about one photo, in plain words."""
    yaw = abs(facts["pose_degrees"].get("yaw", 0.0))
    found = [
        (
            (facts.get("disagreement") or 0.0) > DISAGREE,
            "network and detector disagree on where the face's points are: look at the overview before you use this",
        ),
        (facts["sharpness"] < BLURRED, "the photo is blurred: fine detail is lost"),
        (facts["dark"] > DROWNED, "much of the face is in black shadow"),
        (facts["bright"] > BURNT, "part of the face is burnt out"),
        (facts["occlusion"] > COVERED, "much of the face is covered (a mask, hair, beard, glasses or hands)"),
        (yaw > math.degrees(TURNED), f"the face is turned {yaw:.0f} degrees away: its far side is guessed"),
        (facts["face_px"] < SMALL_FACE, f"the face is only {facts['face_px']:.0f} pixels large"),
        ((facts["landmark_error_mm"] or 0.0) > 4.0, "the head fits the landmarks badly: check overview.jpg"),
    ]
    prefix = f"{facts['photo']}: " if several else ""
    return [prefix + text for wrong, text in found if wrong]


def warnings(asset: Asset, photos: list[dict[str, Any]], shares: Mapping[str, float]) -> list[str]:
    """Warnings about the whole result, in plain words.

    Args:
        photos: `photo_facts` of each.
        shares: of the texture that was seen, by region.
    """
    found = [*someone_else(asset, photos), *(text for facts in photos for text in remarks(facts, len(photos) > 1))]
    if _near_average(asset):
        found.append("the shape is close to the average face: the photo says little about this person's")
    if not asset.result.reconstruction.metric:
        found.append("the size is that of an average head: give --pupil-distance for the true size")
    share = shares.get("face", shares.get("skin", 1.0))
    if share < LITTLE_SEEN:
        found.append(f"only {share:.0%} of the face's texture was seen: the rest is mirrored or invented")
    return found


def someone_else(asset: Asset, photos: list[dict[str, Any]]) -> list[str]:
    """A warning for each photo that may show another person than the rest; of two, the one that shows less."""
    doubted = asset.result.reconstruction.provenance.get("someone_else") or []
    odd = [facts for facts, wrong in zip(photos, doubted) if wrong]
    advice = "give photos of one person only, or make each by itself (without --together)"
    if len(photos) == 2 and odd:
        best, worst = sorted(photos, key=_shown, reverse=True)
        return [f"{worst['photo']} may be someone else than {best['photo']}: the head is a blend: {advice}"]
    return [f"{facts['photo']} may be someone else: its face does not fit the other photos: {advice}" for facts in odd]


def _shown(facts: Mapping[str, Any]) -> float:
    """How much of a face one photo shows: pixels that are sharp and not covered."""
    return float(facts["face_px"] * facts["sharpness"] * (1 - facts["occlusion"]))


def _near_average(asset: Asset) -> bool:
    distance = asset.result.reconstruction.provenance.get("average_distance_mm")
    return distance is not None and distance < AVERAGE_MM


def facts(asset: Asset) -> dict[str, Any]:
    """What only faces have."""
    known = asset.result.reconstruction.provenance
    distance = known.get("average_distance_mm")
    return {"average_distance_mm": distance, "close_to_average": _near_average(asset), "hair": known.get("hair")}
