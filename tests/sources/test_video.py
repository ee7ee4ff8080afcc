"""Reading clips: order, times, orientation, colour, memory."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from clips import SHORT, clip_of, frame_at, number_of, numbered, read, write_clip
from maquette.core.errors import BadInput
from maquette.core.options import SourceOptions, VideoOptions
from maquette.sources import packets, video


def test_facts(plain):
    clip = video.open_clip(plain)
    assert clip.size == (96, 64) and clip.frames == 30 and clip.codec == "h264" and clip.rotation == 0
    assert clip.fps == pytest.approx(25) and clip.duration == pytest.approx(1.2)
    assert clip.notes == () and len(clip.selected) == 30


def test_every_frame_in_order_with_its_time(plain):
    seen = read(plain)
    assert [index for index, _, _ in seen] == [number_of(pixels) for _, pixels, _ in seen] == list(range(30))
    assert np.allclose([time for _, _, time in seen], np.arange(30) / 25, atol=1e-6)


def test_a_second_pass_gives_the_same_frames(plain):
    clip = video.open_clip(plain)
    first, second = list(video.frames(clip)), list(video.frames(clip))
    assert all(
        i == j and np.array_equal(a.pixels, b.pixels) and a.time == b.time for (i, a), (j, b) in zip(first, second)
    )
    assert len(first) == len(second) == 30


@pytest.mark.parametrize("kind", ["mp4 libx264", "mkv libx264", "avi mpeg4", "ts libx264"])
def test_random_access_is_the_same_as_reading_on(tmp_path, kind):
    suffix, codec = kind.split()
    clip = video.open_clip(clip_of(tmp_path / f"a.{suffix}", codec=codec))
    whole = dict(video.frames(clip))
    assert sorted(whole) == list(range(30)) and not clip.lost
    for index in (0, 1, 9, 10, 11, 19, 20, 28, 29):
        assert np.array_equal(frame_at(clip, index).pixels, whole[index].pixels)
        assert frame_at(clip, index).time == whole[index].time
    picked = list(video.frames_at(clip, [25, 3, 14]))
    assert [index for index, _ in picked] == [3, 14, 25]
    assert frame_at(clip, 30) is None and not clip.lost


@pytest.mark.parametrize("kind", ["h264 libx264", "webm libvpx"])
def test_files_without_frame_times_are_counted(tmp_path, kind):
    suffix, codec = kind.split()
    options = {"g": "10", "b": "400k", "auto-alt-ref": "1"} if codec == "libvpx" else SHORT
    path = clip_of(tmp_path / f"a.{suffix}", codec=codec, options=options)
    clip = video.open_clip(path)
    seen = list(video.frames(clip))
    assert clip.timeline is None and clip.selected is None and any("counted" in note for note in clip.notes)
    assert [index for index, _ in seen] == [number_of(frame.pixels) for _, frame in seen] == list(range(30))
    assert np.allclose([frame.time for _, frame in seen], np.arange(30) / 25)
    assert np.array_equal(frame_at(clip, 17).pixels, seen[17][1].pixels)
    assert [index for index, _, _ in read(path, start=0.4, end=0.9, every=4, max_frames=3)] == [10, 14, 18]
    with pytest.raises(BadInput):
        read(path, start=50.0)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"every": 7}, range(0, 30, 7)),
        ({"start": 0.5}, range(13, 30)),
        ({"start": 0.48, "end": 0.8}, range(12, 20)),
        ({"start": 0.44, "every": 5, "max_frames": 3}, range(11, 26, 5)),
        ({"max_frames": 4}, range(4)),
        ({"end": 99.0}, range(30)),
    ],
)
def test_selection(plain, options, wanted):
    assert [index for index, _, _ in read(plain, **options)] == list(wanted)
    assert all(number_of(pixels) == index for index, pixels, _ in read(plain, **options))
    assert list(video.open_clip(plain, VideoOptions(**options)).selected) == list(wanted)


def test_nothing_in_the_wanted_range_is_printed(plain):
    with pytest.raises(BadInput, match=r"no frame in seconds 5 on, the clip has 1\.20 seconds"):
        video.open_clip(plain, VideoOptions(start=5.0))
    with pytest.raises(BadInput, match="no frame in seconds 1 to 1"):
        video.open_clip(plain, VideoOptions(start=1.0, end=1.0))


def test_variable_rate(tmp_path):
    times = [0, 40, 80, 300, 310, 1000, 1500]
    path = clip_of(tmp_path / "v.mp4", len(times), times=times)
    seen = read(path)
    assert [number_of(pixels) for _, pixels, _ in seen] == list(range(7))
    assert np.allclose([time for _, _, time in seen], np.array(times) / 1000, atol=1e-4)
    assert [index for index, _, _ in read(path, start=0.2, end=1.2)] == [3, 4, 5]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_stored_turned_and_shown_upright(tmp_path, rotation, mirrored):
    upright = numbered(0b10110001, (96, 64))
    upright[40:48, 8:16] = 255
    turned = upright[:, ::-1] if mirrored else upright
    stored = np.rot90(turned, rotation // 90)
    path = write_clip(
        tmp_path / "r.mp4", [stored] * 3, rotation=rotation, mirrored=mirrored, pixels="yuv444p", options=SHORT
    )
    clip = video.open_clip(path)
    pixels = next(video.frames(clip))[1].pixels
    assert clip.size == (96, 64) and pixels.shape == (64, 96, 3)
    assert clip.rotation == rotation or mirrored
    assert error(pixels, upright) < 6


@pytest.mark.parametrize("matrix", [[[1, 5], [0, 5]], [[0, 0], [0, 0]], [[0, 1], [0, 0]], [[1, 0], [0, 1]]])
def test_a_display_matrix_that_is_no_rotation_is_passed_over(matrix):
    """Rows a b, c d of the file's matrix, 16.16 fixed point."""
    data = np.zeros((3, 3), np.int32)
    data[:2, :2] = np.array(matrix) << 16
    side = type("Side", (), {"type": "Type.DISPLAYMATRIX", "__bytes__": lambda _: data.tobytes()})()
    found = video._orientation(SimpleNamespace(side_data=[side]), SimpleNamespace(metadata={}))
    assert np.array_equal(found, np.eye(2))


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


@pytest.mark.parametrize("tags", [(1, 1), (5, 1), (1, 2), (5, 2), (9, 1), (2, 1)])
def test_colours_follow_the_tags(tmp_path, tags):
    colours = np.array(
        [[200, 30, 30], [30, 200, 60], [20, 40, 210], [128, 128, 128], [255, 255, 255], [0, 0, 0]], np.uint8
    )
    picture = np.repeat(np.repeat(colours[None], 64, 0), 16, 1)
    path = write_clip(tmp_path / "c.mp4", [picture] * 2, tags=tags, pixels="yuv444p", options={"crf": "1"})
    pixels = read(path)[0][1]
    assert np.abs(pixels[32, 8::16].astype(int) - colours).max() <= 4


def test_ten_bits_and_alpha(tmp_path):
    picture = numbered(77)
    deep = write_clip(tmp_path / "deep.mkv", [picture] * 2, codec="ffv1", pixels="yuv420p10le")
    clear = write_clip(tmp_path / "clear.mkv", [picture] * 2, codec="ffv1", pixels="yuva420p")
    for path in (deep, clear):
        pixels = read(path)[0][1]
        assert number_of(pixels) == 77 and error(pixels, picture) < 6


@pytest.mark.parametrize("size", [(101, 57), (33, 97), (1, 1), (2, 300)])
def test_odd_sizes(tmp_path, size):
    picture = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    path = write_clip(tmp_path / "o.mkv", [picture] * 2, codec="ffv1", pixels="yuv444p")
    clip = video.open_clip(path)
    assert clip.size == size and error(next(video.frames(clip))[1].pixels, picture) < 2


def test_oblong_pixels_become_square(tmp_path):
    path = clip_of(tmp_path / "w.mp4", 3, aspect=Fraction(4, 3))
    clip = video.open_clip(path)
    assert clip.size == (128, 64)
    assert number_of(next(video.frames(clip))[1].pixels) == 0


def test_gif(tmp_path):
    pictures = [Image.fromarray(numbered(k)) for k in range(5)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[40, 100, 40, 500, 40])
    seen = read(tmp_path / "a.gif")
    assert [number_of(pixels) for _, pixels, _ in seen] == list(range(5))
    assert np.allclose([time for _, _, time in seen], [0, 0.04, 0.14, 0.18, 0.68])


def test_giants_are_refused(tmp_path):
    path = clip_of(tmp_path / "big.mp4", 2, (320, 240))
    with pytest.raises(BadInput, match=r"320 x 240 is 0\.0768 megapixels a frame, at most 0\.01 are read"):
        video.open_clip(path, None, SourceOptions(0.01))


def test_names_that_look_like_addresses(tmp_path, monkeypatch, plain):
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a|b.mp4", "ünï cödé.mp4", "-i.mp4"):
        Path(name).write_bytes(plain.read_bytes())
        assert len(read(Path(name))) == 30


def test_nothing_is_left_open_or_on_the_disk(tmp_path):
    path = clip_of(tmp_path / "a.mp4")
    clip = video.open_clip(path)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(5):
        stream = video.frames(clip)
        next(stream)
        stream.close()
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_memory_stays_flat_over_ten_thousand_frames(tmp_path):
    """The peak after 10,000 frames is that after 500."""
    path = tmp_path / "long.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((24, 32), 128, np.uint8), format="yuv420p")
        for index in range(10_000):
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    code = f"""
    import resource
    from maquette.sources import video
    from maquette.core.options import VideoOptions
    clip = video.open_clip({str(path)!r}, VideoOptions(max_frames=20_000))
    peaks = []
    for index, frame in video.frames(clip):
        if index in (500, 9_999):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(*peaks)
    """
    printed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    early, late = map(int, printed.stdout.split())
    assert late - early < 3 * 1024  # kilobytes on Linux


@pytest.mark.real_data
def test_a_real_clip(real_data):
    clip = video.open_clip(real_data / "video" / "dancer.mp4", VideoOptions(every=20))
    assert clip.size == (1920, 1080) and clip.frames == 89 and clip.fps == pytest.approx(29.97, abs=0.01)
    seen = list(video.frames(clip))
    assert [index for index, _ in seen] == [0, 20, 40, 60, 80] and not clip.notes
    assert np.array_equal(frame_at(clip, 60).pixels, seen[3][1].pixels)


@pytest.mark.parametrize("said", ["--90", "-", "9" * 5000, "\u00b2"])
def test_a_rotation_that_is_no_number_is_none(said):
    stream = SimpleNamespace(metadata={"rotate": said})
    assert (video._orientation(SimpleNamespace(side_data=[]), stream) == np.eye(2)).all()


def test_pictures_stored_in_another_order_than_shown_all_come(tmp_path):
    """AVI has no times: packets are numbered as they are stored, and B-frames make the decoder's numbers step back."""
    path = tmp_path / "b.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.options = {"bf": "2", "b_strategy": "0", "g": "12", "crf": "10"}
        for number in range(40):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), "rgb24")))
        container.mux(stream.encode())
    clip = video.open_clip(path)
    came = list(video.frames(clip))
    assert [number_of(frame.pixels) for _, frame in came] == [*range(40)]
    assert not clip.lost and [index for index, _ in came] == [*range(40)]


def test_a_giant_is_not_even_decoded_to_look_at_it(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [np.zeros((1500, 2000, 3), np.uint8)] * 2)
    with packets.opened(path, 100) as (container, stream):
        assert len([*packets.pictures(container, stream, None)]) == 2
    with packets.opened(path, 1) as (container, stream):
        assert (stream.codec_context.width, stream.codec_context.height) == (2000, 1500), "as the file's head says"
        assert [*packets.pictures(container, stream, None)] == []
