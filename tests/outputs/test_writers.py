"""save: all files or none, and nothing of anybody else's is touched."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.options import OutputOptions
from maquette.outputs import writers
from maquette.outputs.asset import open_asset
from maquette.outputs.detail.lod import LOD_WRITERS
from maquette.outputs.meshes.parts import PART_WRITERS
from maquette.outputs.pictures.maps import write_guessed_front
from maquette.outputs.writers import DENSE, GUESSED, KEYPOINTS, LEVELS, WRITERS, file_name, save, wanted
from people import make_person

DEFAULT = OutputOptions()
MAPS = {"normal_map.png", "roughness.png"}  # of the skin, on request
MOVING = {"overlay.mp4", "curves.csv"}  # of a head in a clip
UNUSUAL = {*LOD_WRITERS, KEYPOINTS, "{stem}.usdz", "{stem}.3mf", "{stem}.vrm"}  # of persons; on request
QUICK = OutputOptions(turntable=False, overview=False)
DETAIL = {*DENSE, *LEVELS, "displacement.png"}


@pytest.fixture
def stubs(monkeypatch):
    """Every writer gives a few bytes."""
    for name in WRITERS:
        monkeypatch.setitem(WRITERS, name, lambda _asset, name=name: name.encode())


def files_of(result, options=DEFAULT) -> list[str]:
    asset = open_asset(result, options)
    return [file_name(key, asset) for key in wanted(asset)]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_files_appear_in_order(stubs, volume_result, tmp_path):
    begun = []
    files = save(volume_result, tmp_path / "a" / "b", OutputOptions(), begun.append)
    keys = [
        key
        for key in WRITERS
        if not key.endswith(".bvh") and key not in {*DETAIL, *GUESSED, *PART_WRITERS, *MAPS, *MOVING, *UNUSUAL}
    ]
    names = [key.replace("{stem}", "head") for key in keys]
    assert [file.name for file in files] == names and set(begun) == set(names)
    assert begun[-1] == "report.json", "it tells how long the others took"
    assert content(tmp_path) == {f"a/b/{name}": key.encode() for name, key in zip(names, keys)}


def test_a_persons_files_are_called_so(stubs, person_result, clip_result, cloth_result, tmp_path):
    meshes = {"person.glb", "person.obj", "person.mtl", "person.stl", "person.ply"}
    both = {"texture.png", "texture_confidence.png"}
    shared = {
        "view.html",
        "overview.jpg",
        "turntable.mp4",
        "depth.png",
        "normals.png",
        "landmarks.json",
        "parameters.npz",
    }
    assert set(files_of(person_result)) == meshes | both | shared | {"report.json", KEYPOINTS}
    assert set(files_of(cloth_result)) == meshes | shared | GUESSED | {"report.json", KEYPOINTS}
    only_photos, only_clips = {KEYPOINTS}, {"person.bvh"}
    assert set(files_of(clip_result)) == set(files_of(person_result)) - only_photos | only_clips
    assert {file.name for file in save(clip_result, tmp_path / "x")} == set(files_of(clip_result))


def test_guessed_normals_lie_where_the_network_saw_them(person_result):
    maps = np.zeros((6, 8, 8), np.int8)
    maps[2, 2:6, 2:6] = 127
    guess = {"guessed_normals": maps, "square": np.array([3.0, 2, 16])}
    result = replace(person_result, reconstruction=replace(person_result.reconstruction, parameters=guess))
    assert set(files_of(result)) >= GUESSED
    data = np.frombuffer(write_guessed_front(open_asset(result, DEFAULT)), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    rows, columns = np.nonzero(picture.any(axis=2))
    width, height = person_result.observations[0].frame.size
    box = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    wanted_box = 6, min(14, height), 7, min(15, width)
    assert np.abs(np.array(box) - wanted_box).max() <= 1


def test_several_photos_are_no_clip(tiny):
    assert "person.bvh" not in files_of(make_person(tiny, 3))


@pytest.mark.parametrize(
    "options,absent",
    [
        (OutputOptions(formats="glb"), {"obj", "mtl", "stl", "ply"}),
        (OutputOptions(formats="obj,ply"), {"glb", "stl"}),
        (QUICK, {"overview.jpg", "turntable.mp4"}),
    ],
)
def test_only_what_was_asked_for(head_result, volume_result, options, absent):
    others = {*absent, *DETAIL, *GUESSED, *PART_WRITERS, *MAPS, *MOVING, *UNUSUAL}
    left_out = {name for name in WRITERS if name in others or name.split(".")[1] in {*absent, "bvh"}}
    assert set(wanted(open_asset(volume_result, options))) == set(WRITERS) - left_out
    without = {name for name in WRITERS if name.startswith("volume.")}
    assert set(wanted(open_asset(head_result, options))) == set(WRITERS) - left_out - without


def test_without_a_texture_there_is_no_texture_file(ball_result):
    assert not {"texture.png", "texture_confidence.png"} & set(wanted(open_asset(ball_result, OutputOptions())))


def test_maps_of_the_skin_are_files_when_there_are_some(head_result):
    shape = head_result.reconstruction.shape
    maps = {"normal_map": np.full(shape.texture.shape, 128, np.uint8), "roughness_map": shape.texture[..., 0]}
    mapped = replace(head_result, reconstruction=replace(head_result.reconstruction, shape=replace(shape, **maps)))
    assert set(files_of(mapped)) - set(files_of(head_result)) == MAPS


def test_heights_are_a_map_and_on_request_a_mesh(head_result):
    made = head_result.reconstruction
    folded = replace(made.shape, displacement_map=np.zeros((16, 16), np.float32))
    result = replace(head_result, reconstruction=replace(made, shape=folded))
    plain, dense = files_of(result, QUICK), files_of(result, replace(QUICK, detail_mesh=True, formats="glb,stl"))
    assert "displacement.png" in plain and not [name for name in plain if "detail" in name]
    assert {"head_detail.glb", "head_detail.stl"} == {name for name in dense if "detail" in name}


def fails_with(error: BaseException):
    def writer(asset):
        raise error

    return writer


@pytest.mark.parametrize("name", ["{stem}.obj", "overview.jpg", "report.json"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_a_failure_leaves_nothing_behind(stubs, head_result, tmp_path, monkeypatch, name, error):
    monkeypatch.setitem(WRITERS, name, fails_with(error))
    wanted_error = BadInput if isinstance(error, OSError) else type(error)
    with pytest.raises(wanted_error):
        save(head_result, tmp_path / "new" / "face-1")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_earlier_result(stubs, head_result, tmp_path, monkeypatch):
    save(head_result, tmp_path / "face-1")
    (tmp_path / "face-1" / "mine.txt").write_text("keep")
    before = content(tmp_path)
    monkeypatch.setitem(WRITERS, "{stem}.stl", fails_with(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(BadInput, match="disk is full"):
        save(head_result, tmp_path / "face-1")
    assert content(tmp_path) == before


def test_a_folder_in_a_files_place_keeps_the_earlier_result_whole(stubs, head_result, tmp_path):
    save(head_result, tmp_path / "face-1")
    (tmp_path / "face-1" / "texture.png").unlink()
    (tmp_path / "face-1" / "texture.png" / "mine").mkdir(parents=True)
    (tmp_path / "face-1" / "head.glb").write_text("the earlier one")
    with pytest.raises(BadInput, match="cannot be written"):
        save(head_result, tmp_path / "face-1")
    assert (tmp_path / "face-1" / "head.glb").read_text() == "the earlier one"


def test_other_files_in_the_folder_stay(stubs, volume_result, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    save(volume_result, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep" and len(list(tmp_path.iterdir())) == len(
        files_of(volume_result)
    ) + 1


def test_a_full_disk_while_writing_is_one_line(stubs, head_result, tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInput) as caught:
        save(head_result, tmp_path / "out")
    assert "\n" not in str(caught.value) and "out: the disk is full" in str(caught.value)


@pytest.mark.parametrize("place", ["file", "file/deeper", "file/../file"])
def test_a_file_in_the_way_is_one_line(stubs, head_result, tmp_path, place):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(BadInput, match="cannot be written"):
        save(head_result, tmp_path / place)
    assert content(tmp_path) == {"file": b"precious"}


@pytest.mark.parametrize("name", ["with space", "ünïcödé 頭", "-o", "a.b"])
def test_odd_folder_names(stubs, head_result, tmp_path, name):
    files = save(head_result, tmp_path / name)
    assert all(file.is_file() for file in files)


def test_the_studio_is_closed_after_use(stubs, head_result, tmp_path, monkeypatch):
    closed = []
    monkeypatch.setattr(writers.Asset, "close", lambda self: closed.append(self))
    save(head_result, tmp_path / "x")
    assert len(closed) == 1
