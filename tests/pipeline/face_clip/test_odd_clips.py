"""Clips as they are: turned, mirrored, damaged, cut, of one frame, with a picture on the wall, with two who cross."""

import json

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from clips import write_clip
from maquette import outputs
from maquette.cli.main import run
from maquette.core.options import PerceptionOptions, options_from
from maquette.core.result import Result
from maquette.outputs.result_folder import OutputFolder
from maquette.perception.tracking.face_watch import watch_faces
from maquette.pipeline.face_clip import key_frames
from maquette.pipeline.face_clip.story import reconstruct_faces
from maquette.sources.video import open_clip

SIZE = (400, 256)
SETTINGS = {
    "method": "parametric", "photometric": False, "texture_size": 256, "hair": "none", "detail": "none",
    "glasses": "none", "formats": "glb", "turntable": False, "overview": False,
}  # fmt: skip
ROOM = np.full((*SIZE[::-1], 3), (90, 100, 110), np.uint8)


@pytest.fixture(scope="module")
def portrait(astronaut):
    """A woman, cut out of her picture at the shoulders, and in other colours somebody else: (512, 512, 4) each."""
    pixels = np.asarray(Image.open(astronaut).convert("RGB"))
    y, x = np.mgrid[:512, :512]
    body = (np.abs(x - 224) < 120 + 100 * (y > 250)) & (y < 480)
    return np.dstack([pixels, 255 * body.astype(np.uint8)])


@pytest.fixture(scope="module")
def other(portrait):
    """Somebody else as far as colours show."""
    pixels = portrait[..., :3].astype(float)
    dark = np.clip(0.55 * pixels[:, ::-1, [0, 2, 1]] * [1.0, 0.8, 0.7], 0, 255).astype(np.uint8)
    return np.dstack([dark, portrait[:, ::-1, 3]])


def with_person(room, person, middle, top=0.0, scale=0.55):
    """The room with a person whose nose is in the column `middle`."""
    nose = 224 if person[300, 30, 3] else 288
    matrix = np.array([[scale, 0, middle - scale * nose], [0, scale, top]])
    here = cv2.warpAffine(person, matrix, SIZE, flags=cv2.INTER_AREA)
    return np.where(here[..., 3:] > 127, here[..., :3], room)


def walking(person, count, start=120, step=2):
    return [with_person(ROOM, person, start + step * k) for k in range(count)]


def watched(tmp_path, pictures, **asked):
    """Of each track its frames and the columns of its faces' middles, the longest first; and the frames without any."""
    path = write_clip(tmp_path / "clip.mp4", pictures, **asked)
    seen = watch_faces(open_clip(path), tmp_path / "faces.bin", PerceptionOptions())
    tracks = [seen.sightings(name) for name in sorted(seen.tracks, key=lambda name: -len(seen.tracks[name]))]
    return [(one.column("frame").tolist(), one.boxes()[:, ::2].mean(axis=1)) for one in tracks], sorted(seen.empty)


def made(path, out, **more):
    folder, settings = OutputFolder(out), options_from(**{**SETTINGS, **more})
    keep = folder.saving(lambda result, where: outputs.save(result, where, settings.output))
    rows = []
    for outcome in reconstruct_faces(path, folder, settings, lambda *_: None):
        assert isinstance(outcome, Result), outcome
        rows.append((outcome, keep(outcome)))
    folder.close()
    return [result for result, _ in rows]


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(key_frames, "MOST", 2)


@pytest.mark.parametrize("turned, mirrored", [(90, False), (180, False), (270, False), (0, True)])
def test_a_turned_or_mirrored_tag_gives_the_same_face(tmp_path, portrait, turned, mirrored):
    upright = walking(portrait, 6)
    plain, _ = watched(tmp_path, upright)
    stored = [np.rot90(p[:, ::-1] if mirrored else p, turned // 90) for p in upright]
    found, _ = watched(tmp_path, stored, rotation=turned, mirrored=mirrored)
    assert found[0][0] == plain[0][0] == list(range(6))
    assert np.abs(found[0][1] - plain[0][1]).max() < 1.0


def test_a_mirrored_clip_is_followed_as_any(tmp_path, portrait):
    plain, _ = watched(tmp_path, walking(portrait, 6))
    found, _ = watched(tmp_path, [p[:, ::-1] for p in walking(portrait, 6)])
    assert np.abs(SIZE[0] - 1 - found[0][1] - plain[0][1]).max() < 2.0


def test_a_variable_rate_and_a_turned_phone_keep_their_own_times(tmp_path, portrait):
    stamps = [0, 40, 70, 200, 210, 400, 1000, 1040]
    stored = [np.rot90(p) for p in walking(portrait, 8)]
    path = write_clip(tmp_path / "phone.mkv", stored, rotation=90, times=stamps)
    [result] = made(path, tmp_path / "out")
    assert np.allclose(1000 * result.motion.times, stamps, atol=1) and result.motion.size == SIZE
    with av.open(str(tmp_path / "out/phone/face-1/overlay.mp4")) as film:
        assert [round(1000 * float(f.time)) for f in film.decode(video=0)] == stamps
    assert result.motion.reprojection.max() < 2


def test_one_frame_is_a_clip(tmp_path, portrait):
    [result] = made(write_clip(tmp_path / "one.mp4", walking(portrait, 1)), tmp_path / "out")
    assert len(result.motion) == 1 and (tmp_path / "out/one/face-1/overlay.mp4").stat().st_size > 1000


def test_damage_in_the_middle_leaves_the_other_frames(tmp_path, portrait):
    path = write_clip(tmp_path / "hurt.mp4", walking(portrait, 12), codec="mpeg4", options={"g": "6"})
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for place, size in (packets[k] for k in (4, 5, 9)):
        data[place : place + size] = bytes(size)
    path.write_bytes(data)
    [result] = made(path, tmp_path / "out")
    assert {*range(12)} - {*result.motion.frames.tolist()} == {4, 5, 9}
    assert "3 frames are damaged and left out" in (tmp_path / "out/hurt/face-1/report.json").read_text()
    rows = json.loads((tmp_path / "out/manifest.json").read_text())["frames"]
    assert [len(row["tracks"]) for row in rows] == [1] * 9


@pytest.mark.parametrize("suffix", ["m4a", "mp4"])
def test_sound_alone_is_one_line(tmp_path, capfd, suffix):
    path = tmp_path / f"song.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts = 44100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert run(["video", str(path), "-o", str(tmp_path / "out"), "--subject", "face"]) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("maquette:")]
    assert len(lines) == 1 and "only sound" in lines[0]


def test_a_cut_every_second_back_and_forth_gives_two_people(tmp_path, portrait, other):
    """The second half is filmed before the same wall, so that only the faces say where the cuts are."""
    pictures = []
    for second in range(6):
        person = other if second % 2 else portrait
        pictures += [with_person(ROOM, person, 150 + 90 * (second % 3) + k) for k in range(8)]
    tracks, empty = watched(tmp_path, pictures, rate=8)
    assert [frames for frames, _ in tracks] == [
        [8 * s + k for s in range(0, 6, 2) for k in range(8)],
        [8 * s + k for s in range(1, 6, 2) for k in range(8)],
    ]
    assert not empty


def test_another_face_in_the_same_place_is_another_person(tmp_path, portrait, other):
    tracks, _ = watched(tmp_path, [with_person(ROOM, one, 200) for one in [portrait] * 8 + [other] * 8])
    assert [frames for frames, _ in tracks] == [list(range(8)), list(range(8, 16))]


def test_a_photo_on_the_wall_is_a_face_of_its_own_that_does_not_move(tmp_path, portrait, other):
    photo = cv2.resize(other[60:220, 208:368, :3], (90, 90), interpolation=cv2.INTER_AREA)
    wall = ROOM.copy()
    wall[24:122, 290:388], wall[28:118, 294:384] = 20, photo
    pictures = [with_person(wall, portrait, 120 + 2 * k, 10) for k in range(8)]
    path = write_clip(tmp_path / "wall.mp4", pictures)
    person, picture = sorted(made(path, tmp_path / "out"), key=lambda one: one.motion.translation[0, 0])
    assert len(person.motion) == len(picture.motion) == 8
    moved = [np.ptp(one.motion.translation[:, 0] / -one.motion.translation[:, 2]) for one in (person, picture)]
    assert moved[0] > 10 * moved[1]


def test_two_who_cross_keep_their_names(tmp_path, portrait, other):
    """For ten frames the one behind is not seen; whoever went to the right goes on to the right."""
    pictures = [
        with_person(with_person(ROOM, other, 320 - 7 * k, 10, 0.5), portrait, 80 + 7 * k, 20) for k in range(34)
    ]
    tracks, _ = watched(tmp_path, pictures)
    assert len(tracks) == 2
    (frames, near), (seen, behind) = tracks
    assert frames == list(range(34)) and np.all(np.diff(near) > 0)
    assert 16 < len(seen) < 34 and seen[-1] == 33 and np.all(np.diff(behind) < 0)


def test_a_face_in_a_few_frames_alone_is_found(tmp_path, portrait):
    person = with_person(ROOM, portrait, 200)
    tracks, empty = watched(tmp_path, [ROOM] * 30 + [person] * 3 + [ROOM] * 30)
    assert len(tracks) == 1 and {*tracks[0][0]} <= {30, 31, 32}
    assert {*empty} == {*range(63)} - {*tracks[0][0]}
