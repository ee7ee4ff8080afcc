"""Scans with photos to HRN's examples: laid onto the face, held out by person, left out where they do not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import scanned_twin
from hrn_by_seed import face, hrn, observed
from maquette.core.errors import BadInput
from maquette.core.types import Subject
from maquette.perception import observers
from maquette.perception.faces.topology import IBUG68
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.training.datasets.hrn.faces import row_of
from maquette.training.datasets.hrn.scans import begun, holds_scans, laid, rows_of_scans, split_by_person, truth_of


@pytest.fixture
def seeing(monkeypatch):
    monkeypatch.setitem(observers.OBSERVERS, Subject.FACE, scanned_twin.see)


def off(scan, height):
    """Mean decimetres between where a scan's points come to lie and where they belong."""
    model, found = face(), scanned_twin.FOUND
    placed = laid(model, model.shape(found.identity, found.expression), found, scan)
    wanted = scanned_twin.surface(height)[0]
    return np.linalg.norm(placed[: len(wanted)] - wanted, axis=1).mean()


def test_a_scan_in_its_own_frame_and_unit_comes_to_lie_on_the_face():
    assert off(scanned_twin.scan(0.0), 0.0) < 1e-3
    # With 4 mm of relief the face can be laid a little otherwise, but not by much.
    assert off(scanned_twin.scan(0.04), 0.04) < 0.02


def test_what_lies_inside_a_mouth_does_not_pull_the_scan():
    """Half as many points again well behind the face, and landmarks that were cast onto the back of the head."""
    scan = scanned_twin.scan(0.0)
    behind = scan.points[::2] + scanned_twin.TURNED @ [0, 0, -0.4 * scanned_twin.SCALE]
    landmarks = scan.landmarks.copy()
    landmarks[list(IBUG68)[60:68]] -= scanned_twin.TURNED @ [0, 0, 1.6 * scanned_twin.SCALE]
    assert off(replace(scan, points=np.concatenate([scan.points, behind]), landmarks=landmarks), 0.0) < 1e-3


def test_too_few_landmarks_are_refused():
    with pytest.raises(BadInput, match="wanted 4 .* or more, got 3"):
        begun(np.concatenate([np.eye(3), np.full((9, 3), np.nan)]), np.ones((12, 3)))


def test_rows_hold_the_scan_beside_the_photo(tmp_path, seeing):
    place = scanned_twin.folder(tmp_path / "set", ("a", "b"))
    rows = rows_of_scans(place, hrn(MENDED))
    assert [name for name, _ in rows] == ["a", "b"] and holds_scans(place)
    row = rows[0][1]
    kinds = {name: (value.shape, value.dtype) for name, value in row.items() if name not in row_of(observed(), hrn())}
    assert kinds == {
        "deformation": ((3, 64, 64), np.float16),
        "displacement": ((1, 256, 256), np.float16),
        "facing": ((3, 256, 256), np.float16),
        "gap": ((1, 256, 256), np.float16),
        "known": ((1, 256, 256), np.uint8),
    }
    shown = row["valid"] > 0.9
    assert row["known"][shown].mean() > 0.9 and not row["known"][~shown].any()
    assert 0.01 < np.abs(row["gap"][row["known"] > 0].astype(float)).mean() < 0.04
    assert not np.array_equal(row["gap"], rows[1][1]["gap"])


def test_photos_that_cannot_be_used_are_said(tmp_path, seeing):
    place = scanned_twin.folder(tmp_path / "set", ("a", "b"))
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(place / "photos" / "b_+00_+00.png")
    with pytest.warns(UserWarning, match="left out: .*b_.*no face found"):
        rows = rows_of_scans(place, hrn(MENDED))
    assert [name for name, _ in rows] == ["a"]
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(place / "photos" / "a_+00_+00.png")
    with pytest.warns(UserWarning), pytest.raises(BadInput, match="found none in 2 photos"):
        rows_of_scans(place, hrn(MENDED))
    with pytest.raises(BadInput, match="no photo"):
        rows_of_scans(tmp_path, hrn(MENDED))
    assert not holds_scans(tmp_path)


def test_a_scan_of_something_else_is_refused():
    row, scan = row_of(observed(), hrn(MENDED)), scanned_twin.scan()
    bowed = scan.points + np.array([0, 0, 1.0]) * 90 * np.sin(scan.points[:, :1] / 6)
    with pytest.raises(BadInput, match="lies on [0-9]+% of what"):
        truth_of(face(), row, replace(scan, points=bowed))
    with pytest.raises(BadInput, match="12 points or more, got 5"):
        truth_of(face(), row, replace(scan, points=scan.points[:5]))


def test_persons_are_held_out_not_photos():
    rows = [(name, {"n": np.array([k])}) for k, name in enumerate(["a", "b", "b", "a", "c"])]
    taught, held = split_by_person(rows)
    assert [row["n"][0] for row in held] == [0, 3] and [row["n"][0] for row in taught] == [1, 2, 4]
    assert split_by_person(rows[:1]) == ([rows[0][1]], [rows[0][1]])
