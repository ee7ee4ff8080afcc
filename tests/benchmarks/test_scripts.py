"""The scripts of benchmarks/: each can be started, times what applies, and runs to its table on a tiny input."""

from __future__ import annotations

import csv
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(FOLDER))
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text())


def start(monkeypatch, name, *words):
    """Run main() of a script with these words."""
    script = import_module(name)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, words)])
    script.main()


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_starts_and_has_help(name, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        start(monkeypatch, name, "--help")
    assert ended.value.code == 0 and name in capsys.readouterr().out


def test_works_take_turns():
    timing = import_module("timing")
    turns = []
    works = {name: lambda name=name: turns.append(name) for name in "ab"}
    spent = timing.side_by_side(works, 2)
    assert turns == ["a", "b"] * 3 and set(spent) == {"a", "b"}
    assert all(wall >= 0 and cpu >= 0 for wall, cpu in spent.values())


@pytest.fixture
def speed(monkeypatch, tmp_path):
    """benchmarks/speed.py with small textures, which writes elsewhere."""
    script = import_module("speed")
    monkeypatch.setattr(script, "SMALL", 256)
    monkeypatch.setattr(script, "LARGE", 256)
    monkeypatch.setattr(script, "RESULTS", tmp_path / "speed.csv")
    return script


@pytest.mark.slow
def test_only_files_that_are_written_of_a_face_are_timed(speed, astronaut):
    (result,) = speed.run(astronaut, speed.options_for(256))
    files = speed.files_of(result)
    assert {"head.glb", "head.obj", "texture.png", "overview.jpg", "turntable.mp4", "report.json"} <= set(files)
    assert not {"head.bvh", "volume.glb", "normals_front.png"} & set(files)
    made = {file: speed.write(key, result, 256) for file, key in files.items() if file != "turntable.mp4"}
    assert all(made.values())


@pytest.mark.slow
def test_the_table_of_speeds(speed, monkeypatch, tmp_path):
    monkeypatch.setattr(speed, "COLD_RUNS", 1)
    start(monkeypatch, "speed", "--runs", 1)
    rows = rows_of(tmp_path / "speed.csv")
    named = {row["what"] for row in rows}
    assert {"import maquette", speed.DETECTION, "head.glb", "turntable.mp4"} <= named
    assert sum(float(row["wall_s"]) for row in rows) > 1 and len(rows) > 20


@pytest.mark.slow
def test_what_a_finer_head_costs_is_a_table(monkeypatch, astronaut, tmp_path):
    script = import_module("mesh")
    monkeypatch.setattr(script, "RESULTS", tmp_path / "mesh.csv")
    monkeypatch.setattr(script, "FILES", ("head.glb",))
    start(monkeypatch, "mesh", astronaut, "--runs", 1)
    rows = rows_of(tmp_path / "mesh.csv")
    assert [(row["what"], row["mesh"]) for row in rows[1:]] == [("head.glb", "light"), ("head.glb", "fine")]
    assert int(rows[1]["bytes"]) < int(rows[2]["bytes"]) < 5_000_000


def test_a_person_of_capsules_becomes_a_mesh():
    grid = import_module("pifuhd_grid")
    rows = [grid.once(what, 64, None) for what in (grid.EXACT, grid.FAST)]
    assert rows[0]["vertices"] == rows[1]["vertices"] > 500 and rows[0]["points"] > rows[1]["points"]
    assert "64: host" in grid.goals(rows)[0]


def test_the_passes_of_a_network_agree():
    script = import_module("vrn_speed")
    import torch

    with torch.inference_mode():
        network, picture = script.weighted("small 96")
        works = script.works(network, picture, None)
        assert torch.allclose(works[script.MODULES](), works[script.VOLUME](), atol=1e-4)


def test_the_ablation_has_its_steps_and_a_scan_of_the_average_head_no_error():
    script = import_module("accuracy")
    labels = [label for label, _, _ in script.steps()]
    assert labels[-1] == "both (default)" and len(set(labels)) == len(labels)
    vertices = 1000.0 * script.MODEL.mean.astype(float)
    landmarks = script.EMBEDDING.points(vertices, script.MODEL.faces)[:468]
    scan = vertices[script.MODEL.regions["face"] > 0.9]
    assert script.scan_error(script.MODEL.mean, scan, landmarks) < 1e-3


def test_the_stored_table_of_input_sizes_is_summarised():
    script = import_module("input_size")
    rows = script.read_rows()
    assert {row.variant for row in rows} >= set(script.TRIED)
    lines = script.summary(rows)
    assert lines[0].startswith("| pixels | enlarged |") and "average head, no expression" in lines[-2]


def test_the_surface_error_of_the_truth_is_zero():
    script = import_module("input_size")
    vertices = script.MODEL.mean.astype(float)
    assert script.surface_error(vertices, vertices) < 1e-3
    assert script.surface_error(vertices + np.sin(300 * vertices) / 1000, vertices) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["people_accuracy", "vrn_accuracy", "body_fit"])
def test_one_person_is_measured(name, monkeypatch, tmp_path):
    if name != "vrn_accuracy":
        pytest.importorskip("anny")
    script = import_module(name)
    monkeypatch.setattr(script, "RESULT", tmp_path / "results.csv")
    start(monkeypatch, name, "--people", 2 if name == "body_fit" else 1)  # of the first one only a shadow is seen
    assert rows_of(tmp_path / "results.csv")


@pytest.mark.slow
def test_one_person_at_one_size(monkeypatch, tmp_path):
    script = import_module("input_size")
    monkeypatch.setattr(script, "RESULTS", tmp_path / "sizes.csv")
    monkeypatch.setattr(script, "PLOT", tmp_path / "sizes.png")
    monkeypatch.setattr(script, "WIDTHS", (64,))
    start(monkeypatch, "input_size", "--people", 1)
    assert len(rows_of(tmp_path / "sizes.csv")) > 4 and (tmp_path / "sizes.png").is_file()
