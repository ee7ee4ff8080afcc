"""Hair follows the head, and normals at rest are those that a viewer turns into the photo's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maquette.core.options import OutputOptions
from maquette.core.types import Mesh, Part
from maquette.outputs.asset import open_asset

TRIANGLE = np.array([[0, 1, 2]], np.int32)


def part(asset, **follow) -> Part:
    mesh = Mesh(asset.neutral[:3], TRIANGLE, np.eye(3, 2, dtype=np.float32), TRIANGLE, np.zeros((4, 4, 4), np.uint8))
    return Part("hair", mesh, **follow)


def test_a_part_is_posed_with_its_anchors_or_with_the_head(person_result):
    asset = open_asset(person_result, OutputOptions())
    anchors = np.arange(3, dtype=np.int32)[:, None].repeat(3, axis=1)
    tied = part(asset, anchors=anchors, weights=np.full((3, 3), 1 / 3, np.float32))
    posed = asset.bones.posed(tied.mesh.vertices, asset.bones.of_part(tied), 0)
    whole = asset.bones.posed(asset.neutral, asset.bones.influences, 0)
    assert np.abs(posed - whole[:3]).max() < 1e-5
    names = tuple("head" if name == "neck" else name for name in asset.bones.rig.bones)
    rigid = replace(asset.bones, rig=replace(asset.bones.rig, bones=names)).of_part(part(asset))
    assert (rigid.joints[:, 0] == names.index("head")).all() and (rigid.weights[:, 0] == 1).all()


def test_normals_at_rest_turn_into_those_of_the_pose(person_result):
    asset = open_asset(person_result, OutputOptions())
    bones, wanted = asset.bones, np.tile([0.0, 0.6, 0.8], (len(asset.neutral), 1))
    rest = bones.rest_normals(wanted, 0).astype(np.float32)
    still = bones.posed(np.zeros_like(asset.neutral), bones.influences, 0)
    turned = bones.posed(rest, bones.influences, 0) - still
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    assert np.abs(turned - wanted).max() < 1e-3
