"""The reader of HRN's head model: what the files hold, which are missing, what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import savemat

import head_twin
from maquette.core.errors import BadInput, WeightsMissing
from maquette.morphable import bfm_head


@pytest.fixture(scope="module")
def found():
    return head_twin.arrays()


@pytest.fixture
def folder(tmp_path, found):
    return head_twin.write(tmp_path / "assets", found)


def test_what_the_files_hold(folder, found):
    head, (B, K, eyes) = bfm_head.read(folder), head_twin.SMALL
    fitted, drawn = found["models"][bfm_head.FITTED], found["models"][bfm_head.DRAWN]
    assert (head.face_count, len(head.kept)) == (B, K) and head.neck == slice(K, K + 1841)
    assert len(head.fitted.mean) == 3 * (K + 1841 + eyes) and len(head.drawn.mean) == 3 * (B + 1841)
    middle = found["models"][bfm_head.FACE]["meanshape"].reshape(-1, 3).mean(0)
    for bases, values in ((head.fitted, fitted), (head.drawn, drawn)):
        wanted = values["meanshape"].reshape(-1, 3) - middle
        np.testing.assert_allclose(bases.mean.reshape(-1, 3), wanted, atol=1e-6)
        np.testing.assert_array_equal(bases.triangles + 1, values["tri"])
        np.testing.assert_allclose(bases.expression, values["exBase"], atol=1e-7)
    # Rings of the fitted model count from zero and have more columns than are used.
    np.testing.assert_array_equal(head.fitted.rings, fitted["point_buf"][:, :8])
    np.testing.assert_array_equal(head.drawn.rings + 1, drawn["point_buf"])
    # Both lists of landmarks name the same places of the face.
    places = [bases.mean.reshape(-1, 3)[bases.landmarks] for bases in (head.fitted, head.drawn)]
    np.testing.assert_allclose(*places, atol=1e-6)
    np.testing.assert_array_equal(head.uv_triangles, head.drawn.triangles)


def test_neck_and_hair_have_colours_of_their_own(folder, found):
    head, stored = bfm_head.read(folder), found["models"][bfm_head.FITTED]
    K, colours = len(head.kept), head.colour_mean.reshape(-1, 3)
    np.testing.assert_allclose(colours[:K], stored["meantex"].reshape(-1, 3)[head.kept], rtol=1e-6)
    assert (colours[head.scalp] == bfm_head.HAIR).all()
    others = np.setdiff1d(np.arange(K, len(colours)), head.scalp)
    np.testing.assert_array_equal(colours[others], np.broadcast_to(np.float32(bfm_head.SKIN), (len(others), 3)))
    basis = head.colour_basis.reshape(len(colours), 3, 80)
    np.testing.assert_allclose(basis[:K], stored["texBase"].reshape(-1, 3, 80)[head.kept], rtol=1e-6)
    assert not basis[K:].any()


def test_mended_shapes_are_those_of_the_drawn_model(folder, found):
    head, B = bfm_head.read(folder), head_twin.SMALL[0]
    mean = found["models"][bfm_head.DRAWN]["meanshape"].reshape(-1, 3)
    for part, move in head_twin.moves(mean, B).items():
        np.testing.assert_allclose(head.mended[part].reshape(-1, 3), move, atol=3e-6)


@pytest.mark.parametrize("name", [*bfm_head.REQUIRED, *bfm_head.MENDED.values()])
def test_a_missing_file_is_named(folder, name):
    for path in folder.rglob(name):
        path.unlink()
    with pytest.raises(WeightsMissing, match=name) as caught:
        bfm_head.read(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def changed_model(folder, name, **values):
    path = next(folder.rglob(name))
    stored = head_twin.arrays()["models"][name]
    savemat(path, stored | values)


def rewrite(folder, name, text):
    next(folder.rglob(name)).write_text(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: changed_model(f, bfm_head.FITTED, idBase=np.ones((9, 80))), "idBase: wanted"),
        (lambda f: changed_model(f, bfm_head.DRAWN, meantex=np.ones((1, 9))), "meantex: wanted"),
        (lambda f: changed_model(f, bfm_head.DRAWN, keypoints=np.ones((1, 9))), "wanted 68, got 9"),
        (lambda f: np.save(next(f.rglob(bfm_head.KEPT)), np.array([10**6])), "whole numbers from 0"),
        (lambda f: np.save(next(f.rglob(bfm_head.SCALP)), np.array([0])), "wanted vertices of neck and scalp"),
        (lambda f: np.save(next(f.rglob(bfm_head.MARKS)), np.arange(5)), "wanted 68, got 5"),
        (lambda f: rewrite(f, bfm_head.HEAD, "no numbers"), "wanted a .npy"),
        (lambda f: rewrite(f, bfm_head.TEMPLATE, "v 0 0 0\nvt 0 0\nf 1/1 1/1 1/1"), "texture coordinates"),
        (lambda f: rewrite(f, bfm_head.TEMPLATE, "v 0 0 0\nf 1 1 1 1"), "wanted an OBJ file of triangles"),
        (lambda f: rewrite(f, bfm_head.TEMPLATE, "v 0 0 0\nvt 0 0\nf 1/9 1/1 1/1"), "faces in the texture"),
        (lambda f: rewrite(f, "146_neck.obj", "v 0 0 0\n"), "wanted 4341 vertices, got 1"),
        (lambda f: rewrite(f, "146_neck.obj", "v nan 0 0\n"), "wanted finite numbers"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_one_line(folder, change, words):
    change(folder)
    with pytest.raises(BadInput, match=words) as caught:
        bfm_head.read(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_published_sizes(tmp_path):
    found = head_twin.arrays(head_twin.PUBLISHED)
    assert {name: len(values) for name, values in found["lists"].items()}[bfm_head.KEPT] == 35_241
    head = bfm_head.read(head_twin.write(tmp_path / "assets", found))
    assert (len(head.fitted.mean) // 3, len(head.drawn.mean) // 3) == (38_924, 37_550)
    assert head.neck == slice(35_241, 37_082) and head.uvs.shape == (37_550, 2)
