"""Results of `maquette face` read back from their files, and rendered with the cameras stored beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import PerceptionOptions
from maquette.core.types import Camera, Observation, Subject
from maquette.evaluation.image_space.rendering import (
    PHOTOGRAPHED,
    camera_normals,
    resample_box,
    sample_texture,
    shrink_texture,
)
from maquette.evaluation.image_space.result_files import (
    CAMERAS,
    Photos,
    cameras_of,
    find_picture,
    load_model,
    read_arrays,
    read_normals,
    read_png,
)
from maquette.evaluation.meshes import read_shape
from maquette.geometry.camera import camera_centre, project, resized
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers
from maquette.morphable.model import MorphableModel
from maquette.morphable.refined.fine import sized
from maquette.outputs.reports.landmarks import visible
from maquette.perception.boxes import overlap
from maquette.perception.faces import skin, topology
from maquette.perception.observers import OBSERVERS
from maquette.sources import photos as photo_files

LARGEST_SIDE = 768  # pixels; a larger crop is compared at this size
PATCH_SIDE = 1024  # texels of the chart on which the face patch is drawn
SAME_FACE = 0.5  # overlap of a stored crop and one found again
PER_PHOTO = ("expression", "box", "photo", *CAMERAS)
NEEDED = ("identity", "scale", "model", "camera_projection", *PER_PHOTO)


@dataclass(frozen=True, eq=False)
class FaceResult:
    """What the files of one result hold.

    Attributes:
        folder: where they lie; name: the folder relative to OUT.
        model: the parametric model; vertices: per photo (V, 3) float64 metres, world.
        cameras: one per photo, for the pixels of its crop.
        boxes: (N, 4) crops in pixels of the photos; photos: N paths as they were given.
        texture, confidence: (H, W, 3) and (H, W) uint8, or None.
        scheme: the landmarks' scheme that the model carries.
    """

    folder: Path
    name: str
    model: MorphableModel
    vertices: tuple[NDArray, ...]
    cameras: tuple[Camera, ...]
    boxes: NDArray
    photos: tuple[str, ...]
    texture: NDArray | None
    confidence: NDArray | None
    scheme: str = topology.SCHEME


@dataclass(frozen=True, eq=False)
class HeadRender:
    """A head as a camera sees it, (H, W) each.

    Attributes:
        head, face: bool, the head and its face patch with eyes and mouth.
        textured: bool, where the texture was photographed.
        colour: (H, W, 3) uint8 texture without light, black outside; None without a texture.
        normals: (H, W, 3) float, unit: right, up, to the camera; zero outside.
        landmarks: (N, 2) pixels; visible: (N,) bool, those that the head does not hide.
    """

    head: NDArray
    face: NDArray
    textured: NDArray
    colour: NDArray | None
    normals: NDArray
    landmarks: NDArray
    visible: NDArray


@dataclass(frozen=True, eq=False)
class FacePhoto:
    """A crop of a photo and what perception finds in it.

    Attributes:
        pixels: (H, W, 3) uint8.
        face, person: (H, W) bool: the area of the landmarks, and the person.
        landmarks: (N, 2) pixels; scheme: which ones.
    """

    pixels: NDArray
    face: NDArray
    person: NDArray
    landmarks: NDArray
    scheme: str

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def read_face_arrays(path: Path) -> dict[str, NDArray]:
    """All arrays of a head's parameters.npz. Raises BadInput: as `read_arrays`."""
    return read_arrays(path, NEEDED, PER_PHOTO)


def head_model(arrays: Mapping[str, NDArray], path: Path) -> MorphableModel:
    """The model that made the parameters.

    Raises:
        BadInput: it is not known here, or has fewer identity or other expression weights.
    """
    model = load_model(str(arrays["model"]), arrays, path)
    identities, expressions = arrays["identity"].shape, arrays["expression"].shape
    fits = len(identities) == 1 and identities[0] <= len(model.identity_basis)
    if not fits or expressions[1:] != (len(model.expression_names),):
        raise BadInput(f"{path}: identity {identities} and expression {expressions} do not fit the model {model.name}")
    return model


def read_result(folder: Path, name: str) -> FaceResult:
    """One result from parameters.npz, head.obj and, where they are, the textures.

    Raises:
        BadInput: a file is missing or broken, or the mesh is not the model's.
    """
    path = folder / "parameters.npz"
    arrays = read_face_arrays(path)
    model = head_model(arrays, path)
    mesh = folder / "head.obj"
    if not mesh.is_file():
        raise BadInput(f"{mesh}: no such file, wanted the head to render: run maquette face with --formats glb,obj")
    first = np.asarray(read_shape(mesh).vertices, float)
    own = sized(model, len(first))
    if own is None:
        raise BadInput(f"{mesh}: {len(first)} vertices, the model {model.name} has {len(model.mean)}")
    model = own
    scale = float(np.ravel(arrays["scale"])[0])
    # head.obj wears the expression of the first photo alone.
    others = [model.vertices(arrays["identity"], weights, scale).astype(float) for weights in arrays["expression"][1:]]
    cameras = cameras_of(arrays, path)
    photos = tuple(str(photo) for photo in arrays["photo"])
    textures = (read_png(folder / "texture.png", 3), read_png(folder / "texture_confidence.png", 2))
    return FaceResult(folder, name, model, (first, *others), cameras, arrays["box"], photos, *textures)


def open_photo(result: FaceResult, index: int, photos: Photos) -> FacePhoto:
    """The crop of photo `index`, at most LARGEST_SIDE pixels a side, with landmarks and masks found afresh.

    Args:
        photos: a folder or files to look in, by name; None: where the result says.

    Raises:
        BadInput: the photo is not there, unreadable, or smaller than the stored crop.
        LookupError: no face is found where the result's was.
    """
    frame = photo_files.read(find_picture(result.photos[index], photos))
    box, name = result.boxes[index], Path(result.photos[index]).name
    if box[2] > frame.size[0] or box[3] > frame.size[1]:
        sizes = f"{frame.size[0]} x {frame.size[1]} pixels do not hold the crop up to {box[2]:.0f}, {box[3]:.0f}"
        raise BadInput(f"{frame.origin}: {sizes} of {result.folder}: give the photo that the result was made from")
    try:
        faces = OBSERVERS[Subject.FACE](frame, PerceptionOptions())
    except NothingFound as error:
        raise LookupError(f"no face found again in {name}") from error
    overlaps = [overlap(box, face.box) for face in faces]
    if max(overlaps) < SAME_FACE:
        raise LookupError(f"no face found again at {np.round(box).astype(int).tolist()} of {name}")
    return _on_grid(faces[int(np.argmax(overlaps))], box, frame.pixels, result.cameras[index].size)


def render_head(result: FaceResult, index: int, size: tuple[int, int]) -> HeadRender:
    """Render photo `index`'s head with its camera on a grid of (width, height) for the same crop."""
    model, vertices = result.model, result.vertices[index]
    camera = resized(result.cameras[index], size)
    face, barycentric, _ = render_buffers(camera, vertices, model.faces)
    hit = face >= 0
    corner = np.maximum(face, 0)
    directions = vertex_normals(vertices, model.faces)
    normals = camera_normals(camera, directions, model.faces[corner], barycentric, hit)
    uv = np.einsum("hwk,hwkd->hwd", barycentric, model.uvs[model.uv_faces[corner]].astype(float))
    # Eyeballs, teeth and tongue have charts of their own: they are holes of the patch as seen.
    patch = hit & (sample_texture(face_patch(model), uv, cv2.INTER_NEAREST) > 0)
    colour = None
    textured = hit.copy()
    if result.texture is not None:
        colour = sample_texture(shrink_texture(result.texture, uv, patch), uv)
        colour = np.where(hit[..., None], colour, 0).astype(np.uint8)
    if result.confidence is not None:
        textured = hit & (sample_texture(result.confidence, uv) >= PHOTOGRAPHED)
    embedding = model.embeddings[result.scheme]
    points = embedding.points(vertices, model.faces)
    outward = embedding.points(directions, model.faces)
    shown = visible(vertices, model.faces, points, outward, camera_centre(camera))
    patch = binary_fill_holes(patch) & hit
    return HeadRender(hit, patch, textured, colour, normals, project(camera, points)[0], shown)


def face_patch(model: MorphableModel) -> NDArray:
    """(S, S) uint8 chart of the model, row 0 is v = 1: 255 where the 468 landmarks span the surface."""
    embedding = model.embeddings[topology.SCHEME]
    uv = np.einsum("nk,nkd->nd", embedding.barycentric, model.uvs[model.uv_faces[embedding.faces]])
    pixels = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1) * PATCH_SIDE
    region = skin.face_region((PATCH_SIDE, PATCH_SIDE), pixels, openings=False)
    return np.where(region > 0.5, 255, 0).astype(np.uint8)


def given_normals(result: FaceResult, index: int, folder: str | Path | None, size: tuple[int, int]) -> NDArray | None:
    """Normals to compare with, (H, W, 3) float: right, up, to the camera; zero where unknown.

    Args:
        folder: holds <photo stem>.png; None: the result's own normals.png, which shows its first photo only.

    Returns:
        The map on the grid `size`, or None if the result wrote none.

    Raises:
        BadInput: the given file is not there or cannot be read.
    """
    if folder is None:
        path = result.folder / "normals.png"
        if index or not path.is_file():
            return None
    else:
        path = Path(folder) / f"{Path(result.photos[index]).stem}.png"
    normals = read_normals(path)
    if normals.shape[1::-1] != size:
        normals = cv2.resize(normals, size, interpolation=cv2.INTER_NEAREST)
    return normals


def _on_grid(found: Observation, box: NDArray, pixels: NDArray, crop_size: tuple[int, int]) -> FacePhoto:
    """The observation moved to the stored crop, whose box may differ by some pixels."""
    shrink = min(1.0, LARGEST_SIDE / max(crop_size))
    width, height = (max(1, round(side * shrink)) for side in crop_size)
    scale = np.array([width, height]) / (box[2:] - box[:2])
    own = (found.box[2:] - found.box[:2]) / np.array(found.frame.size)
    landmarks = found.landmarks.copy()
    landmarks[:, :2] = (found.landmarks[:, :2] * own + found.box[:2] - box[:2]) * scale
    x0, y0, x1, y1 = box.astype(int)
    size = (width, height)
    person = resample_box(found.mask, found.box, box, size, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE) > 0.5
    face = skin.face_region((height, width), landmarks, openings=False) > 0.5
    crop = cv2.resize(pixels[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
    return FacePhoto(crop, face, person, landmarks[:, :2], found.landmark_scheme)
