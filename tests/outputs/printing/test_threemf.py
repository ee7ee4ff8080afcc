"""head.3mf: the STL's solid, closed, in millimetres, in the colours of the photo."""

from __future__ import annotations

import locale
import sys

import numpy as np
import pytest

from maquette.core.errors import ExtraMissing
from maquette.core.options import OutputOptions
from maquette.outputs.asset import open_asset
from maquette.outputs.printing import threemf
from maquette.outputs.printing.stl import UNDER_NECK, printed, solid_arrays
from maquette.outputs.printing.threemf import BASE, coloured_points, write_3mf


def opened(data):
    """Vertices, faces and (V, 3) colours of a file, read strictly."""
    lib3mf = pytest.importorskip("lib3mf")
    library = lib3mf.get_wrapper()
    model = library.CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    with threemf.kept_locale():
        reader.ReadFromBuffer(data)
    assert reader.GetWarningCount() == 0 and model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    objects, groups = model.GetMeshObjects(), model.GetColorGroups()
    assert objects.MoveNext() and groups.MoveNext()
    solid, group = objects.GetCurrentMeshObject(), groups.GetCurrentColorGroup()
    assert solid.IsManifoldAndOriented()
    palette = {number: group.GetColor(number) for number in group.GetAllPropertyIDs()}
    vertices = np.array([[*point.Coordinates] for point in solid.GetVertices()])
    faces = np.array([[*corner.Indices] for corner in solid.GetTriangleIndices()])
    colours = np.zeros((len(vertices), 3))
    for face, properties in zip(faces, solid.GetAllTriangleProperties()):
        for vertex, number in zip(face, properties.PropertyIDs):
            colours[vertex] = palette[number].Red, palette[number].Green, palette[number].Blue
    return vertices, faces, colours


@pytest.fixture
def coarse(monkeypatch):
    pytest.importorskip("lib3mf")
    monkeypatch.setattr(threemf, "TRIANGLES", 5000)
    monkeypatch.setattr(threemf, "POINTS", 30_000)


def test_it_is_the_solid_of_the_stl_in_the_heads_colours(coarse, head_result):
    asset = open_asset(head_result, OutputOptions())
    vertices, _, colours = opened(write_3mf(asset))
    plain, _ = solid_arrays(printed(asset))
    assert np.allclose(vertices.min(axis=0), plain.min(axis=0), atol=0.02)
    assert np.allclose(vertices.max(axis=0), plain.max(axis=0), atol=0.02)
    low = vertices[:, 2] < UNDER_NECK.thickness / 2
    assert np.abs(colours[low] - BASE).max() <= 8, "the pedestal has a colour of its own"
    _, known = coloured_points(asset)
    top = vertices[:, 2] > 60
    assert np.abs(np.median(colours[top], axis=0) - np.median(known, axis=0)).max() < 40


def test_the_process_keeps_its_locale(coarse, head_result):
    before = locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(False)
    write_3mf(open_asset(head_result, OutputOptions()))
    assert (locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(False)) == before


def test_points_lie_on_the_surface_with_the_textures_colours(ball_result, head_result):
    for result in (ball_result, head_result):
        asset = open_asset(result, OutputOptions())
        points, colours = coloured_points(asset)
        assert len(points) == len(colours) >= len(asset.mesh.faces) and colours.dtype == np.uint8
        low, high = asset.mesh.vertices.min(axis=0) - 1e-5, asset.mesh.vertices.max(axis=0) + 1e-5
        assert ((points >= low) & (points <= high)).all()


def test_a_missing_library_is_named_with_its_extra(monkeypatch, head_result):
    monkeypatch.setitem(sys.modules, "lib3mf", None)
    monkeypatch.setattr(threemf, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing, match=r"head.3mf: .*pip install 'maquette\[print\]'"):
        write_3mf(open_asset(head_result, OutputOptions()))
