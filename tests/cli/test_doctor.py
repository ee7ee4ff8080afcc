"""`maquette doctor`: passes here, and says what to do where something is missing."""

from __future__ import annotations

import pytest

from maquette.cli import doctor, system
from maquette.cli.main import run


def test_this_machine_is_well(capsys):
    code = run(["doctor"])
    out = capsys.readouterr().out
    assert code == 0, out
    assert "H.264" in out and "off-screen" in out and "maquette-head" in out and "ai-edge-litert" in out


def test_anything_missing_is_exit_code_3(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "checks", lambda: iter([("python", True, "3.11"), ("numpy", False, "not installed")]))
    assert run(["doctor"]) == 3
    assert "MISSING numpy" in capsys.readouterr().out


def test_python_versions():
    assert doctor.python_version((3, 11, 0))[1] and doctor.python_version((3, 14, 1))[1]
    assert not doctor.python_version((3, 10, 9))[1]


def test_a_failed_import_names_the_apt_package():
    code = "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    assert doctor.tried(code, "import cv2", "loads") == (
        "import cv2",
        False,
        "the system library libGL.so.1 is missing: run: sudo apt-get install libgl1",
    )


def test_a_crash_is_reported():
    _, fine, words = doctor.tried("import os; os.abort()", "import cv2", "loads")
    assert not fine and "crashed" in words


def test_packages_that_are_absent_or_too_old_are_named(monkeypatch):
    from packaging.requirements import Requirement

    from maquette.cli import installed

    needs = [Requirement("no-such-package>=1"), Requirement("typer>=999"), Requirement("rich>=1")]
    monkeypatch.setattr(installed, "requirements", lambda _: iter(needs))
    assert [(name, fine) for name, fine, _ in doctor.packages()] == [
        ("no-such-package", False),
        ("typer", False),
        ("rich", True),
    ]


def test_missing_data_is_reported(monkeypatch):
    from maquette.core.errors import WeightsMissing
    from maquette.weights import store

    def missing(_):
        raise WeightsMissing("head.safetensors is missing")

    monkeypatch.setattr(store, "fetch", missing)
    assert [fine for _, fine, _ in doctor.data()] == [False] * len(store.zoo())


@pytest.mark.parametrize("library, package", system.PACKAGES.items())
def test_every_known_library_has_a_remedy(library, package):
    error = ImportError(f"{library}: cannot open shared object file: No such file or directory")
    assert system.remedy(error).endswith(f"sudo apt-get install {package}")


def test_an_unknown_library_is_named():
    error = ImportError("libfoo.so.3: cannot open shared object file: No such file or directory")
    assert "libfoo.so.3" in system.remedy(error)
