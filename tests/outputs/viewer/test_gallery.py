"""Pages of folders that are there already: made where they are missing, galleries of many, harmless names."""

from __future__ import annotations

import json

import pytest

from browser import data_of
from maquette.core.errors import BadInput
from maquette.outputs.viewer.gallery import MOST_GLB, gallery, page_beside, page_of, result_folders


def put(folder, glb=b"glTF....", **report):
    folder.mkdir(parents=True)
    (folder / "head.glb").write_bytes(glb)
    (folder / "report.json").write_text(json.dumps(report))
    return folder


def test_results_are_found_at_any_depth_and_links_are_not_followed(tmp_path):
    found = [put(tmp_path / "a" / "face-1"), put(tmp_path / "b" / "face-2")]
    (tmp_path / "away").symlink_to(tmp_path / "a")
    assert result_folders(tmp_path) == found and result_folders(found[0]) == found[:1]


def test_a_page_is_made_once_with_the_report_s_warnings(tmp_path):
    folder = put(tmp_path / "face-1", warnings=["dark", 3])
    page = page_of(folder)
    assert data_of(page.read_bytes())["warnings"] == ["dark"]
    before = page.stat().st_mtime_ns
    assert page_of(folder) == page and page.stat().st_mtime_ns == before


@pytest.mark.parametrize("report", ["", "[]", '{"warnings": 3}', "[" * 100_000, '{"warnings": null}'])
def test_a_broken_report_costs_its_warnings_only(tmp_path, report):
    folder = put(tmp_path / "face-1")
    (folder / "report.json").write_text(report)
    assert data_of(page_of(folder).read_bytes())["warnings"] == []


def test_what_is_no_model_is_one_line(tmp_path):
    with pytest.raises(BadInput, match="not a binary glTF file"):
        page_of(put(tmp_path / "a", b"<html>"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no result"):
        page_of(tmp_path / "empty")
    large = tmp_path / "large.glb"
    with large.open("wb") as file:
        file.truncate(MOST_GLB + 1)
    with pytest.raises(BadInput, match="at most 256 MB"):
        page_beside(large, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists() and not (tmp_path / "a" / "view.html").exists()


def test_a_gallery_has_a_card_for_each_and_names_stay_text(tmp_path):
    folders = [put(tmp_path / name / "face-1") for name in ("plain", '"><img src=x>', "javascript:alert(1)", "a b#?c")]
    text = gallery(tmp_path, [page_of(folder) for folder in folders]).read_text()
    assert text.count("<li>") == 4 and "<img src=x" not in text
    assert 'href="./javascript%3Aalert%281%29/face-1/view.html"' in text
    assert 'href="./a%20b%23%3Fc/face-1/view.html"' in text
