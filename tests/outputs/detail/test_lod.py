"""Levels of detail: fewer triangles over the same vertices, borders whole, what moves them unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.detail.lod import MOST, coarser, decimated, smaller
from maquette.outputs.meshes.glb import _jpeg, write_glb
from maquette.outputs.meshes.gltf_file import GltfFile
from maquette.outputs.writers import wanted


def net(side):
    """A curved sheet of side x side vertices."""
    x, y = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    faces = np.stack([corner, corner + 1, corner + side, corner + 1, corner + side + 1, corner + side], 1)
    return np.stack([x, y, 0.2 * x * x], -1).reshape(-1, 3), faces.reshape(-1, 3)


def border(faces):
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    found, count = np.unique(edges, axis=0, return_counts=True)
    return found[count == 1]


def test_it_takes_vertices_away_and_leaves_the_border_whole():
    vertices, faces = net(30)
    fewer = decimated(vertices, faces, 0.25)
    assert 0.24 < len(fewer) / len(faces) < 0.27 and np.array_equal(border(fewer), border(faces))
    a, b, c = (vertices[fewer[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all(), "none is turned over"


def test_textures_are_halved_and_small_ones_stay():
    import cv2

    def size(level, side):
        picture = smaller(_jpeg(np.zeros((side, side, 3), np.uint8)), level)
        return cv2.imdecode(np.frombuffer(picture, np.uint8), 1).shape[0]

    assert [size(level, 1024) for level in (1, 2)] == [512, 256] and size(2, 512) == 256 and size(2, 100) == 100


@pytest.mark.parametrize("name", ["head_result", "person_result"])
def test_vertices_that_stay_are_what_they_were(name, request):
    asset = open_asset(request.getfixturevalue(name), OutputOptions())
    whole = write_glb(asset)
    before, after = GltfFile.read(whole), GltfFile.read(coarser(whole, MOST))
    for one, other in zip(before.document["meshes"], after.document["meshes"], strict=True):
        for first, second in zip(one["primitives"], other["primitives"], strict=True):
            columns, fewer = rows(before, first), rows(after, second)
            known = {row.tobytes() for row in columns}
            assert len(fewer) <= len(columns) and all(row.tobytes() in known for row in fewer)
    assert before.document["nodes"] == after.document["nodes"]
    for index, one in enumerate(before.document.get("animations", [])):
        for path, sampler in zip(one["samplers"], after.document["animations"][index]["samplers"], strict=True):
            assert np.array_equal(before.values(path["output"]), after.values(sampler["output"]))


def rows(file, primitive):
    """(N, k): all attributes and targets of each vertex."""
    parts = [*primitive["attributes"].values()]
    parts += [index for target in primitive.get("targets", []) for index in target.values()]
    return np.ascontiguousarray(np.hstack([file.values(index).astype(np.float32) for index in parts]))


def test_files_are_those_asked_for(head_result):
    def levels(**options):
        asset = open_asset(head_result, OutputOptions(**options))
        return [key for key in wanted(asset) if "_lod" in key]

    assert levels() == [] and levels(lod=2, formats="obj") == []
    assert levels(lod=1) == ["{stem}_lod1.glb"] and len(levels(lod=2)) == 2
