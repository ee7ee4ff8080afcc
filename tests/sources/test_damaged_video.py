"""Damaged clips, and what is no clip: frames or one line, never a crash."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from clips import SHORT, clip_of, frame_at, number_of, numbered, read, write_clip
from maquette.core.errors import BadInput
from maquette.sources import video


def packets_of(path: Path) -> list[tuple[int, int]]:
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def test_damaged_packets_are_left_out_and_reported(tmp_path):
    path = clip_of(tmp_path / "d.mp4", codec="mpeg4")
    data = bytearray(path.read_bytes())
    for k in (7, 15):
        position, size = packets_of(path)[k]
        data[position : position + size] = bytes(size)
    path.write_bytes(data)
    clip = video.open_clip(path)
    seen = dict(video.frames(clip))
    assert 26 <= len(seen) < 30
    assert clip.notes == (f"{30 - len(seen)} frames are damaged and left out",)
    # What follows a lost frame may show traces of it until the next key frame, but keeps its number and time.
    assert all(frame.time == pytest.approx(index / 25) for index, frame in seen.items())
    assert number_of(seen[29].pixels) == 29
    assert len(list(video.frames(clip))) == len(seen) and len(clip.lost) == 30 - len(seen)
    assert clip.lost and all(frame_at(clip, index) is None for index in clip.lost)


@pytest.mark.parametrize(
    ("suffix", "codec", "share"), [("mkv", "libx264", 0.6), ("avi", "mpeg4", 0.9), ("ts", "libx264", 0.6)]
)
def test_truncated_clips_give_the_frames_they_have(tmp_path, suffix, codec, share):
    path = clip_of(tmp_path / f"t.{suffix}", codec=codec)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    clip = video.open_clip(path)
    seen = list(video.frames(clip))
    assert 8 <= len(seen) < 28
    assert [number_of(frame.pixels) for _, frame in seen[:8]] == list(range(8))


def test_a_truncated_mp4(tmp_path):
    """Index in front: the frames that are there come. Index behind: it is gone, and that is reported."""
    fast, slow = tmp_path / "fast.mp4", tmp_path / "slow.mp4"
    pictures = [numbered(k) for k in range(30)]
    write_clip(slow, pictures, options=SHORT)
    with av.open(str(slow)) as source, av.open(str(fast), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    for path in (fast, slow):
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * 0.7)])
    clip = video.open_clip(fast)
    seen = list(video.frames(clip))
    assert 5 <= len(seen) < 30 and [index for index, _ in seen][:5] == list(range(5))
    assert any("cut off" in note or "damaged" in note for note in clip.notes)
    with pytest.raises(BadInput, match="cut off before its index"):
        video.open_clip(slow)


def sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for k in range(5):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate, frame.pts = 44100, 1024 * k
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_what_is_no_clip_is_refused_in_one_line(tmp_path, plain):
    files = {
        "missing.mp4": (None, "no such file"),
        "empty.mp4": (b"", "is empty"),
        "text.mp4": (b"hello\n" * 100, "is no clip"),
        "text.txt": (b"hello\n" * 100, "is no clip"),
        "noise.mkv": (np.random.default_rng(0).bytes(5000), "is no clip"),
        "list.m3u8": (b"#EXTM3U\n#EXTINF:1,\n" + str(plain).encode() + b"\n#EXT-X-ENDLIST\n", "is no clip"),
        "list.ffconcat": (b"ffconcat version 1.0\nfile plain.mp4\n", "is no clip"),
        "head.mp4": (plain.read_bytes()[:200], "is no clip"),
    }
    for name, (data, why) in files.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, why)
    for suffix in ("png", "jpg", "webp", "bmp", "tiff"):
        Image.fromarray(numbered(3)).save(tmp_path / f"a.{suffix}")
        refused(tmp_path / f"a.{suffix}", "is a picture")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "is a folder")
    refused(sound(tmp_path / "song.m4a"), "only sound")


def refused(path: Path, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        list(video.frames(video.open_clip(path)))
    text = str(caught.value)
    assert why in text and "\n" not in text and str(path) in text


def test_no_frames(tmp_path):
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.start_encoding()
    refused(path, "")


def test_all_frames_damaged(tmp_path):
    path = clip_of(tmp_path / "d.avi", 5, codec="mpeg4")
    data = bytearray(path.read_bytes())
    for position, size in packets_of(path):
        data[position + 8 : position + 8 + size] = bytes(size)
    path.write_bytes(data)
    refused(path, "no frame can be decoded")


@pytest.mark.parametrize("kind", ["mp4 libx264", "mkv libx264", "avi mpeg4", "gif gif"])
def test_any_damage_gives_frames_or_one_line(tmp_path, kind):
    """Flipped bytes, a lost middle, a lost end: never another error, and both passes give the same."""
    suffix, codec = kind.split()
    path = clip_of(
        tmp_path / f"a.{suffix}", codec=codec, **({"pixels": "rgb8", "options": {}} if codec == "gif" else {})
    )
    data, generator = path.read_bytes(), np.random.default_rng(0)
    for attempt in range(12):
        spoilt = bytearray(data)
        start = int(generator.integers(len(data)))
        if attempt % 3 == 0:
            for place in generator.integers(0, len(data), 20):
                spoilt[place] = generator.integers(256)
        elif attempt % 3 == 1:
            spoilt[start : start + len(data) // 10] = generator.bytes(len(spoilt[start : start + len(data) // 10]))
        else:
            spoilt = spoilt[: max(start, 1)]
        path.write_bytes(spoilt)
        try:
            clip = video.open_clip(path)
            first, second = list(video.frames(clip)), list(video.frames(clip))
        except BadInput as error:
            assert "\n" not in str(error)
            continue
        assert [index for index, _ in first] == [index for index, _ in second]
        assert all(np.array_equal(a.pixels, b.pixels) for (_, a), (_, b) in zip(first, second))
        if clip.timeline is not None:
            assert len(first) + len(clip.lost) == clip.frames


def test_titles_in_another_encoding(tmp_path):
    path = clip_of(tmp_path / "a.avi", codec="mpeg4")
    data = path.read_bytes()
    place = data.index(b"Lavf")
    path.write_bytes(data[:place] + b"\xe4\xf6\xfc\xdf" + data[place + 4 :])
    assert len(read(path)) == 30
