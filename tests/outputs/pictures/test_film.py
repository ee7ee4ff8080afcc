"""A film keeps the clip's own times; windows and cameras agree."""

import av
import numpy as np
import pytest

from maquette.core.types import Camera
from maquette.geometry.camera import project
from maquette.outputs.pictures.film import PANEL, Film, cut, window_camera


def test_uneven_times_are_kept(tmp_path):
    times = [2.0, 2.04, 2.2, 2.25]
    with Film(tmp_path / "a.mp4", (64, 32)) as film:
        for k, time in enumerate(times):
            film.add(np.full((32, 64, 3), 60 * k, np.uint8), time)
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = list(container.decode(video=0))
    assert np.allclose([frame.time for frame in frames], np.subtract(times, 2.0), atol=1e-3)
    levels = [frame.to_ndarray(format="rgb24").mean() for frame in frames]
    assert np.allclose(levels, [0, 60, 120, 180], atol=6)


def test_a_long_film_is_whole(tmp_path):
    with Film(tmp_path / "a.mp4", (16, 16)) as film:
        for k in range(2500):
            film.add(np.full((16, 16, 3), k % 200, np.uint8), k / 50)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].frames == 2500


def test_an_error_of_the_compression_is_raised_and_nobody_waits(tmp_path):
    film = Film(tmp_path / "missing" / "a.mp4", (64, 32))
    for k in range(10):
        film.add(np.zeros((32, 64, 3), np.uint8), k / 25)
    with pytest.raises(OSError, match="No such file"):
        film.close()


@pytest.mark.parametrize("side", [60.0, 1200.0])
def test_a_window_shows_what_its_camera_sees(side):
    camera = Camera(np.array([[900.0, 0, 320], [0, 900.0, 240], [0, 0, 1]]), np.eye(4), (640, 480))
    point = np.array([[0.03, -0.02, 1.0]])
    (at,), _ = project(camera, point)
    box = np.array([*(at - side / 3), *(at + 2 * side / 3)])
    picture = np.zeros((480, 640, 3), np.uint8)
    x, y = at.astype(int)
    picture[y - 4 : y + 5, x - 4 : x + 5] = 255
    seen = np.argwhere(cut(picture, box)[..., 0] > 100).mean(axis=0)[::-1]
    (wanted,), _ = project(window_camera(camera, box), point)
    assert np.abs(seen - wanted).max() < max(1.5, PANEL / side)
