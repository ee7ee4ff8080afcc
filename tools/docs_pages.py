"""Hooks of mkdocs.yml: pages that lie outside docs/, and one page of reference for every room of src/maquette.

mkdocs calls `on_config`, `on_files` and `on_page_markdown`. A link is written for who reads the repository; here it is
turned to the page that was made of its target, and a link to nothing stops the build (`--strict`).
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "src" / "maquette"
LINK = re.compile(r"(?<=\]\()(?!https?://|#)([^)#\s]+)(?=[)#])")
APART = ("options", "types")  # modules of core with a page of their own: everything else speaks of them


def sources() -> dict[str, str]:
    """The page made of each text of the repository, by the text's path relative to the top."""
    pages = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
    pages |= {f"docs/{path.name}": path.name for path in sorted((TOP / "docs").glob("*.md"))}
    for path in sorted(PACKAGE.rglob("*.md")):
        inner = path.relative_to(PACKAGE)
        name = inner.parent if inner.stem == "CARD" else inner.parent.parent / inner.stem
        pages[path.relative_to(TOP).as_posix()] = f"cards/{name.as_posix().replace('/', '-')}.md"
    return pages


def rooms() -> list[str]:
    """The packages below maquette, in alphabetical order."""
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def reference() -> dict[str, str]:
    """The text of each generated page of reference, by its place: the menu's first one, then alphabetical."""
    pages = {"maquette": _names(), "core": _core()}
    pages |= {f"core-{name}": _page(f"maquette.core.{name}") for name in APART}
    pages |= {room: _page(f"maquette.{room}") for room in ["api", *rooms()] if room not in pages}
    return {f"reference/{name}.md": pages[name] for name in sorted(pages, key=lambda name: (name != "maquette", name))}


def _page(module: str, submodules: bool = True) -> str:
    options = "" if submodules else "\n    options:\n      show_submodules: false"
    return f"# {module}\n\n::: {module}{options}\n"


def _core() -> str:
    """The modules of core that have no page of their own."""
    names = sorted(path.stem for path in (PACKAGE / "core").glob("*.py") if path.stem not in ("__init__", *APART))
    return "\n".join([_page("maquette.core", submodules=False), *(f"::: maquette.core.{name}\n" for name in names)])


def _names() -> str:
    """The front door: what `import maquette` gives, and where each name is described."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assigned = next(n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "_HOMES")
    homes: dict[str, tuple[str, ...]] = ast.literal_eval(assigned)
    lines = [f"- [`maquette.{name}`][{home}.{name}]" for home, names in homes.items() for name in names]
    return "\n".join([_page("maquette", submodules=False), "## Public names", "", *lines, ""])


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The menu: what is written for people first, then the cards and the reference."""
    pages = sources()
    written = [page for path, page in pages.items() if path.startswith("docs/")]
    cards = sorted(page for page in pages.values() if page.startswith("cards/"))
    config.nav = [
        {"maquette": "index.md"},
        {"Guide": written},
        {"Cards": [{PurePosixPath(page).stem: page} for page in cards]},
        {"Reference": list(reference())},
        {"Project": ["changelog.md", "contributing.md"]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages whose text does not lie in docs/."""
    for path, page in sources().items():
        if not path.startswith("docs/"):
            files.append(File.generated(config, page, content=(TOP / path).read_text(encoding="utf-8")))
    for page, text in reference().items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """The page with its links turned to pages.

    Raises:
        PluginError: a link to what is no page and no picture of docs/.
    """
    pages = sources()
    origins = {made: path for path, made in pages.items()}
    here = page.file.src_uri
    if here not in origins:
        return markdown
    folder = (TOP / origins[here]).parent

    def turned(match: re.Match[str]) -> str:
        path = Path(os.path.normpath(folder / match[1]))
        target = pages.get(path.relative_to(TOP).as_posix())
        if target is None and (TOP / "docs") in path.parents and path.is_file():
            target = path.relative_to(TOP / "docs").as_posix()
        if target is None:
            raise PluginError(f"{origins[here]}: the link to {match[1]} leads to no page")
        return os.path.relpath(target, PurePosixPath(here).parent).replace(os.sep, "/")

    return LINK.sub(turned, markdown)
