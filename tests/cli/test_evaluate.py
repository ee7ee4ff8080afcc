"""`maquette evaluate`: every task is listed and really there, wrong words are one line, JSON is only JSON."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from maquette.cli import evaluate
from maquette.cli import main as cli
from maquette.core.options import OutputOptions, options_from
from maquette.evaluation.table import Table
from maquette.outputs.asset import open_asset
from maquette.outputs.reports.parameters import write_parameters
from results import make_result


@pytest.fixture
def points(tmp_path):
    """A set of two .mat and predictions that are 2 % off."""
    truth = np.random.default_rng(0).uniform(0, 100, (68, 3))
    truth[0, :2], truth[1, :2] = 0, 100
    for name in ("one", "two"):
        savemat(
            tmp_path / f"{name}.mat",
            {"pt3d_68": truth.T + np.array([[0.5], [0.5], [0]]), "Pose_Para": np.zeros((1, 7))},
        )
    np.savez(tmp_path / "mine.npz", one=truth + np.array([2, 0, 0]), two=truth + np.array([2, 0, 0]))
    return tmp_path


def run(*words):
    return cli.run(["evaluate", *map(str, words)])


def test_help_names_every_task(capsys):
    assert run("--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    for name, task in evaluate.TASKS.items():
        assert f"{' '.join([name, *task.inputs])}: {task.text}" in text


@pytest.mark.parametrize("name", evaluate.TASKS)
def test_every_task_is_a_function(name):
    task = evaluate.TASKS[name]
    for path in filter(None, (task.function, task.count)):
        module, function = path.split(":")
        if find_spec(module) is None:
            pytest.skip(f"{module} is not there yet")
        assert callable(getattr(import_module(module), function))


def test_a_table_its_files_and_json(points, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("landmarks", points, "--predictions", points / "mine.npz", "-o", out) == 0
    reported = capsys.readouterr()
    assert "| yaw 0-30 | 2 | 2 | 2.000 |" in reported.out and reported.err == "" and "ced.png" in reported.out
    assert {path.name for path in out.iterdir()} == {"scores.json", "scores.md", "curves.npz", "ced.png"}
    assert run("landmarks", points, "--predictions", points / "mine.npz", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["NME %"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    "words, reported",
    [
        (["landmark", "x"], "task 'landmark': not known; known: landmarks, scans, now"),
        (["mesh", "a.obj"], "evaluate mesh: wanted A B, got a.obj"),
        (["scans"], "evaluate scans: wanted FOLDER, got nothing"),
        (["mesh", "a.obj", "b.obj", "--predictions", "c"], "--predictions: evaluate mesh does not take it"),
        (["mesh", "a.obj", "b.obj", "--border", "2"], "--border: evaluate mesh does not take it"),
        (["images", "a", "b", "--photos", "c"], "--photos: evaluate images does not take it"),
        (["images", "none", "none"], "none: no such folder"),
        (["imagespace", "none"], "none"),
        (["temporal", "none"], "none"),
        (["landmarks", "x", "--unit", "cm"], "--unit: evaluate landmarks does not take it"),
        (["mesh", "none.obj", "none.obj"], "none.obj: cannot be read"),
        (["scans", "none"], "there is no photo"),
        (["now", "none"], "wanted a NoW folder"),
        (["realy", "none"], "wanted a REALY folder"),
        (["feng", "none"], "0 images, 0 scans"),
        (["landmarks", "none"], "wanted a folder with .mat files"),
        (["now", "none", "--device", "abacus"], "device 'abacus'"),
        (["mesh", "a.obj", "b.obj", "--seed", "3"], "--seed: evaluate mesh does not take it here: it runs no method"),
        (["now", "none", "--predictions", "c", "--upscale", "off"], "--upscale: evaluate now does not take it here"),
        (["now", "none", "--together"], "--together: evaluate now scores each photo by itself"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_wrong_words_are_one_line(words, reported, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and reported in err


def test_nan_predictions_and_missing_ones_are_no_score(points, capsys):
    np.savez(points / "nan.npz", one=np.full((68, 2), np.nan), two=np.zeros((68, 2)))
    np.savez(points / "few.npz", one=np.zeros((68, 2)))
    for name, reported in (("nan.npz", "NaN"), ("few.npz", "lacks 1 of 2 images")):
        assert run("landmarks", points, "--predictions", points / name, "--json") == 2
        out, err = capsys.readouterr()
        assert out == "" and reported in err and len(err.splitlines()) == 1


def test_a_task_gets_the_settings_that_it_knows(monkeypatch):
    got = {}

    def task(folder, unit="m", options=None, progress=None):
        got.update(folder=folder, unit=unit, options=options)
        progress("one", "measuring")
        return Table("t", ("a",), ((1,),))

    monkeypatch.setattr(evaluate, "function_of", lambda *_: task)
    evaluate.run_task("feng", ["x"], evaluate.Settings(unit="cm"), options_from(seed=7), shown=False)
    assert got == {"folder": "x", "unit": "cm", "options": options_from(seed=7)}


def test_pictures_are_cut_at_the_border(tmp_path, capsys):
    picture = np.random.default_rng(0).integers(0, 255, (32, 40, 3), np.uint8)
    framed = picture.copy()
    framed[:2], framed[:, -2:] = 0, 255
    for name, pixels in (("a", picture), ("b", framed)):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "one.png")
    rows = []
    for border in (0, 2):
        assert run("images", tmp_path / "a", tmp_path / "b", "--border", border, "--json") == 0
        rows.append(json.loads(capsys.readouterr().out)["rows"][0])
    assert rows[0]["PSNR RGB dB"] < 30 and rows[0]["SSIM RGB"] < 1
    # Identical: infinite, which JSON has no word for.
    assert rows[1]["PSNR RGB dB"] is None and rows[1]["SSIM RGB"] == pytest.approx(1)
    assert run("images", tmp_path / "a", tmp_path / "b", "--border", 16) == 2
    assert "border: 16 pixels leave nothing" in capsys.readouterr().err


def test_a_clip_as_text(tmp_path, capsys):
    (tmp_path / "one.npz").write_bytes(write_parameters(open_asset(make_result(texture_side=8), OutputOptions())))
    with np.load(tmp_path / "one.npz") as stored:
        arrays = dict(stored)
    for number in range(3):
        place = tmp_path / "out" / f"f{number}" / "face-1"
        place.mkdir(parents=True)
        np.savez(place / "parameters.npz", **{**arrays, "photo": np.array([f"f{number}.jpg"])})
    assert run("temporal", tmp_path / "out", "-o", tmp_path / "scores") == 0
    reported = capsys.readouterr().out
    assert "# Steadiness: out, 3 frames" in reported and "| face-1 | 3 | 1 | 0.000 |" in reported
    assert (tmp_path / "scores" / "ced.png").is_file()


@pytest.mark.parametrize("failed,status", [("", 0), ("face IoU", 1)])
def test_results_that_do_not_fit_their_photos_are_an_exit_code(failed, status, tmp_path, monkeypatch, capsys):
    got = []

    def task(out_folder, photos=None, normals=None):
        got.extend([out_folder, photos, normals])
        return Table("t", ("result", "failed"), (("someone", failed),))

    monkeypatch.setattr("maquette.evaluation.image_space.evaluate.evaluate_imagespace", task)
    folders = [tmp_path / "out", tmp_path / "photos", tmp_path / "normals"]
    words = ["imagespace", folders[0], "--photos", folders[1], "--normals", folders[2], "--json"]
    assert run(*words) == status and got == folders
    assert json.loads(capsys.readouterr().out)["rows"][0]["failed"] == (failed or "")


def test_people_are_compared_by_name(tmp_path, capsys):
    import trimesh

    for folder, size in (("truth", 1.0), ("mine", 1.02)):
        (tmp_path / folder).mkdir()
        trimesh.creation.icosphere(subdivisions=2, radius=size).export(tmp_path / folder / "someone.ply")
    assert run("people", tmp_path / "mine", tmp_path / "truth", "--json") == 0
    row = json.loads(capsys.readouterr().out)["rows"][0]
    assert row["method"] == "mine" and row["people"] == 1 and row["P2S cm"] == pytest.approx(2, rel=0.05)
