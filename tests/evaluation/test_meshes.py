"""Reading other programs' meshes: vertex order is kept, what cannot be scored is refused in one line."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.meshes import Shape, read_points, read_shape

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)


def test_obj_keeps_vertex_order_colours_and_polygons(tmp_path):
    path = tmp_path / "a.obj"
    lines = ["# c", "mtllib x.mtl", "v 0 0 0 0.5 0.5 0.5", "v 1 0 0", "v 1 1 0", "v 0 1 0", "vt 0 0", "usemtl b"]
    path.write_text("\n".join([*lines, "f 1/1/1 2/1 3 4", "f -4 -3 -2"]))
    shape = read_shape(path)
    assert np.array_equal(shape.vertices, [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    assert shape.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]


@pytest.mark.parametrize("suffix", ["ply", "stl", "glb", "off"])
def test_other_formats(tmp_path, sphere, suffix):
    import trimesh

    shape = sphere(2.0, 2)
    path = tmp_path / f"a.{suffix}"
    trimesh.Trimesh(shape.vertices, shape.faces, process=False).export(path)
    assert abs(read_shape(path).diagonal - shape.diagonal) < 1e-5


@pytest.mark.parametrize(
    "name, text, reported",
    [
        ("points.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\n", "has no faces"),
        ("nan.obj", "v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "NaN"),
        ("far.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "not there"),
        ("zero.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "not there|not an OBJ"),
        ("flat.obj", "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "no triangle has an area"),
        ("empty.obj", "", "vertices"),
        ("letter.obj", "v one two three\n", "line 1: not an OBJ line"),
        ("short.obj", "v 0 0\nv 1 0\nf 1 2 1\n", "not|wanted"),
        ("letter.ply", "Dear sir", "not a readable .ply|no faces|vertices"),
        ("letter.txt", "Dear sir", "wanted a mesh"),
    ],
)
def test_what_cannot_be_scored_is_one_line(tmp_path, name, text, reported):
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=reported) as caught:
        read_shape(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(BadInput, match=r"none.obj: cannot be read"):
        read_shape(tmp_path / "none.obj")


def test_points(tmp_path):
    wanted = np.arange(21.0).reshape(7, 3)
    np.save(tmp_path / "a.npy", wanted)
    np.savetxt(tmp_path / "a.txt", wanted)
    np.savetxt(tmp_path / "b.txt", wanted, delimiter=",")
    rows = "\n".join(f' <point x="{x}" y="{y}" z="{z}" active="1" name="{k}"/>' for k, (x, y, z) in enumerate(wanted))
    (tmp_path / "a.pp").write_text(f"<!DOCTYPE PickedPoints>\n<PickedPoints>\n{rows}\n</PickedPoints>\n")
    for name in ("a.npy", "a.txt", "b.txt", "a.pp"):
        assert np.array_equal(read_points(tmp_path / name, 7), wanted)


@pytest.mark.parametrize("name", ["six.npy", "nan.npy", "letter.npy", "letter.txt", "letter.pp", "none.txt", "bomb.pp"])
def test_bad_points_are_one_line(tmp_path, name):
    if name == "six.npy":
        np.save(tmp_path / name, np.zeros((6, 3)))
    elif name == "nan.npy":
        np.save(tmp_path / name, np.full((7, 3), np.nan))
    elif name == "bomb.pp":
        (tmp_path / name).write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    elif name != "none.txt":
        (tmp_path / name).write_text("Dear sir,\nx\n")
    with pytest.raises(BadInput, match=name):
        read_points(tmp_path / name, 7)


def test_a_pickle_is_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match=r"a.npy"):
        read_points(tmp_path / "a.npy")


@pytest.mark.parametrize("vertices, faces", [(TRIANGLE, np.empty((0, 3))), (TRIANGLE[:, :2], [[0, 1, 2]])])
def test_shapes_are_checked(vertices, faces):
    with pytest.raises(BadInput):
        Shape(vertices, np.asarray(faces, int))


def test_a_head_of_numpy_that_does_not_close_and_a_giant_number_are_bad_input(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data.replace(b")", b" ", 1))
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999999999999999\n")
    with pytest.raises(BadInput, match=r"a\.npy: wanted rows of x y z"):
        read_points(tmp_path / "a.npy")
    with pytest.raises(BadInput, match=r"a\.obj: line 4"):
        read_shape(tmp_path / "a.obj")
