"""head_lod1.glb, head_lod2.glb: the same model with a half and a quarter of its triangles, for far away.

Vertices are taken away and none is moved (Schroeder, Zarge and Lorensen, "Decimation of triangle meshes", 1992, as VTK
has it), so morph targets, skin weights, texture coordinates and normals of those that stay are what they were. Borders
stay whole: what meets at a seam of the texture or of two materials meets still.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.outputs.asset import Asset
from maquette.outputs.meshes.glb import JPEG_QUALITY, write_glb
from maquette.outputs.meshes.gltf import ELEMENT_BUFFER, Builder, container
from maquette.outputs.meshes.gltf_file import GltfFile

MOST = 2  # levels: with an eighth of its triangles a face is no likeness any more
LEAST_FACES = 200  # parts with fewer stay as they are
LEAST_SIDE = 256  # pixels; textures are halved with each level down to that
STRETCH = 0.8  # of an edge's length, by one target at weight 1: lids and lips, 8 % of a head's faces
LEAST_SHARE = 0.04  # of the other faces
CORNER_DEGREES = 60  # edges between faces that are turned by more are kept as borders are


def write_lod(asset: Asset, level: int) -> bytes:
    """The GLB of a level, 1 to MOST: 1/2, 1/4 of the triangles, and of the width of its JPEG texture."""
    return coarser(asset.made.get(f"{asset.stem}.glb") or write_glb(asset), level)


LOD_WRITERS = {f"{{stem}}_lod{level}.glb": partial(write_lod, level=level) for level in range(1, MOST + 1)}


def coarser(data: bytes, level: int) -> bytes:
    """A GLB of `write_glb` with 1 / 2^level of its triangles, as far as borders let it."""
    file, builder = GltfFile.read(data), Builder()
    document = dict(file.document)
    kept: dict[int, int] = {}  # accessor of the file -> of the new one

    def copied(index: int) -> int:
        if index not in kept:
            values = file.values(index)
            kept[index] = builder.dense(values[:, 0] if values.shape[1] == 1 else values, None)
        return kept[index]

    document["meshes"] = [
        mesh | {"primitives": [_primitive(builder, file, one, level) for one in mesh["primitives"]]}
        for mesh in document["meshes"]
    ]
    for one in document.get("skins", []):
        one["inverseBindMatrices"] = copied(one["inverseBindMatrices"])
    for motion in document.get("animations", []):
        for sampler in motion["samplers"]:
            sampler |= {"input": copied(sampler["input"]), "output": copied(sampler["output"])}
    for number, image in enumerate(document.get("images", [])):
        picture = file.image(number)
        image["bufferView"] = builder.view(smaller(picture, level) if image["mimeType"] == "image/jpeg" else picture)
    document |= {
        "bufferViews": builder.views,
        "accessors": builder.accessors,
        "buffers": [{"byteLength": len(builder.blob)}],
    }
    return container(document, bytes(builder.blob))


def _primitive(builder: Builder, file: GltfFile, one: dict[str, Any], level: int) -> dict[str, Any]:
    places, faces = file.values(one["attributes"]["POSITION"]), file.values(one["indices"]).reshape(-1, 3)
    if len(faces) >= LEAST_FACES:
        moves = [file.values(target["POSITION"]) for target in one.get("targets", [])]
        faces = _fewer(places, faces.astype(np.int64), moves, 0.5**level)
    stay, faces = np.unique(faces, return_inverse=True)
    index_type = np.uint16 if len(stay) <= 65535 else np.uint32
    made = one | {
        "attributes": {name: builder.dense(file.values(index)[stay]) for name, index in one["attributes"].items()},
        "indices": builder.dense(faces.ravel().astype(index_type), ELEMENT_BUFFER),
    }
    if "targets" in one:
        made["targets"] = [
            {name: builder.sparse(file.values(index)[stay], 0.0) for name, index in target.items()}
            for target in one["targets"]
        ]
    return made


def _fewer(places: NDArray, faces: NDArray, moves: list[NDArray], share: float) -> NDArray:
    """(G, 3): that share of the faces; lids and lips, which targets stretch, keep more of theirs than the rest.

    With one share for all, a blink tore at a quarter.
    """
    stretched = _stretched(places, faces, moves)
    share_there = share**0.25
    share_else = (share * len(faces) - share_there * stretched.sum()) / max((~stretched).sum(), 1)
    parts = [(faces[stretched], share_there), (faces[~stretched], max(share_else, LEAST_SHARE))]
    return np.vstack([decimated(places, part, wanted) for part, wanted in parts if len(part)])


def _stretched(places: NDArray, faces: NDArray, moves: list[NDArray]) -> NDArray:
    """(F,) bool: faces near an edge whose length some target changes by more than STRETCH of itself."""
    corners = np.zeros(len(places), bool)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        a, b = faces[:, first], faces[:, second]
        length = np.linalg.norm(places[a] - places[b], axis=1) + 1e-6
        for move in moves:
            far = np.linalg.norm(move[a] - move[b], axis=1) > STRETCH * length
            corners[a[far]] = corners[b[far]] = True
    found: NDArray = corners[faces].any(axis=1)
    return found


def decimated(vertices: NDArray, faces: NDArray, share: float) -> NDArray:
    """Fewer faces over some of the same vertices.

    Args:
        vertices: (V, 3). faces: (F, 3) int.
        share: of the faces that shall be left, 0-1; more are where borders and corners forbid it.

    Returns:
        (G, 3) int64 faces, into `vertices`.
    """
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkDecimatePro

    points, cells, mesh = vtkPoints(), vtkCellArray(), vtkPolyData()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices, np.float64), deep=True))
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(faces, np.int64).ravel(), deep=True))
    mesh.SetPoints(points)
    mesh.SetPolys(cells)
    numbers = numpy_to_vtkIdTypeArray(np.arange(len(vertices), dtype=np.int64), deep=True)
    numbers.SetName("number")
    mesh.GetPointData().AddArray(numbers)
    fewer = vtkDecimatePro()
    fewer.SetInputData(mesh)
    fewer.SetTargetReduction(1 - share)
    fewer.PreserveTopologyOn()
    fewer.SplittingOff()
    fewer.BoundaryVertexDeletionOff()
    fewer.SetFeatureAngle(CORNER_DEGREES)
    fewer.Update()
    found = fewer.GetOutput()
    of = vtk_to_numpy(found.GetPointData().GetArray("number"))
    left: NDArray = of[vtk_to_numpy(found.GetPolys().GetConnectivityArray())].reshape(-1, 3)
    return left


def smaller(picture: bytes, level: int) -> bytes:
    """A JPEG with 1 / 2^level of its width and height, or as it is where that is less than LEAST_SIDE."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None, "a picture of our own GLB"
    height, width = (max(side >> level, min(side, LEAST_SIDE)) for side in pixels.shape[:2])
    made = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", made, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())
