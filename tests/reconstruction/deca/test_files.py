"""The user's folder: what was written comes back, what is missing or does not fit is named in one line."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import flame_twin as twin
from maquette.core.errors import BadInput, WeightsMissing
from maquette.reconstruction.deca.files import FIXED, MASK, TEMPLATE, read


@pytest.fixture
def folder(tmp_path):
    return twin.write(tmp_path / "data")


def test_a_folder_comes_back(folder):
    found = read(folder)
    np.testing.assert_array_equal(found.uv_triangles, twin.arrays()["uv_faces"])
    np.testing.assert_allclose(found.uvs, twin.arrays()["uvs"], atol=1e-6)
    np.testing.assert_array_equal(found.mask, twin.masks()[0].astype(np.float32) / 255)
    np.testing.assert_array_equal(found.fixed, twin.fixed_displacement().astype(np.float32))
    assert found.albedo is None


@pytest.mark.parametrize("name", ["generic_model.pkl", "landmark_embedding.npy", TEMPLATE, MASK, FIXED])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(WeightsMissing, match=name):
        read(folder)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (TEMPLATE, b"v 0 0 0\nvt 0 0\nf 1/1 1/1 1/1\n", "wanted FLAME's"),
        (TEMPLATE, b"f a b c\n", "wanted an OBJ file"),
        (MASK, b"no picture", "wanted a picture"),
        (FIXED, b"no array", "wanted a .npy file"),
    ],
)
def test_other_files_are_refused_in_one_line(folder, name, content, words):
    (folder / name).write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def test_other_sizes_are_refused(folder):
    np.save(folder / FIXED, np.zeros((4, 4)))
    with pytest.raises(BadInput, match="256 x 256"):
        read(folder)
    np.save(folder / FIXED, np.zeros((256, 256)))
    cv2.imwrite(str(folder / MASK), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(BadInput, match="256 x 256"):
        read(folder)
