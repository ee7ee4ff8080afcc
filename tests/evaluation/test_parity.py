"""Parity: groups are counted right, the gap is that of the means."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.parity import exposure, exposure_bin, monk_group, parity_table, read_facts, yaw_bin


def test_rows_and_gap_by_hand():
    table = parity_table(
        [1.0, 3.0, 2.5, 2.5, 2.0], ["yaw 30-60", "yaw 30-60", "yaw 60-90", "yaw 60-90", "yaw 0-30"], "yaw", "mm"
    )
    assert table.column("group") == ["yaw 0-30", "yaw 30-60", "yaw 60-90", "gap, worst to best"]
    assert table.column("n") == [1, 2, 2, 5] and table.column("mean mm")[:3] == [2.0, 2.0, 2.5]
    assert table.column("above the best %") == pytest.approx([0, 0, 25, 25])


def test_equal_groups_have_no_gap_and_order_does_not_matter():
    groups = [monk_group(k) for k in range(1, 11)]
    errors = np.linspace(1, 2, 10)
    order = np.random.default_rng(0).permutation(10)
    first = parity_table(errors, groups, "skin tone", "mm")
    second = parity_table(errors[order], [groups[k] for k in order], "skin tone", "mm")
    assert first.column("group") == second.column("group")
    assert first.column("mean mm")[:3] == pytest.approx(second.column("mean mm")[:3])
    assert parity_table(np.ones(10), groups, "skin tone", "mm").rows[-1][-1] == 0
    assert first.column("n") == [3, 3, 4, 10]


@pytest.mark.parametrize("errors, groups", [([1.0], []), ([], []), ([np.nan], ["a"])])
def test_what_cannot_be_compared_is_refused(errors, groups):
    with pytest.raises(BadInput, match="parity by yaw"):
        parity_table(errors, groups, "yaw", "mm")


def test_bins():
    assert [yaw_bin(v) for v in (0, -30, 30.1, 60, 89, 91)][2:] == ["yaw 30-60"] * 2 + ["yaw 60-90", "yaw beyond 90"]
    assert [exposure_bin(v) for v in (-2, -1, 1)] == ["-2 to -1 EV", "-1 to +1 EV", "-1 to +1 EV"]
    with pytest.raises(BadInput, match="Monk"):
        monk_group(11)


def test_exposure_counts_stops():
    """Half the linear light is one stop less."""
    linear = np.array([0.18, 0.09, 0.045])
    encoded = np.round(255 * (1.055 * linear ** (1 / 2.4) - 0.055)).astype(np.uint8)
    found = [exposure(np.full((5, 5, 3), value, np.uint8)) for value in encoded]
    assert np.allclose(found, [0, -1, -2], atol=0.03)
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[2:5, 3:6] = encoded[0]
    assert exposure(picture, np.array([3, 2, 6, 5])) == pytest.approx(0, abs=0.03)
    assert np.isfinite(exposure(picture, np.array([-9, -9, -5, -5])))


def test_facts(tmp_path):
    path = tmp_path / "facts.csv"
    path.write_text("image,monk,yaw\nb.jpg,7,-40\na,2,0\n")
    assert read_facts(path, ["a", "b"]) == {"monk": [2.0, 7.0], "yaw": [0.0, -40.0]}


@pytest.mark.parametrize(
    "text, reported",
    [
        ("", "wanted the column image"),
        ("name,monk\na,1\n", "wanted the column image"),
        ("image,tone\na,1\n", "wanted the column image"),
        ("image,monk\nb,1\n", "no row for 1 of 1"),
        ("image,monk\na,dark\n", "not a number"),
        ("image,monk\na\n", "not a number"),
        ("image,monk\na,nan\n", "NaN"),
    ],
)
def test_bad_facts_are_one_line(tmp_path, text, reported):
    (tmp_path / "facts.csv").write_text(text)
    with pytest.raises(BadInput, match=reported):
        read_facts(tmp_path / "facts.csv", ["a"])
