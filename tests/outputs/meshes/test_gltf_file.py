"""The reader of our own GLBs agrees with a reader of others."""

from __future__ import annotations

import io

import numpy as np
from pygltflib import GLTF2

from gltf_reader import decoded
from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.gltf_file import GltfFile


def test_every_accessor_and_picture_reads_as_elsewhere(head_result):
    data = write_glb(open_asset(head_result, OutputOptions(mesh="light")))
    own, other = GltfFile.read(data), GLTF2.load_from_bytes(io.BytesIO(data).read())
    for index in range(len(other.accessors)):
        assert np.array_equal(own.values(index), decoded(other, index))
    kinds = {image["mimeType"] for image in own.document["images"]}
    starts = {"image/jpeg": b"\xff\xd8", "image/png": b"\x89PNG"}
    assert kinds <= set(starts)
    for index, image in enumerate(own.document["images"]):
        assert own.image(index).startswith(starts[image["mimeType"]])


def test_parents_come_before_their_children_and_places_add_up(person_result):
    file = GltfFile.read(write_glb(open_asset(person_result, OutputOptions())))
    seen = set()
    for index in file.order:
        assert file.parents[index] < 0 or file.parents[index] in seen
        seen.add(index)
    assert len(seen) == len(file.nodes)
    leaf = file.order[-1]
    place, index = np.array([0, 0, 0, 1.0]), leaf
    while index >= 0:
        place, index = file.local(index) @ place, file.parents[index]
    assert np.allclose(place, file.world[leaf][:, 3])
