"""Take the light of 18 places out of an npm package: python tools/take_lights.py FILE

FILE is `npm pack @pmndrs/assets` 1.7.0 (14 MB), checked by its sha256: panoramas by Poly Haven (CC0-1.0), 512 x 256.
Of each are kept one lamp, what the brightest cone has above its surroundings, and the rest as spherical harmonics of
bands 0 to 2; no picture. Writes src/maquette/synthesis/data/lights.safetensors.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import re
import sys
import tarfile
from pathlib import Path

os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"

import cv2
import numpy as np
import refresh_zoo
import torch
from safetensors.numpy import save_file

from maquette.synthesis.rendering.shade import harmonics

TARGET = Path(__file__).parents[1] / "src/maquette/synthesis/data/lights.safetensors"
SHA256 = "152bd218a3390703f184f0c6ce16e73c8f0a87f32d38530d418a09d33d8208dc"
CONE = np.radians(12)  # half the angle that the lamp may be wide
RING = np.radians(25)  # half the angle of its surroundings
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def directions(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) unit vectors of a panorama's pixels, y up, z in its middle, and (H, W) their solid angles."""
    height, width = shape
    up = np.pi / 2 - (np.arange(height) + 0.5) / height * np.pi
    turn = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    up, turn = np.meshgrid(up, turn, indexing="ij")
    vectors = np.stack([np.cos(up) * np.sin(turn), np.sin(up), np.cos(up) * np.cos(turn)], axis=2)
    return vectors, np.cos(up) * (np.pi / height) * (2 * np.pi / width)


def lamp_of(radiance: np.ndarray, towards: np.ndarray, solid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Direction (3,) and colour (3,) of the brightest cone above its surroundings, and the panorama without it."""
    light = radiance @ LUMINANCE
    seen = np.exp((towards.reshape(-1, 3) @ towards[::4, ::4].reshape(-1, 3).T - 1) / (CONE / 2) ** 2)
    peak = towards[::4, ::4].reshape(-1, 3)[((light * solid).ravel() @ seen).argmax()]
    apart = np.arccos(np.clip(towards @ peak, -1, 1))
    around = np.median(radiance[(apart > CONE) & (apart < RING)], axis=0)
    above = np.where((apart < CONE)[..., None], np.maximum(radiance - around, 0), 0)
    power = (above * solid[..., None]).sum(axis=(0, 1))
    middle = (towards * (above @ LUMINANCE * solid)[..., None]).sum(axis=(0, 1))
    return middle / np.linalg.norm(middle), power / np.pi, radiance - above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    if hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{file}: not @pmndrs/assets 1.7.0")
    kept: dict[str, list[np.ndarray]] = {"environment": [], "towards": [], "colors": []}
    with tarfile.open(file) as archive:
        names = sorted(name for name in archive.getnames() if re.fullmatch(r"package/hdri/\w+\.exr\.js", name))
        for name in names:
            text = archive.extractfile(name).read().decode("ascii")
            coded = base64.b64decode(re.search("base64,([A-Za-z0-9+/=]+)", text).group(1))
            radiance = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1].astype(float)
            towards, solid = directions(radiance.shape[:2])
            lamp, color, rest = lamp_of(radiance, towards, solid)
            basis = harmonics(torch.as_tensor(towards.reshape(-1, 3).T)).numpy()
            environment = basis @ (rest * solid[..., None]).reshape(-1, 3)
            level = (environment[0] * 0.282095 + color / 4) @ LUMINANCE  # the mean wall, facing anywhere
            for key, value in (("environment", environment), ("towards", lamp), ("colors", color)):
                kept[key].append(value / (1 if key == "towards" else level))
            share = color @ LUMINANCE / 4 / level
            print(f"{name.split('/')[-1][:-7]:10} lamp {share:.2f} of the light, {lamp.round(2)}")
    save_file({key: np.array(value, np.float32) for key, value in kept.items()}, TARGET)
    refresh_zoo.main()


if __name__ == "__main__":
    main()
