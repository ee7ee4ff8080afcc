"""`.raw` volumes as VRN's programs exchange them, and the grid of a network's output in pixels of the photo.

A file is nothing but bytes floor(255 p) in the order (d, y, x), x fastest: 200 x 192 x 192 = 7,372,800 of them. MATLAB
reads it as [192 192 200]. The Python scripts around the released network took the bytes as signed, so that every
probability above 0.502 turned negative and the face became the shell 0.043 < p < 0.502 with two walls.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.check import expect
from maquette.core.errors import BadInput
from maquette.core.files import unwritable, write_whole
from maquette.core.types import Volume
from maquette.geometry.surfaces.isosurface import MOST_VOXELS

SHAPE = (200, 192, 192)  # slices d, rows y, columns x of the released network
SIGNED_LEVEL = 10 / 255  # iso-value of the scripts that read signed bytes
DEPTH_STEP = 0.5  # pixels of the crop from slice to slice


def raw_bytes(values: NDArray) -> bytes:
    """The content of a `.raw` file.

    Args:
        values: (D, H, W) probabilities 0-1, d towards the camera.

    Raises:
        BadInput: not three axes, or values outside 0-1.
    """
    values = np.asarray(values)
    if values.ndim != 3 or not ((values >= 0) & (values <= 1)).all():
        raise BadInput(f"volume of shape {values.shape}: wanted (d, y, x) of probabilities in 0-1")
    return np.floor(values.astype(np.float64) * 255).astype(np.uint8).tobytes()


def write_raw(path: str | Path, values: NDArray) -> None:
    """Write probabilities (D, H, W), d towards the camera, as a `.raw` file.

    Raises:
        BadInput: they are no probabilities, or the file cannot be written.
    """
    data = raw_bytes(values)
    try:
        write_whole(path, data)
    except OSError as error:
        raise BadInput(unwritable(error, path, "choose another place")) from error


def read_raw(path: str | Path, shape: tuple[int, int, int] = SHAPE, signed: bool = False) -> NDArray:
    """The probabilities in a `.raw` file.

    Args:
        path: of the file.
        shape: (D, H, W) that it must have; the file itself does not say.
        signed: read as the old scripts did, for comparison: b / 255 of signed bytes, to be cut at SIGNED_LEVEL.

    Returns:
        (D, H, W) float32: the middle (b + 0.5) / 255 of what a byte stands for, at most 1; signed: -0.502 to 0.498.

    Raises:
        BadInput: no such file, or it has another size.
    """
    wanted = math.prod(shape)
    if len(shape) != 3 or min(shape) < 1 or wanted > MOST_VOXELS:
        raise BadInput(f"{path}: wanted the sizes of three axes, at most 512^3 voxels, got {tuple(shape)}")
    try:
        came = Path(path).stat().st_size
        if came != wanted:
            sizes = " x ".join(map(str, shape))
            raise BadInput(
                f"{path}: wanted {wanted:,} bytes ({sizes}, one each), got {came:,}: give its (d, y, x) size"
            )
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    return values_of(data, shape, signed)


def values_of(data: bytes, shape: tuple[int, int, int] = SHAPE, signed: bool = False) -> NDArray:
    """(D, H, W) float32 of the bytes of a `.raw` file; see `read_raw`.

    Raises:
        BadInput: another number of bytes.
    """
    if len(data) != math.prod(shape):
        raise BadInput(f"volume: wanted {math.prod(shape):,} bytes for shape {tuple(shape)}, got {len(data):,}")
    levels = np.frombuffer(data, np.int8 if signed else np.uint8).reshape(shape).astype(np.float32)
    return levels / 255 if signed else np.minimum((levels + np.float32(0.5)) / 255, 1)


def volume_of(values: NDArray, crop_to_image: NDArray | None = None, first_slice: float = 0.0) -> Volume:
    """A network's output as a grid in pixels of the photo: x right, y down, z towards the camera.

    That frame is left-handed, as pixels with a depth towards the viewer are.

    Args:
        values: (D, H, W) probabilities, d towards the camera, aligned with the crop's pixels.
        crop_to_image: (3, 3) similarity, pixels of the crop to pixels of the photo; None: pixels of the crop. Depth is
            scaled as much as x and y.
        first_slice: z of the first slice's middle, pixels of the crop; the released meshes have 0.

    Returns:
        (W, H, D) values; grid_to_world takes voxel (i, j, k) to the pixel's middle (i + 0.5, j + 0.5) of the crop, at
        depth first_slice + k / 2, and on to the photo.
    """
    expect("values", values, ("D", "H", "W"), finite=True)
    to_crop = np.diag([1.0, 1.0, DEPTH_STEP, 1.0])
    to_crop[:3, 3] = [0.5, 0.5, first_slice]
    to_image = np.eye(4)
    if crop_to_image is not None:
        expect("crop_to_image", crop_to_image, (3, 3))
        to_image[:2, :2], to_image[:2, 3] = crop_to_image[:2, :2], crop_to_image[:2, 2]
        to_image[2, 2] = np.sqrt(abs(np.linalg.det(crop_to_image[:2, :2])))
    grid = np.ascontiguousarray(np.transpose(values, (2, 1, 0)), np.float32)
    return Volume(grid, to_image @ to_crop)
