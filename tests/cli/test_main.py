"""The command itself: quick to answer, honest about what it does not know."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import fields

import pytest

from maquette.cli.main import app, run
from maquette.cli.terminal import progress_bar, say
from maquette.core.check import field_help
from maquette.core.options import Options

HELP = "from maquette.cli.main import run; run(['--help'])"
HEAVY = {
    *("av", "cv2", "lightning_fabric", "matplotlib", "ai_edge_litert", "numpy", "PIL", "pyvista", "scipy", "skimage"),
    *("torch", "trimesh", "vtkmodules"),
}


def test_help_is_quick(cpu_seconds):
    assert cpu_seconds(HELP) < max(0.5, 20 * cpu_seconds("pass")), "the second for slow machines"


def test_help_loads_nothing_heavy():
    code = HELP + "; import sys; sys.stderr.write(' '.join({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stderr.split()
    assert not HEAVY & {*loaded}


def test_every_command_has_help(capsys):
    names = [row.name for row in (*app.registered_commands, *app.registered_groups)]
    assert {"face", "synth", "evaluate", "train", "methods", "weights", "doctor", "licenses"} <= {*names}
    for name in names:
        assert run([name, "--help"]) == 0
        assert "Usage: " in capsys.readouterr().out


def test_every_option_is_a_flag_with_its_docstring(capsys):
    for command in ("face", "person", "pet", "video"):
        run([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for stage in fields(Options):
        for name, text_of_field in field_help(type(stage.default)).items():
            assert f"--{name.replace('_', '-')}" in text
            assert text_of_field in text


@pytest.mark.parametrize("command", ["serv", "bach", "fase"])
def test_an_unknown_command_is_one_line_that_lists_the_known_ones(command, capsys):
    assert run([command, "x.jpg"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and command in err and "face" in err


def test_version(capsys):
    from importlib.metadata import version

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"maquette {version('maquette')}\n"


def test_methods_and_weights_list_their_tables(capsys):
    from maquette.reconstruction.methods import methods
    from maquette.weights.store import zoo

    for words, names in ((["methods"], [row.name for row in methods()]), (["weights", "list"], zoo())):
        assert run(words) == 0
        shown = capsys.readouterr().out
        assert names and all(name in shown for name in names)


def test_bare_command_shows_help(capsys):
    for arguments in ([], ["weights"]):
        assert run(arguments) == 2
        lines = "".join(capsys.readouterr()).splitlines()
        assert lines[0].startswith("Usage: ") and len(lines) > 5, "laid out as --help, not as an error"


def test_a_file_name_that_begins_with_a_dash_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-me.jpg").touch()
    assert run(["face", "-me.jpg", "-o", "out"]) == 2
    assert "put -- before the name of the file -me.jpg" in capsys.readouterr().err


def test_a_defect_is_one_line_and_no_traceback(monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("maquette.cli.main.app", broken)
    assert run(["methods"]) == 1
    err = capsys.readouterr().err
    assert "internal error (RuntimeError: two lines)" in err and err.count("\n") == 1


def test_progress_on_a_terminal_leaves_stdout_to_its_file(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, file = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(sys, "stdout", file)
    with progress_bar(1, shown=True) as show:
        show("me", "reading")
        say("me.jpg: out/me/face-1")
    assert file.getvalue() == "me.jpg: out/me/face-1\n"
    assert "me.jpg" not in terminal.getvalue() and "me" in terminal.getvalue()


def test_python_dash_m_is_the_same_program():
    done = subprocess.run([sys.executable, "-m", "maquette", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("maquette ")
    done = subprocess.run([sys.executable, "-m", "maquette", "fase"], capture_output=True, text=True)
    assert done.returncode == 2 and "fase" in done.stderr and "Traceback" not in done.stderr
