"""Meshes of people rendered with the cameras stored beside them.

Where a frame has no mesh file, the fitted body is posed again from parameters.npz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.errors import BadInput
from maquette.core.types import PARTS, Camera
from maquette.evaluation.image_space.rendering import PHOTOGRAPHED, camera_normals, sample_texture, shrink_texture
from maquette.evaluation.image_space.result_files import load_model, read_png
from maquette.evaluation.image_space.views import PersonView
from maquette.evaluation.meshes import Shape, read_shape
from maquette.geometry.camera import cropped, project, resized
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers

FURTHER = {part.encode() for part in PARTS}
UNSEEN_CORNER = (1.0, 0.0)  # of the textures of people with a head of their own
FACING = 0.3  # cosine to the camera from which on a vertex colour may have been seen by it


@dataclass(frozen=True, eq=False)
class Texture:
    """What a mesh's texture file shows where.

    Attributes:
        uvs: (F, 3, 2) of the triangles' corners, v up.
        pixels: (H, W, 3) uint8; confidence: (H, W) uint8, or None.
    """

    uvs: NDArray
    pixels: NDArray
    confidence: NDArray | None = None


@dataclass(frozen=True, eq=False)
class PersonMesh:
    """A mesh in the world, with its colours.

    Attributes:
        shape: metres, world.
        colours: (V, 3) uint8, or None.
        texture: or None.
        keypoints: scheme -> (N, 3) metres, of the fitted body.
    """

    shape: Shape
    colours: NDArray | None = None
    texture: Texture | None = None
    keypoints: Mapping[str, NDArray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PersonRender:
    """A person's mesh as a camera sees it, (H, W) each.

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


@dataclass(frozen=True, eq=False)
class FrameBody:
    """The fitted body of one frame: metres, world; (F, 3, 2) texture coordinates; key points by scheme."""

    shape: Shape
    uvs: NDArray
    keypoints: Mapping[str, NDArray]


def read_person_mesh(view: PersonView) -> PersonMesh:
    """Read or pose the mesh of a view. Raises BadInput: as `read_shape`, or the parameters do not fit the model."""
    body = None if view.body is None else _posed(view, view.body)
    keypoints = {} if body is None else body.keypoints
    if view.mesh is None:
        if body is None:
            raise BadInput(f"{view.folder}: {view.shown} has neither a mesh file nor a body in parameters.npz")
        return PersonMesh(body.shape, texture=_texture(view.folder, body.uvs), keypoints=keypoints)
    shape = read_shape(view.mesh)
    if view.mesh.suffix == ".ply":
        return PersonMesh(shape, _vertex_colours(view.mesh, len(shape.vertices)), keypoints=keypoints)
    uvs = _corner_uvs(view.mesh, len(shape.faces))
    return PersonMesh(shape, texture=None if uvs is None else _texture(view.folder, uvs), keypoints=keypoints)


def moved_camera(view: PersonView, box: NDArray, size: tuple[int, int]) -> Camera:
    """The view's camera for a picture of (width, height) that shows box (4,), pixels of the whole picture."""
    full = resized(view.known_camera, tuple(view.box[2:] - view.box[:2]))
    cut = cropped(full, np.asarray(box, float) - np.tile(view.box[:2], 2))
    return resized(cut, size)


def render_person(mesh: PersonMesh, camera: Camera) -> PersonRender:
    """Render a person's mesh."""
    vertices, faces = mesh.shape.vertices, mesh.shape.faces
    normals = vertex_normals(vertices, faces)
    face, barycentric, _ = render_buffers(camera, vertices, faces)
    inside, corners = face >= 0, faces[np.maximum(face, 0)]
    front = camera_normals(camera, normals, corners, barycentric, inside)
    # Seen from behind in the same pixels: the depth axis runs the other way.
    flat = np.column_stack(project(camera, vertices.astype(float)))
    mirrored = Camera(np.eye(3), np.diag([1.0, 1.0, -1.0, 1.0]), camera.size, "orthographic")
    behind, weights, _ = render_buffers(mirrored, flat, faces)
    back = camera_normals(camera, normals, faces[np.maximum(behind, 0)], weights, behind >= 0)
    colour, photographed = None, inside & (front[..., 2] > FACING)
    if mesh.texture is not None:
        uv = np.einsum("hwk,hwkd->hwd", barycentric, mesh.texture.uvs[np.maximum(face, 0)])
        colour = sample_texture(shrink_texture(mesh.texture.pixels, uv, inside), uv)
        if mesh.texture.confidence is not None:
            photographed = inside & (sample_texture(mesh.texture.confidence, uv) >= PHOTOGRAPHED)
    elif mesh.colours is not None:
        colour = np.einsum("hwk,hwkd->hwd", barycentric, mesh.colours[corners].astype(float))
    if colour is not None:
        colour = np.where(inside[..., None], np.round(colour), 0).astype(np.uint8)
    return PersonRender(inside, front, back, colour, photographed)


def _posed(view: PersonView, arrays: Mapping[str, NDArray]) -> FrameBody | None:
    """The fitted body in the view's pose; None where its model has no rig."""
    own = {} if "body_model" in arrays else arrays  # the edition in the file is that of "model"
    model = load_model(str(arrays.get("body_model", arrays.get("model", ""))) or "maquette-body", own, view.folder)
    if model.rig is None:
        return None
    row = view.row
    try:
        scale = float(np.ravel(arrays["scale"])[0])
        rest = model.vertices(arrays["identity"], arrays["expression"][row], scale)
        turns = Rotation.from_quat(np.roll(arrays["rotations"][row].astype(float), -1, axis=1)).as_matrix()
        joints = model.rig.joints(arrays["identity"], scale)
        vertices, _ = model.rig.pose(rest, joints, turns, arrays["translation"][row])
    except (KeyError, IndexError, ValueError) as error:
        raise BadInput(f"{view.folder}: parameters.npz does not fit the model {model.name} ({error})") from error
    points = {scheme: model.rig.keypoints_of(scheme, vertices) for scheme in model.rig.keypoints}
    shape = Shape(vertices, model.faces, f"{view.name} {view.shown}")
    return FrameBody(shape, model.uvs[model.uv_faces].astype(float), points)


def _texture(folder: Path, uvs: NDArray) -> Texture | None:
    """The texture files of a result for (F, 3, 2) coordinates; None where there are none."""
    pixels = read_png(folder / "texture.png", 3)
    return None if pixels is None else Texture(uvs, pixels, read_png(folder / "texture_confidence.png", 2))


def _vertex_colours(path: Path, count: int) -> NDArray | None:
    import trimesh

    mesh = trimesh.load(path, process=False, force="mesh")
    visual = mesh.visual if isinstance(mesh, trimesh.Trimesh) else None
    if not isinstance(visual, trimesh.visual.ColorVisuals) or visual.kind != "vertex":
        return None
    colours = np.asarray(visual.vertex_colors)
    return colours[:, :3] if len(colours) == count else None


def _corner_uvs(path: Path, count: int) -> NDArray | None:
    """(F, 3, 2) texture coordinates of the corners of an OBJ file's triangles; None where it has none.

    Those of hair and the like, which have textures of their own, are a corner of the texture that no photo shows.
    """
    uvs, corners, further, own = [], [], [], True
    for line in path.read_bytes().splitlines():
        if line.startswith(b"vt "):
            uvs.append(line.split()[1:3])
        elif line.startswith(b"usemtl "):
            own = line.split()[1] not in FURTHER
        elif line.startswith(b"f "):
            words = [word.split(b"/") for word in line.split()[1:]]
            if len(words) != 3 or any(len(word) < 2 or not word[1] for word in words):
                return None
            corners.append([word[1] for word in words])
            further.append(not own)
    index = np.array(corners, int) - 1
    if len(index) != count or not 0 <= index.min() <= index.max() < len(uvs):
        return None
    found = np.array(uvs, float)[index]
    found[np.array(further)] = UNSEEN_CORNER
    return found
