"""head.3mf, pet.3mf, person.3mf: the solid of the STL file in colour, for slicers and printers that print in colour.

3MF Core and its Materials extension (https://3mf.io/spec): millimetres, z up, a colour at each corner of each triangle.
"""

from __future__ import annotations

import locale
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from maquette.core.errors import ExtraMissing
from maquette.core.types import Mesh
from maquette.outputs.asset import VERSION, Asset
from maquette.outputs.meshes.ply import sample, shown_faces, vertex_colors
from maquette.outputs.printing.stl import MM, UPRIGHT, arrays_of, pedestal_of, placed, printed

TRIANGLES = 120_000  # so many are wanted of the whole surface, so that colours are as fine as a printer's
FINEST_EDGE_MM = 0.8
POINTS = 600_000  # whose colours are known
BASE, BASE_REACH_MM = (214, 212, 208), 2.5  # colour of the pedestal, and how near to it the subject's own colours come
LEVELS = 32  # of each channel: a file of millions of colours is large, and printers make no difference


def write_3mf(asset: Asset) -> bytes:
    """The printable solid with the colours of the result.

    Raises:
        ExtraMissing: lib3mf is not installed; the message names the pip extra. BadInput: see `printed`.
    """
    if find_spec("lib3mf") is None:
        raise ExtraMissing(f"{asset.stem}.3mf: lib3mf is not installed; run: pip install 'maquette[print]'")
    piece, moved = placed(printed(asset))
    edge = max(FINEST_EDGE_MM, float(np.sqrt(piece.surface_area() / (TRIANGLES * np.sqrt(3) / 4))))
    vertices, faces = arrays_of(piece.refine_to_length(edge))
    return _file(asset, vertices, faces, _colours(asset, vertices, moved))


def _colours(asset: Asset, vertices: NDArray, moved: NDArray) -> NDArray:
    """(V, 3) uint8: the colour of the nearest point of the subject; the pedestal's own where that is far."""
    points, colours = coloured_points(asset)
    turned = np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1) * MM  # as UPRIGHT does
    assert UPRIGHT == (90.0, 0.0, 0.0)
    distance, nearest = map(np.asarray, cKDTree(turned + moved).query(vertices, k=3, workers=-1))
    found = colours[nearest].astype(float).mean(axis=1)
    base = (vertices[:, 2] <= pedestal_of(asset).thickness + 1e-3) & (distance[:, 0] > BASE_REACH_MM)
    found[base] = BASE
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)


def coloured_points(asset: Asset) -> tuple[NDArray, NDArray]:
    """Points all over a result, hair and other parts too, with their colours.

    Returns:
        (N, 3) metres in the world, and (N, 3) uint8.
    """
    parts = asset.result.reconstruction.parts
    pieces = [(asset.mesh, asset.mesh.vertices, np.arange(len(asset.mesh.faces)))]
    pieces += [(part.mesh, asset.posed_part(part), shown_faces(part)) for part in parts]
    found = [_spread(mesh, places, faces) for mesh, places, faces in pieces if len(faces)]
    points, colours = zip(*found)
    return np.concatenate(points), np.concatenate(colours)


def _spread(mesh: Mesh, places: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray]:
    """Points spread evenly over some triangles of a mesh, its corners among them, and their colours."""
    corners = places[mesh.faces[chosen]].astype(float)
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    counts = 1 + (areas / max(areas.sum(), 1e-12) * POINTS).astype(int)
    face = np.repeat(np.arange(len(chosen)), counts)
    number = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    # The R2 sequence (Roberts 2018) covers a square evenly, whatever the count; its upper half is folded over.
    a, b = (0.5 + 0.7548776662466927 * number) % 1, (0.5 + 0.5698402909980532 * number) % 1
    over = a + b > 1
    weights = np.stack([np.where(over, 1 - a, a), np.where(over, 1 - b, b)], axis=1)
    weights = np.concatenate([weights, 1 - weights.sum(axis=1, keepdims=True)], axis=1)
    points = np.einsum("nk,nkd->nd", weights, corners[face])
    if mesh.texture is None or mesh.uvs is None or mesh.uv_faces is None:
        known = vertex_colors(mesh)[mesh.faces[chosen]][face].astype(float)
        return points, np.rint(np.einsum("nk,nkc->nc", weights, known)).astype(np.uint8)
    uvs = np.einsum("nk,nkd->nd", weights, mesh.uvs[mesh.uv_faces[chosen]][face])
    return points, sample(mesh.texture, uvs)[:, :3]


def _file(asset: Asset, vertices: NDArray, faces: NDArray, colours: NDArray) -> bytes:
    """The bytes of the file."""
    import lib3mf

    step = 255 / (LEVELS - 1)
    coarse = np.rint(np.rint(colours / step) * step).astype(int)
    palette, index = np.unique(coarse, axis=0, return_inverse=True)
    library = lib3mf.get_wrapper()
    model = library.CreateModel()
    model.SetUnit(lib3mf.ModelUnit.MilliMeter)
    for name, text in (("Title", asset.result.name), ("Application", f"maquette {VERSION}")):
        model.GetMetaDataGroup().AddMetaData("", name, text, "xs:string", True)
    group = model.AddColorGroup()
    ids = np.array([group.AddColor(library.RGBAToColor(*map(int, colour), 255)) for colour in palette], np.uint32)
    solid = model.AddMeshObject()
    solid.SetName(asset.stem)
    solid.SetGeometry(
        _rows(lib3mf.Position, vertices.astype(np.float32)), _rows(lib3mf.Triangle, faces.astype(np.uint32))
    )
    own = np.full((len(faces), 1), group.GetResourceID(), np.uint32)
    corners = ids[index.ravel()[faces]]
    solid.SetAllTriangleProperties(_rows(lib3mf.TriangleProperties, np.concatenate([own, corners], axis=1)))
    solid.SetObjectLevelProperty(group.GetResourceID(), int(ids[0]))
    item = model.AddBuildItem(solid, library.GetIdentityTransform())
    # The library draws these; the same result gives the same bytes.
    for owner, number in ((solid.SetUUID, 1), (item.SetUUID, 2), (model.SetBuildUUID, 3)):
        owner(str(UUID(int=number, version=4)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{asset.stem}.3mf"
        with kept_locale():
            model.QueryWriter("3mf").WriteToFile(str(path))
        return path.read_bytes()


@contextmanager
def kept_locale() -> Iterator[None]:
    """Around the library's reading and writing: it leaves the process in the locale C, where text would be ASCII."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


def _rows(kind: Any, array: NDArray) -> Any:
    """An array as C structures of the library, a row each."""
    return (kind * len(array)).from_buffer_copy(np.ascontiguousarray(array).tobytes())
