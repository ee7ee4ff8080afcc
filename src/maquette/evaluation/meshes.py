"""Meshes as they come from other programs: read in vertex order, refused where a score would be silently wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.files import READER_ERRORS

SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".off")


@dataclass(frozen=True, eq=False)
class Shape:
    """A surface to be scored, in whatever unit its protocol says.

    Attributes:
        vertices: (V, 3) float64, finite.
        faces: (F, 3) int64 into vertices, F > 0.
        name: text for messages, usually the file.

    Raises:
        BadInput: no vertices, no faces, NaN, an index out of range, or no triangle with an area.
    """

    vertices: NDArray
    faces: NDArray
    name: str = "mesh"

    def __post_init__(self) -> None:
        vertices = np.asarray(self.vertices, np.float64)
        faces = np.asarray(self.faces, np.int64)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or not len(vertices):
            raise BadInput(f"{self.name}: wanted vertices (V, 3), got {vertices.shape}: export it as a triangle mesh")
        if faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
            raise BadInput(f"{self.name}: has no faces, wanted a triangle mesh: points have no surface to measure")
        if not np.isfinite(vertices).all():
            raise BadInput(f"{self.name}: holds NaN or infinite vertices, wanted finite ones: make the mesh again")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise BadInput(f"{self.name}: a face names a vertex that is not there (vertices: {len(vertices)})")
        corners = vertices[faces]
        if not np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).any():
            raise BadInput(f"{self.name}: no triangle has an area, wanted a surface: make the mesh again")
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", faces)

    def moved(self, vertices: NDArray) -> Shape:
        """The same triangles with other (V, 3) vertices."""
        return Shape(vertices, self.faces, self.name)

    @property
    def diagonal(self) -> float:
        """Length of the bounding box's diagonal."""
        return float(np.linalg.norm(np.ptp(self.vertices, axis=0)))


def read_shape(path: str | Path) -> Shape:
    """Read OBJ, PLY, STL, GLB or OFF.

    OBJ keeps the vertices of the file in their order (barycentric key points depend on it), colours and texture
    coordinates are ignored, polygons become fans.

    Raises:
        BadInput: missing, not a mesh, without faces, with NaN.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{path}: wanted a mesh ({', '.join(SUFFIXES)}), got {path.suffix or 'no suffix'}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}): check the name") from error
    if path.suffix.lower() == ".obj":
        vertices, faces = _parse_obj(data, path)
        return Shape(vertices, faces, str(path))
    return _by_trimesh(path)


def read_points(path: str | Path, count: int | None = None) -> NDArray:
    """(N, 3) float64 points of a .npy, .txt (rows of x y z), .pp (MeshLab picked points) or .obj file.

    Args:
        count: how many points are wanted, None for any.

    Raises:
        BadInput: missing, unreadable, another number of points, NaN.
    """
    path = Path(path)
    try:
        if path.suffix == ".npy":
            points = np.load(path, allow_pickle=False)
        elif path.suffix == ".pp":
            points = _picked_points(path)
        elif path.suffix == ".obj":
            points = _parse_obj(path.read_bytes(), path)[0]
        else:
            points = np.loadtxt(path, delimiter="," if b"," in path.read_bytes()[:500] else None, ndmin=2)
        points = np.asarray(points, np.float64)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}): check the name") from error
    except READER_ERRORS as error:
        why = " ".join(str(error).split())[:120]
        raise BadInput(f"{path}: wanted rows of x y z, could not read it ({why})") from error
    if points.ndim != 2 or points.shape[1] != 3 or (count is not None and len(points) != count):
        raise BadInput(f"{path}: wanted ({count or 'N'}, 3) points, got {points.shape}")
    if not np.isfinite(points).all():
        raise BadInput(f"{path}: holds NaN or infinite points, wanted finite ones")
    return points


def _parse_obj(data: bytes, path: Path) -> tuple[NDArray, NDArray]:
    """Vertices and fans of polygons."""
    vertices: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    words: list[bytes] = []
    number = 0
    try:
        for line in data.splitlines():
            words, number = line.split(), number + 1
            if not words:
                continue
            if words[0] == b"v":
                vertices.append([float(word) for word in words[1:4]])
            elif words[0] == b"f":
                ring = [int(word.split(b"/")[0]) for word in words[1:]]
                ring = [k - 1 if k > 0 else len(vertices) + k for k in ring]
                faces += [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]
        return np.array(vertices, np.float64).reshape(-1, 3), np.array(faces, np.int64).reshape(-1, 3)
    except (ValueError, IndexError, OverflowError) as error:
        raise BadInput(f"{path}: line {number}: not an OBJ line ({' '.join(map(repr, words[:3]))})") from error


def _by_trimesh(path: Path) -> Shape:
    import trimesh

    try:
        mesh = trimesh.load(path, process=False, force="mesh")
    # trimesh's readers raise whatever their parsing meets.
    except Exception as error:
        raise BadInput(f"{path}: not a readable {path.suffix} mesh ({' '.join(str(error).split())[:120]})") from error
    faces = getattr(mesh, "faces", np.empty((0, 3), int))
    return Shape(np.asarray(getattr(mesh, "vertices", np.empty((0, 3)))), np.asarray(faces), str(path))


def _picked_points(path: Path) -> NDArray:
    """MeshLab's .pp: an XML with <point x= y= z=/> in the order of picking."""
    from xml.etree import ElementTree

    if b"<!ENTITY" in path.read_bytes():
        raise ValueError("XML entities are not taken")
    try:
        found = ElementTree.parse(path).getroot().iter("point")
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    return np.array([[float(point.get(axis, "nan")) for axis in "xyz"] for point in found])
