"""Feng on a tiny set of the same layout."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks.feng import evaluate_feng
from maquette.evaluation.benchmarks.seven_landmarks import SEVEN
from scan_sets import TURN


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer points steer the alignment."""
    monkeypatch.setattr("maquette.evaluation.benchmarks.seven_landmarks.SETTLE_POINTS", 300)


def test_feng_subsets_and_radius(tmp_path, head, write_obj):
    shape, points = head
    write_obj(tmp_path / "scans/S01.obj", shape)
    np.savetxt(tmp_path / "scans/S01.txt", points[list(SEVEN)])
    for stem in ("HQ/S01_a", "LQ/S01_b"):
        (tmp_path / "images" / stem).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"images/{stem}.jpg").write_bytes(b"not looked at")
        write_obj(tmp_path / f"mine/{stem}.obj", shape.moved((shape.vertices @ TURN.T + 3) / 1000))
        np.savetxt(tmp_path / f"mine/{stem}.txt", (points[list(SEVEN)] @ TURN.T + 3) / 1000)
    table = evaluate_feng(tmp_path, tmp_path / "mine")
    assert [row[0] for row in table.rows] == ["HQ"] * 2 + ["LQ"] * 2 + ["all"] * 2
    assert max(table.column("3D-RMSE mm")) < 1e-3
    (tmp_path / "images/HQ/S02_a.jpg").touch()
    with pytest.raises(BadInput, match=r"S02_a.jpg: no scan"):
        evaluate_feng(tmp_path, tmp_path / "mine")
    (tmp_path / "images/HQ/S02_a.jpg").unlink()
    (tmp_path / "scans/S01.txt").unlink()
    with pytest.raises(BadInput, match=r"S01.obj: no landmarks beside it"):
        evaluate_feng(tmp_path, tmp_path / "mine")
    with pytest.raises(BadInput, match="0 images, 0 scans"):
        evaluate_feng(tmp_path / "mine")
