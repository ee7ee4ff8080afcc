"""Photographs as files: the labels are those of the samples, the bytes do not depend on who wrote them."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.options import SynthesisOptions
from maquette.synthesis.datasets import photographs
from maquette.synthesis.datasets.faces import Faces


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two photographs, drawn in this process."""
    out = tmp_path_factory.mktemp("synth") / "two"
    options = SynthesisOptions(count=2, size=64, texture_size=128)
    assert list(photographs.write_photographs(out, options, workers=1)) == [(0, True), (1, True)]
    return out


def test_files_hold_the_sample(two):
    sample = Faces(SynthesisOptions(size=64, texture_size=128))[1]
    assert np.array_equal(cv2.imread(str(two / "00001.png"))[..., ::-1], sample.image)
    with np.load(two / "00001.npz") as stored:
        labels = dict(stored)
    assert np.array_equal(labels["kind"], sample.kind) and np.array_equal(labels["depth"], sample.depth)
    assert np.array_equal(labels["uv"], sample.uv, equal_nan=True)
    assert np.allclose(labels["normals"], sample.normals, atol=1e-3)
    for scheme, count in (("mediapipe478", 478), ("ibug68", 68)):
        assert labels[f"landmarks_{scheme}"].shape == (count, 3)
        assert np.allclose(labels[f"landmarks_{scheme}"], sample.landmarks[scheme], atol=1e-4)
        assert np.array_equal(labels[f"visible_{scheme}"], sample.visible[scheme])
    assert np.array_equal(labels["intrinsics"], sample.camera.intrinsics) and str(labels["projection"]) == "perspective"
    assert np.array_equal(labels["world_to_camera"], sample.camera.world_to_camera)
    assert np.array_equal(labels["coefficients"], sample.person.identity.coefficients)
    assert labels["scale"] == np.float32(sample.person.identity.scale)
    assert np.allclose(labels["displacement"], sample.person.skin.displacement, atol=1e-6)
    assert np.allclose(labels["expression"], sample.expression, atol=1e-3) and labels["monk"] == sample.person.skin.monk


def test_facts_are_those_of_the_labels(two):
    with (two / "facts.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["00000", "00001"]
    with np.load(two / "00001.npz") as stored:
        assert float(rows[1]["yaw"]) == pytest.approx(np.degrees(stored["pose"][0]), abs=0.1)
        assert int(rows[1]["monk"]) == stored["monk"]


def test_a_file_that_was_lost_is_drawn_again_with_the_same_bytes(two):
    before = {name: (two / name).read_bytes() for name in ("00000.png", "00000.npz")}
    (two / "00000.png").unlink()
    options = SynthesisOptions(count=2, size=64, texture_size=128)
    assert list(photographs.write_photographs(two, options, workers=1)) == [(0, True), (1, False)]
    assert {name: (two / name).read_bytes() for name in before} == before and not list(two.glob("*.part"))


def test_a_broken_file_is_named(two, tmp_path):
    (tmp_path / "00000.npz").write_bytes((two / "00000.npz").read_bytes()[:500])
    with pytest.raises(BadInput, match=r"00000\.npz: cannot be read"):
        photographs.read_facts_of(tmp_path, 0)


LABELS = {
    "a row for a number": {"yaw": np.zeros(3)},
    "text": {"yaw": np.array("to the left")},
    "objects": {"yaw": np.array([{}], dtype=object)},
    "a complex number": {"yaw": np.array(1j)},
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_odd_labels_are_named(labels, tmp_path):
    np.savez(tmp_path / "00000.npz", **labels)
    with pytest.raises(BadInput, match=r"00000\.npz: cannot be read") as said:
        photographs.read_facts_of(tmp_path, 0)
    assert "\n" not in str(said.value)


SUMMARIES = {
    "deep": "[" * 100_000,
    "a list": "[1]",
    "no options": '{"subject": "face"}',
    "options in a list": '{"options": [1], "subject": "face", "maquette": "1"}',
    "a huge number": '{"options": {"count": 1' + "0" * 5000 + '}, "subject": "face", "maquette": "1"}',
    "a long text": '{"options": {"split": "' + "a\\nb" * 9999 + '"}, "subject": "face", "maquette": "1"}',
    "no text": "\udcff",
}


@pytest.mark.parametrize("summary", SUMMARIES.values(), ids=SUMMARIES)
def test_a_folder_with_an_odd_summary_is_refused_in_one_line(summary, tmp_path):
    (tmp_path / "summary.json").write_bytes(summary.encode(errors="surrogateescape"))
    with pytest.raises(BadInput, match="choose another folder") as said:
        photographs.begin_folder(tmp_path, SynthesisOptions(), "face")
    assert "\n" not in str(said.value) and len(str(said.value)) < 1200


@pytest.mark.slow
def test_files_do_not_depend_on_the_number_of_workers(two, tmp_path):
    options = SynthesisOptions(count=2, size=64, texture_size=128)
    assert sorted(photographs.write_photographs(tmp_path / "x", options, workers=2)) == [(0, True), (1, True)]
    for path in two.iterdir():
        assert path.read_bytes() == (tmp_path / "x" / path.name).read_bytes(), path.name


@pytest.mark.usefixtures("body_arrays")
def test_a_person_from_head_to_foot(tmp_path):
    options = SynthesisOptions(count=1, size=96)
    assert list(photographs.write_photographs(tmp_path, options, "person", 1)) == [(0, True)]
    with np.load(tmp_path / "00000.npz") as stored:
        labels = dict(stored)
    assert labels["keypoints_body25"].shape == (25, 3) and labels["keypoints_world_coco17"].shape == (17, 3)
    assert labels["points"].shape == (4096, 3) and 0.05 < labels["inside"].mean() < 0.7
    mask, rim = labels["mask"], np.ones((96, 96), bool)
    rim[1:-1, 1:-1] = False
    assert 0.03 < mask.mean() < 0.6 and not mask[rim].any()
