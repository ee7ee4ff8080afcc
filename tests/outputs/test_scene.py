"""The scene of a photo: each person's file whole, upright on one floor, where the photo's camera sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.options import OutputOptions
from maquette.geometry.camera import project
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.gltf import opened
from maquette.outputs.result_folder import OutputFolder
from maquette.outputs.scene import POINTS, Standing, scene_glb, standing_of, turned


@pytest.fixture(scope="module")
def data(person_result) -> bytes:
    return write_glb(open_asset(person_result, OutputOptions()))


@pytest.fixture(scope="module")
def two(data):
    """The document and the bytes of a scene of two persons, one turned and 2 m to the right."""
    left = Standing(0.0, np.array([-1.0, 0, -3]), 900.0, (800, 600), 1.6, 0.1)
    right = replace(left, yaw=0.5, shift=np.array([1.0, 0, -3]))
    return opened(scene_glb({"person-1": (data, left), "person-2": (data, right)}))


def accessor(document: dict, binary: bytes, number: int) -> bytes:
    view = document["bufferViews"][document["accessors"][number]["bufferView"]]
    return binary[view["byteOffset"] :][: view["byteLength"]]


def test_both_persons_have_what_the_file_of_one_has(data, two):
    (one, own), (both, binary) = opened(data), two
    for name in ("meshes", "materials", "skins", "accessors", "images"):
        assert len(both[name]) == 2 * len(one[name])
    count = len(one["accessors"])
    for number in range(count):
        if "bufferView" in one["accessors"][number]:
            wanted = accessor(one, own, number)
            assert accessor(both, binary, number) == wanted == accessor(both, binary, count + number)
    first, second = both["skins"]
    names = [[both["nodes"][k]["name"].split(" ", 1)[1] for k in skin["joints"]] for skin in (first, second)]
    assert names[0] == names[1] and not set(first["joints"]) & set(second["joints"])
    assert len({node["name"] for node in both["nodes"]}) == len(both["nodes"])


def test_no_number_points_beyond_its_list(two):
    document, _ = two

    def check(value, key=""):
        if isinstance(value, dict):
            for name, item in value.items():
                if name != "extras":
                    check(item, name)
        elif isinstance(value, list):
            for item in value:
                check(item, key)
        elif isinstance(value, int) and key in POINTS and not isinstance(value, bool):
            assert value < len(document.get(POINTS[key], ())) or key == "sampler"

    check(document)
    reached, todo = set(), list(document["scenes"][0]["nodes"])
    while todo:
        reached.add(node := todo.pop())
        todo += document["nodes"][node].get("children", [])
    assert reached == set(range(len(document["nodes"])))


def test_the_camera_of_the_photo_is_over_the_floor(two):
    document, _ = two
    camera = next(node for node in document["nodes"] if node["name"] == "camera")
    assert camera["translation"] == pytest.approx([0, 1.6, 3]) and camera["rotation"][0] < 0
    assert document["cameras"][0]["perspective"]["yfov"] == pytest.approx(2 * np.arctan(300 / 900))


def test_a_person_stands_where_the_camera_shows_them(person_result):
    made, seen = person_result.reconstruction, person_result.observations[0]
    place = standing_of(person_result)
    middle = made.shape.vertices.mean(axis=0).astype(float)
    step = (seen.box[2] - seen.box[0]) / seen.frame.size[0]
    pixel = project(made.cameras[0], middle)[0][0] * step + seen.box[0]
    where = turned(place.yaw) @ middle + place.shift
    assert place.size[0] / 2 + place.focal * where[0] / -where[2] == pytest.approx(pixel)
    assert place.shift[1] == 0 and where[2] < 0
    assert standing_of(replace(person_result, reconstruction=replace(made, pose=None))) is None


def test_the_folder_has_a_scene_where_a_photo_shows_several(person_result, data, tmp_path):
    def save(result, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "person.glb").write_bytes(data)
        (folder / "report.json").write_text('{"files": {"person.glb": ""}}')
        return [folder / "person.glb", folder / "report.json"]

    def run(count: int) -> dict:
        folder = OutputFolder(tmp_path)
        for number in range(1, count + 1):
            folder.add(replace(person_result, source="two", name=f"person-{number}"), save)
        return folder.close()

    assert run(2)["scenes"] == ["two/scene.glb"]
    document, _ = opened((tmp_path / "two/scene.glb").read_bytes())
    assert len(document["skins"]) == 2
    assert "scenes" not in run(1) and not (tmp_path / "two/scene.glb").exists()
