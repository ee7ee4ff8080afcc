"""From scores of photographs to tables."""

from __future__ import annotations

import pytest

from maquette.evaluation.benchmarks.synthetic_scores import PhotoScore, comparison, report


def test_ratios_and_gaps_are_of_the_same_people():
    series = {"frontal": "frontal", "yaw 60": "yaw", "Monk 2": "tone", "Monk 9": "tone"}
    scores = [PhotoScore(p, "frontal", 5, 1.0 + p, 1.0, 2.0, 3.0) for p in range(4)]
    scores += [PhotoScore(p, "yaw 60", 5, 2.0 * (1 + p), 1.0, 2.0, 3.0) for p in range(3)]
    scores.append(PhotoScore(3, "yaw 60", 5, why="no face"))
    scores += [PhotoScore(p, "Monk 2", 2, 1.0, 1.0, 2.0, 3.0) for p in range(4)]
    scores += [PhotoScore(p, "Monk 9", 9, 1.1, 1.0, 2.0, 3.0) for p in range(4)]
    table = report(scores, series, "t")
    rows = {row[0]: row for row in table.rows}
    assert rows["60 degrees over frontal"][1] == pytest.approx(2) and rows["60 degrees over frontal"][4] == 3
    assert rows["60 degrees over frontal"][2] == pytest.approx(0)
    assert rows["tone gap %"][1] == pytest.approx(10) and rows["tone gap %"][3] == 5.0


def test_variants_are_compared_over_the_people_that_all_found():
    series = {"frontal": "frontal", "yaw 60": "yaw"}
    one = [PhotoScore(p, name, 5, 1.0 + p, 1.0, 2.0, 3.0) for p in range(3) for name in series]
    two = [s if s.person or s.condition == "frontal" else PhotoScore(0, "yaw 60", 5, why="no face") for s in one]
    table = comparison({"one": one, "two": two}, series, "t")
    rows = [dict(zip(table.columns, row)) for row in table.rows]
    assert [row["people in all"] for row in rows] == [3, 2]
    assert [row["one: error mm"] for row in rows] == [2.0, 2.5] == [row["two: error mm"] for row in rows]
    assert rows[1]["one: found %"] == 100 and rows[1]["two: found %"] == pytest.approx(200 / 3)
    assert [row["average head mm"] for row in rows] == [2.0, 2.0]
    assert [part.title for part in table.more] == ["one", "two"]
