"""The manifest of a clip: readable after a kill at any moment, and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.types import Camera
from maquette.outputs.reports import manifest as module
from maquette.outputs.reports.manifest import JOURNAL, MANIFEST, Manifest, Row, read_manifest

SETTINGS = {"method": "parametric", "resolution": 128, "every": 1}


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "walk.mp4"
    path.write_bytes(b"not really a clip" * 1000)
    return path


def camera() -> Camera:
    return Camera(np.array([[123.456789012, 0, 1 / 3], [0, 123.4, 2], [0, 0, 1]]), np.eye(4), (64, 48), "orthographic")


def opened(tmp_path, clip, settings=SETTINGS, **more) -> Manifest:
    return Manifest(tmp_path / "out", clip, 29.97, settings, **more)


def test_the_format(tmp_path, clip):
    with opened(tmp_path, clip) as manifest:
        assert manifest.remark == ""
        manifest.add(
            1, 0.04, Row(2, "flagged", "blurred", np.array([1, 2, 3, 3.5]), camera(), "a/000001.ply", {"iou": 0.5})
        )
        manifest.add(1, 0.04, Row(1, scores={"iou": np.float32(np.nan)}))
        manifest.add(0, 0.0)
    told = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert not (tmp_path / "out" / JOURNAL).exists() and os.listdir(tmp_path / "out") == [MANIFEST]
    assert told["clip"] == str(clip) and told["fps"] == 29.97 and told["settings"] == SETTINGS
    assert told["frames"][0] == {"frame": 0, "time": 0.0, "complete": True, "tracks": []}
    first, second = told["frames"][1]["tracks"]
    assert first["track"] == 1 and first["status"] == "done" and first["scores"] == {"iou": None}
    assert second["rect"] == [1, 2, 3, 3.5] and second["mesh"] == "a/000001.ply" and second["reason"] == "blurred"
    assert np.array_equal(second["camera"]["intrinsics"], camera().intrinsics)
    assert second["camera"]["size"] == [64, 48] and second["camera"]["projection"] == "orthographic"
    assert read_manifest(tmp_path / "out") == told


def test_it_can_be_read_while_the_run_goes_on(tmp_path, clip):
    manifest = opened(tmp_path, clip)
    for frame in (0, 5, 3):
        manifest.add(frame, frame / 25, Row(1))
        assert sorted(f["frame"] for f in read_manifest(tmp_path / "out")["frames"])[-1] == max(
            0, frame, 5 * (frame == 3)
        )
    assert [f["frame"] for f in read_manifest(tmp_path / "out")["frames"]] == [0, 3, 5]
    whole = read_manifest(tmp_path / "out")
    manifest.close()
    assert read_manifest(tmp_path / "out") == whole


def test_a_second_run_goes_on(tmp_path, clip):
    manifest = opened(tmp_path, clip)
    manifest.add(0, 0.0, Row(1))
    manifest.add(1, 0.04, Row(1, "failed", "out of luck"))
    manifest.add(2, 0.08, Row(1, "skipped", "blurred"))
    (tmp_path / "out" / "here.ply").write_bytes(b"ply")
    manifest.add(3, 0.12, Row(1, mesh="here.ply"))
    manifest.add(4, 0.16, Row(1, mesh="gone.ply"))
    manifest.add(5, 0.20)
    for _ in range(2):  # from the journal, then from the whole manifest
        again = opened(tmp_path, clip)
        assert [again.is_done(frame, 1) for frame in range(5)] == [True, False, True, True, False]
        assert again.is_done(5) and not again.is_done(0) and not again.is_done(0, 2)
        assert again.remark == "goes on: 4 frames are done already"
        again.close()
    with opened(tmp_path, clip) as last:
        last.add(1, 0.04, Row(1))
        assert last.is_done(1, 1)
    tracks = read_manifest(tmp_path / "out")["frames"][1]["tracks"]
    assert [row["status"] for row in tracks] == ["done"]


@pytest.mark.parametrize("finished", [True, False])
def test_other_settings_start_anew(tmp_path, clip, finished):
    first = opened(tmp_path, clip)
    first.add(0, 0.0, Row(1))
    if finished:
        first.close()
    second = opened(tmp_path, clip, {**SETTINGS, "resolution": 256, "seed": 1})
    assert second.remark == "starts anew: settings changed (resolution 128 -> 256, seed None -> 1)"
    assert not second.is_done(0, 1) and read_manifest(tmp_path / "out")["frames"] == []
    assert not (tmp_path / "out" / MANIFEST).exists()


def test_another_clip_and_no_resume_start_anew(tmp_path, clip):
    with opened(tmp_path, clip) as manifest:
        manifest.add(0, 0.0, Row(1))
    assert opened(tmp_path, clip, resume=False).remark == "starts anew, as asked"
    with opened(tmp_path, clip) as manifest:
        manifest.add(0, 0.0, Row(1))
    clip.write_bytes(b"another clip" * 1000)
    again = opened(tmp_path, clip)
    assert again.remark.startswith("starts anew: it is another clip") and not again.is_done(0, 1)


def test_settings_of_numpy_are_the_same_settings(tmp_path, clip):
    with opened(tmp_path, clip, {"size": np.int64(3), "range": (1, 2)}) as manifest:
        manifest.add(0, 0.0)
    assert opened(tmp_path, clip, {"size": 3, "range": [1, 2]}).is_done(0)


def test_a_torn_last_line_is_lost_alone(tmp_path, clip):
    manifest = opened(tmp_path, clip)
    for frame in range(3):
        manifest.add(frame, frame / 25, Row(1))
    journal = tmp_path / "out" / JOURNAL
    data = journal.read_bytes()
    head = data.index(b"\n") + 1
    for cut in range(len(data), 0, -7):
        journal.write_bytes(data[:cut])
        if cut >= head:
            assert len(read_manifest(tmp_path / "out")["frames"]) == data[:cut].count(b"\n") - 1
        else:
            with pytest.raises(BadInput, match="cannot be read"):
                read_manifest(tmp_path / "out")
    again = opened(tmp_path, clip)
    assert "cannot be read" in again.remark
    journal.write_bytes(data[:-5])
    again = opened(tmp_path, clip)
    assert [again.is_done(frame, 1) for frame in range(3)] == [True, True, False]


def test_an_error_in_the_run_leaves_what_was_done(tmp_path, clip):
    with pytest.raises(RuntimeError), opened(tmp_path, clip) as manifest:
        manifest.add(0, 0.0, Row(1))
        raise RuntimeError
    assert len(json.loads((tmp_path / "out" / MANIFEST).read_text())["frames"]) == 1
    assert opened(tmp_path, clip).is_done(0, 1)


def test_a_killed_run(tmp_path, clip):
    """SIGKILL while rows are written, twice over: every row that was told is there, and the next run goes on."""
    code = f"""
    import sys
    from maquette.outputs.reports.manifest import Manifest, Row
    manifest = Manifest({str(tmp_path / "out")!r}, {str(clip)!r}, 25.0, {SETTINGS!r})
    frame = 0
    while True:
        if not manifest.is_done(frame, 1):
            manifest.add(frame, frame / 25, Row(1, reason="x" * 500))
            print(frame, flush=True)
        frame += 1
    """
    told = -1
    for wanted in (5, 40):
        child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
        first = int(child.stdout.readline())
        assert first == told + 1 or first == told + 2  # one row may be on the disk and not yet told
        for _ in range(wanted):
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait()
        child.stdout.close()
        told = int(rest[-1]) if rest else told
        frames = [frame["frame"] for frame in read_manifest(tmp_path / "out")["frames"]]
        assert frames == list(range(len(frames))) and told + 1 <= len(frames) <= told + 2
        assert not [name for name in os.listdir(tmp_path / "out") if name.startswith(".")]


def test_what_cannot_be_written_or_read_is_told(tmp_path, clip):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        Manifest(tmp_path / "file", clip, 25.0, {})
    with pytest.raises(BadInput, match="no such file|cannot be read"):
        opened(tmp_path, tmp_path / "none.mp4")
    with pytest.raises(BadInput, match="no such file"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text("[1, 2")
    with pytest.raises(BadInput, match="cannot be read"):
        read_manifest(tmp_path)
    with pytest.raises(ValueError, match="Row.status"):
        Row(1, "fine")


def test_a_full_disk_is_told(tmp_path, clip, monkeypatch):
    manifest = opened(tmp_path, clip)

    class Full:
        def tell(self):
            return 0

        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "_file", Full())
    with pytest.raises(BadInput, match="No space left"):
        manifest.add(0, 0.0, Row(1))


def test_many_rows_are_not_held(tmp_path, clip):
    """A thousand frames with cameras: the whole is written frame by frame."""
    with opened(tmp_path, clip) as manifest:
        for frame in range(1000):
            manifest.add(frame, frame / 25, Row(1, camera=camera()))
        assert sys.getsizeof(manifest._places) < 1e6 and max(map(len, manifest._whole())) < 2000
    assert len(read_manifest(tmp_path / "out")["frames"]) == 1000
    assert module.MANIFEST in os.listdir(tmp_path / "out")


DEEP = "[" * 100_000
GOOD = '{"frame": 0, "time": 0.0, "track": 1, "status": "done", "mesh": "walk/person-1/frames/000000.ply"}'
# What a row may hold instead; none of it is believed.
ROWS = {
    "above OUT": GOOD.replace("walk/person-1/frames/000000.ply", "../secret.ply"),
    "on its way": GOOD.replace("walk/", "walk/../../"),
    "absolute": GOOD.replace("walk/person-1", "/walk"),
    "another file": GOOD.replace(".ply", ".txt"),
    "a NUL": GOOD.replace("walk/", "walk\\u0000/"),
    "a huge frame": GOOD.replace('"frame": 0', '"frame": 1' + "0" * 400),
    "a huge time": GOOD.replace('"time": 0.0', '"time": 1e999'),
    "no number": GOOD.replace('"time": 0.0', '"time": NaN'),
    "before the clip": GOOD.replace('"frame": 0', '"frame": -1'),
    "a truth": GOOD.replace('"track": 1', '"track": true'),
    "a list": GOOD.replace('"track": 1', '"track": [1]'),
    "another status": GOOD.replace('"done"', '"divine"'),
    "no rect": GOOD.replace('"track": 1', '"track": 1, "rect": [1, 2]'),
    "NaN inside": GOOD.replace('"track": 1', '"track": 1, "scores": {"iou": NaN}'),
    "scores as text": GOOD.replace('"track": 1', '"track": 1, "scores": "all"'),
    "a camera of numbers": GOOD.replace('"track": 1', '"track": 1, "camera": 7'),
    "deep": GOOD.replace('"track": 1', '"track": 1, "scores": ' + DEEP),
    "no object": "[]",
    "nothing": "",
}


@pytest.mark.parametrize("journal", [True, False], ids=["journal", "manifest"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_row_that_nobody_wrote_is_not_believed(tmp_path, clip, row, journal):
    out = tmp_path / "out"
    with opened(tmp_path, clip) as manifest:
        head = dict(manifest._head)
    for place in ("secret.ply", "out/walk/person-1/frames/000000.ply", "out/walk/person-1/frames/000000.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("")
    if journal:
        (out / MANIFEST).unlink()
        (out / JOURNAL).write_text(json.dumps(head) + "\n" + row + "\n")
    else:
        track = row.replace('"frame": 0, "time": 0.0, ', "") if row else "{"
        frame = f'{{"frame": 0, "time": 0.0, "tracks": [{track}]}}'
        (out / MANIFEST).write_text(json.dumps(head)[:-1] + f', "frames": [{frame}]}}')
    try:
        found = read_manifest(out)["frames"]
    except BadInput as error:
        found = []
        assert "\n" not in str(error) and len(str(error)) < 400
    assert not [track for frame in found for track in frame["tracks"]]
    with opened(tmp_path, clip) as manifest:
        assert not manifest.is_done(0, 1) and len(manifest.remark) < 600
    assert (tmp_path / "secret.ply").exists()


def test_the_row_behind_those_is_believed(tmp_path, clip):
    with opened(tmp_path, clip) as manifest:
        head = dict(manifest._head)
    mesh = tmp_path / "out" / "walk" / "person-1" / "frames" / "000000.ply"
    mesh.parent.mkdir(parents=True)
    mesh.write_text("")
    (tmp_path / "out" / JOURNAL).write_text(json.dumps(head) + "\n" + GOOD + "\n")
    with opened(tmp_path, clip) as manifest:
        assert manifest.is_done(0, 1)
    mesh.rename(mesh.with_name("other.ply"))
    mesh.symlink_to(mesh.with_name("other.ply"))
    with opened(tmp_path, clip) as manifest:
        assert not manifest.is_done(0, 1), "a link is not ours"


HEADS = {
    "deep": DEEP,
    "a number": "7",
    "text": '"manifest"',
    "no frames": "{}",
    "frames of text": '{"settings": {}, "frames": "all"}',
    "a frame of text": '{"settings": {}, "frames": ["all"]}',
    "endless": '{"settings": {}, "frames": [{"frame": 1e999, "time": 0, "complete": true, "tracks": []}]}',
    "settings of text": '{"settings": "all", "frames": []}',
    "no JSON": "{",
    "no text": "\udcff",
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(name, content, id=f"{name} {what}")
        for name in (MANIFEST, JOURNAL)
        for what, content in HEADS.items()
        if name == MANIFEST or '"settings": {}' not in content  # a journal has its frames in further lines
    ],
)
def test_a_manifest_that_nobody_wrote_is_one_line_and_starts_anew(tmp_path, clip, content, name):
    from maquette.evaluation.image_space.evaluate import evaluate_imagespace

    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(content.encode(errors="surrogateescape") + b"\n")
    for read in (read_manifest, evaluate_imagespace):
        with pytest.raises(BadInput) as said:
            read(out)
        assert "\n" not in str(said.value) and len(str(said.value)) < 500
    with opened(tmp_path, clip) as manifest:
        assert not manifest.is_done(0, 1)


def test_settings_that_nobody_wrote_are_said_in_short(tmp_path, clip):
    with opened(tmp_path, clip, {"method": "x\ny" * 9999, **{f"more {n}": "z" * 999 for n in range(99)}}) as manifest:
        manifest.add(0, 0.0)
    with opened(tmp_path, clip) as manifest:
        assert "settings changed" in manifest.remark and len(manifest.remark) < 600 and "\n" not in manifest.remark
