"""landmarks.json: where the landmarks were seen, where the head or body puts them, and which are visible."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Observation, Subject
from maquette.geometry.camera import camera_centre, project
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.morphable import Embedding
from maquette.outputs.asset import Asset

HEAD = {
    "world": "metres; y up, the face looks along +z, origin midway between the eyeballs",
    "visible": "true where the head itself does not hide the point",
}
BODY = {
    "world": "metres; y up, the subject looks along +z, origin on the floor under the pelvis",
    "confidence": "0-1, how surely the detector saw the point",
}
WORLDS = {Subject.FACE: HEAD, Subject.PERSON: BODY, Subject.PET: HEAD}


def to_photo(observation: Observation, pixels: NDArray) -> NDArray:
    """Crop pixels (N, 2) as pixels of the full photo."""
    width, height = observation.frame.size
    x0, y0, x1, y1 = observation.box
    return pixels * [(x1 - x0) / width, (y1 - y0) / height] + [x0, y0]


def visible(vertices: NDArray, faces: NDArray, points: NDArray, normals: NDArray, eye: NDArray) -> NDArray:
    """(N,) bool: surface points that face `eye` and that the mesh does not hide from it.

    Args:
        points, normals: (N, 3) metres and unit, on the mesh.
        eye: (3,) metres.
    """
    toward = eye - points
    facing = np.sum(toward * normals, axis=1) > 0
    return facing & ~RayCaster(vertices, faces).occluded(points, normals, eye, offset=1e-3)


def _rounded(values: NDArray | None, digits: int) -> list | None:
    return None if values is None else np.round(np.asarray(values, float), digits).tolist()


def _fitted(asset: Asset, index: int, embedding: Embedding) -> dict:
    """World points, reprojection and visibility of landmarks on the mesh in one photo."""
    camera, observation = asset.result.reconstruction.cameras[index], asset.result.observations[index]
    vertices, faces = asset.vertices_in(index).astype(float), asset.mesh.faces
    points = embedding.points(vertices, faces)
    normals = embedding.points(vertex_normals(vertices, faces), faces)
    pixels, _ = project(camera, points)
    return {
        "world": _rounded(points, 6),
        "reprojected": _rounded(pixels, 3),
        "reprojected_photo": _rounded(to_photo(observation, pixels), 3),
        "visible": visible(vertices, faces, points, normals, camera_centre(camera)).tolist(),
    }


def keypoints(asset: Asset, index: int, scheme: str) -> tuple[NDArray, NDArray]:
    """Where the fitted body has the key points of a scheme in one observation.

    Returns:
        world: (N, 3) metres.
        pixels: (N, 2) of the crop.
    """
    world = asset.keypoints[scheme][asset.pose_of(index)]
    return world, project(asset.of_observation(asset.result.reconstruction.cameras, index), world)[0]


def _posed(asset: Asset, index: int, scheme: str) -> dict:
    """World points and reprojection of one scheme of a body; inside it, so that none is visible or hidden."""
    world, pixels = keypoints(asset, index, scheme)
    return {
        "world": _rounded(world, 6),
        "reprojected": _rounded(pixels, 3),
        "reprojected_photo": _rounded(to_photo(asset.result.observations[index], pixels), 3),
    }


def _photo(asset: Asset, index: int) -> dict:
    observation = asset.result.observations[index]
    schemes: dict[str, dict] = {}
    for scheme, embedding in (asset.model.embeddings if asset.model else {}).items():
        schemes[scheme] = {"detected": None, "detected_photo": None, **_fitted(asset, index, embedding)}
    for scheme in asset.skeleton.keypoints if asset.body else ():
        schemes[scheme] = {"detected": None, "detected_photo": None, **_posed(asset, index, scheme)}
    seen = schemes.setdefault(observation.landmark_scheme, {})
    seen["detected"] = _rounded(observation.landmarks, 3)
    seen["detected_photo"] = _rounded(to_photo(observation, observation.landmarks[:, :2]), 3)
    seen["confidence"] = _rounded(observation.landmark_confidence, 4)
    moment = {} if observation.frame.time is None else {"time": round(observation.frame.time, 6)}
    return {
        "photo": observation.frame.origin,
        **moment,
        "box": _rounded(observation.box, 3),
        "crop_size": list(observation.frame.size),
        "photo_size": [int(side) for side in observation.full_size],
        "schemes": schemes,
    }


def write_landmarks(asset: Asset) -> bytes:
    """JSON: per photo and scheme, one row per landmark.

    Schemes of faces: "mediapipe478", "ibug68"; of people: "mediapipe33", "body25", "coco17"; of animals: "pet20".

    `detected` (x, y, relative depth) and `reprojected` are pixels of the crop, `*_photo` of the full photo, `world`
    metres in the subject's frame, `visible` whether the head itself hides the point. No detector gives 68 points:
    their `detected` is null.
    """
    units = {
        "detected": "crop pixels; third number: relative depth, smaller is nearer",
        "detected_photo": "pixels of the full photo",
        "reprojected": "crop pixels",
        "reprojected_photo": "pixels of the full photo",
        **WORLDS[asset.subject],
        "box": "x0, y0, x1, y1 of the crop in pixels of the full photo",
    }
    photos = [_photo(asset, index) for index in range(len(asset.result.observations))]
    return json.dumps({"units": units, "photos": photos}, separators=(",", ":")).encode("utf-8")
