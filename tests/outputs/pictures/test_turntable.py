"""turntable.mp4: codec, size, index at the front, one turn."""

from __future__ import annotations

import io
import threading

import av
import cv2
import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.pictures import turntable
from maquette.outputs.pictures.views import backdrop


@pytest.fixture(scope="module")
def film(head_result):
    asset = open_asset(head_result, OutputOptions())
    data = turntable.film(turntable.turntable_frames(asset.scene, 8, (160, 160)), backdrop((160, 160)))
    asset.close()
    return data


def test_browsers_can_play_it_at_once(film):
    assert film[4:8] == b"ftyp" and 0 < film.find(b"moov") < film.find(b"mdat")
    with av.open(io.BytesIO(film)) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height, float(video.average_rate)) == (160, 160, 30.0)


def test_the_head_turns_once(film):
    with av.open(io.BytesIO(film)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == 8
    ground = backdrop((160, 160)).astype(int)
    covered = [(np.abs(frame - ground).max(axis=2) > 25).mean() for frame in frames]
    assert all(0.15 < share < 0.7 for share in covered)
    differences = [np.abs(frame - frames[0]).mean() for frame in frames[1:]]
    assert min(differences) > 1, "no frame repeats the first"
    assert covered[0] == pytest.approx(covered[4], rel=0.15), "front and back have one outline"


def test_colours_survive():
    plain = np.full((6, 64, 64, 4), (180, 120, 90, 255), np.uint8)
    data = turntable.film(iter(plain), backdrop((64, 64)))
    with av.open(io.BytesIO(data)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert frame.reshape(-1, 3).mean(axis=0) == pytest.approx([180, 120, 90], abs=3)


def test_an_error_in_a_picture_ends_the_film():
    def broken():
        yield np.zeros((64, 64, 4), np.uint8)
        raise RuntimeError("the lamp went out")

    with pytest.raises(RuntimeError, match="lamp"):
        turntable.film(broken(), backdrop((64, 64)))


def test_an_error_of_the_encoder_is_raised():
    with pytest.raises(cv2.error):
        turntable.film(iter([np.zeros((64, 64, 4), np.uint8)] * 20), np.zeros((32, 32, 3), np.uint8))


def test_an_error_after_the_last_picture_ends_the_film(monkeypatch):
    """The queue is empty then: nobody may wait for more."""

    def encode(pictures, _ground):
        assert len(list(pictures)) == 20
        raise OSError("the disc is full")

    monkeypatch.setattr(turntable, "encode", encode)
    raised = []

    def work():
        with pytest.raises(OSError, match="full"):
            turntable.film(iter([np.zeros((4, 4, 4), np.uint8)] * 20), np.zeros((4, 4, 3), np.uint8))
        raised.append(True)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    assert raised
