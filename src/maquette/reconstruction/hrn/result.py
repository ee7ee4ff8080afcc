"""From HRN's three levels to a reconstruction: metres, the world's frame, cameras, maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn import functional

from maquette.core.types import Camera, Mesh, Reconstruction
from maquette.geometry.surfaces.texel_grid import dense_mesh, displaced_normals, tangent_map
from maquette.perception.affine import scale_of
from maquette.reconstruction.hrn.align import AlignedFace, WorldFrame, camera_of
from maquette.reconstruction.hrn.coefficients import Coefficients
from maquette.reconstruction.hrn.detail import HRN, HighLevel, LowLevel, MidLevel
from maquette.reconstruction.hrn.face_model import SIDE, FaceModel, project, rotation
from maquette.reconstruction.hrn.fit.texture import residual
from maquette.reconstruction.hrn.fit.widen import widened

RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)  # of 68 landmarks
EYEBALL_DM = 0.12  # from the lids back to the middle of the eyeball, adult mean
METRES = 0.1  # per decimetre


@dataclass(frozen=True, eq=False)
class FaceLevels:
    """All that HRN found of one face in one photo."""

    aligned: AlignedFace
    low: LowLevel
    mid: MidLevel
    high: HighLevel


def world_frame(landmarks: Tensor, pupil_distance: float | None) -> WorldFrame:
    """The world's frame of a shape with (68, 3) landmarks, decimetres: its origin midway between the eyeballs.

    Args:
        pupil_distance: measured, metres; None for the model's own size.
    """
    marks = landmarks.cpu().double().numpy()
    right, left = marks[RIGHT_EYE].mean(axis=0), marks[LEFT_EYE].mean(axis=0)
    metres = METRES if pupil_distance is None else pupil_distance / float(np.linalg.norm(left - right))
    return WorldFrame((right + left) / 2 - [0, 0, EYEBALL_DM], metres)


def reconstruction_of(
    ready: HRN, faces: Sequence[FaceLevels], sizes: Sequence[tuple[int, int]], pupil_distance: float | None
) -> Reconstruction:
    """The reconstruction of one person.

    Args:
        faces: one per photo, in the order of the observations. sizes: (width, height) of their frames.
        pupil_distance: metres, or None.

    Returns:
        The mesh of the middle level without a texture (with `Compat.lit_texture_256` the lit one), one camera per
        photo; with several photos `motion`, the mesh as each shows it. `parameters`: "coefficients" (N, 257); of the
        first photo "deformation" (64, 64, 3) and "displacement" (256, 256), metres, along x, y, z of the world and
        along the normals; "albedo" (256, 256, 3) and "valid" (256, 256) uint8, 255 where the photo shows the face;
        "detail_vertices" (D, 3) float32 metres, "detail_faces", "detail_uvs" of the displaced grid.
    """
    first, model = faces[0], ready.model
    frame = world_frame(first.mid.shape[0, model.landmarks], pupil_distance)
    cameras = [camera_seeing(f.aligned, f.low.coefficients, frame, size) for f, size in zip(faces, sizes)]
    vertices = frame.to_world(first.mid.shape[0].cpu().numpy())
    detail, relief = _detail(ready, first, frame)
    triangles = model.basel.triangles.astype(np.int32)
    lit = lit_texture(model, first) if ready.compat.lit_texture_256 else None
    mesh = Mesh(vertices, triangles, model.basel.uvs, triangles, texture=lit, normal_map=relief)
    motion = None
    if len(faces) > 1:
        motion = np.stack([frame.to_world(face.mid.shape[0].cpu().numpy()) for face in faces])
    deformation = first.mid.deformation[0].permute(1, 2, 0).cpu().numpy() * frame.metres
    parameters = {
        "coefficients": torch.cat([face.low.coefficients.merged for face in faces]).cpu().numpy(),
        "deformation": deformation.astype(np.float32),
        "displacement": (first.high.displacement[0, 0].cpu().numpy() * frame.metres).astype(np.float32),
        "albedo": _colours(first.low.detailed_albedo),
        "valid": np.round(255 * first.low.valid[0, 0].cpu().numpy()).astype(np.uint8),
        **detail,
    }
    facts = {
        "method": "hrn",
        "photos": len(faces),
        **measured(
            [project(face.mid.points)[0, model.landmarks] for face in faces], [face.aligned for face in faces], cameras
        ),
        "deformation_mm": round(1000 * float(np.abs(deformation).max()), 3),
        "displacement_mm": round(1000 * float(np.abs(parameters["displacement"]).max()), 3),
        "valid_share": round(float(first.low.valid[0, 0][model.table.covered].mean()), 3),
    }
    return Reconstruction(
        mesh,
        tuple(cameras),
        motion,
        scale=frame.metres / METRES,
        metric=pupil_distance is not None,
        parameters=parameters,
        provenance=facts,
    )


def measured(marks: Sequence[Tensor], faces: Sequence[AlignedFace], cameras: Sequence[Camera]) -> dict[str, list[Any]]:
    """Per photo: median distance of landmarks, pixels of its frame and millimetres at the face, and the pose.

    Args:
        marks: (68, 2) pixels of the small crop, y up, where each face has them.
    """
    errors, units, poses = [], [], []
    for found, face, camera in zip(marks, faces, cameras):
        errors.append(float((found - face.landmarks).norm(dim=1).median()) / scale_of(face.to_crop))
        units.append(1000 * float(np.linalg.norm(camera.world_to_camera[:3, 3]) / camera.intrinsics[0, 0]))
        facing = np.diag([1, -1, -1]) @ camera.world_to_camera[:3, :3]
        yaw, pitch, roll = Rotation.from_matrix(facing).as_euler("YXZ")
        poses.append({"yaw": float(yaw), "pitch": float(-pitch), "roll": float(-roll)})
    millimetres = [error * unit for error, unit in zip(errors, units)]
    return {"landmark_error_px": errors, "landmark_error_mm": millimetres, "pose": poses}


def camera_seeing(face: AlignedFace, found: Coefficients, frame: WorldFrame, size: tuple[int, int]) -> Camera:
    """The camera that sees a face in the world as its coefficients say; (width, height) of the frame."""
    turn, moved = rotation(found.angles)[0].cpu().double().numpy(), found.translation[0].cpu().double().numpy()
    return camera_of(face.to_crop, turn, moved, frame, size)


@torch.no_grad()
def _detail(ready: HRN, face: FaceLevels, frame: WorldFrame) -> tuple[dict[str, NDArray], NDArray]:
    """The displaced grid, and its relief as a map of normals in the texture's own axes (S, S, 3) uint8."""
    model = ready.model
    position = model.table.draw(face.mid.shape)
    normals = functional.normalize(model.table.draw(model.normals(face.mid.shape)), dim=1)
    moved = position + face.high.displacement * normals
    covered = model.table.covered.cpu().numpy()
    mesh = dense_mesh(moved[0].cpu().numpy(), covered, ready.compat.dense_face_shift)
    changed = functional.normalize(displaced_normals(position, normals, face.high.displacement, flip=False), dim=1)
    relief = tangent_map(position[0], normals[0], changed[0])
    relief[~covered] = (128, 128, 255)
    arrays = {
        "detail_vertices": frame.to_world(mesh.vertices),
        "detail_faces": mesh.faces,
        "detail_uvs": mesh.uvs,
    }
    return arrays, relief


def lit_texture(model: FaceModel, face: FaceLevels) -> NDArray:
    """(S, S, 3) uint8: the finest level's colours, light and all, with what is left between them and the photo.

    The photo's jaw is widened for it, so that no background comes onto the cheeks.
    """
    colours = face.high.colours
    marks = face.aligned.landmarks.cpu().numpy() * [1, -1] + [0, SIDE]
    photo = torch.from_numpy(widened(_colours(face.aligned.crops.small), marks))
    photo = photo.to(colours.device).permute(2, 0, 1)[None].to(colours.dtype) / 255
    return _colours(colours + residual(model, face.mid.points[0], colours, photo))


def _colours(maps: Tensor) -> NDArray:
    """(S, S, 3) uint8 of maps (1, 3, S, S) in 0-1."""
    return np.round(255 * maps[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()).astype(np.uint8)
