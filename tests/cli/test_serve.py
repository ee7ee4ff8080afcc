"""`maquette serve`: its errors are one line, and its address is said."""

from __future__ import annotations

import pytest

from maquette.cli.main import run
from maquette.web import serve


@pytest.mark.parametrize("words", [["--host", "0.0.0.0"], ["--token", "short"], ["--port", "99999"]], ids=" ".join)
def test_what_cannot_be_served_is_one_line(words, capsys, tmp_path):
    assert run(["serve", "--no-open", "--folder", str(tmp_path / "s"), *words]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1 and not (tmp_path / "s").exists()


def test_the_token_comes_from_the_environment_too(monkeypatch, capsys):
    seen = []
    monkeypatch.setenv("MAQUETTE_TOKEN", "from the environment")
    monkeypatch.setattr(serve, "serve", lambda options, ready: (seen.append(options), ready("http://0.0.0.0:1/")))
    assert run(["serve", "--host", "0.0.0.0"]) == 0
    assert seen[0].token == "from the environment"
    assert capsys.readouterr().out == "maquette is at http://0.0.0.0:1/ (Ctrl-C ends it)\n", "and no browser is opened"
