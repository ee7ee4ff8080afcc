"""What the head parser says of a picture: shares that follow it, on any device; or a word about missing weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from far_device import far_device
from maquette.core.errors import WeightsMissing
from maquette.core.types import Frame
from maquette.perception.affine import apply, warp
from maquette.perception.faces import topology
from maquette.perception.faces.observe import observe
from maquette.perception.faces.parsing import reader
from maquette.perception.faces.parsing.network import Area


@pytest.fixture(scope="module")
def parsed(seen):
    return reader.parse(seen.frame.pixels, seen.landmarks, seen.mask)


def test_shares_of_each_pixel_add_up_and_come_again(parsed, seen):
    shares, matrix = parsed
    assert shares.shape == (len(Area), 128, 128) and shares.dtype == np.float32 and shares.min() >= 0
    assert np.allclose(shares.sum(axis=0), 1, atol=1e-5)
    again = reader.parse(seen.frame.pixels, seen.landmarks, seen.mask)
    assert np.array_equal(again[0], shares) and np.array_equal(again[1], matrix)


def test_the_matrix_leads_from_the_picture_to_the_shares(parsed, seen):
    shares, matrix = parsed
    for index in (4, 50, 280, 17):  # nose, cheeks, lip
        x, y = apply(matrix, seen.landmarks[index, :2]).astype(int)
        assert shares[:, y, x].argmax() == Area.SKIN, index
    assert shares[Area.HAIR].mean() > 0.1


def test_a_mirrored_picture_has_mirrored_shares(parsed, seen):
    pixels, mask = (np.ascontiguousarray(a[:, ::-1]) for a in (seen.frame.pixels, seen.mask))
    landmarks = seen.landmarks[topology.mirror()] * [-1, 1, 1] + [pixels.shape[1], 0, 0]
    shares, _ = reader.parse(pixels, landmarks, mask)
    assert np.abs(shares[..., ::-1] - parsed[0]).mean() < 0.01


def test_a_turned_picture_has_the_same_shares(parsed, seen):
    height, width = seen.mask.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 40, 1.0)
    landmarks = np.column_stack([apply(turn, seen.landmarks[:, :2]), seen.landmarks[:, 2]])
    shares, _ = reader.parse(
        warp(seen.frame.pixels, turn, (width, height)), landmarks, warp(seen.mask, turn, (width, height)).clip(0, 1)
    )
    inner = np.s_[:, 32:96, 32:96]
    assert np.abs(shares - parsed[0])[inner].mean() < 0.03


def test_another_device_is_used_and_answers_the_same(parsed, seen):
    reader.load_parser.cache_clear()
    try:
        with far_device() as work:
            far, _ = reader.parse(seen.frame.pixels, seen.landmarks, seen.mask, "cuda")
        assert work["convolution"] and np.allclose(far, parsed[0], atol=1e-4)
    finally:
        reader.load_parser.cache_clear()


def test_the_shipped_weights_give_their_golden_tensors():
    golden = load_file(Path(__file__).parents[3] / "golden" / "head-parser.safetensors")
    with torch.inference_mode():
        found = reader.load_parser()(golden["input.0"])
    assert torch.allclose(found, golden["output"], atol=1e-3)


def test_without_weights_a_face_is_refused_in_one_line(sample, monkeypatch):
    def missing(name):
        raise WeightsMissing(f"weights {name!r}: the file is not there")

    monkeypatch.setattr(reader, "fetch", missing)
    reader.load_parser.cache_clear()
    try:
        with pytest.raises(WeightsMissing, match="head-parser"):
            observe(Frame(sample))
    finally:
        reader.load_parser.cache_clear()
