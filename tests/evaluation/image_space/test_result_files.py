"""The files of results: where pictures are looked for, and normals of two depths."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.image_space.result_files import find_picture, read_arrays, read_normals


def test_a_picture_is_looked_for_where_it_was_or_where_it_is_said_to_be(tmp_path):
    (tmp_path / "moved").mkdir()
    here, there = tmp_path / "a.jpg", tmp_path / "moved" / "a.jpg"
    there.write_bytes(b"")
    assert find_picture(str(here), tmp_path / "moved") == there
    assert find_picture(str(here), [tmp_path / "b.jpg", there]) == there
    with pytest.raises(BadInput, match=r"a.jpg: is not at .*a.jpg: give the folder"):
        find_picture(str(here), None)
    with pytest.raises(BadInput, match=r"a.jpg: is not among 2 files"):
        find_picture(str(here), [tmp_path / "b.jpg", tmp_path / "c.jpg"])
    with pytest.raises(BadInput, match=r"a.jpg: is not given"):
        find_picture(str(here), [])
    here.write_bytes(b"")
    assert find_picture(str(here), None) == here


@pytest.mark.parametrize("kind, half", [(np.uint8, 127.5), (np.uint16, 32767.5)])
def test_normals_of_8_and_16_bits(tmp_path, kind, half):
    normals = np.random.default_rng(0).normal(size=(6, 5, 3))
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    coded = np.round((normals + 1) * half).astype(kind)
    coded[0] = 0
    cv2.imwrite(str(tmp_path / "n.png"), coded[..., ::-1])
    found = read_normals(tmp_path / "n.png")
    assert np.abs(found[1:] - normals[1:]).max() <= 0.5 / half + 1e-9 and not found[0].any()
    with pytest.raises(BadInput, match="RGB normals of 8 or 16 bits"):
        read_normals(tmp_path / "none.png")


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"box": None}, "lacks box"),
        ({"box": np.full((2, 4), np.nan)}, "box holds NaN"),
        ({"photo": np.array(["a"])}, "wanted as many of each per photo, got box 2, photo 1"),
        ({"box": np.empty((0, 4)), "photo": np.array([], str)}, "wanted as many of each"),
    ],
)
def test_parameters_that_do_not_fit_together_are_one_line(tmp_path, changes, reason):
    arrays = {"box": np.zeros((2, 4)), "photo": np.array(["a", "b"]), **changes}
    np.savez(tmp_path / "p.npz", **{name: values for name, values in arrays.items() if values is not None})
    with pytest.raises(BadInput, match=reason):
        read_arrays(tmp_path / "p.npz", ("box", "photo"), ("box", "photo"))
