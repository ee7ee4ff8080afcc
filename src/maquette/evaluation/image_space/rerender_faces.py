"""Results of `maquette face` read back from their files, and rendered with the cameras stored beside them."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from maquette.core.errors import BadInput, NothingFound
from maquette.core.types import Camera, Observation
from maquette.evaluation.meshes import read_shape
from maquette.geometry.camera import camera_centre, project, resized
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers
from maquette.morphable import MODELS, load
from maquette.morphable.model import MorphableModel
from maquette.outputs.pictures.maps import NORMAL_ZERO
from maquette.outputs.reports.landmarks import visible
from maquette.perception.boxes import overlap
from maquette.perception.faces import skin, topology
from maquette.perception.faces.observe import observe
from maquette.sources import photos as photo_files

LARGEST_SIDE = 768  # pixels; a larger crop is compared at this size
PATCH_SIDE = 1024  # texels of the chart on which the face patch is drawn
PHOTOGRAPHED = 128  # of texture_confidence: from here on a texel was seen in a photo
SAME_FACE = 0.5  # overlap of a stored crop and one found again
PER_PHOTO = ("expression", "box", "photo", "camera_intrinsics", "camera_world_to_camera", "camera_size")
NEEDED = ("identity", "scale", "model", "camera_projection", *PER_PHOTO)


@dataclass(frozen=True, eq=False)
class Result:
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
class Seen:
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
class Photo:
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


def read_parameters(path: Path) -> dict[str, NDArray]:
    """All arrays of a parameters.npz.

    Raises:
        BadInput: one line: not there, damaged, an array is missing or holds NaN or infinity.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path}: cannot be read ({error}): make the result again with maquette face") from error
    for name in NEEDED:
        if name not in arrays:
            raise BadInput(f"{path}: lacks {name}, holds {', '.join(sorted(arrays))}: make it with maquette face")
        if arrays[name].dtype.kind == "f" and not np.isfinite(arrays[name]).all():
            raise BadInput(f"{path}: {name} holds NaN or infinity: make the result again with maquette face")
    counts = {name: len(np.atleast_1d(arrays[name])) for name in PER_PHOTO}
    if len(set(counts.values())) > 1 or not counts["photo"]:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise BadInput(f"{path}: wanted as many of each per photo, got {told}")
    return arrays


def model_of(parameters: dict[str, NDArray], path: Path) -> MorphableModel:
    """The model that made the parameters.

    Raises:
        BadInput: it is not known here, or has fewer identity or other expression weights.
    """
    name = str(parameters["model"])
    if name not in MODELS:
        raise BadInput(f"{path}: made with model {name or 'none'!r}; known are {', '.join(MODELS)}")
    model = load(name)
    identities, expressions = parameters["identity"].shape, parameters["expression"].shape
    if (
        len(identities) != 1
        or identities[0] > len(model.identity_basis)
        or expressions[1:] != (len(model.expression_names),)
    ):
        raise BadInput(f"{path}: identity {identities} and expression {expressions} do not fit the model {name}")
    return model


def cameras_of(parameters: dict[str, NDArray], path: Path) -> tuple[Camera, ...]:
    """One camera per photo, for the pixels of its crop. Raises BadInput where the arrays make none."""
    names = ("camera_intrinsics", "camera_world_to_camera", "camera_size", "camera_projection")
    try:
        return tuple(
            Camera(intrinsics.astype(float), pose.astype(float), (int(width), int(height)), str(projection))
            for intrinsics, pose, (width, height), projection in zip(*(parameters[name] for name in names), strict=True)
        )
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path}: the cameras are damaged ({error}): make the result again") from error


def result_files(folder: Path) -> list[Path]:
    """The parameters.npz of OUT, OUT/<photo> or OUT/<photo>/face-1, sorted.

    Raises:
        BadInput: no folder, or none in it.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder, wanted results of maquette face: check the name")
    found = [path for depth in ("", "*/", "*/*/") for path in sorted(folder.glob(f"{depth}parameters.npz"))]
    if not found:
        raise BadInput(f"{folder}: holds no parameters.npz, wanted results of maquette face")
    return found


def read_result(folder: Path, name: str) -> Result:
    """One result from parameters.npz, head.obj and, where they are, the textures.

    Raises:
        BadInput: a file is missing or broken, or the mesh is not the model's.
    """
    path = folder / "parameters.npz"
    arrays = read_parameters(path)
    model = model_of(arrays, path)
    mesh = folder / "head.obj"
    if not mesh.is_file():
        raise BadInput(f"{mesh}: no such file, wanted the head to render: run maquette face with --formats glb,obj")
    first = np.asarray(read_shape(mesh).vertices, float)
    if len(first) != len(model.mean):
        raise BadInput(f"{mesh}: {len(first)} vertices, the model {model.name} has {len(model.mean)}")
    scale = float(np.ravel(arrays["scale"])[0])
    # head.obj wears the expression of the first photo alone.
    others = [model.vertices(arrays["identity"], weights, scale).astype(float) for weights in arrays["expression"][1:]]
    cameras = cameras_of(arrays, path)
    photos = tuple(str(photo) for photo in arrays["photo"])
    textures = (picture(folder / "texture.png", 3), picture(folder / "texture_confidence.png", 2))
    return Result(folder, name, model, (first, *others), cameras, arrays["box"], photos, *textures)


def open_photo(result: Result, index: int, photos: str | Path | Sequence[str | Path] | None) -> Photo:
    """The crop of photo `index`, at most LARGEST_SIDE pixels a side, with landmarks and masks found afresh.

    Args:
        photos: a folder or files to look in, by name; None: where the result says.

    Raises:
        BadInput: the photo is not there, unreadable, or smaller than the stored crop.
        LookupError: no face is found where the result's was.
    """
    frame = photo_files.read(_find_photo(result, index, photos))
    box, name = result.boxes[index], Path(result.photos[index]).name
    if box[2] > frame.size[0] or box[3] > frame.size[1]:
        told = f"{frame.size[0]} x {frame.size[1]} pixels do not hold the crop up to {box[2]:.0f}, {box[3]:.0f}"
        raise BadInput(f"{frame.origin}: {told} of {result.folder}: give the photo that the result was made from")
    try:
        faces = observe(frame)
    except NothingFound as error:
        raise LookupError(f"no face found again in {name}") from error
    overlaps = [overlap(box, face.box) for face in faces]
    if max(overlaps) < SAME_FACE:
        raise LookupError(f"no face found again at {np.round(box).astype(int).tolist()} of {name}")
    return _on_grid(faces[int(np.argmax(overlaps))], box, frame.pixels, result.cameras[index].size)


def look(result: Result, index: int, size: tuple[int, int]) -> Seen:
    """Render photo `index`'s head with its camera on a grid of (width, height) for the same crop."""
    model, vertices = result.model, result.vertices[index]
    camera = resized(result.cameras[index], size)
    face, barycentric, _ = render_buffers(camera, vertices, model.faces)
    hit = face >= 0
    corner = np.maximum(face, 0)
    normals = np.einsum("hwk,hwkd->hwd", barycentric, vertex_normals(vertices, model.faces)[model.faces[corner]])
    normals = normals @ (camera.world_to_camera[:3, :3].T * [1, -1, -1])
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    uv = np.einsum("hwk,hwkd->hwd", barycentric, model.uvs[model.uv_faces[corner]].astype(float))
    # Eyeballs, teeth and tongue have charts of their own: they are holes of the patch as seen.
    patch = hit & (sampled(face_patch(model), uv, cv2.INTER_NEAREST) > 0)
    colour = None
    textured = hit.copy()
    if result.texture is not None:
        colour = np.where(hit[..., None], sampled(fitting(result.texture, uv, patch), uv), 0).astype(np.uint8)
    if result.confidence is not None:
        textured = hit & (sampled(result.confidence, uv) >= PHOTOGRAPHED)
    embedding = model.embeddings[result.scheme]
    points = embedding.points(vertices, model.faces)
    directions = embedding.points(vertex_normals(vertices, model.faces), model.faces)
    shown = visible(vertices, model.faces, points, directions, camera_centre(camera))
    patch = binary_fill_holes(patch) & hit
    return Seen(hit, patch, textured, colour, np.where(hit[..., None], normals, 0), project(camera, points)[0], shown)


def face_patch(model: MorphableModel) -> NDArray:
    """(S, S) uint8 chart of the model, row 0 is v = 1: 255 where the 468 landmarks span the surface."""
    embedding = model.embeddings[topology.SCHEME]
    uv = np.einsum("nk,nkd->nd", embedding.barycentric, model.uvs[model.uv_faces[embedding.faces]])
    pixels = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1) * PATCH_SIDE
    region = skin.face_region((PATCH_SIDE, PATCH_SIDE), pixels, openings=False)
    return np.where(region > 0.5, 255, 0).astype(np.uint8)


def given_normals(result: Result, index: int, folder: str | Path | None, size: tuple[int, int]) -> NDArray | None:
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
    coded = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if coded is None or coded.dtype != np.uint16 or coded.ndim != 3:
        raise BadInput(f"{path}: wanted 16-bit RGB normals coded as normals.png: check folder and name")
    if coded.shape[1::-1] != size:
        coded = cv2.resize(coded, size, interpolation=cv2.INTER_NEAREST)
    return np.where((coded > 0).any(axis=2, keepdims=True), coded[:, :, ::-1] / NORMAL_ZERO - 1, 0.0)


def _find_photo(result: Result, index: int, photos: str | Path | Sequence[str | Path] | None) -> Path:
    recorded = Path(result.photos[index])
    if photos is None:
        places = [recorded]
    elif isinstance(photos, str | Path):
        places = [Path(photos) / recorded.name if Path(photos).is_dir() else Path(photos)]
    else:
        places = [Path(photo) for photo in photos]
    for place in places:
        if place.name == recorded.name and place.is_file():
            return place
    where = f"among {len(places)} photos" if len(places) > 1 else f"at {places[0]}"
    raise BadInput(f"{recorded.name}: the photo of {result.folder} is not {where}: give the folder of the photos")


def _on_grid(found: Observation, box: NDArray, pixels: NDArray, crop_size: tuple[int, int]) -> Photo:
    """The observation moved to the stored crop, whose box may differ by some pixels."""
    shrink = min(1.0, LARGEST_SIDE / max(crop_size))
    width, height = (max(1, round(side * shrink)) for side in crop_size)
    scale = np.array([width, height]) / (box[2:] - box[:2])
    own = (found.box[2:] - found.box[:2]) / np.array(found.frame.size)
    landmarks = found.landmarks.copy()
    landmarks[:, :2] = (found.landmarks[:, :2] * own + found.box[:2] - box[:2]) * scale
    x0, y0, x1, y1 = box.astype(int)
    # Grid pixel to pixel of the found crop; pixel centres lie on one half.
    x = ((np.arange(width) + 0.5) / scale[0] + box[0] - found.box[0]) / own[0] - 0.5
    y = ((np.arange(height) + 0.5) / scale[1] + box[1] - found.box[1]) / own[1] - 0.5
    place = np.stack(np.meshgrid(x, y), axis=2).astype(np.float32)
    person = cv2.remap(found.mask, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0.5
    face = skin.face_region((height, width), landmarks, openings=False) > 0.5
    crop = cv2.resize(pixels[y0:y1, x0:x1], (width, height), interpolation=cv2.INTER_AREA)
    return Photo(crop, face, person, landmarks[:, :2], found.landmark_scheme)


def picture(path: Path, dimensions: int) -> NDArray | None:
    """An 8-bit PNG, RGB if it has three dimensions; None if it is not there."""
    if not path.is_file():
        return None
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR if dimensions == 3 else cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise BadInput(f"{path}: is not a picture: make the result again")
    return pixels[:, :, ::-1] if dimensions == 3 else pixels


def sampled(texture: NDArray, uv: NDArray, kind: int = cv2.INTER_LINEAR) -> NDArray:
    """The texture, first row v = 1, at (H, W, 2) places."""
    height, width = texture.shape[:2]
    place = np.stack([uv[..., 0] * width, (1 - uv[..., 1]) * height], axis=2) - 0.5
    return cv2.remap(texture, place.astype(np.float32), None, kind, borderMode=cv2.BORDER_REPLICATE)


def fitting(texture: NDArray, uv: NDArray, patch: NDArray) -> NDArray:
    """The texture shrunk until a texel of the patch is about a pixel, so that sampling does not alias."""
    steps = np.linalg.norm(np.diff(uv, axis=1), axis=2)[patch[:, 1:] & patch[:, :-1]]
    texels = float(np.median(steps)) * texture.shape[1] if len(steps) else 1.0
    if texels <= 1.2:
        return np.ascontiguousarray(texture)
    size = tuple(max(1, round(side / texels)) for side in texture.shape[1::-1])
    return cv2.resize(texture, size, interpolation=cv2.INTER_AREA)
