"""view.html: whole in itself, honest, harmless whatever a file is called, and alive in a real browser."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace

import cv2
import numpy as np
import pytest

from browser import data_of
from maquette.core.options import OutputOptions
from maquette.geometry.camera import project
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.viewer.page import page, photo_facts, write_view

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>\u2028\udc80"


def test_nothing_is_loaded_from_elsewhere(head_result):
    text = write_view(open_asset(head_result, OutputOptions())).decode()
    markup = text[: text.index('<script id="data"')] + text[text.rindex("<script>") - 2000 : text.rindex("<script>")]
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", markup)
    assert "default-src 'none'" in markup and "three.js authors" in text and "MIT" in text


def test_the_model_inside_is_the_file_beside_it(head_result):
    asset = open_asset(head_result, OutputOptions())
    assert b64decode(data_of(write_view(asset))["glb"]) == write_glb(asset)


def test_a_name_cannot_leave_its_place():
    text = page(b"glTF", HOSTILE, warnings=[HOSTILE], facts={HOSTILE: HOSTILE}, subtitle=HOSTILE)
    assert text.count(b"</script>") == 2 and b"<img src=x" not in text
    assert data_of(text)["name"].startswith("</script>"), "it is shown as it is, as text"
    text.decode("utf-8")


def test_photo_and_camera_belong_together(head_result):
    asset = open_asset(head_result, OutputOptions())
    facts = photo_facts(asset)
    picture = cv2.imdecode(np.frombuffer(b64decode(facts["picture"]), np.uint8), 1)
    camera = facts["camera"]
    assert picture.shape[1::-1] == tuple(camera["size"])
    seen, depth = project(
        replace(asset.result.reconstruction.cameras[0], intrinsics=camera["intrinsics"], size=tuple(camera["size"])),
        asset.mesh.vertices.astype(float),
    )
    assert (depth > 0).all() and (seen >= -1).all() and (seen <= np.add(camera["size"], 1)).all()


def test_expression_and_gaze_are_those_of_the_photo(head_result):
    asset = open_asset(head_result, OutputOptions(mesh="light"))
    facts = photo_facts(asset)
    names = list(asset.model.expression_names)
    assert all(np.isclose(facts["weights"][n], asset.expression[names.index(n)]) for n in facts["weights"])
    turned = replace(
        head_result, reconstruction=replace(head_result.reconstruction, shape=_glancing(asset, right=12, up=-7))
    )
    assert photo_facts(open_asset(turned, OutputOptions(mesh="light")))["gaze"] == pytest.approx([12, -7], abs=0.5)


def _glancing(asset, right, up):
    mesh = asset.mesh
    vertices, model = mesh.vertices.copy(), asset.model
    yaw, pitch = np.radians([right, up])
    across = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    raised = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    for eye in ("eyeLeft", "eyeRight"):
        used = model.part_vertices(eye)
        still = asset.neutral[used]
        vertices[used] = (still - still.mean(axis=0)) @ (across @ raised).T + still.mean(axis=0)
    return replace(mesh, vertices=vertices.astype(np.float32))


def test_a_clip_has_no_photo_to_lie_over(moving_result):
    assert data_of(write_view(open_asset(moving_result, OutputOptions(view=True))))["photo"] is None


@pytest.mark.web
def test_it_lives_in_a_browser(head_result, shown, tmp_path):
    file = tmp_path / "view.html"
    file.write_bytes(write_view(open_asset(head_result, OutputOptions())))
    stage = slice(60, 440), slice(20, 340)
    plain = shown(file)[stage]
    assert plain.std() > 5, "something is drawn"
    for settings in ("jawOpen=1", "mode=grey", "yaw=60", "mode=wireframe", "photo=1&compare=0.1"):
        assert np.abs(shown(file, settings)[stage] - plain).mean() > 0.3, settings


@pytest.mark.web
def test_a_hostile_name_is_only_text(shown, tmp_path):
    file = tmp_path / "view.html"
    file.write_bytes(page(b"glTF", HOSTILE, warnings=[HOSTILE]))
    assert shown(file).std() > 1, "one line says that the model cannot be read"
