"""report.json: how good the result is, in numbers and in plain words."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from maquette.core.types import PARTS, Subject
from maquette.outputs.asset import VERSION, Asset, kind_of_scale
from maquette.outputs.pictures.maps import depth_start, depth_unit
from maquette.outputs.reports import face_facts, person_facts, pet_facts

SEEN = 128  # texture_confidence from which a texel counts as photographed
VOLUME_GAP_MM = 3.0  # between a volume's front and the head: 1.2 to 2.3 on 15 portraits, 3.9 to 4.4 for random weights
SHARE_SIDE = 512  # texels; the shares are measured on a texture of this size
KINDS = {Subject.FACE: face_facts, Subject.PERSON: person_facts, Subject.PET: pet_facts}
FILES = {
    "normals_front.png": "normals of the front that the network guessed, coded as normals.png",
    "normals_back.png": "normals of the back that the network guessed, in the same axes and pixels",
    "{stem}.bvh": "skeleton and motion, centimetres (100 a metre) and degrees, y up, facing +z",
    "overlay.mp4": "the clip around the face, the head over it, the head from the front; H.264, at the clip's times",
    "curves.csv": "52 ARKit weights and turns of head and eyes per frame, radians, in the columns of Live Link Face",
    "{stem}.mtl": "materials of the OBJ file",
    "{stem}_detail.glb": "the displaced mesh with texture, metres, y up, facing +z",
    "{stem}_detail.stl": "the displaced mesh as a closed solid for printing, millimetres",
    "{stem}_detail.ply": "the displaced mesh with vertex colours, metres",
    "{stem}_detail.obj": "the displaced mesh with texture coordinates, metres, y up, facing +z",
    "volume.glb": "surface of the volume with vertex colours, metres, y up, facing +z",
    "volume.obj": "surface of the volume with vertex colours, metres, y up, facing +z",
    "volume.stl": "the volume as a closed solid for printing, millimetres, face up (z), its back on z = 0",
    "volume.ply": "surface of the volume with vertex colours, metres, y up, facing +z",
    "texture.png": "sRGB, first row is v = 1",
    "texture_confidence.png": "255 = seen in a photo, 0 = invented",
    "normal_map.png": "tangent-space normals of the skin's relief, as glTF reads them, 128 is zero",
    "roughness.png": "roughness of the skin, 255 is 1",
    **{f"{name}.png": f"texture of the {name} in the OBJ file, sRGB and opacity" for name in PARTS},
    "turntable.mp4": "one full turn, H.264",
    "swing.mp4": "30 degrees to one side and to the other, H.264",
    "deformation.png": "16 bit RGB, (value - 32768) * 5e-7 metres along x, y, z, in the texture's layout",
    "displacement.png": "16 bit, (value - 32768) * 5e-7 metres along the normals, in the texture's layout",
    "albedo.png": "colours of the skin without the photo's light, in the texture's layout",
    "levels.png": "pictures of all that the method found, beside each other",
    "codes.json": "what the method's network read, and its landmarks, by name",
    "depth.png": "16 bit, depth_unit_m a step from depth_start_m along the camera axis, 0 = background, crop pixels",
    "normals.png": "16 bit, value / 32767.5 - 1 = (right, up, to the camera), 0 = background, pixels of the crop",
    "landmarks.json": "landmarks in pixels and metres",
    "keypoints_openpose.json": "key points of the first photo in its pixels, as OpenPose writes them (BODY_25)",
    "parameters.npz": "parameters, cameras, names",
    "{stem}.usdz": "for iPhone, iPad and USD programs: metres, y up, facing +z; units as blend shapes",
    "{stem}.vrm": "avatar, VRM 1.0: metres, y up, facing +z, at rest in a T; expressions and gaze",
    "{stem}_lod1.glb": "the GLB with half of its triangles, for far away",
    "{stem}_lod2.glb": "the GLB with a quarter of its triangles",
    "{stem}.3mf": "closed solid on a pedestal in colour: millimetres, z up",
    "view.html": "the result to look at in any browser, by double click; model, photo and viewer are inside",
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
    if mesh.texture_confidence is None or mesh.uvs is None or mesh.uv_faces is None:
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
            cv2.fillConvexPoly(area, triangle, [1], shift=4)
        shares[name] = float(seen[area > 0].mean()) if area.any() else 0.0
    return shares


def versions() -> dict[str, str]:
    """Versions of what the result depends on."""
    known = {"maquette": VERSION, "python": platform.python_version()}
    for package in ("numpy", "ai-edge-litert", "opencv-python-headless", "vtk"):
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
    assert volume is not None, "what was drawn was drawn from it"
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


def described(asset: Asset) -> dict[str, str]:
    """What is in each file that was written, by its name."""
    texts = {**FILES, **KINDS[asset.subject].FILES}
    if asset.subject is Subject.FACE and asset.model is None:
        texts |= face_facts.FREE_FILES
    if asset.subject is Subject.PET and asset.rig is not None:
        texts |= pet_facts.BODY_FILES
    known = {key.replace("{stem}", asset.stem): text for key, text in texts.items()}
    return {name: known[name] for name in (*asset.seconds, "report.json")}


def report(asset: Asset) -> dict[str, Any]:
    """All facts about one result, JSON-able."""
    result, provenance, kind = asset.result, asset.result.reconstruction.provenance, KINDS[asset.subject]
    photos = [kind.photo_facts(asset, index) for index in range(len(result.observations))]
    shares = texture_shares(asset)
    warnings = [*result.report.get("warnings", []), *kind.warnings(asset, photos, shares)]
    gap = max(provenance.get("volume_gap_mm") or [0.0])
    if gap > VOLUME_GAP_MM:
        warnings.append(f"the network's volume and the landmarks disagree by {gap:.1f} mm: do not trust the shape")
    facts = {
        **result.report,
        "name": result.name,
        "source": result.source,
        "method": provenance.get("method"),
        "model": result.reconstruction.model,
        "photo_facts": photos,
        "scale": {
            "kind": kind_of_scale(result.reconstruction),
            "source": provenance.get("scale_source"),
            "relative_standard_error": provenance.get("scale_error"),
            "size_of_model": asset.scale,
        },
        **kind.facts(asset),
        "texture_real_share": shares,
        "parts": {part.name: {"triangles": len(part.mesh.faces)} for part in result.reconstruction.parts},
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
        "depth_start_m": depth_start(asset),
        "files": described(asset),
    }
    return plain(facts)


def write_report(asset: Asset) -> bytes:
    """The report as UTF-8 JSON."""
    # A file name that is not UTF-8 holds lone surrogates, which JSON can keep in escaped form.
    text = json.dumps(report(asset), indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")
