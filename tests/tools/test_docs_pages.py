"""The pages of the site: every text is one, every room has a reference, links lead on. mkdocs itself is a stand-in."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

TOP = Path(__file__).parents[2]
LIBRARIES = {
    "griffe": {"Extension": object, "Object": object},
    "mkdocs": {},
    "mkdocs.config": {},
    "mkdocs.config.defaults": {"MkDocsConfig": object},
    "mkdocs.exceptions": {"PluginError": ValueError},
    "mkdocs.structure": {},
    "mkdocs.structure.files": {"File": object, "Files": object},
    "mkdocs.structure.pages": {"Page": object},
}


@pytest.fixture
def tool(monkeypatch):
    """A function that loads a tool of the documents."""
    for name, members in LIBRARIES.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, TOP / "tools" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_every_text_is_a_page_of_its_own(tool):
    pages = tool("docs_pages").sources()
    texts = {*TOP.glob("docs/*.md"), *TOP.glob("src/**/*.md"), TOP / "README.md", TOP / "CONTRIBUTING.md"}
    assert {path.relative_to(TOP).as_posix() for path in texts} <= pages.keys()
    assert len({*pages.values()}) == len(pages)


def test_every_room_has_a_page_of_reference(tool):
    pages = tool("docs_pages").reference()
    for path in TOP.glob("src/maquette/*/__init__.py"):
        assert f"::: maquette.{path.parent.name}\n" in pages[f"reference/{path.parent.name}.md"]
    assert "[`maquette.face`][maquette.api.face]" in pages["reference/maquette.md"]
    assert next(iter(pages)) == "reference/maquette.md" and "reference/core-types.md" in pages


def test_links_lead_to_pages_and_pictures(tool):
    pages = tool("docs_pages")

    def turned(text: str, page: str) -> str:
        return pages.on_page_markdown(text, page=SimpleNamespace(file=SimpleNamespace(src_uri=page)))

    readme = "![a](docs/images/overview.jpg) [b](docs/training.md#a-recipe) [c](https://a.b) [d](#top)"
    assert (
        turned(readme, "index.md") == "![a](images/overview.jpg) [b](training.md#a-recipe) [c](https://a.b) [d](#top)"
    )
    card = next(path for path in pages.sources() if path.endswith("vrn/CARD.md"))
    there = pages.sources()[card]
    assert turned(f"[card](../{card})", "how_it_works.md") == f"[card]({there})"
    assert turned("[up](../../../../docs/training.md)", there) == "[up](../training.md)"
    with pytest.raises(ValueError, match=r"none\.md leads to no page"):
        turned("[x](docs/none.md)", "index.md")
    assert turned("[x](none.md)", "reference/core.md") == "[x](none.md)", "generated pages have links of their own"


def test_docstrings_become_googles(tool):
    google = tool("docs_docstrings").google
    text = "Add.\n\nArgs:\n    a, b: (N, 3),\n        metres.\n    c: more.\n\nExample:\n    >>> 1\n    1"
    assert google(text) == (
        "Add.\n\nArgs:\n    a: (N, 3),\n        metres.\n    b: (N, 3),\n        metres.\n    c: more.\n\n"
        "Examples:\n    >>> 1\n    1"
    )
    assert google("Nothing, here: or there.") == "Nothing, here: or there."
