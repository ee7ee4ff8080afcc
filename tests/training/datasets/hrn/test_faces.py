"""Photos to HRN's examples: what a row holds, what is left out, and batches by their number."""

from __future__ import annotations

import numpy as np
import pytest

from hrn_by_seed import hrn, observed
from maquette.core.errors import BadInput, NothingFound
from maquette.core.types import Subject
from maquette.perception import observers
from maquette.reconstruction.hrn.sampling import MENDED
from maquette.training.datasets.hrn import faces as hrn_faces
from maquette.training.datasets.hrn.faces import HRNFaces, row_of, rows_of, split


def test_a_row_holds_what_hrn_saw():
    row = row_of(observed(), hrn(MENDED))
    kinds = {name: (value.shape, value.dtype) for name, value in row.items()}
    assert kinds == {
        "small": ((3, 224, 224), np.uint8),
        "large": ((3, 512, 512), np.uint8),
        "mask": ((1, 224, 224), np.uint8),
        "marks": ((68, 2), np.float32),
        "coefficients": ((257,), np.float32),
        "valid": ((1, 256, 256), np.float16),
        "albedo": ((3, 256, 256), np.float16),
    }


def test_every_face_of_every_photo_is_taken_and_others_are_said(photo, tmp_path, monkeypatch):
    def see(frame, options):
        count = int(frame.pixels[0, 0, 0])
        if not count:
            raise NothingFound(f"{frame.origin}: no face found")
        return [observed(k) for k in range(count)]

    monkeypatch.setitem(observers.OBSERVERS, Subject.FACE, see)
    photo("photos/b.png", 2), photo("photos/inner/a.jpg", 1), photo("photos/none.png", 0)
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    with pytest.warns(UserWarning, match="left out: .*none.png: no face found"):
        rows = rows_of(tmp_path / "photos", hrn(MENDED))
    assert len(rows) == 3


def test_a_folder_without_faces_is_refused(tmp_path):
    with pytest.raises(BadInput, match="there is none"):
        rows_of(tmp_path / "nowhere", hrn(MENDED))
    with pytest.raises(BadInput, match="found none in 0 files"):
        rows_of(tmp_path, hrn(MENDED))


def test_each_tenth_face_is_held_out():
    rows = [{"n": np.array([k])} for k in range(23)]
    taught, held = split(rows)
    assert [row["n"][0] for row in held] == [0, 10, 20] and len(taught) == 20
    assert split(rows[:1]) == (rows[:1], rows[:1])


def test_a_batch_depends_on_its_number_alone():
    rows = [{"n": np.array([k])} for k in range(23)]
    first, again = (HRNFaces(rows, 5, 7) for _ in range(2))
    first.batch(0)
    assert np.array_equal(first.batch(4)["n"], again.batch(4)["n"]) and first.batch(4)["n"].shape == (5, 1)
    assert not np.array_equal(first.batch(4)["n"], first.batch(5)["n"]) and len(first) == 23
    assert hrn_faces.HELD_OUT == 10
