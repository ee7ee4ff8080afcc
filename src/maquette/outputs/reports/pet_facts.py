"""What report.json says of an animal, in numbers and in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from maquette.core.types import Observation
from maquette.outputs.asset import Asset, kind_of_scale
from maquette.outputs.reports.next_photo import next_photo_facts

BAD_LANDMARKS = 0.12  # root mean square, eye distances
BAD_OUTLINE = 0.15  # mean distance of outlines, eye distances
SMALL_FACE = 96  # pixels of the photo, wide
LITTLE_SEEN = 0.2  # share of the skin's texels
FILES = {
    "{stem}.glb": "neutral head with morph targets, eyes that turn, fur, metres, y up, facing +z",
    "{stem}.obj": "expression of the photo, metres, y up, facing +z",
    "{stem}.stl": "closed solid for printing, without fur, millimetres, z up, its base on z = 0",
    "{stem}.ply": "expression of the photo with vertex colours, metres, y up, facing +z",
    "overview.jpg": "eight pictures on one sheet",
}
BODY_FILES = {
    "{stem}.glb": "rigged body in the stance of the photo, metres, y up, facing +z",
    "{stem}.obj": "the stance of the photo, metres, y up, facing +z",
    "{stem}.stl": "closed solid for printing in the stance of the photo, millimetres, z up, its feet on z = 0",
    "{stem}.ply": "the stance of the photo with vertex colours, metres, y up, facing +z",
    "overview.jpg": "twelve pictures on one sheet",
}
BAD_OVERLAP = 0.85  # of outlines, intersection over union
UNSURE = 0.5  # confidence of a body


def wide_px(observation: Observation) -> float:
    """Width of the face, of its landmarks, in pixels of the photo."""
    factor = (observation.box[2] - observation.box[0]) / observation.frame.size[0]
    return float(np.ptp(observation.landmarks[:, 0]) * factor)


def photo_facts(asset: Asset, index: int) -> dict[str, Any]:
    """What is known about one photo and how well the head fits it."""
    observation = asset.result.observations[index]
    fitted = asset.result.reconstruction.provenance.get("pet") or {}

    def item(name: str) -> Any:
        values = fitted.get(name) or []
        return values[index] if index < len(values) else None

    return {
        "photo": observation.frame.origin,
        "size": list(observation.full_size),
        "box": observation.box,
        "confidence": observation.confidence,
        "face_px": wide_px(observation),
        "species_read": dict(observation.species or {}),
        "landmark_error": item("landmark_error"),
        "outline_error": item("outline_error"),
        "notes": list(observation.notes),
    }


def warnings(asset: Asset, photos: list[dict[str, Any]], shares: Mapping[str, float]) -> list[str]:
    """Warnings about the whole result, in plain words.

    Args:
        photos: `photo_facts` of each.
        shares: of the texture that was seen, by region.
    """
    fitted = asset.result.reconstruction.provenance.get("pet") or {}
    found = _body_warnings(fitted["body"]) if "body" in fitted else _face_warnings(photos)
    if not asset.result.reconstruction.metric:
        kind = fitted.get("kind") or "animal of its species"
        found.append(f"the size is that of an average {kind}: give --height for the true size")
    if shares.get("skin", 1.0) < LITTLE_SEEN:
        found.append(f"only {shares['skin']:.0%} of the texture was seen: the rest is mirrored or invented")
    return found


def _body_warnings(body: Mapping[str, Any]) -> list[str]:
    found = []
    if body["overlap"] < BAD_OVERLAP:
        found.append("the body fits the animal's outline badly: check overview.jpg")
    if body["confidence"] < UNSURE:
        found.append("stance and build are a guess: outlines from one side say little of what lies behind them")
    return found


def _face_warnings(photos: list[dict[str, Any]]) -> list[str]:
    found = []
    for facts in photos:
        if facts["face_px"] < SMALL_FACE:
            found.append(f"the face is under {SMALL_FACE} pixels wide: expect little detail")
        if (facts["landmark_error"] or 0) > BAD_LANDMARKS:
            found.append("the head fits the landmarks badly: check overview.jpg")
        if (facts["outline_error"] or 0) > BAD_OUTLINE:
            found.append("the head fits the animal's outline badly: check overview.jpg")
    return found


def facts(asset: Asset) -> dict[str, Any]:
    """What only animals have: the species that was fitted; and from where another photo would show most that is new."""
    fitted = asset.result.reconstruction.provenance.get("pet") or {}
    return {
        "species": fitted.get("species"),
        "kind": fitted.get("kind"),
        "species_shares": fitted.get("species_shares"),
        "ears": fitted.get("ears"),
        "body": fitted.get("body"),
        "eye_distance_mm": None if "eye_distance_m" not in fitted else 1000 * fitted["eye_distance_m"],
        "size_source": kind_of_scale(asset.result.reconstruction),
        "next_photo": next_photo_facts(asset),
    }
