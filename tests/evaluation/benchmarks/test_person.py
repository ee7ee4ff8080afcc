"""Shapes of people: the self-checks of the protocol, known overlaps, tables of methods side by side."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks import person


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(person, "ALIGN_SAMPLES", 300)
    monkeypatch.setattr(person, "INSIDE_SAMPLES", 10_000)
    monkeypatch.setattr(person, "distances", partial(person.distances, samples=1000))
    monkeypatch.setattr(person, "normal_error", partial(person.normal_error, size=64))


@pytest.fixture
def doll(sphere):
    """A function: an ellipsoid 1.8 m high that stands on the floor."""

    def make(size=1.0, shift=(0.0, 0.0, 0.0)):
        ball = sphere(1.0, 3)
        return ball.moved(size * (ball.vertices * [0.25, 0.9, 0.2] + [0, 0.9, 0]) + np.asarray(shift))

    return make


def test_identical_meshes_have_no_error(doll):
    found = person.score_person(doll(), doll())
    assert found.iou == 1 and found.p2s == pytest.approx(0, abs=1e-6)
    assert found.chamfer == pytest.approx(0, abs=1e-6) and found.normals == 0


@pytest.mark.parametrize("radius", [0.3, 0.9])
def test_a_centimetre_is_a_centimetre(sphere, radius):
    found = person.score_person(sphere(radius + 0.01, 4), sphere(radius, 4))
    assert found.p2s == pytest.approx(1, rel=0.01) and found.chamfer == pytest.approx(1, rel=0.01)
    assert found.iou == pytest.approx((radius / (radius + 0.01)) ** 3, abs=0.01)


def test_the_overlap_of_two_shifted_boxes():
    import trimesh

    box = trimesh.creation.box((1, 1, 1))
    one = person.Shape(np.array(box.vertices), np.array(box.faces))
    two = one.moved(one.vertices + np.array([0.5, 0, 0]))
    assert person.occupancy_iou(one, two, np.random.default_rng(0)) == pytest.approx(1 / 3, abs=0.01)
    assert person.occupancy_iou(one, one.moved(one.vertices + 5), np.random.default_rng(0)) == 0
    inside_out = person.Shape(one.vertices, one.faces[:, ::-1])
    with pytest.raises(BadInput, match="faces outwards"):
        person.occupancy_iou(inside_out, inside_out.moved(two.vertices), np.random.default_rng(0))


@pytest.mark.usefixtures("quick")
def test_methods_side_by_side(doll):
    truths = [doll(0.9), doll(1.0), doll(1.05)]
    near = [doll(0.9, (0, 0, 0.05)), doll(1.0, (0, 0, 0.05)), None]
    far = [doll(0.8), doll(0.85), doll(0.95)]
    table = person.compare_persons({"near": near, "far": far}, truths)
    assert table.column("people") == [2] * 4
    rows = {(row[0], row[1]): dict(zip(table.columns, row)) for row in table.rows}
    lying, settled = rows["near", person.PLACED], rows["near", person.FITTED]
    assert lying["chamfer cm"] > 1 > 10 * settled["chamfer cm"] and settled["IoU"] > 0.97 > lying["IoU"]
    assert rows["far", person.FITTED]["IoU"] > 0.97 > rows["far", person.PLACED]["IoU"]
    assert "near 2, far 3" in table.notes[0]
    with pytest.raises(BadInput, match="wanted 3 predictions"):
        person.compare_persons({"near": near[:2]}, truths)
    with pytest.raises(BadInput, match="whom every method found"):
        person.compare_persons({"none": [None] * 3}, truths)


@pytest.mark.usefixtures("quick")
def test_folders_are_paired_by_name(doll, write_obj, tmp_path):
    for name in "ab":
        write_obj(tmp_path / "truth" / f"{name}.obj", doll())
    write_obj(tmp_path / "out" / "mine" / "a.obj", doll(1.02))
    table = person.evaluate_persons(tmp_path / "out", tmp_path / "truth")
    assert table.column("method") == ["mine", "mine"] and table.column("people") == [1, 1]
    assert table.column("IoU s.e.") == [None, None] and 0.9 < table.column("IoU")[0] < 0.98
    assert person.evaluate_persons(tmp_path / "out" / "mine", tmp_path / "truth").rows == table.rows
    with pytest.raises(BadInput, match="holds no meshes"):
        person.evaluate_persons(tmp_path / "out", tmp_path / "out")
