"""The files of results: where pictures are looked for, and normals of two depths."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.image_space.result_files import find_picture, read_arrays, read_normals, read_png


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


def test_pictures_of_results_are_read_as_stored_and_nothing_else(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (6, 5, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), pixels[..., ::-1])
    cv2.imwrite(str(tmp_path / "grey.png"), pixels[..., 0])
    assert (read_png(tmp_path / "a.png", 3) == pixels).all() and (
        read_png(tmp_path / "grey.png", 2) == pixels[..., 0]
    ).all()
    assert read_png(tmp_path / "none.png", 3) is None
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    for name, dimensions in (("b.png", 3), ("grey.png", 3), ("a.png", 2)):
        with pytest.raises(BadInput, match=name):
            read_png(tmp_path / name, dimensions)
