"""One idea, one word: what the house calls by another name does not come back, in code or in prose."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
ROOT = TOP / "src" / "maquette"
# Nowhere: the word, and what to say instead.
ANYWHERE = {
    "askance": "at a grazing angle",
    "calm": "smoothed, undisturbed",
    "closeup": "crop",
    "figure": "person, body, number",
    "figures": "people, bodies, numbers",
    "footage": "clip, video",
    "led": "preferred, chosen by",
    "mannequin": "body",
    "mannequins": "bodies",
    "nought": "zero",
    "stranger": "third-party, unknown",
    "strangers": "third-party, unknown",
    "tells": "reports, says, gives",
    "told": "reported, said, given",
    "unlooked": "unseen",
}
# Not in the name of a file, function or class; in a sentence of plain English they are fine.
IN_NAMES = {
    "helper": "what it does",
    "helpers": "what they do",
    "manager": "what it does",
    "people": "person",
    "util": "what it does",
    "utils": "what they do",
}
# (file or folder, word): why it is the right one there.
EXCEPTIONS = {
    ("src/maquette/evaluation/table.py", "figure"): "matplotlib's class",
    ("src/maquette/reconstruction/pifuhd/data/pifuhd-small.md", "figures"): "the name of a folder in that training",
    ("src/maquette/perception", "people"): "the package that finds several in one frame",
}


def split(text: str) -> set[str]:
    """The words of a text in small letters; `aName` and `a_name` are two words each."""
    return {word.lower() for word in re.findall(r"[A-Za-z]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text))}


def defined(path: Path) -> set[str]:
    """The words in the names that a file of Python gives: its own and those of its functions and classes."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    given = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]
    return split(" ".join([*given, path.stem]))


def wrong(path: Path) -> dict[str, str]:
    """Words of a file that are not the house's, and what to say instead."""
    place = path.relative_to(TOP).as_posix()
    excepted = {word for (where, word) in EXCEPTIONS if f"{place}/".startswith(f"{where}/")}
    found = {word: better for word, better in ANYWHERE.items() if word in split(path.read_text())}
    if path.suffix == ".py":
        found |= {word: better for word, better in IN_NAMES.items() if word in defined(path)}
    return {word: better for word, better in found.items() if word not in excepted}


def rooms() -> dict[str, list[Path]]:
    """Texts by room: every package, and what lies beside them."""
    texts: dict[str, list[Path]] = {"docs": sorted((TOP / "docs").glob("*.md")), "README": [TOP / "README.md"]}
    for path in sorted([*ROOT.rglob("*.py"), *ROOT.rglob("*.md")]):
        inner = path.relative_to(ROOT)
        texts.setdefault(inner.parts[0] if len(inner.parts) > 1 else "maquette", []).append(path)
    return texts


@pytest.mark.parametrize("room", rooms())
def test_one_idea_has_one_word(room):
    found = [
        f"{path.relative_to(TOP)}: {word!r}: say {better}"
        for path in rooms()[room]
        for word, better in wrong(path).items()
    ]
    assert not found, "\n".join(found)


def test_a_word_inside_a_name_is_seen():
    assert {"told", "figure", "utils"} <= split("def was_told(aFigure): numpy.UtilsOf")
    assert "led" not in split("called settled ledger")
