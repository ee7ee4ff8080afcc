"""From DECA's codes to a reconstruction: metres, the world's frame, cameras, maps, landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation
from torch.nn import functional

from maquette.core.types import Camera, Mesh, Reconstruction
from maquette.geometry.rendering.uv_table import rimmed
from maquette.geometry.surfaces.texel_grid import chart_mesh, tangent_map
from maquette.morphable.flame import LEFT_EYE, RIGHT_EYE
from maquette.morphable.flame_decoder import rotations_of
from maquette.perception.affine import scale_of
from maquette.reconstruction.deca.align import FlameFrame, HeadCrop, camera_of, to_frame
from maquette.reconstruction.deca.codes import HeadCodes, with_expression_of
from maquette.reconstruction.deca.decode import DECA, DecodedHeads, not_turned
from maquette.reconstruction.deca.files import LEARNED_WITH, HeadFiles
from maquette.reconstruction.deca.head import CROP, project

SHARED = ("shape", "tex", "detail")  # codes of a person, whatever the photo
AT_ONCE = 32  # heads that are decoded at once


class DecaView(NamedTuple):
    """One frame: (width, height) pixels, and (4,) where it lies in its photo."""

    size: tuple[int, int]
    box: NDArray


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


def one_identity(ready: DECA, codes: HeadCodes) -> HeadCodes:
    """Codes of several photos of one person: shape, albedo and detail are their means, cameras are fitted again."""
    mean = {name: getattr(codes, name).mean(0, keepdim=True).expand_as(getattr(codes, name)) for name in SHARED}
    found = replace(codes, **mean)
    cams = []
    for first in range(0, len(codes), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        wanted = project(ready.head.shape(codes.of(some)).landmarks3d, codes.cam[some])[..., :2]
        points = ready.head.shape(found.of(some)).landmarks3d[..., :2]
        down = wanted.new_tensor([1, -1])
        a, b = points - points.mean(1, keepdim=True), (wanted * down) - (wanted * down).mean(1, keepdim=True)
        scale = (a * b).sum((1, 2)) / a.square().sum((1, 2))
        shift = (wanted * down).mean(1) / scale[:, None] - points.mean(1)
        cams.append(torch.cat((scale[:, None], shift), 1))
    return replace(found, cam=torch.cat(cams))


def still_vertices(ready: DECA, codes: HeadCodes) -> NDArray:
    """(N, V, 3) metres in FLAME's frame: the heads in their expressions, not turned."""
    parts = []
    for first in range(0, len(codes), AT_ONCE):
        some = not_turned(codes.of(slice(first, first + AT_ONCE)))
        parts.append(ready.head.decoder(some.coefficients, rotations_of(some.pose)).cpu().numpy())
    return np.concatenate(parts)


@torch.no_grad()
def reconstruction_of(
    ready: DECA,
    codes: HeadCodes,
    crops: Sequence[HeadCrop],
    seen: Sequence[DecaView],
    pupil_distance: float | None = None,
    expression: HeadCodes | None = None,
) -> Reconstruction:
    """The reconstruction of one face, from one photo, from several, or from a clip.

    Args:
        codes: of the face in each of N photos. seen: how large each frame is, and where it lies in its photo.
        expression: codes of another face, whose expression and jaw it is to have, or None.

    Returns:
        The mesh of FLAME, not turned, in the expression of the first photo (or of the other), without a texture; unless
        that is all, `motion` has the expression of each photo. `parameters`: "code_shape" (N, 100) and the other codes
        by name; for N = 1, else with N before: "landmarks2d" (68, 2) -1 to 1 over the crop, "landmarks2d_photo" in
        pixels of the photo, "landmarks3d" (68, 4) with visibility last, "landmarks3d_photo" (68, 4) pixels,
        "landmarks3d_world" (68, 3) metres; of the first photo "displacement" (256, 256) metres, "albedo"
        (256, 256, 3) uint8 where its file is there, "detail_vertices", "detail_faces", "detail_uvs".
    """
    codes = codes if len(codes) == 1 else one_identity(ready, codes)
    frame, head = head_frame(ready, codes.of(0), pupil_distance), ready.head
    shown = codes.of(0) if expression is None else with_expression_of(codes.of(0), expression)
    upright = ready.upright(shown)
    cameras = [_camera(ready, codes.of(k), *each, frame) for k, each in enumerate(zip(crops, seen))]
    detail, relief = _detail(ready, upright, frame)
    vertices, uv_faces = upright.shape.vertices[0].cpu().numpy(), head.files.uv_triangles.astype(np.int32)
    triangles = head.files.model.faces.astype(np.int32)
    mesh = Mesh(frame.to_world(vertices), triangles, head.files.uvs, uv_faces, normal_map=relief)
    alone = expression is None and len(codes) == 1
    written = shown if len(codes) == 1 else codes
    parameters = {f"code_{name}": value.cpu().numpy() for name, value in written.named.items()}
    marks = [landmark_arrays(ready, codes.of(k), *each, frame) for k, each in enumerate(zip(crops, seen))]
    parameters |= marks[0] if len(marks) == 1 else {name: np.stack([one[name] for one in marks]) for name in marks[0]}
    if upright.albedo is not None:
        flat = upright.albedo[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()
        parameters["albedo"] = np.round(255 * flat).astype(np.uint8)
    facts = {
        "method": "deca",
        "photos": len(codes),
        "flame": flame_facts(head.files),
        **_measured(marks, crops, cameras),
        "displacement_mm": round(1000 * float(np.abs(detail["displacement"]).max()), 3),
    }
    return Reconstruction(
        mesh,
        tuple(cameras),
        None if alone else frame.to_world(still_vertices(ready, codes)),
        scale=frame.scale,
        metric=pupil_distance is not None,
        parameters=parameters | detail,
        provenance=facts,
    )


def _camera(ready: DECA, codes: HeadCodes, crop: HeadCrop, seen: DecaView, frame: FlameFrame) -> Camera:
    rotation = rotations_of(codes.pose)[0, 0].cpu().double().numpy()
    shaped = ready.head.decoder.shaped(codes.coefficients)
    root = ready.head.decoder.joints(shaped)[0, 0].cpu().double().numpy()
    cam = codes.cam[0].cpu().double().numpy()
    return camera_of(crop.to_crop, rotation, root - rotation @ root, cam, frame, seen.size)


def flame_facts(files: HeadFiles) -> dict[str, str]:
    """Which FLAME it was, under what terms, and whether the networks learned with it."""
    name, digest = files.model.source
    terms = "CC-BY-4.0" if name == "flame2023_Open.pkl" else "non-commercial research"
    facts = {"file": name, "sha256": digest, "licence": terms}
    if name and name not in LEARNED_WITH:
        facts["note"] = "the published networks learned with FLAME 2020, whose expressions are others"
    return facts


def landmark_arrays(
    ready: DECA, codes: HeadCodes, crop: HeadCrop, seen: DecaView, frame: FlameFrame
) -> dict[str, NDArray]:
    """The landmarks of one head as its photo shows them, see `reconstruction_of`."""
    shape, still = (ready.head.shape(one) for one in (codes, not_turned(codes)))
    marks = [project(part, codes.cam)[0] for part in (shape.landmarks2d, shape.landmarks3d)]
    flat, solid = (part.cpu().double().numpy() for part in marks)
    visible = ready.head.visible(shape)[0].cpu().double().numpy()
    x0, y0, x1, y1 = seen.box
    stretch = np.array([x1 - x0, y1 - y0]) / seen.size

    def in_photo(points: NDArray) -> NDArray:
        return to_frame(crop.to_crop, points) * stretch + [x0, y0]

    corner = in_photo(np.array([[0.0, 0.0], [1.0, 0.0]]))
    depth = solid[:, 2:] * float(np.linalg.norm(corner[1] - corner[0]))
    found = {
        "landmarks2d": flat[:, :2],
        "landmarks2d_photo": in_photo(flat),
        "landmarks3d": np.concatenate([solid, visible], axis=1),
        "landmarks3d_photo": np.concatenate([in_photo(solid), depth, visible], axis=1),
        "landmarks3d_world": frame.to_world(still.landmarks3d[0].cpu().numpy()),
    }
    return {name: value.astype(np.float32) for name, value in found.items()}


def _measured(
    marks: Sequence[Mapping[str, NDArray]], crops: Sequence[HeadCrop], cameras: Sequence[Camera]
) -> dict[str, list[Any]]:
    """Per photo: median distance of landmarks, pixels of the frame and millimetres, and the pose."""
    errors, millimetres, poses = [], [], []
    for one, crop, camera in zip(marks, crops, cameras):
        apart = (one["landmarks2d"] + 1) * (CROP / 2) - crop.landmarks
        errors.append(float(np.median(np.linalg.norm(apart, axis=1))) / scale_of(crop.to_crop))
        millimetres.append(1000 * errors[-1] / float(camera.intrinsics[0, 0]))
        facing = np.diag([1, -1, -1]) @ camera.world_to_camera[:3, :3]
        yaw, pitch, roll = Rotation.from_matrix(facing).as_euler("YXZ")
        poses.append({"yaw": float(yaw), "pitch": float(-pitch), "roll": float(-roll)})
    return {"landmark_error_px": errors, "landmark_error_mm": millimetres, "pose": poses}


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
