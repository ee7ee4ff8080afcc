"""From DECA's codes to a reconstruction: metres, the world's frame, cameras, maps, landmarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation
from torch.nn import functional

from maquette.core.types import Camera, Mesh, Observation, Reconstruction
from maquette.geometry.rendering.uv_table import rimmed
from maquette.geometry.surfaces.texel_grid import chart_mesh, tangent_map
from maquette.morphable.flame import LEFT_EYE, RIGHT_EYE
from maquette.morphable.flame_decoder import rotations_of
from maquette.reconstruction.deca.align import FlameFrame, HeadCrop, camera_of, to_frame
from maquette.reconstruction.deca.codes import HeadCodes, with_expression_of
from maquette.reconstruction.deca.decode import DECA, DecodedHeads
from maquette.reconstruction.deca.files import LEARNED_WITH, HeadFiles
from maquette.reconstruction.deca.head import project


def head_frame(ready: DECA, codes: HeadCodes, pupil_distance: float | None) -> FlameFrame:
    """The world's frame of one head: its origin midway between the eyes' joints at rest.

    Args:
        pupil_distance: measured, metres; None for the model's own size.
    """
    neutral = torch.cat((codes.shape, 0 * codes.exp), 1)
    joints = ready.head.decoder.joints(ready.head.decoder.shaped(neutral))[0].cpu().double().numpy()
    right, left = joints[RIGHT_EYE], joints[LEFT_EYE]
    scale = 1.0 if pupil_distance is None else pupil_distance / float(np.linalg.norm(left - right))
    return FlameFrame((right + left) / 2, scale)


@torch.no_grad()
def reconstruction_of(
    ready: DECA,
    codes: HeadCodes,
    crop: HeadCrop,
    observation: Observation,
    pupil_distance: float | None = None,
    expression: HeadCodes | None = None,
) -> Reconstruction:
    """The reconstruction of one face.

    Args:
        codes: of the face. expression: codes of another, whose expression and jaw it is to have, or None.

    Returns:
        The mesh of FLAME, not turned, in the expression of the photo (or of the other; then `motion` has the photo's),
        without a texture. `parameters`: "code_shape" (1, 100) and the other codes by name; "landmarks2d" (68, 2)
        -1 to 1 over the crop, "landmarks2d_photo" in pixels of the photo, "landmarks3d" (68, 4) with visibility last,
        "landmarks3d_photo" (68, 4) pixels, "landmarks3d_world" (68, 3) metres; "displacement" (256, 256) metres;
        "albedo" (256, 256, 3) uint8 where its file is there; "detail_vertices", "detail_faces", "detail_uvs".
    """
    shown = codes if expression is None else with_expression_of(codes, expression)
    frame, head = head_frame(ready, codes, pupil_distance), ready.head
    own, upright = ready.decode(codes), ready.upright(shown)
    rotation = rotations_of(codes.pose)[0, 0].cpu().double().numpy()
    root = head.decoder.joints(head.decoder.shaped(codes.coefficients))[0, 0].cpu().double().numpy()
    cam = codes.cam[0].cpu().double().numpy()
    size = observation.frame.size
    camera = camera_of(crop.to_crop, rotation, root - rotation @ root, cam, frame, size)
    vertices = frame.to_world(upright.shape.vertices[0].cpu().numpy())
    uv_faces = head.files.uv_triangles.astype(np.int32)
    detail, relief = _detail(ready, upright, frame)
    mesh = Mesh(vertices, head.files.model.faces.astype(np.int32), head.files.uvs, uv_faces, normal_map=relief)
    motion = None
    if expression is not None:
        motion = frame.to_world(ready.upright(codes).shape.vertices.cpu().numpy())
    parameters = {f"code_{name}": value.cpu().numpy() for name, value in shown.named.items()}
    parameters |= landmark_arrays(ready, own, crop, observation) | detail
    parameters["landmarks3d_world"] = frame.to_world(upright.shape.landmarks3d[0].cpu().numpy())
    if upright.albedo is not None:
        flat = upright.albedo[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()
        parameters["albedo"] = np.round(255 * flat).astype(np.uint8)
    facts = {
        "method": "deca",
        "flame": flame_facts(head.files),
        **_measured(parameters, crop, camera),
        "displacement_mm": round(1000 * float(np.abs(parameters["displacement"]).max()), 3),
    }
    return Reconstruction(
        mesh,
        (camera,),
        motion,
        scale=frame.scale,
        metric=pupil_distance is not None,
        parameters=parameters,
        provenance=facts,
    )


def flame_facts(files: HeadFiles) -> dict[str, str]:
    """Which FLAME it was, under what terms, and whether the networks learned with it."""
    name, digest = files.model.source
    terms = "CC-BY-4.0" if name == "flame2023_Open.pkl" else "non-commercial research"
    facts = {"file": name, "sha256": digest, "licence": terms}
    if name and name not in LEARNED_WITH:
        facts["note"] = "the published networks learned with FLAME 2020, whose expressions are others"
    return facts


def landmark_arrays(ready: DECA, own: DecodedHeads, crop: HeadCrop, observation: Observation) -> dict[str, NDArray]:
    """The landmarks of one head as its photo shows them, see `reconstruction_of`."""
    marks = [project(part, own.codes.cam)[0] for part in (own.shape.landmarks2d, own.shape.landmarks3d)]
    flat, solid = (part.cpu().double().numpy() for part in marks)
    seen = ready.head.visible(own.shape)[0].cpu().double().numpy()
    width, height = observation.frame.size
    x0, y0, x1, y1 = observation.box
    stretch = np.array([(x1 - x0) / width, (y1 - y0) / height])

    def in_photo(points: NDArray) -> NDArray:
        return to_frame(crop.to_crop, points) * stretch + [x0, y0]

    depth = solid[:, 2:] * (in_photo(np.eye(2))[0, 0] - in_photo(np.zeros((1, 2)))[0, 0])
    found = {
        "landmarks2d": flat[:, :2],
        "landmarks2d_photo": in_photo(flat),
        "landmarks3d": np.concatenate([solid, seen], axis=1),
        "landmarks3d_photo": np.concatenate([in_photo(solid), depth, seen], axis=1),
    }
    return {name: value.astype(np.float32) for name, value in found.items()}


def _measured(parameters: Mapping[str, NDArray], crop: HeadCrop, camera: Camera) -> dict[str, list[Any]]:
    """Median distance of landmarks, pixels of the frame and millimetres, and the pose."""
    apart = (parameters["landmarks2d"] + 1) * 112 - crop.landmarks
    zoom = float(np.sqrt(abs(np.linalg.det(crop.to_crop[:, :2]))))
    error = float(np.median(np.linalg.norm(apart, axis=1))) / zoom
    facing = np.diag([1, -1, -1]) @ camera.world_to_camera[:3, :3]
    yaw, pitch, roll = Rotation.from_matrix(facing).as_euler("YXZ")
    return {
        "landmark_error_px": [error],
        "landmark_error_mm": [1000 * error / float(camera.intrinsics[0, 0])],
        "pose": [{"yaw": float(yaw), "pitch": float(-pitch), "roll": float(-roll)}],
    }


def charts_of(files: HeadFiles) -> NDArray:
    """(F,) int: the connected part of the texture that each triangle lies in."""
    places, count = files.uv_triangles, len(files.uvs)
    edges = np.concatenate([places[:, :2], places[:, 1:]])
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    return connected_components(graph, directed=False)[1][places[:, 0]]


def _detail(ready: DECA, upright: DecodedHeads, frame: FlameFrame) -> tuple[dict[str, NDArray], NDArray]:
    """The displaced mesh with its map, and the relief as normals in the texture's own axes (S, S, 3) uint8."""
    files, side = ready.head.files, ready.head.table.side
    table, origin = rimmed(ready.head.table, files.uvs, files.uv_triangles, files.model.faces)
    position, drawn = (table.draw(part) for part in (upright.shape.vertices, upright.shape.normals))
    normals = functional.normalize(drawn, dim=1)
    spread = upright.displacement[0, 0].flatten().clone()
    spread[table.texels] = spread[origin]
    moved = position + spread.view(1, 1, side, side) * normals
    charts = np.full(side * side, -1)
    charts[table.texels.cpu().numpy()] = charts_of(files)[table.triangles.cpu().numpy()]
    mesh = chart_mesh(moved[0].cpu().numpy(), charts.reshape(side, side))
    relief = tangent_map(position[0], normals[0], functional.normalize(upright.normal_map, dim=1)[0])
    relief[~ready.head.table.covered.cpu().numpy()] = (128, 128, 255)
    arrays = {
        "displacement": (upright.displacement[0, 0].cpu().numpy() * frame.scale).astype(np.float32),
        "detail_vertices": frame.to_world(mesh.vertices),
        "detail_faces": mesh.faces,
        "detail_uvs": mesh.uvs,
    }
    return arrays, relief
