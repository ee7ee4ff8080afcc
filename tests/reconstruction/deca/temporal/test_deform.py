"""Deformable convolution: the slow loop over its definition, a plain convolution, gradients."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from maquette.reconstruction.deca.temporal.deform import deformed
from temporal_by_seed import features


def given(groups: int = 2, channels: int = 4, side: int = 5):
    x = features(2, channels, side)
    offsets = 4 * features(2, 18 * groups, side, 31)
    mask = features(2, 9 * groups, side, 32).sigmoid()
    return x, offsets, mask, features(3, channels, 3, 33), features(1, 3, 1, 34).flatten()


def slow(x, offsets, mask, weight, bias):
    """Output by output, channel by channel, tap by tap: zero beyond the edge, bilinear between pixels."""
    count, channels, height, width = x.shape
    per_group = channels // (mask.shape[1] // 9)

    def at(n: int, c: int, y: float, column: float) -> float:
        total, top, left = 0.0, math.floor(y), math.floor(column)
        for row, row_weight in ((top, 1 - (y - top)), (top + 1, y - top)):
            for place, weight_x in ((left, 1 - (column - left)), (left + 1, column - left)):
                if 0 <= row < height and 0 <= place < width:
                    total += row_weight * weight_x * float(x[n, c, row, place])
        return total

    found = bias[None, :, None, None].repeat(count, 1, height, width)
    for n in range(count):
        for row in range(height):
            for column in range(width):
                for c in range(channels):
                    for tap in range(9):
                        place = (c // per_group) * 9 + tap
                        dy, dx = (float(offsets[n, 2 * place + k, row, column]) for k in (0, 1))
                        value = at(n, c, row + tap // 3 - 1 + dy, column + tap % 3 - 1 + dx)
                        value *= float(mask[n, place, row, column])
                        found[n, :, row, column] += weight[:, c, tap // 3, tap % 3] * value
    return found


def test_numbers_are_those_of_the_slow_loop_beyond_the_edge_too():
    x, offsets, mask, weight, bias = given()
    assert offsets.abs().max() > 3
    torch.testing.assert_close(deformed(x, offsets, mask, weight, bias), slow(x, offsets, mask, weight, bias))


def test_without_offsets_it_is_a_convolution():
    x, offsets, mask, weight, bias = given()
    found = deformed(x, 0 * offsets, torch.ones_like(mask), weight, bias)
    torch.testing.assert_close(found, functional.conv2d(x, weight, bias, padding=1))


def test_gradients():
    x, offsets, mask, weight, bias = (part[:1] if part.ndim > 1 else part for part in given(1, 2, 3))
    weight = features(1, 2, 3, 33)
    inputs = [part.clone().requires_grad_() for part in (x, offsets, mask, weight, bias[:1])]
    assert torch.autograd.gradcheck(deformed, inputs)
