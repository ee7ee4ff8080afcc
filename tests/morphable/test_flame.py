"""FLAME's files: what was written comes back, other files are refused in one line."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

import flame_twin as twin
from maquette.core.errors import BadInput, WeightsMissing
from maquette.morphable import flame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return twin.write(tmp_path_factory.mktemp("flame"), with_albedo=True)


def test_the_model_comes_back(folder):
    found, wanted = flame.read_model(folder / "generic_model.pkl"), twin.model()
    for name in ("template", "faces", "identity", "expression", "correctives", "regressor", "weights"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert found.source[0] == "generic_model.pkl" and len(found.source[1]) == 64


def test_landmarks_come_back(folder):
    found, wanted = flame.read_landmarks(folder / "landmark_embedding.npy", len(twin.model().faces)), twin.landmarks()
    for name, value in vars(found).items():
        np.testing.assert_allclose(value, getattr(wanted, name), atol=1e-7)


def test_the_albedo_is_every_second_texel_red_first(folder):
    found, wanted = flame.read_albedo(folder / "FLAME_albedo_from_BFM.npz"), twin.albedo()
    np.testing.assert_array_equal(found.mean, wanted.mean)
    np.testing.assert_array_equal(found.basis, wanted.basis)


@pytest.mark.slow
def test_the_published_sizes(tmp_path):
    found = flame.read_model(twin.write_model(tmp_path / "a.pkl", twin.PUBLISHED))
    assert (len(found.template), len(found.faces)) == flame.PUBLISHED


def changed(**values: object) -> dict:
    held = {key: twin.arrays()[key] for key in twin.MODEL} | values
    return {key: value for key, value in held.items() if value is not None}


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([1, 2], "wanted named arrays of FLAME"),
        (changed(weights=None), "wanted FLAME's weights, there is none"),
        (changed(shapedirs=np.zeros((900, 3, 150))), r"shapedirs: wanted finite numbers \(900, 3, 400\)"),
        (changed(v_template=np.full((900, 3), np.nan)), "v_template: wanted finite numbers"),
        (changed(f=np.full((5, 3), 900)), "f: wanted whole numbers from 0 to 899"),
        (changed(weights=np.ones((900, 5))), "rows that sum to 1"),
        (changed(kintree_table=np.zeros((2, 5))), "wanted joints on"),
    ],
)
def test_other_arrays_are_refused_in_one_line(tmp_path, held, words):
    path = tmp_path / "a.pkl"
    path.write_bytes(twin.pickled(held))
    with pytest.raises(BadInput, match=words) as caught:
        flame.read_model(path)
    assert "\n" not in str(caught.value)


def test_landmarks_of_another_model_are_refused(folder):
    with pytest.raises(BadInput, match="whole numbers from 0 to 99"):
        flame.read_landmarks(folder / "landmark_embedding.npy", 100)


@pytest.mark.parametrize(("name", "values"), [("MU", np.zeros(7)), ("PC", np.zeros((4, 3)))])
def test_other_albedos_are_refused(tmp_path, name, values):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for key in ("MU", "PC"):
            with archive.open(f"{key}.npy", "w") as stream:
                array = values if key == name else twin.albedo_arrays()[key][..., :50]
                np.lib.format.write_array(stream, array)
    with pytest.raises(BadInput, match="wanted 786432 numbers"):
        flame.read_albedo(tmp_path / "a.npz")


def test_a_file_that_is_missing_is_named_with_its_terms(tmp_path):
    with pytest.raises(WeightsMissing, match="flame.is.tue.mpg.de") as caught:
        flame.found_in(tmp_path, flame.MODELS, "FLAME")
    assert "\n" not in str(caught.value)
    (tmp_path / "FLAME2020").mkdir()
    twin.write_model(tmp_path / "FLAME2020" / "generic_model.pkl")
    assert flame.found_in(tmp_path, flame.MODELS, "FLAME").name == "generic_model.pkl"
