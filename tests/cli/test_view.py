"""`maquette view`: the page of what is finished."""

from __future__ import annotations

import webbrowser

from maquette.cli.main import run


def test_one_result_opens_its_own_page(tmp_path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    (tmp_path / "pet.glb").write_bytes(b"glTF")
    assert run(["view", str(tmp_path)]) == 0
    assert opened == [(tmp_path / "view.html").resolve().as_uri()]
    assert capsys.readouterr().out.strip() == str(tmp_path / "view.html")


def test_several_open_a_gallery_and_a_file_its_own_page(tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "person.glb").write_bytes(b"glTF")
    assert run(["view", "--no-open", str(tmp_path)]) == 0
    assert run(["view", "--no-open", str(tmp_path / "a" / "person.glb")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "gallery.html"), str(tmp_path / "a" / "person.html")]


def test_nothing_to_show_is_one_line(tmp_path, capsys):
    for path in (tmp_path, tmp_path / "absent"):
        assert run(["view", "--no-open", str(path)]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
