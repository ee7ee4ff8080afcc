"""Key points go from scheme to scheme and through files unharmed; broken files are one line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.perception.people import schemes


def points_of(scheme: str) -> tuple[np.ndarray, np.ndarray]:
    """The same person in every scheme: each name has its own place."""
    places = {}
    rng = np.random.default_rng(5)
    for name in sorted({name for names in schemes.READABLE.values() for name in names}):
        places[name] = rng.uniform(10, 500, 2)
    for middle, (left, right) in schemes.MIDDLES.items():
        places[middle] = (places[left] + places[right]) / 2
    names = schemes.READABLE[scheme]
    return np.array([places[name] for name in names]), np.full(len(names), 0.8)


@pytest.mark.parametrize("source", schemes.READABLE)
@pytest.mark.parametrize("target", schemes.READABLE)
def test_a_point_is_where_its_name_is(source, target):
    wanted, _ = points_of(target)
    points, confidence = schemes.convert(*points_of(source), source, target)
    there = confidence > 0
    assert np.allclose(points[there], wanted[there]) and (points[~there] == 0).all()
    missing = {name for name, seen in zip(schemes.READABLE[target], there) if not seen}
    known = set(schemes.READABLE[source]) | set(schemes.MIDDLES)
    assert missing == set(schemes.READABLE[target]) - known


def test_a_middle_is_as_sure_as_its_less_sure_end():
    points, confidence = points_of("mediapipe33")
    confidence[schemes.indices("left_hip")] = 0.3
    confidence[schemes.indices("right_shoulder")] = 0
    out, sure = schemes.convert(points, confidence, "mediapipe33", "body25")
    assert sure[8] == 0.3 and sure[1] == 0 and (out[1] == 0).all()


def test_schemes_are_those_of_the_others():
    assert [len(names) for names in schemes.READABLE.values()] == [17, 25, 33, 18]
    assert schemes.BODY_25[8] == "mid_hip" and schemes.BODY_25[19] == "left_big_toe"
    assert schemes.MEDIAPIPE_33[0] == "nose" and schemes.MEDIAPIPE_33[31] == "left_big_toe"
    for scheme in schemes.READABLE:
        mirror = schemes.mirror(scheme)
        assert np.array_equal(mirror[mirror], np.arange(len(mirror)))


def test_openpose_files_come_back(tmp_path):
    people = [np.random.default_rng(i).uniform(0, 1, (25, 3)).round(3) for i in range(3)]
    schemes.write_openpose(tmp_path / "a.json", people)
    back = schemes.read_openpose(tmp_path / "a.json")
    assert [scheme for _, scheme in back] == ["body25"] * 3
    assert all(np.allclose(one, other) for one, (other, _) in zip(people, back))
    assert set(json.loads((tmp_path / "a.json").read_text())) == {"version", "people"}


@pytest.mark.parametrize(
    "text, told",
    [
        ("{", "is not JSON"),
        ("[1]", 'no list "people"'),
        ('{"people": 3}', 'no list "people"'),
        ('{"people": [{}]}', "person 1"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "person 1"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "1 key points, wanted 25, 18, 17"),
        ('{"people": [{"pose_keypoints_2d": "abc"}]}', "person 1"),
        ('{"people": [{"pose_keypoints_2d": [' + "NaN," * 74 + "1]}]}", "not a finite number"),
        ("\0\0", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_broken_files_are_one_line(tmp_path, text, told):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BadInput, match=told) as error:
        schemes.read_openpose(tmp_path / "a.json")
    assert "\n" not in str(error.value) and "a.json" in str(error.value)


def test_a_missing_file_and_an_empty_crowd(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        schemes.read_openpose(tmp_path / "none.json")
    (tmp_path / "a.json").write_text('{"people": []}')
    assert schemes.read_openpose(tmp_path / "a.json") == []


def test_rects_come_back_and_broken_ones_are_told(tmp_path):
    rects = np.array([[-11, -5, 564, 564], [3, 4, 10, 20]])
    schemes.write_rects(tmp_path / "a.txt", rects)
    assert (tmp_path / "a.txt").read_text().splitlines()[0] == "-11 -5 564 564"
    assert np.array_equal(schemes.read_rects(tmp_path / "a.txt"), rects)
    for text in ("", "1 2 3", "1 2 3 x", "1 2 0 5", "1 2 inf 5", "1 2 3 4 5"):
        (tmp_path / "b.txt").write_text(text)
        with pytest.raises(BadInput, match="b.txt"):
            schemes.read_rects(tmp_path / "b.txt")


def test_unknown_schemes_and_wrong_counts_are_told():
    with pytest.raises(BadInput, match="'body26'"):
        schemes.convert(np.zeros((26, 2)), np.zeros(26), "body26", "body25")
    with pytest.raises(BadInput, match="body25 has 25, got 24"):
        schemes.convert(np.zeros((24, 2)), np.zeros(24), "body25", "coco17")
