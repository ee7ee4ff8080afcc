"""Meshes of people rendered with the cameras stored beside them.

Where a frame has no mesh file, the fitted body is posed again from parameters.npz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.errors import BadInput
from maquette.core.types import Camera
from maquette.evaluation.image_space.face_result import PHOTOGRAPHED, fitting, picture, sampled
from maquette.evaluation.image_space.views import PersonView
from maquette.evaluation.meshes import Shape, read_shape
from maquette.geometry.camera import cropped, resized
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers
from maquette.morphable import MODELS, load

FACING = 0.3  # cosine to the camera from which on a vertex colour may have been seen by it


@dataclass(frozen=True, eq=False)
class PersonMesh:
    """A mesh in the world, with its colours.

    Attributes:
        shape: metres, world.
        colours: (V, 3) uint8, or None.
        uvs: (F, 3, 2) of the corners, v up; texture (H, W, 3) uint8; confidence (H, W) uint8; None where there is none.
        keypoints: scheme -> (N, 3) metres, of the fitted body.
    """

    shape: Shape
    colours: NDArray | None = None
    uvs: NDArray | None = None
    texture: NDArray | None = None
    confidence: NDArray | None = None
    keypoints: Mapping[str, NDArray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PersonRender:
    """A body as a camera sees it, (H, W) each.

    Attributes:
        inside: bool, the silhouette.
        normals, back: (H, W, 3) float unit: right, up, to the camera; of the nearest and of the farthest surface; zero
            outside.
        colour: (H, W, 3) uint8, black outside; None without colours.
        photographed: bool, where the colour may come from this camera's picture.
    """

    inside: NDArray
    normals: NDArray
    back: NDArray
    colour: NDArray | None
    photographed: NDArray


def read_person_mesh(view: PersonView) -> PersonMesh:
    """Read or pose the mesh of a view. Raises BadInput: as `read_shape`, or the parameters do not fit the model."""
    shape, uvs, keypoints = _posed(view) if view.body is not None else (None, None, {})
    if view.mesh is None:
        if shape is None:
            raise BadInput(f"{view.folder}: {view.shown} has neither a mesh file nor a body in parameters.npz")
        texture = picture(view.folder / "texture.png", 3)
        if texture is None or uvs is None:
            return PersonMesh(shape, keypoints=keypoints)
        return PersonMesh(shape, None, uvs, texture, picture(view.folder / "texture_confidence.png", 2), keypoints)
    read = read_shape(view.mesh)
    if view.mesh.suffix == ".ply":
        return PersonMesh(read, colours=_vertex_colours(view.mesh, len(read.vertices)), keypoints=keypoints)
    texture, uvs = picture(view.folder / "texture.png", 3), _corner_uvs(view.mesh, len(read.faces))
    if texture is None or uvs is None:
        return PersonMesh(read, keypoints=keypoints)
    return PersonMesh(read, None, uvs, texture, picture(view.folder / "texture_confidence.png", 2), keypoints)


def moved_camera(view: PersonView, box: NDArray, size: tuple[int, int]) -> Camera:
    """The view's camera for a picture of (width, height) that shows box (4,), pixels of the whole picture."""
    full = resized(view.camera, tuple(view.box[2:] - view.box[:2]))
    cut = cropped(full, np.asarray(box, float) - np.tile(view.box[:2], 2))
    return resized(cut, size)


def render_person(body: PersonMesh, camera: Camera) -> PersonRender:
    """Render a body."""
    shape = body.shape
    face, barycentric, _ = render_buffers(camera, shape.vertices, shape.faces)
    inside, corner = face >= 0, shape.faces[np.maximum(face, 0)]
    normal = vertex_normals(shape.vertices, shape.faces)
    axes = camera.world_to_camera[:3, :3].T * [1, -1, -1]

    def unit(corners: NDArray, weights: NDArray, where: NDArray) -> NDArray:
        turned = np.einsum("hwk,hwkd->hwd", weights, normal[corners]) @ axes
        turned /= np.maximum(np.linalg.norm(turned, axis=2, keepdims=True), 1e-9)
        return np.where(where[..., None], turned, 0)

    normals = unit(corner, barycentric, inside)
    # HeadRender from behind in the same pixels: the depth axis runs the other way.
    mirrored = Camera(
        camera.intrinsics, np.diag([1.0, 1.0, -1.0, 1.0]) @ camera.world_to_camera, camera.size, camera.projection
    )
    if camera.projection == "orthographic":
        behind, weights, _ = render_buffers(mirrored, shape.vertices, shape.faces)
        back = unit(shape.faces[np.maximum(behind, 0)], weights, behind >= 0)
    else:
        back = np.zeros_like(normals)
    colour, photographed = None, inside & (normals[..., 2] > FACING)
    if body.texture is not None:
        uv = np.einsum("hwk,hwkd->hwd", barycentric, body.uvs[np.maximum(face, 0)])
        colour = sampled(fitting(body.texture, uv, inside), uv)
        if body.confidence is not None:
            photographed = inside & (sampled(body.confidence, uv) >= PHOTOGRAPHED)
    elif body.colours is not None:
        colour = np.einsum("hwk,hwkd->hwd", barycentric, body.colours[corner].astype(float))
    if colour is not None:
        colour = np.where(inside[..., None], np.round(colour), 0).astype(np.uint8)
    return PersonRender(inside, normals, back, colour, photographed)


def _posed(view: PersonView) -> tuple[Shape | None, NDArray | None, dict[str, NDArray]]:
    """The fitted body in the view's pose, (F, 3, 2) its texture coordinates, and its key points by scheme."""
    arrays, row = view.body, view.row
    name = str(arrays.get("body_model", arrays.get("model", ""))) or "maquette-body"
    if name not in MODELS:
        raise BadInput(f"{view.folder}: made with model {name!r}; known are {', '.join(MODELS)}")
    model = load(name)
    if model.rig is None:
        return None, None, {}
    try:
        scale = float(np.ravel(arrays["scale"])[0])
        rest = model.vertices(arrays["identity"], arrays["expression"][row], scale)
        turns = Rotation.from_quat(np.roll(arrays["rotations"][row].astype(float), -1, axis=1)).as_matrix()
        joints = model.rig.joints(arrays["identity"], scale)
        vertices, _ = model.rig.pose(rest, joints, turns, arrays["translation"][row])
    except (KeyError, IndexError, ValueError) as error:
        raise BadInput(f"{view.folder}: parameters.npz does not fit the model {name} ({error})") from error
    points = {scheme: model.rig.keypoints_of(scheme, vertices) for scheme in model.rig.keypoints}
    return Shape(vertices, model.faces, f"{view.name} {view.shown}"), model.uvs[model.uv_faces].astype(float), points


def _vertex_colours(path: Path, count: int) -> NDArray | None:
    import trimesh

    colours = trimesh.load(path, process=False, force="mesh").visual
    if colours.kind != "vertex" or len(colours.vertex_colors) != count:
        return None
    return np.asarray(colours.vertex_colors)[:, :3]


def _corner_uvs(path: Path, count: int) -> NDArray | None:
    """(F, 3, 2) texture coordinates of the corners of an OBJ file's triangles; None where it has none."""
    uvs, corners = [], []
    for line in path.read_bytes().splitlines():
        if line.startswith(b"vt "):
            uvs.append(line.split()[1:3])
        elif line.startswith(b"f "):
            words = [word.split(b"/") for word in line.split()[1:]]
            if len(words) != 3 or any(len(word) < 2 or not word[1] for word in words):
                return None
            corners.append([word[1] for word in words])
    index = np.array(corners, int) - 1
    if len(index) != count or not 0 <= index.min() <= index.max() < len(uvs):
        return None
    return np.array(uvs, float)[index]


def resize_into(values: NDArray, source: NDArray, target: NDArray, size: tuple[int, int], kind: int) -> NDArray:
    """A map of box `source` (4,) sampled on a grid of (width, height) of box `target` (4,); 0 outside.

    Args:
        values: (H, W) or (H, W, 3) float32 or uint8 in the pixels of `source`.
        kind: cv2's interpolation.
    """
    own = np.array(values.shape[1::-1]) / (source[2:] - source[:2])
    x = ((np.arange(size[0]) + 0.5) * (target[2] - target[0]) / size[0] + target[0] - source[0]) * own[0] - 0.5
    y = ((np.arange(size[1]) + 0.5) * (target[3] - target[1]) / size[1] + target[1] - source[1]) * own[1] - 0.5
    place = np.stack(np.meshgrid(x, y), axis=2).astype(np.float32)
    return cv2.remap(values, place, None, kind, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
