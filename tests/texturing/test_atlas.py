"""The charts against obvious arithmetic."""

from __future__ import annotations

import numpy as np

from maquette.texturing.atlas import barycentric, chart, nearest_inside, texel_coordinates


def test_texels_carry_the_point_they_show(model) -> None:
    select = np.concatenate([model.parts["skin"], model.parts["mouth"]])
    drawn = chart(model.faces, model.uvs, model.uv_faces, select, 256, np.array([0, 232, 0, 256]))
    shown = drawn.spread(texel_coordinates(model.uvs, 256).astype(np.float32))
    y, x = np.mgrid[0:232, 0:256]
    error = np.linalg.norm(shown - np.stack([x, y], axis=2), axis=2)[drawn.inside]
    assert np.median(error) < 1e-3
    assert np.quantile(error, 0.999) < 0.8  # cv2 also draws texels that a triangle only touches


def test_every_texel_of_the_charts_is_covered(model) -> None:
    select = np.concatenate([model.parts["skin"], model.parts["mouth"]])
    drawn = chart(model.faces, model.uvs, model.uv_faces, select, 256, np.array([0, 225, 0, 256]))
    assert drawn.inside.mean() > 0.99  # one seamless chart
    assert np.array_equal(np.unique(np.diff(drawn.weights.indptr)), [3])
    assert np.allclose(drawn.weights.sum(axis=1), 1, atol=1e-5)


def test_the_front_of_an_eyeball_lies_above_its_back(model) -> None:
    drawn = chart(model.faces, model.uvs, model.uv_faces, model.parts["eyeLeft"], 1024)
    centre = model.eye_centre(model.mean, "Left")
    direction = drawn.spread(model.mean - centre.astype(np.float32))
    row, column = drawn.shape[0] // 2, drawn.shape[1] // 2
    middle = direction[row - 8 : row + 8, column - 8 : column + 8]
    assert middle[..., 2].min() > 0.01


def test_barycentric_is_the_slow_definition() -> None:
    rng = np.random.default_rng(0)
    corners = rng.random((50, 3, 2)) * 10
    wanted = rng.dirichlet([1, 1, 1], 50)
    points = np.einsum("nk,nkd->nd", wanted, corners)
    assert np.allclose(barycentric(points, corners), wanted, atol=1e-6)


def test_outside_a_triangle_the_nearest_point_counts() -> None:
    rng = np.random.default_rng(4)
    corners, points = rng.random((40, 3, 2)) * 10, rng.random((40, 2)) * 14 - 2
    found = np.einsum("nk,nkd->nd", barycentric(points, corners), corners)
    dense = rng.dirichlet([0.4, 0.4, 0.4], 4000)
    for point, triangle, here in zip(points, corners, found):
        least = np.linalg.norm(dense @ triangle - point, axis=1).min()
        assert np.linalg.norm(here - point) <= least + 1e-6


def test_nearest_inside_is_the_slow_search() -> None:
    inside = np.random.default_rng(1).random((20, 30)) > 0.9
    found = nearest_inside(inside)
    where = np.argwhere(inside)
    for y, x in np.ndindex(inside.shape):
        distance = np.hypot(*(where - [y, x]).T)
        row, column = divmod(found[y, x], 30)
        assert inside[row, column]
        assert np.hypot(row - y, column - x) <= distance.min() * 1.1 + 0.3  # cv2 measures with a 3 x 3 mask
