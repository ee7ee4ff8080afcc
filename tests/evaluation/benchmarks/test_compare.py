"""Two mesh files: known distances come out in the files' unit."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.evaluation.benchmarks import compare
from maquette.evaluation.benchmarks.compare import evaluate_mesh


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Pictures of 64 pixels and few samples; the real numbers are PIFuHD's."""
    from maquette.evaluation import normals

    whole = normals.normal_error
    monkeypatch.setattr(compare, "normal_error", lambda a, b: whole(a, b, 64))
    for name in ("distances", "normal_angles"):
        function = getattr(compare, name)
        monkeypatch.setattr(compare, name, lambda *given, of=function: of(*given, samples=1500))


def test_spheres(tmp_path, sphere, write_obj):
    a, b = write_obj(tmp_path / "a.obj", sphere(1.05, 3)), write_obj(tmp_path / "b.obj", sphere(1.0, 3))
    table = evaluate_mesh(a, b)
    assert table.column("alignment") == list(compare.ALIGNMENTS)
    lies, rigid, free = table.column("P2S A to B")
    assert lies == pytest.approx(0.05, rel=0.03) == rigid and free < 1e-3
    assert table.column("chamfer")[0] == pytest.approx(0.05, rel=0.03)
    assert table.column("corresponding vertices") == pytest.approx([0.05, 0.05, 0], abs=1e-4)
    assert table.column("normal angle deg")[2] < 3
    assert evaluate_mesh(a, a).column("chamfer") == pytest.approx([0, 0, 0], abs=1e-9)


def test_a_scaled_mesh_has_scaled_distances(tmp_path, sphere, write_obj):
    names = [write_obj(tmp_path / f"{k}.obj", sphere(r, 2)) for k, r in enumerate((1.0, 1.2, 1000.0, 1200.0))]
    small, large = evaluate_mesh(names[1], names[0]), evaluate_mesh(names[3], names[2])
    assert large.column("chamfer")[0] == pytest.approx(1000 * small.column("chamfer")[0], rel=1e-4)
    assert large.column("F-score at 0.01 diagonal")[0] == small.column("F-score at 0.01 diagonal")[0]
    assert large.column("normal error")[0] == pytest.approx(small.column("normal error")[0], rel=1e-3)


def test_other_topology_has_no_vertex_score(tmp_path, sphere, write_obj):
    a, b = write_obj(tmp_path / "a.obj", sphere(1.0, 2)), write_obj(tmp_path / "b.obj", sphere(1.0, 3))
    assert evaluate_mesh(a, b).column("corresponding vertices") == [None] * 3


def test_a_mesh_without_faces_is_named(tmp_path, sphere, write_obj):
    write_obj(tmp_path / "a.obj", sphere(1.0, 2))
    (tmp_path / "b.obj").write_text("v 0 0 0\nv 1 1 1\n")
    with pytest.raises(BadInput, match=r"b.obj: has no faces"):
        evaluate_mesh(tmp_path / "a.obj", tmp_path / "b.obj")
    assert np.isfinite(sphere(1.0, 2).diagonal)
