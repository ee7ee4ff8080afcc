"""The table: honest JSON, Markdown that stays a table, curves that count."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from maquette.core.errors import BadInput
from maquette.evaluation.table import Table, cumulative


def sample():
    rows = (("us | they", np.float32(1.5), 3), ("none", float("nan"), None))
    return Table("a test", ("who", "mm", "n"), rows, ("a\nremark",), {"a": np.arange(10.0), "file": np.ones(3)}, "mm")


def test_json_has_no_nan_and_keeps_the_rows():
    reported = json.loads(sample().to_json())
    assert reported["rows"] == [{"who": "us | they", "mm": 1.5, "n": 3}, {"who": "none", "mm": None, "n": None}]
    assert reported["curves"] == {"a": 10, "file": 3}


def test_markdown_stays_a_table():
    lines = sample().to_markdown().splitlines()
    assert lines[4] == "| us \\| they | 1.500 | 3 |" and lines[5] == "| none | - | - |"
    assert lines[-1] == "- a remark"


def test_files(tmp_path):
    paths = sample().save(tmp_path / "new" / "out")
    assert [path.name for path in paths] == ["scores.json", "scores.md", "curves.npz", "ced.png"]
    assert Image.open(paths[3]).size == (900, 600)
    with np.load(paths[2], allow_pickle=False) as curves:
        assert curves["labels"].tolist() == ["a", "file"] and np.array_equal(curves["errors_0"], np.arange(10.0))


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(BadInput, match="out: cannot be written"):
        sample().save(tmp_path / "out")


@pytest.mark.parametrize("curves", [{"a": np.array([1.0, np.nan])}, {"a": np.array([np.inf])}])
def test_curves_refuse_nan(curves):
    with pytest.raises(ValueError, match="NaN"):
        Table("t", ("a",), (), (), curves)


def test_rows_have_the_columns():
    with pytest.raises(ValueError, match="2 cells, got 1"):
        Table("t", ("a", "b"), ((1,),))


def test_cumulative_is_the_count():
    errors = np.random.default_rng(0).random(200)
    thresholds = np.linspace(-0.1, 1.1, 30)
    slow = [sum(error <= limit for error in errors) / len(errors) for limit in thresholds]
    assert np.allclose(cumulative(errors, thresholds), slow)
