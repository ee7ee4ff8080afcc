"""The photo's light taken out of the skin, for a viewer lights it again.

Nine spherical harmonics of the normals (Ramamoorthi and Hanrahan 2001) and an albedo with a prior are solved for in
turn; the colours are then divided by the light alone. What the prior holds for albedo stays in the skin.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.geometry.mesh import vertex_normals
from maquette.imaging import srgb
from maquette.reconstruction.face_fit.terms.albedo import albedo_basis
from maquette.reconstruction.face_fit.terms.shading import harmonics
from maquette.texturing.head.bake import Baked
from maquette.texturing.head.layers import Layers
from maquette.texturing.images import enlarged

SAMPLES = 1500  # texels of plain skin on which the light is fitted
FEWEST = 150  # below, nothing is changed
BRIGHTNESS = np.array([0.70, 0.25, 0.05])  # of the linear channels: blood and sun change skin least in red
ROUNDS = 8
RIDGE, TINT_RIDGE = 0.02, 0.05  # pull of the light to even light, and of its colour to grey, against the samples
EVIDENCE = 400.0  # independent samples that all texels are worth together, as in the fit
NOISE_FLOOR = 0.02  # smallest relative error
STRENGTH = 0.8  # power of the light that is taken out: the fit is not sure of all of it
DARKEST, LARGEST, SMALLEST = 0.25, 2.2, 0.5  # share of the mean light that is believed; factors at most and at least
STRIP = 256  # rows worked on at a time
LINEAR = srgb.linear(np.arange(256) / 255).astype(np.float32)
CURVE_STEPS = 4095  # of the square root of light, which is as even as the eye
CURVE = (255 * srgb.coded((np.arange(CURVE_STEPS + 1) / CURVE_STEPS) ** 2)).astype(np.float32)


def delit(seen: Baked, vertices: NDArray, layers: Layers) -> Baked:
    """The same photo as even light would show it, as bright on the face as before.

    Args:
        seen: one photo brought to the texture. vertices: (V, 3) metres, as they are in it.
        layers: of the model.
    """
    weight = seen.trust * layers.zones["plain"] * seen.bare
    rows, columns = np.nonzero(weight > 0.1)
    if len(rows) < FEWEST:
        return seen
    jump = -(-len(rows) // SAMPLES)
    at = rows[::jump], columns[::jump]
    normals = layers.skin.spread(vertex_normals(vertices, layers.model.faces))
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    albedo = albedo_basis(layers.skin.spread(layers.model.mean)[at].astype(float))
    lights = light_of(harmonics(normals[at].astype(float)), albedo, linear(seen.coarse[at]), weight[at].astype(float))
    shade = (harmonics(normals.reshape(-1, 3)) @ lights.astype(np.float32)).reshape(seen.coarse.shape)
    mean = np.average(shade[at], axis=0, weights=weight[at])
    factor = np.clip(mean / np.maximum(shade, DARKEST * mean), SMALLEST, LARGEST) ** STRENGTH
    return relit(seen, factor.astype(np.float32))


def light_of(basis: NDArray, albedo: NDArray, colours: NDArray, weight: NDArray) -> NDArray:
    """(9, 3) coefficients of the light, each channel with its own level; relative albedo varies by its prior.

    Args:
        basis: (n, 9) harmonics of the normals. albedo: (n, m) per weight that is standard normal a priori.
        colours: (n, 3) linear. weight: (n,) how far each is plain skin that is seen.
    """
    bright = colours @ BRIGHTNESS
    level = float(np.average(bright, weights=weight))
    own, believed = np.zeros(albedo.shape[1]), weight
    pull = RIDGE * np.eye(basis.shape[1])
    pull[0, 0] = 0
    for _ in range(ROUNDS):
        shades = basis * (1 + albedo @ own)[:, None]
        light = np.linalg.solve(shades.T @ (shades * believed[:, None]) + believed.sum() * pull,
                                shades.T @ (believed * bright))  # fmt: skip
        even = basis @ light
        believed, sigma = robust(bright - even * (1 + albedo @ own), weight, level)
        strength = believed * EVIDENCE / weight.sum() / sigma**2
        change = albedo * even[:, None]
        own = np.linalg.solve(change.T @ (change * strength[:, None]) + np.eye(len(own)),
                              change.T @ (strength * (bright - even)))  # fmt: skip
    shades = basis * (1 + albedo @ own)[:, None]
    return np.stack([tinted(shades, light / level, channel, weight) for channel in colours.T], axis=1)


def tinted(shades: NDArray, light: NDArray, channel: NDArray, weight: NDArray) -> NDArray:
    """(9,) light of one channel (n,), near the grey light (9,) of mean brightness one."""
    level = float(np.average(channel, weights=weight))
    rest = channel - shades @ (level * light)
    believed, _ = robust(rest, weight, level)
    matrix = shades.T @ (shades * believed[:, None]) + TINT_RIDGE * believed.sum() * np.eye(len(light))
    found: NDArray = level * light + np.linalg.solve(matrix, shades.T @ (believed * rest))
    return found


def robust(rest: NDArray, weight: NDArray, level: float) -> tuple[NDArray, float]:
    """(n,) weights after residuals (n,), by Geman and McClure's loss, and the residuals' standard deviation."""
    sigma = max(1.4826 * float(np.median(np.abs(rest[weight > 0.3 * weight.max()]))), NOISE_FLOOR * level, 1e-4)
    return weight / (1 + (rest / (2 * sigma)) ** 2) ** 2, sigma


def relit(seen: Baked, factor: NDArray) -> Baked:
    """The photo with its linear colours times a factor (h, w, 3), of any size."""
    size = seen.coarse.shape[1::-1]
    small = factor if factor.shape == seen.coarse.shape else cv2.resize(factor, size, interpolation=cv2.INTER_AREA)
    coarse = coded(linear(seen.coarse) * small)
    large = enlarged(factor, seen.colour.shape[:2])
    colour = np.empty_like(seen.colour)
    for row in range(0, len(colour), STRIP):
        rows = slice(row, row + STRIP)
        colour[rows] = np.rint(coded(LINEAR[seen.colour[rows]] * large[rows]))
    return replace(seen, colour=colour, coarse=coarse)


def linear(colours: NDArray) -> NDArray:
    """Light of 8-bit sRGB colours of any precision; 0-1."""
    return np.interp(colours, np.arange(256), LINEAR).astype(np.float32)


def coded(light: NDArray) -> NDArray:
    """float32 8-bit sRGB of linear light; what is too bright is white."""
    steps = np.sqrt(np.clip(light, 0, 1)) * CURVE_STEPS
    return CURVE[np.rint(steps).astype(np.int32)]
