"""report.json: how good the result is, in numbers and in plain words."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from maquette.outputs.asset import VERSION, Asset
from maquette.outputs.maps import depth_unit
from maquette.perception import quality

SEEN = 128  # texture_confidence from which a texel counts as photographed
SHARE_SIDE = 512  # texels; the shares are measured on a texture of this size
VOLUME_GAP_MM = 3.0  # between a volume's front and the head: 1.2 to 2.3 on 15 portraits, 3.9 to 4.4 for random weights
AVERAGE_MM = 1.5  # mean distance from the average face below which the head tells little; portraits: 1.6 to 4.4 mm
LITTLE_SEEN = 0.45  # share of the face's texels; its sides count, so a clear photo from the front reaches 0.6
BLURRED, DROWNED, BURNT, COVERED = 0.35, 0.25, 0.15, 0.40
TURNED = math.radians(50)
DISAGREE = 0.05  # share of the face's size by which network and detector may differ; see perception/regressor/CARD.md
SMALL_FACE = 100  # pixels between the outermost landmarks
FILES = {
    "head.glb": "neutral head with 52 ARKit morph targets, metres, y up, facing +z",
    "head.obj": "expression of the photo, metres, y up, facing +z",
    "head.mtl": "materials of head.obj",
    "head.stl": "closed solid for printing with the expression of the photo, millimetres, y up",
    "head.ply": "expression of the photo with vertex colours, metres, y up, facing +z",
    "volume.glb": "surface of the volume with vertex colours, metres, y up, facing +z",
    "volume.obj": "surface of the volume with vertex colours, metres, y up, facing +z",
    "volume.stl": "surface of the volume as a closed solid for printing, millimetres, y up",
    "volume.ply": "surface of the volume with vertex colours, metres, y up, facing +z",
    "texture.png": "sRGB, first row is v = 1",
    "texture_confidence.png": "255 = seen in a photo, 0 = invented",
    "overview.jpg": "eight pictures on one sheet",
    "turntable.mp4": "one full turn, H.264",
    "depth.png": "16 bit, steps of depth_unit_m along the camera axis, 0 = background, pixels of the crop",
    "normals.png": "16 bit, value / 32767.5 - 1 = (right, up, to the camera), 0 = background, pixels of the crop",
    "landmarks.json": "landmarks in pixels and metres, with visibility",
    "parameters.npz": "parameters, cameras, names",
    "report.json": "this file",
}


def plain(value: Any) -> Any:
    """The value as JSON can hold it: numpy as lists and numbers, NaN and infinity as None.

    Example:
        >>> plain({"a": np.float32(1.5), "b": np.array([1.0, np.nan])})
        {'a': 1.5, 'b': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def texture_shares(asset: Asset) -> dict[str, float]:
    """Share of the skin's texels, and of the face's, that a photo shows; empty without a texture."""
    import cv2

    mesh = asset.mesh
    if mesh.texture_confidence is None or mesh.uvs is None:
        return {}
    seen = cv2.resize(mesh.texture_confidence, (SHARE_SIDE, SHARE_SIDE), interpolation=cv2.INTER_AREA) >= SEEN
    groups = {"skin": asset.part("skin")}
    if asset.model is not None and "face" in asset.model.regions:
        inside = asset.model.regions["face"][mesh.faces].mean(axis=1) > 0.5
        groups["face"] = groups["skin"][inside[groups["skin"]]]
    shares = {}
    for name, faces in groups.items():
        corners = mesh.uvs[mesh.uv_faces[faces]].astype(float)
        corners = np.stack([corners[..., 0], 1 - corners[..., 1]], axis=-1) * SHARE_SIDE - 0.5
        area = np.zeros((SHARE_SIDE, SHARE_SIDE), np.uint8)
        for triangle in np.round(corners * 16).astype(np.int32):
            cv2.fillConvexPoly(area, triangle, 1, shift=4)
        shares[name] = float(seen[area > 0].mean()) if area.any() else 0.0
    return shares


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
        (facts["occlusion"] > COVERED, "much of the face is covered (hair, beard, glasses or hands)"),
        (yaw > math.degrees(TURNED), f"the face is turned {yaw:.0f} degrees away: its far side is guessed"),
        (facts["face_px"] < SMALL_FACE, f"the face is only {facts['face_px']:.0f} pixels large"),
        ((facts["landmark_error_mm"] or 0.0) > 4.0, "the head fits the landmarks badly: check overview.jpg"),
    ]
    prefix = f"{facts['photo']}: " if several else ""
    return [prefix + text for wrong, text in found if wrong]


def versions() -> dict[str, str]:
    """Versions of what the result depends on."""
    known = {"maquette": VERSION, "python": platform.python_version()}
    for package in ("numpy", "mediapipe", "opencv-contrib-python", "vtk"):
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            known[package] = "not installed"
    return known


def volume_facts(asset: Asset) -> dict[str, Any] | None:
    """What the surface of the volume is like; None without a volume."""
    if asset.drawn is None:
        return None
    surface, volume = asset.drawn.surface, asset.result.reconstruction.volume
    return {
        "voxels": list(volume.values.shape),
        "components_before_cleaning": surface.components,
        "faces_before_decimation": surface.faces_before,
        "faces": len(surface.mesh.faces),
        "watertight": surface.closed,
        "volume_cm3": surface.volume_cm3,
        "vertices_photographed": asset.drawn.photographed,
        "vertices_invented": 1 - asset.drawn.photographed,
        "area_photographed": asset.drawn.area_photographed,
    }


def report(asset: Asset) -> dict[str, Any]:
    """All facts about one result, JSON-able."""
    result, provenance = asset.result, asset.result.reconstruction.provenance
    photos = [photo_facts(asset, index) for index in range(len(result.observations))]
    shares = texture_shares(asset)
    distance = provenance.get("average_distance_mm")
    near_average = distance is not None and distance < AVERAGE_MM
    warnings = list(result.report.get("warnings", []))
    warnings += [text for facts in photos for text in remarks(facts, len(photos) > 1)]
    if near_average:
        warnings.append("the shape is close to the average face: the photo told little about this person's")
    gap = max(provenance.get("volume_gap_mm") or [0.0])
    if gap > VOLUME_GAP_MM:
        warnings.append(f"the network's volume and the landmarks disagree by {gap:.1f} mm: do not trust the shape")
    if provenance.get("scale_source") == "average head":
        warnings.append("the size is that of an average head: give --pupil-distance for the true size")
    share = shares.get("face", shares.get("skin", 1.0))
    if share < LITTLE_SEEN:
        warnings.append(f"only {share:.0%} of the face's texture was seen: the rest is mirrored or invented")
    facts = {
        **result.report,
        "name": result.name,
        "source": result.source,
        "method": provenance.get("method"),
        "model": provenance.get("model"),
        "photo_facts": photos,
        "scale": {
            "kind": result.reconstruction.scale,
            "source": provenance.get("scale_source"),
            "relative_standard_error": provenance.get("scale_error"),
            "size_of_model": asset.scale,
        },
        "average_distance_mm": distance,
        "close_to_average": near_average,
        "texture_real_share": shares,
        "volume": volume_facts(asset),
        "warnings": list(dict.fromkeys(warnings)),
        "seconds": {**result.report.get("seconds", {}), "files": dict(asset.seconds)},
        "versions": versions(),
        "seed": result.report.get("seed", 0),
        "licence": {
            "model": dict(asset.model.licence) if asset.model else {},
            "texture": "follows the photograph it was made from",
        },
        "provenance": dict(provenance),
        "depth_unit_m": depth_unit(asset),
        "files": {name: FILES[name] for name in (*asset.seconds, "report.json")},
    }
    return plain(facts)


def write_report(asset: Asset) -> bytes:
    """The report as UTF-8 JSON."""
    # A file name that is not UTF-8 holds lone surrogates, which JSON can keep in escaped form.
    text = json.dumps(report(asset), indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")
