"""Documents that are not executed become false: commands, examples, tables and doctests are run here."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest
import typer

import maquette
from maquette.cli.main import app, run
from maquette.core.types import Subject
from maquette.evaluation.tasks import TASKS
from maquette.pipeline import photo as pipeline

TOP = Path(__file__).parents[1]
PAGES = sorted([*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONG = {
    "batch",
    "evaluate",
    "serve",
    "synth",
    "train",
    "translate",
    "upscale",
    "video",
    "weights",
}  # minutes, or files of yours: only read
MODULES = ["maquette", *(m.name for m in pkgutil.walk_packages(maquette.__path__, "maquette."))]


def blocks(language):
    for page in PAGES:
        for number, (name, text) in enumerate(FENCE.findall(page.read_text()), 1):
            if name == language:
                yield pytest.param(text, id=f"{page.name}-{number}")


def commands():
    for block in blocks("bash"):
        for number, line in enumerate(block.values[0].splitlines(), 1):
            yield pytest.param(shlex.split(line, comments=True), id=f"{block.id}-line{number}")


def parse(words):
    """Read the words as the command would, flags and values and all, without running it."""
    command, name = typer.main.get_command(app), "maquette"
    context = command.make_context(name, list(words), resilient_parsing=True)
    while hasattr(command, "get_command"):
        name, *words = words
        command = command.get_command(context, name)
        assert command, f"{name}: not known"
        # A group would take its subcommand's flags for its own.
        context = command.make_context(name, list(words), context, resilient_parsing=hasattr(command, "get_command"))
    if name == "evaluate":
        task = TASKS[context.params["task"]]
        assert len(context.params["inputs"] or ()) == len(task.inputs), f"wanted {task.inputs}"


def test_words_that_no_command_takes_are_seen():
    for words, message in (
        ("train fase -o out", "not known"),
        ("train face", "out"),
        ("train face -o out --datum x", "No such option"),
        ("evaluate mesh a.obj", "wanted"),
        ("evaluate images a b --border wide", "integer"),
        ("video a.mp4 -o out --evry 2", "No such option"),
    ):
        with pytest.raises(Exception, match=message):
            parse(words.split())


@pytest.fixture
def desk(stand_ins, photo, tmp_path, monkeypatch):
    """A folder with the photos that the documents speak of; stages are stand-ins, and everybody is a face."""
    for kind in (Subject.PERSON, Subject.PET):
        monkeypatch.setitem(pipeline.OBSERVERS, kind, pipeline.OBSERVERS[Subject.FACE])
    monkeypatch.setitem(pipeline.WHOLE, Subject.PET, pipeline.OBSERVERS[Subject.FACE])
    monkeypatch.chdir(tmp_path)
    for name in ("me.jpg", "left.jpg", "front.jpg", "right.jpg", "cat.jpg", "dog.jpg"):
        photo(name)
    return tmp_path


@pytest.mark.parametrize("words", list(commands()))
def test_commands_in_the_documents_work(words, desk):
    words = [word for word in words if not re.fullmatch(r"[A-Z_]+=.*", word)] if words[0] != "make" else words
    if words[0] == "make":
        if not shutil.which("make"):
            pytest.skip("no make here")
        made = subprocess.run(["make", "--dry-run", *words[1:]], cwd=TOP, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        return
    assert words[0] == "maquette", f"how is {words[0]} to be tried?"
    if words[1] in LONG:
        parse(words[1:])
        return
    arguments = [str(p) for w in words[1:] for p in (sorted(desk.glob(w)) if "*" in w else [w])]
    assert run(arguments) == 0
    assert (desk / "out" / "summary.json").is_file()


@pytest.mark.parametrize("text", list(blocks("python")))
def test_python_in_the_documents_runs(text, desk):
    if "trimesh" in text:
        ast.parse(text)
        pytest.skip("reads a result of an earlier run")
    exec(compile(text, "document", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).is_file(), target


def test_the_documents_name_every_file_of_a_result():
    from maquette.outputs.writers import WRITERS

    text = "".join((TOP / page).read_text() for page in ("README.md", "docs/people.md", "docs/faces_in_video.md"))
    for name in WRITERS:
        assert any(f"`{name.replace('{stem}', stem)}`" in text for stem in ("head", "person")), name


def test_the_readme_fits_on_a_screen_and_promises_no_absent_command():
    lines = (TOP / "README.md").read_text().splitlines()
    assert len(lines) <= 80
    for command in re.findall(r"`maquette (\w+)", "\n".join(lines)):
        assert run([command, "--help"]) == 0, command


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name):
    module = importlib.import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags).failed == 0


@pytest.mark.parametrize("path", sorted((TOP / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_run(path, astronaut, tmp_path, monkeypatch, capsys):
    """The real thing, made small: every example takes OUT as its first argument."""
    import runpy

    small = {"texture_size": 256, "turntable": False}
    for door in ("face", "person"):
        made = partial(lambda whole, photos, **given: whole(photos, **{**small, **given}), getattr(maquette, door))
        monkeypatch.setattr(maquette, door, made)
    monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path / "out")])
    runpy.run_path(str(path), run_name="__main__")
    assert [*(tmp_path / "out").rglob("head.glb"), *(tmp_path / "out").rglob("person.glb")]
    assert str(tmp_path / "out") in capsys.readouterr().out


def test_pictures_are_ours_and_small():
    for path in (TOP / "docs" / "images").iterdir():
        assert path.suffix in {".jpg", ".png"} and path.stat().st_size < 600_000


def test_constraints_pin_every_dependency():
    from packaging.requirements import Requirement

    from maquette.cli.installed import closure, normal, of_cuda

    lines = [line for line in (TOP / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert not [line for line in lines if "+" in line or "@" in line or "/" in line], "no local builds, no paths"
    pins = {normal(Requirement(line).name) for line in lines}
    assert {name for name in closure("maquette", ("heic", "dev")) if not of_cuda(name)} <= pins
    declared = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]["docs"]
    assert {normal(Requirement(line).name) for line in declared} <= pins
    assert "torch==2.13.0" in lines


def test_the_hook_of_a_commit_has_the_pinned_linter():
    pinned = re.search(r"^ruff==(.+)$", (TOP / "constraints.txt").read_text(), re.MULTILINE)
    hooked = re.search(r"ruff-pre-commit\n +rev: v(.+)\n", (TOP / ".pre-commit-config.yaml").read_text())
    assert pinned and hooked and pinned[1] == hooked[1]


def test_the_workflow_runs_the_oldest_python_and_none_that_is_too_old():
    from packaging.specifiers import SpecifierSet

    text = (TOP / ".github/workflows/test.yml").read_text()
    allowed = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["requires-python"]
    pythons = re.findall(r'"([\d.]+)"', re.search(r"^ +python: \[(.+)\]$", text, re.MULTILINE)[1])
    assert f">={pythons[0]}" == allowed and all(python in SpecifierSet(allowed) for python in pythons)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no make")
def test_make_finds_a_python_that_runs():
    assert shutil.which("make")
    planned = subprocess.run(
        ["make", "--dry-run", "VENV=/nonexistent/venv", "demo"], cwd=TOP, capture_output=True, text=True
    )
    assert planned.returncode == 0 and re.search(r"python3?(\.\d+)? -m venv", planned.stdout), planned.stdout
