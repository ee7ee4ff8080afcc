"""What is scored: the heads a method makes of photos, or meshes that somebody else made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, NothingFound
from maquette.core.job import Progress
from maquette.core.options import Options
from maquette.core.types import Camera, Observation, Reconstruction, Subject
from maquette.evaluation.meshes import Shape, read_shape
from maquette.geometry.camera import pixels_per_metre, project
from maquette.morphable.model import MorphableModel
from maquette.morphable.refined.fine import sized

UNITS = {"m": 1000.0, "cm": 10.0, "mm": 1.0}  # to millimetres
Scores = TypeVar("Scores")
Made = TypeVar("Made")
SMALLEST_FACE = 0.5  # of the model's face region: from here a vertex counts as face
FRONT = -90.0  # mm behind the eyes: further back lies no face, and searching there costs time


@dataclass(frozen=True, eq=False)
class Prediction:
    """One head, ready for scoring, in millimetres.

    Attributes:
        head: with the expression of the photo.
        neutral: the same person without expression, as NoW, REALY and Feng want it.
        landmarks: scheme -> (N, 3) on `head`: "mediapipe478", "ibug68"; empty if not known.
        neutral_landmarks: the same on `neutral`.
        pixels: (68, 3) x, y in pixels of the photo and depth in pixels, larger towards the viewer; None from a file.
        in_photo: `head` in the same pixels; None from a file.
    """

    head: Shape
    neutral: Shape
    landmarks: dict[str, NDArray]
    neutral_landmarks: dict[str, NDArray]
    pixels: NDArray | None = None
    in_photo: Shape | None = None


class Predictor:
    """One reconstruction method, used for photo after photo as `maquette face` uses it; textures are left out.

    Args:
        options: which method and its settings, how photos are read and how faces are looked for.
    """

    def __init__(self, options: Options) -> None:
        from maquette.perception.observers import OBSERVERS
        from maquette.reconstruction import methods
        from maquette.weights.store import fetch

        views = methods.SEVERAL if options.fit.together else methods.ONE
        row = methods.find_for(options.fit.method, Subject.FACE, views)
        self._options, self._observe = options, OBSERVERS[Subject.FACE]
        self._reconstruct = methods.load(row, fetch, options)

    def predict(self, *several: Path, box: NDArray | None = None) -> Prediction:
        """The head of one photo's face, or of one person's several photos.

        Args:
            several: the files; of each the largest face is taken.
            box: (4,) x0, y0, x1, y1 pixels; the face whose landmarks lie nearest to it is taken instead.

        Raises:
            BadInput: not a photo. NothingFound: no face, or none near the box.
        """
        from maquette.sources import photos

        chosen = []
        for photo in several:
            seen = self._observe(photos.read(photo, self._options.source), self._options.perception)
            largest = max(seen, key=lambda o: float(np.prod(o.box[2:] - o.box[:2])))
            chosen.append(largest if box is None else _nearest(seen, box, photo))
        return of_reconstruction(self._reconstruct(chosen), chosen[0])


def _nearest(seen: list[Observation], box: NDArray, photo: Path) -> Observation:
    """The face whose landmarks' centre lies in the box and nearest to its centre."""
    from maquette.outputs.reports.landmarks import to_photo

    centres = [to_photo(o, o.landmarks[:468, :2]).mean(axis=0) for o in seen]
    gaps = [float(np.linalg.norm((c - (box[:2] + box[2:]) / 2) / (box[2:] - box[:2]))) for c in centres]
    if min(gaps) > 0.5:
        raise NothingFound(f"{photo.name}: no face where the annotation has one")
    return seen[int(np.argmin(gaps))]


def of_reconstruction(result: Reconstruction, seen: Observation) -> Prediction:
    """What is scored of one reconstruction and the observation it was made of."""
    from maquette import morphable

    model = morphable.load("maquette-head")
    head = Shape(1000.0 * result.shape.vertices, result.shape.faces, seen.frame.origin)
    known = same_topology(head, model)
    offset = _expression_offset(result, model)
    neutral = head if offset is None else head.moved(head.vertices - offset)
    vertices = (result.shape.vertices if result.motion is None else result.motion[0]).astype(float)
    points = model.embeddings["ibug68"].points(vertices, model.faces) if known else None
    camera = result.cameras[0]
    middle = float(project(camera, vertices if points is None else points)[1].mean())
    return Prediction(
        head,
        neutral,
        on_model(head, model),
        on_model(neutral, model),
        None if points is None else _in_photo(camera, seen, points, middle),
        head.moved(_in_photo(camera, seen, vertices, middle)),
    )


def _expression_offset(result: Reconstruction, model: MorphableModel) -> NDArray | None:
    """(V, 3) millimetres: what the first photo's expression adds; None if the method gives none."""
    if result.model != model.name or result.expression is None:
        return None
    weights = model.held(result.expression[0], result.identity)
    return 1000.0 * result.scale * np.tensordot(weights, model.expression_basis, 1)


def same_topology(head: Shape, model: MorphableModel) -> bool:
    """Whether the mesh has the model's triangles, in any order, so that its embedded landmarks hold."""
    if len(head.vertices) != len(model.mean) or len(head.faces) != len(model.faces):
        return False
    ours, theirs = (faces[np.lexsort(faces.T)] for faces in (model.faces, head.faces))
    return bool(np.array_equal(ours, theirs))


def model_of(head: Shape, model: MorphableModel) -> MorphableModel | None:
    """The model, or its finer twin, whose triangles the mesh has; None if it has neither's."""
    own = sized(model, len(head.vertices))
    return own if own is not None and same_topology(head, own) else None


def face_vertices(model: MorphableModel) -> NDArray:
    """(V,) bool: the vertices of the head that are measured, hairline to chin and before the ears."""
    return model.regions["face"] > SMALLEST_FACE


def on_model(head: Shape, model: MorphableModel) -> dict[str, NDArray]:
    """Scheme -> (N, 3) landmarks on a mesh of the model's topology, or its finer one, in its unit; else nothing."""
    own = model_of(head, model)
    if own is None:
        return {}
    return {scheme: embedding.points(head.vertices, own.faces) for scheme, embedding in own.embeddings.items()}


def image_points(camera: Camera, points: NDArray, middle: float) -> NDArray:
    """(N, 3) pixels x, y of the camera's image and depth in pixels, larger towards the viewer.

    Depth is scaled as an orthographic camera at one distance would.

    Args:
        points: (N, 3) metres, world.
        middle: metres, that distance; depth counts from the camera.
    """
    pixels, depth = project(camera, points)
    return np.column_stack([pixels, -depth * pixels_per_metre(camera, middle)])


def _in_photo(camera: Camera, seen: Observation, points: NDArray, middle: float) -> NDArray:
    """`image_points` in pixels of the photo that the observation is a crop of."""
    from maquette.outputs.reports.landmarks import to_photo

    placed = image_points(camera, points, middle)
    per_crop_pixel = float(seen.box[2] - seen.box[0]) / seen.frame.size[0]
    return np.column_stack([to_photo(seen, placed[:, :2]), per_crop_pixel * placed[:, 2]])


def read_prediction(path: str | Path, unit: str = "m") -> Prediction:
    """A mesh file as a prediction; its landmarks are known if it has the triangles of maquette's head.

    Args:
        unit: of the file: "m", "cm" or "mm".

    Raises:
        BadInput: see `read_shape`.
    """
    from maquette import morphable

    if unit not in UNITS:
        raise BadInput(f"unit {unit!r}: wanted {', '.join(UNITS)}")
    shape = read_shape(path)
    head = shape.moved(shape.vertices * UNITS[unit])
    model = morphable.load("maquette-head")
    landmarks = on_model(head, model)
    return Prediction(head, head, landmarks, landmarks)


class Named(Protocol):
    """An image of a benchmark."""

    @property
    def name(self) -> str: ...


Image = TypeVar("Image", bound=Named)


def score_each(
    items: Sequence[Image],
    predict: Callable[[Image], Made],
    measure: Callable[[Image, Made], Scores],
    stage: str,
    progress: Progress,
) -> tuple[dict[str, Scores], list[str]]:
    """Predict and measure one image after another.

    Args:
        items: images, each with a `name`.
        predict: makes the head of an item; may raise NothingFound.
        measure: scores an item's head.
        stage: for `progress`.

    Returns:
        name -> scores; and for each image without a face why.

    Raises:
        BadInput: no image gave a face.
    """
    found: dict[str, Scores] = {}
    failures = []
    for item in items:
        progress(item.name, stage)
        try:
            prediction = predict(item)
        except NothingFound as error:
            failures.append(str(error))
            continue
        found[item.name] = measure(item, prediction)
    if not found:
        raise BadInput(f"no image gave a face ({len(items)} tried; first: {failures[0]})")
    return found, failures


def check_unit(scale: float, name: str) -> None:
    """Refuse a head of another order of size than its scan: its metric score would be of the unit, not of the shape.

    Args:
        scale: of the similarity that brings the head onto the scan.

    Raises:
        BadInput: the sizes differ more than fivefold.
    """
    if not 0.2 < scale < 5:
        raise BadInput(f"{name}: is {1 / scale:.3g} times as large as the scan: give its --unit ({', '.join(UNITS)})")


def front(head: Shape, model: MorphableModel) -> Shape:
    """The triangles that can lie near a scanned face, for the model's or its finer topology; another mesh as it is."""
    own = model_of(head, model)
    if own is None:
        return head
    reaching = own.mean[own.faces][:, :, 2].min(axis=1) > FRONT / 1000
    return Shape(head.vertices, own.faces[reaching], head.name)


def average_head() -> Prediction:
    """The head model's mean, what a method must beat."""
    from maquette import morphable

    model = morphable.load("maquette-head")
    head = Shape(1000.0 * model.mean, model.faces, "average head")
    landmarks = on_model(head, model)
    return Prediction(head, head, landmarks, landmarks)


def surface_landmarks(head: Shape) -> NDArray:
    """(468, 3) MediaPipe landmarks of a mesh of any topology: seen on a frontal drawing and cast back.

    Args:
        head: y up, facing +z, any unit. A landmark whose ray misses the mesh is NaN.

    Raises:
        NothingFound: no face is seen on the drawing.
    """
    from maquette.geometry.mesh import vertex_normals
    from maquette.geometry.raycast import render_buffers
    from maquette.perception.faces.search import find_faces

    side, low, high = 640, head.vertices.min(axis=0), head.vertices.max(axis=0)
    extent = 1.15 * float((high - low)[:2].max())
    vertices = (head.vertices - (low + high) / 2) / extent
    # Four sizes away, as a portrait is taken.
    intrinsics = np.array([[4.0 * side, 0, side / 2], [0, 4.0 * side, side / 2], [0, 0, 1.0]])
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 4.0
    camera = Camera(intrinsics, pose, (side, side))
    face, barycentric, _ = render_buffers(camera, vertices, head.faces)
    corners = head.faces[np.maximum(face, 0)]
    normals = np.einsum("hwk,hwkd->hwd", barycentric, vertex_normals(vertices, head.faces)[corners])
    shade = 0.35 + 0.65 * np.clip(normals @ np.array([0.25, 0.35, 0.9]), 0, 1)
    picture = np.where(face[..., None] >= 0, shade[..., None] * [222, 172, 140], 128).clip(0, 255).astype(np.uint8)
    found = find_faces(picture)
    if not found:
        raise NothingFound(
            f"{head.name}: no face seen on the mesh: wanted y up, facing +z; or give landmarks beside it"
        )
    pixels = max(found, key=lambda one: one.size).landmarks[:468, :2]
    x, y = np.clip(pixels.astype(int), 0, side - 1).T
    points = np.einsum("nk,nkd->nd", barycentric[y, x], head.vertices[corners[y, x]])
    return np.where(face[y, x][:, None] >= 0, points, np.nan)
