"""Photos with their true faces as meshes in pixels of the photo: what `maquette evaluate dense FOLDER` reads.

Pixels: x right, y down, the first pixel centred on (0.5, 0.5); z in the same unit, larger towards the viewer, from any
origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Camera
from maquette.evaluation.arrays import read_npz
from maquette.evaluation.benchmarks.aflw import PHOTO_SUFFIXES, read_annotation
from maquette.evaluation.landmarks import OUTER_EYES
from maquette.evaluation.meshes import read_points, read_shape
from maquette.evaluation.predict import face_vertices, image_points

MESH_SUFFIXES = (".npz", ".obj", ".ply")
TOPOLOGY = "topology"  # topology.npz: what all meshes of the set share
SYNTHESIS = ("coefficients", "expression", "scale", "intrinsics", "world_to_camera")  # in files of `maquette synth`


@dataclass(frozen=True)
class DenseItem:
    """One image: its name, its photo if there is one, and the file of its true mesh."""

    name: str
    photo: Path | None
    truth: Path


@dataclass(frozen=True, eq=False)
class Truth:
    """One true face.

    Attributes:
        points: (M, 3) pixels, the vertices of the face mask.
        eyes: (2, 3) pixels, the vertices of the outer eye corners.
        yaw: degrees or None. expression: its name, "" if unknown.
        model_vertices: (M,) which vertices of maquette's head the points are, or None.
    """

    points: NDArray
    eyes: NDArray
    yaw: float | None = None
    expression: str = ""
    model_vertices: NDArray | None = None

    @property
    def interocular(self) -> float:
        """Distance of the outer eye corners in space, pixels: what errors are divided by."""
        return float(np.linalg.norm(self.eyes[0] - self.eyes[1]))

    @property
    def box(self) -> NDArray:
        """(4,) x0, y0, x1, y1 pixels around the face."""
        return np.concatenate([self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)])


def read_set(folder: str | Path) -> list[DenseItem]:
    """NAME.npz, .obj or .ply, each with NAME.jpg or .png beside it where there is a photo; subfolders too.

    Raises:
        BadInput: no such folder, no mesh in it, two meshes of one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: wanted a folder of photos and meshes, there is none")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in MESH_SUFFIXES and p.stem != TOPOLOGY)
    if not paths:
        raise BadInput(f"{folder}: holds no mesh, wanted NAME.npz, NAME.obj or NAME.ply beside NAME.jpg")
    items: dict[str, DenseItem] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in items:
            raise BadInput(f"{path}: {name} has another mesh, {items[name].truth.name}: keep one of them")
        photo = next((p for suffix in PHOTO_SUFFIXES if (p := path.with_suffix(suffix)).is_file()), None)
        items[name] = DenseItem(name, photo, path)
    return list(items.values())


class TruthReader:
    """Reads the true meshes of a set, one after another.

    topology.npz may hold `mask` and `eyes` (vertices) for all. What a file itself holds comes first. Eye corners given
    as points become vertices once: meshes of as many vertices keep those of the first that was read.

    Args:
        folder: of the set.
    """

    def __init__(self, folder: str | Path) -> None:
        path = Path(folder) / f"{TOPOLOGY}.npz"
        self._shared = read_npz(path) if path.is_file() else {}
        self._eyes: dict[int, NDArray] = {}

    def read(self, item: DenseItem) -> Truth:
        """The true face of one image.

        Raises:
            BadInput: unreadable, NaN, a mask or eyes that are not vertices of the mesh, no eye corners.
        """
        path = item.truth
        own = read_npz(path) if path.suffix.lower() == ".npz" else {"vertices": read_shape(path).vertices}
        ours = "vertices" not in own and all(name in own for name in SYNTHESIS)
        own = _synthetic(own) if ours else own
        held = {**self._shared, **_beside(path), **own}
        if "vertices" not in held:
            raise BadInput(f"{path}: the array vertices is missing; it holds {', '.join(own) or 'nothing'}")
        vertices = _numbers(held["vertices"], path, "vertices")
        if vertices.ndim != 2 or vertices.shape[1] != 3 or len(vertices) < 4:
            raise BadInput(f"{path}: vertices: wanted (V, 3) pixels, got {vertices.shape}")
        eyes = vertices[self._corners(path, vertices, held)]
        mask = _mask(path, held.get("mask"), len(vertices))
        truth = Truth(vertices[mask], eyes, *_facts(path, held), mask if ours else None)
        if not truth.interocular > 0:
            raise BadInput(f"{path}: both eye corners lie in one place, so there is nothing to divide by")
        return truth

    def _corners(self, path: Path, vertices: NDArray, held: Mapping[str, NDArray]) -> NDArray:
        """(2,) vertices of the outer eye corners."""
        eyes = held.get("eyes")
        if eyes is not None and np.shape(eyes) == (2,):
            return _indices(path, eyes, len(vertices), "eyes")
        if len(vertices) not in self._eyes:
            points = held.get("landmarks") if eyes is None else eyes
            if points is None or np.shape(points) not in ((2, 3), (68, 3)):
                got = "there are none" if points is None else f"got {np.shape(points)}"
                raise BadInput(f"{path}: eyes: wanted 2 vertices, (2, 3) points or landmarks (68, 3), {got}")
            points = _numbers(points, path, "eye corners")
            pair = points if len(points) == 2 else points[list(OUTER_EYES)]
            self._eyes[len(vertices)] = np.linalg.norm(vertices[None] - pair[:, None], axis=2).argmin(axis=1)
        return self._eyes[len(vertices)]


def _beside(path: Path) -> dict[str, NDArray]:
    """What NAME.mat (68 points and yaw, as AFLW2000-3D has them) or NAME.txt (2 or 68 points) add to a mesh."""
    if path.with_suffix(".txt").is_file():
        return {"landmarks": read_points(path.with_suffix(".txt"))}
    if path.with_suffix(".mat").is_file():
        annotation = read_annotation(path.with_suffix(".mat"))
        return {"landmarks": annotation.points} | ({} if annotation.yaw is None else {"yaw": np.array(annotation.yaw)})
    return {}


def _synthetic(labels: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Mesh, face mask and eyes of a photograph by `maquette synth`."""
    from maquette import morphable

    model = morphable.load("maquette-head")
    expression = labels["expression"].astype(np.float32)
    vertices = model.vertices(labels["coefficients"], expression, float(labels["scale"])).astype(float)
    camera = Camera(labels["intrinsics"].astype(float), labels["world_to_camera"].astype(float), (1, 1))
    corners = model.embeddings["ibug68"].points(model.mean.astype(float), model.faces)[list(OUTER_EYES)]
    middle = float(-(image_points(camera, vertices, 1.0)[:, 2] / camera.intrinsics[0, 0]).mean())
    return {
        "vertices": image_points(camera, vertices, middle),
        "mask": np.flatnonzero(face_vertices(model)),
        "eyes": np.linalg.norm(model.mean[None] - corners[:, None], axis=2).argmin(axis=1),
        "yaw": labels.get("yaw", np.array(np.nan)),
    }


def _facts(path: Path, held: Mapping[str, NDArray]) -> tuple[float | None, str]:
    """Yaw in degrees and the name of the expression."""
    yaw, expression = held.get("yaw"), str(held.get("expression", ""))
    if yaw is not None and np.size(yaw) != 1:
        raise BadInput(f"{path}: yaw: wanted one number of degrees, got {np.shape(yaw)}")
    degrees = None if yaw is None or not np.isfinite(float(np.ravel(yaw)[0])) else float(np.ravel(yaw)[0])
    return degrees, " ".join(expression.split())[:40]


def _numbers(values: NDArray, path: Path, name: str) -> NDArray:
    if np.asarray(values).dtype.kind not in "fiu":
        raise BadInput(f"{path}: {name}: wanted numbers, got {np.asarray(values).dtype}")
    if not np.isfinite(values).all():
        raise BadInput(f"{path}: {name}: holds NaN or infinity, wanted finite pixels")
    return np.asarray(values, np.float64)


def _mask(path: Path, mask: NDArray | None, count: int) -> NDArray:
    """(M,) vertices that are measured; all where nothing is said."""
    if mask is None:
        return np.arange(count)
    mask = np.asarray(mask)
    if mask.dtype == bool:
        if mask.shape != (count,):
            raise BadInput(f"{path}: mask: wanted one truth value for each of {count} vertices, got {mask.shape}")
        mask = np.flatnonzero(mask)
    return np.unique(_indices(path, mask, count, "mask"))


def _indices(path: Path, indices: NDArray, count: int, name: str) -> NDArray:
    indices = np.asarray(indices)
    if indices.dtype.kind not in "iu" or indices.ndim != 1 or len(indices) < 2:
        raise BadInput(f"{path}: {name}: wanted vertices as whole numbers, got {indices.shape} {indices.dtype}")
    if indices.min() < 0 or indices.max() >= count:
        raise BadInput(f"{path}: {name}: names vertex {indices.max()}, the mesh has 0 to {count - 1}")
    return indices.astype(np.int64)
