"""Fur in a picture: strands along a flow that runs away from the nose, an outline of tufts, whiskers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
STEPS = 5  # of the line integral to either side


def flow(place: NDArray, normal: NDArray, nose: NDArray, rng: Rng) -> NDArray:
    """(N, 3) unit directions in which fur lies: away from the nose, back and down, along the skin."""
    away = place - nose
    away /= np.linalg.norm(away, axis=1, keepdims=True) + 1e-6
    away += np.array([0, rng.uniform(-0.6, 0.1), rng.uniform(-0.8, -0.2)])
    away -= (away * normal).sum(axis=1, keepdims=True) * normal
    return away / (np.linalg.norm(away, axis=1, keepdims=True) + 1e-6)


def spread(field: NDArray, mask: NDArray, reach: float) -> NDArray:
    """A field (S, S, 2) known where a mask (S, S) is set, continued beyond it and made unit."""
    known = mask.astype(np.float32)
    around = cv2.GaussianBlur(field * known[..., None], (0, 0), reach)
    field = np.where(mask[..., None], field, around)
    field = cv2.GaussianBlur(field, (0, 0), 1.5)
    return field / (np.linalg.norm(field, axis=2, keepdims=True) + 1e-4)


def strands(direction: NDArray, length: float, thickness: float, rng: Rng) -> NDArray:
    """(S, S) float32 unit noise drawn out along directions (S, S, 2): line integral convolution (Cabral, Leedom 1993).

    Args:
        length: of a strand, pixels.
        thickness: of a strand, pixels.
    """
    side = len(direction)
    noise: NDArray = rng.standard_normal((side, side)).astype(np.float32)
    if thickness > 0.6:
        noise = cv2.GaussianBlur(noise, (0, 0), thickness / 2)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    total = np.zeros((side, side), np.float32)
    for k in range(-STEPS, STEPS + 1):
        shift = np.float32(k * length / (2 * STEPS))
        total += cv2.remap(
            noise,
            x + shift * direction[..., 0],
            y + shift * direction[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
    return total / max(float(total.std()), 1e-6)


def ruffled(layers: NDArray, direction: NDArray, furry: NDArray, length: float, rng: Rng) -> NDArray:
    """Layers (S, S, C) shifted strand by strand along the flow, so that borders and the outline end in tufts.

    Args:
        furry: (S, S) in 0-1, where; elsewhere pixels stay.
        length: of the shift, pixels.
    """
    side = len(direction)
    coarse = strands(direction, 3 * length, max(1.0, 0.35 * length), rng)
    shift = np.clip(0.45 + 0.4 * coarse, -0.2, 1.6) * length * furry
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    across, down = x - shift * direction[..., 0], y - shift * direction[..., 1]
    return cv2.remap(
        layers, across.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def whiskers(picture: NDArray, roots: NDArray, scale: float, rng: Rng) -> NDArray:
    """The picture (S, S, 3) with thin curved hairs drawn from places (2, 2) beside the nose outward.

    Args:
        roots: pixels, the animal's right and left.
        scale: pixels of the eye distance.
    """
    layer = np.zeros(picture.shape[:2], np.uint8)
    for side, root in zip((-1, 1), roots):
        for _ in range(rng.integers(3, 10)):
            start = root + rng.normal(size=2) * 0.08 * scale
            angle, long, bend = rng.normal() * 0.35 + 0.1, rng.uniform(0.5, 1.5) * scale, rng.uniform(-0.2, 0.5)
            t = np.linspace(0, 1, 10)[:, None]
            ahead = np.array([side * np.cos(angle), np.sin(angle)])
            points = start + t * long * ahead + t**2 * long * bend * np.array([0, 1])
            cv2.polylines(layer, [np.round(points * 16).astype(np.int32)], False, (255,), 1, cv2.LINE_AA, 4)
    shade = (0.8 if rng.random() < 0.8 else 0.02) * rng.uniform(0.6, 1)
    share = (layer / 255 * rng.uniform(0.15, 0.8))[..., None]
    return picture + share * (shade - picture)
