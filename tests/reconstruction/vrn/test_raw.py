"""`.raw` files and the frame of a volume (acceptance checks 8 and 9 of the specification)."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.types import Volume
from maquette.geometry.surfaces.clean import is_closed, pieces, signed_volume
from maquette.geometry.surfaces.isosurface import logits_of, marching_cubes
from maquette.reconstruction.vrn.raw import SHAPE, SIGNED_LEVEL, raw_bytes, read_raw, values_of, volume_of, write_raw


def placed(volume: Volume, vertices: np.ndarray) -> np.ndarray:
    return vertices @ volume.grid_to_world[:3, :3].T + volume.grid_to_world[:3, 3]


def ball(centre: tuple[float, float, float], radius: float, soft: float = 1.0) -> np.ndarray:
    """(200, 192, 192) float32: a ball in the crop's frame: pixels, and half a pixel per slice."""
    d, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    away = np.sqrt((x + 0.5 - centre[0]) ** 2 + (y + 0.5 - centre[1]) ** 2 + (0.5 * d - centre[2]) ** 2)
    return (1 / (1 + np.exp(np.clip((away - radius) / soft, -30, 30)))).astype(np.float32)


def test_a_file_has_one_byte_per_voxel_x_fastest(tmp_path):
    ramp = np.broadcast_to(np.linspace(0, 1, 192), SHAPE)
    write_raw(tmp_path / "a.raw", ramp)
    data = (tmp_path / "a.raw").read_bytes()
    assert len(data) == 7_372_800
    assert np.array_equal(np.frombuffer(data[:192], np.uint8), np.floor(np.linspace(0, 1, 192) * 255))
    assert data[:192] == data[192:384] == data[192 * 192 : 192 * 193]
    assert np.abs(read_raw(tmp_path / "a.raw") - ramp).max() <= 0.5 / 255 + 1e-6


def test_the_order_of_the_axes_is_d_y_x():
    values = np.zeros((3, 4, 5))
    values[2, 1, 3] = 1
    assert raw_bytes(values).index(255) == (2 * 4 + 1) * 5 + 3
    assert values_of(raw_bytes(values), (3, 4, 5))[2, 1, 3] == 1


def test_bytes_survive_reading_and_writing():
    data = bytes(range(256)) * 2
    assert raw_bytes(values_of(data, (2, 16, 16))) == data


def test_signed_bytes_make_a_double_shell():
    """What the old scripts drew: solid only where 0.043 < p < 0.502."""
    values = np.linspace(0, 1, 4001).reshape(1, 1, -1)
    old = values_of(raw_bytes(values), values.shape, signed=True)
    solid = values[old > SIGNED_LEVEL]
    assert solid.min() == pytest.approx(0.043, abs=5e-4) and solid.max() == pytest.approx(0.502, abs=5e-4)
    assert (np.diff(np.flatnonzero(old > SIGNED_LEVEL)) == 1).all()

    d, y, x = np.ogrid[:40, :40, :40]
    blob = 1 / (1 + np.exp(np.sqrt((x - 20) ** 2 + (y - 20) ** 2 + (d - 20) ** 2) - 12))
    data = raw_bytes(blob)
    assert pieces(marching_cubes(values_of(data, blob.shape), 0.5)[1])[0] == 1
    _, faces = marching_cubes(values_of(data, blob.shape, signed=True), SIGNED_LEVEL)
    assert pieces(faces)[0] == 2, "one wall within the other"


@pytest.mark.parametrize("size", [0, 7_372_799, 7_372_801])
def test_a_file_of_another_size_is_refused(tmp_path, size):
    (tmp_path / "a.raw").write_bytes(bytes(size))
    with pytest.raises(BadInput, match=rf"a.raw: wanted 7,372,800 bytes \(200 x 192 x 192, one each\), got {size:,}"):
        read_raw(tmp_path / "a.raw")


def test_what_cannot_be_read_or_written_is_reported(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_raw(tmp_path / "none.raw")
    with pytest.raises(BadInput, match="cannot be written"):
        write_raw(tmp_path / "no" / "a.raw", np.zeros((1, 1, 1)))
    with pytest.raises(BadInput, match="at most 512"):
        read_raw(tmp_path / "none.raw", (100_000, 100_000, 100_000))
    with pytest.raises(BadInput, match="got 3"):
        values_of(b"abc", (2, 2, 2))


@pytest.mark.parametrize("values", [np.zeros((2, 2)), np.full((2, 2, 2), 1.1), np.full((2, 2, 2), np.nan)])
def test_only_probabilities_are_written(values):
    with pytest.raises(BadInput, match="probabilities"):
        raw_bytes(values)


def test_a_sphere_phantom_is_found_to_a_tenth_of_a_pixel():
    """Radius 40 pixels, which are 80 slices each way."""
    centre = (95.3, 97.2, 48.1)
    volume = volume_of(values_of(raw_bytes(ball(centre, 40.0))))
    assert volume.values.shape == (192, 192, 200)
    vertices, faces = marching_cubes(logits_of(volume.values))
    points = placed(volume, vertices)
    assert is_closed(faces) and pieces(faces)[0] == 1
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    assert np.abs(middle - centre).max() < 0.1
    assert np.abs(np.linalg.norm(points - centre, axis=1) - 40).max() < 0.5
    assert np.ptp(vertices[:, 2]) == pytest.approx(160, abs=1) and np.ptp(points[:, 2]) == pytest.approx(80, abs=0.5)
    assert signed_volume(points, faces) == pytest.approx(4 / 3 * np.pi * 40**3, rel=0.01), "faces look outwards"


def test_a_volume_lies_where_the_crop_was_in_the_photo():
    values = np.zeros((4, 5, 6), np.float32)
    turn, size = 0.3, 2.5
    matrix = np.eye(3)
    matrix[:2, :2] = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix[:2, 2] = [100, 50]
    volume = volume_of(values, matrix, first_slice=-3.0)
    at = placed(volume, np.array([[2.0, 3, 1]]))[0]
    assert np.allclose(at[:2], (matrix @ [2.5, 3.5, 1])[:2]) and at[2] == pytest.approx(size * (-3 + 0.5))
    assert np.allclose(placed(volume_of(values), np.zeros((1, 3))), [0.5, 0.5, 0])
    with pytest.raises(ValueError, match="values"):
        volume_of(np.zeros((2, 2)))
