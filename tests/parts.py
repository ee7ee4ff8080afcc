"""Parts of a head for tests: a band of hair that is rigid, and lashes that follow the upper lids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.core.result import Result
from maquette.core.types import Mesh, Part, Reconstruction
from maquette.outputs.asset import Asset, open_asset

UVS = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
SQUARE = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def cut_out(colour: tuple[int, int, int], side: int = 16) -> np.ndarray:
    """(side, side, 4): the left half is there, the right half is cut out."""
    texture = np.zeros((side, side, 4), np.uint8)
    texture[..., :3], texture[:, : side // 2, 3] = colour, 255
    return texture


def hair_part() -> Part:
    """A square of 10 cm above the forehead, facing the camera."""
    places = np.array([[-0.05, 0.1, 0.12], [0.05, 0.1, 0.12], [0.05, 0.2, 0.12], [-0.05, 0.2, 0.12]], np.float32)
    return Part("hair", Mesh(places, SQUARE, UVS, SQUARE, cut_out((200, 20, 20))))


def lash_part(asset: Asset) -> Part:
    """A square whose corners hang on the four vertices that a left blink moves most; one of them on three of these."""
    unit = asset.units[asset.model.expression_names.index("eyeBlinkLeft")]
    most = np.argsort(-np.linalg.norm(unit, axis=1))[:4].astype(np.int32)
    anchors = np.repeat(most[:, None], 3, axis=1)
    weights = np.tile(np.array([1, 0, 0], np.float32), (4, 1))
    anchors[3], weights[3] = most[:3], [0.5, 0.25, 0.25]
    return Part("lashes", Mesh(asset.neutral[most], SQUARE, UVS, SQUARE, cut_out((10, 10, 10))), anchors, weights)


def with_maps(result: Result, side: int = 32) -> Result:
    """The result with maps of its skin: slopes to the right, rougher towards the right."""
    normals = np.broadcast_to(np.array([100, 128, 250], np.uint8), (side, side, 3)).copy()
    roughness = np.tile(np.linspace(80, 200, side).astype(np.uint8), (side, 1))
    shape = replace(result.reconstruction.shape, normal_map=normals, roughness_map=roughness)
    return replace(result, reconstruction=replace(result.reconstruction, shape=shape))


def with_parts(result: Result, asset: Asset) -> Result:
    """The result with hair and lashes; `asset` is of the result at its fitted resolution."""
    made: Reconstruction = replace(result.reconstruction, parts=(hair_part(), lash_part(asset)))
    return replace(result, reconstruction=made)


@pytest.fixture(scope="session")
def haired_result(head_result) -> Result:
    """The shipped head, smiling, with hair and lashes, and with maps of its skin."""
    return with_parts(with_maps(head_result), open_asset(head_result, OutputOptions(mesh="light")))
