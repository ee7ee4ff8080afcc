"""A method that maquette does not know goes everywhere: photos of faces and people, all writers, and a clip.

Its mesh is of no model and has nothing but vertices and faces; its cameras are all that it says of the photos.
"""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import trimesh

import maquette
from clips import write_clip
from drawn import observe, observe_near, standing
from maquette.core.errors import BadInput
from maquette.core.types import Camera, Mesh, Reconstruction, Subject
from maquette.outputs.printing.stl import UNDER_SOLES
from maquette.outputs.reports.manifest import read_manifest
from maquette.reconstruction import methods as table
from maquette.reconstruction.methods import CLIP, ONE, SEVERAL, Method

EGG = np.array([0.08, 0.11, 0.09])  # metres: half the width, height and depth
STAND = 0.6  # metres from the camera


def camera_of(seen) -> Camera:
    """In front of the egg, which fills the mask."""
    rows, columns = np.nonzero(seen.mask > 0.5)
    middle = np.array([columns.mean(), rows.mean()]) + 0.5
    focal = np.ptp(rows) / (2 * EGG[1]) * STAND
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = STAND
    matrix = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1.0]])
    return Camera(matrix, pose, seen.frame.size)


def egg(grown: float = 1.0) -> Mesh:
    ball = trimesh.creation.icosphere(4)
    return Mesh((ball.vertices * EGG * grown).astype(np.float32), ball.faces.astype(np.int32))


def build(fetch, options):
    """The same egg for everybody."""
    return lambda observations: Reconstruction(egg(), tuple(map(camera_of, observations)))


def build_moving(fetch, options):
    """An egg that grows through a clip."""

    def reconstruct(observations):
        motion = np.stack([egg(1 + 0.01 * k).vertices for k in range(len(observations))])
        return Reconstruction(egg(), tuple(map(camera_of, observations)), motion)

    return reconstruct


BOTH = (Subject.FACE, Subject.PERSON)
EGGS = Method("eggs", BOTH, (ONE, SEVERAL), (), f"{__name__}:build", "Nobody 2026")
MOVING = Method("moving-eggs", (Subject.PERSON,), (CLIP,), (), f"{__name__}:build_moving", "Nobody 2026")


class Entry(EntryPoint):
    """An entry point of a package that is installed."""

    def load(self):
        return {"eggs": EGGS, "moving-eggs": MOVING}[self.name]


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    import sys
    from types import SimpleNamespace

    entries = [Entry(name, f"{__name__}:{name}", "maquette.methods") for name in ("eggs", "moving-eggs")]
    monkeypatch.setattr(table, "entry_points", lambda **_: entries)
    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(build=build, build_moving=build_moving))


@pytest.fixture
def walk(tmp_path, monkeypatch):
    """A clip of six frames of somebody who walks, and an observer that finds them."""
    from maquette.perception.tracking import watch

    monkeypatch.setattr(watch, "observe_people", observe)
    monkeypatch.setattr(watch, "observe_near", observe_near)
    return write_clip(tmp_path / "walk.mp4", standing(6))


def check(folder: Path, stem: str) -> None:
    """Every usual file is there and holds the egg."""
    solid = trimesh.load(folder / f"{stem}.stl")
    above = solid.vertices[solid.vertices[:, 2] > UNDER_SOLES.thickness + 1]  # without the base
    assert solid.is_watertight and np.allclose(np.ptp(above[:, :2], axis=0), 2000 * EGG[[0, 2]], rtol=0.05)
    assert 0 < solid.extents[2] - 2000 * EGG[1] < UNDER_SOLES.thickness
    scene = trimesh.load(folder / f"{stem}.glb")
    assert np.allclose(scene.extents, 2 * EGG, rtol=0.05)
    report = json.loads((folder / "report.json").read_text())
    assert report["model"] is None and set(report["files"]) == {path.name for path in folder.glob("*.*")}
    usual = {"overview.jpg", "depth.png", "normals.png", "landmarks.json", "parameters.npz", "texture.png"}
    assert usual | {f"{stem}.obj", f"{stem}.ply"} <= set(report["files"])


def test_a_face(astronaut, tmp_path):
    result = maquette.face(astronaut, method="eggs", texture_size=256, turntable=False)[0]
    shape = result.reconstruction.shape
    assert shape.texture.shape == (256, 256, 3) and (shape.texture_confidence == 255).mean() > 0.05
    skin = np.median(shape.texture[shape.texture_confidence == 255], axis=0)
    assert skin[0] > skin[2] + 10, "the photo's skin, not a default"
    maquette.Results([result], [], maquette.Options()).save(tmp_path / "out")
    check(tmp_path / "out/astronaut/face-1", "head")


def test_several_photos_of_one_face(astronaut, tmp_path):
    copy = tmp_path / "again.png"
    copy.write_bytes(astronaut.read_bytes())
    results = maquette.face([astronaut, copy], method="eggs", together=True, texture_size=256)
    assert len(results) == 1 and len(results[0].reconstruction.cameras) == 2


def test_a_clip_frame_by_frame(walk, tmp_path):
    """A method that takes photos is asked for every frame; the manifest names it."""
    rows = maquette.video(walk, tmp_path / "out", method="eggs", texture_size=256, turntable=False)
    manifest = read_manifest(tmp_path / "out")
    assert manifest["settings"]["method"] == "eggs"
    tracks = [track for frame in manifest["frames"] for track in frame["tracks"]]
    assert [track["status"] for track in tracks] == ["done"] * 6, tracks[0]["reason"]
    meshes = [trimesh.load(tmp_path / "out" / track["mesh"]) for track in tracks]
    assert all(np.allclose(mesh.extents, 2 * EGG, rtol=0.05) and mesh.is_watertight for mesh in meshes)
    assert all(np.median(mesh.visual.vertex_colors[:, 0]) > 100 for mesh in meshes), "red, as the clip has it"
    assert len(rows) == 1
    check(tmp_path / "out/walk/person-1", "person")


def test_a_clip_as_a_whole(walk, tmp_path):
    maquette.video(walk, tmp_path / "out", method="moving-eggs", texture_size=256, turntable=False)
    tracks = [track for frame in read_manifest(tmp_path / "out")["frames"] for track in frame["tracks"]]
    assert [track["status"] for track in tracks] == ["done"] * 6, tracks[0]["reason"]
    heights = [trimesh.load(tmp_path / "out" / track["mesh"]).extents[1] for track in tracks]
    assert np.allclose(heights, 2 * EGG[1] * (1 + 0.01 * np.arange(6)), rtol=0.02)
    check(tmp_path / "out/walk/person-1", "person")


def test_what_a_method_does_not_take_is_refused(astronaut, walk, tmp_path):
    with pytest.raises(BadInput, match="not known for a face"):
        maquette.face(astronaut, method="moving-eggs")
    with pytest.raises(BadInput, match="moving-eggs.*--together"):
        maquette.person(astronaut, method="moving-eggs")
