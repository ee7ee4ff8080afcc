"""Key points go from scheme to scheme unharmed."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.perception.people import schemes


def points_of(scheme: str) -> tuple[np.ndarray, np.ndarray]:
    """The same person in every scheme: each name has its own place."""
    places = {}
    rng = np.random.default_rng(5)
    for name in sorted({name for names in schemes.SCHEMES.values() for name in names}):
        places[name] = rng.uniform(10, 500, 2)
    for middle, (left, right) in schemes.MIDDLES.items():
        places[middle] = (places[left] + places[right]) / 2
    names = schemes.SCHEMES[scheme]
    return np.array([places[name] for name in names]), np.full(len(names), 0.8)


@pytest.mark.parametrize("source", schemes.SCHEMES)
@pytest.mark.parametrize("target", schemes.SCHEMES)
def test_a_point_is_where_its_name_is(source, target):
    wanted, _ = points_of(target)
    points, confidence = schemes.convert(*points_of(source), source, target)
    there = confidence > 0
    assert np.allclose(points[there], wanted[there]) and (points[~there] == 0).all()
    missing = {name for name, seen in zip(schemes.SCHEMES[target], there) if not seen}
    known = set(schemes.SCHEMES[source]) | set(schemes.MIDDLES)
    assert missing == set(schemes.SCHEMES[target]) - known


def test_a_middle_is_as_sure_as_its_less_sure_end():
    points, confidence = points_of("mediapipe33")
    confidence[schemes.indices("left_hip")] = 0.3
    confidence[schemes.indices("right_shoulder")] = 0
    out, sure = schemes.convert(points, confidence, "mediapipe33", "body25")
    assert sure[8] == 0.3 and sure[1] == 0 and (out[1] == 0).all()


def test_schemes_are_those_of_the_others():
    assert [len(names) for names in schemes.SCHEMES.values()] == [17, 25, 33]
    assert schemes.BODY_25[8] == "mid_hip" and schemes.BODY_25[19] == "left_big_toe"
    assert schemes.MEDIAPIPE_33[0] == "nose" and schemes.MEDIAPIPE_33[31] == "left_big_toe"
    for scheme in schemes.SCHEMES:
        mirror = schemes.mirror(scheme)
        assert np.array_equal(mirror[mirror], np.arange(len(mirror)))


def test_unknown_schemes_and_other_counts_are_refused():
    with pytest.raises(BadInput, match="key point scheme 'coco18': wanted coco17"):
        schemes.convert(*points_of("coco17"), "coco18", "body25")
    points, confidence = points_of("coco17")
    with pytest.raises(BadInput, match="body25 has 25, got 17 with 17 confidences"):
        schemes.convert(points, confidence, "body25", "coco17")
