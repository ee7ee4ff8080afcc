"""The house: imports point down, files and functions stay short, style is clean."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
ROOT = TOP / "src" / "maquette"
TESTS = TOP / "tests"
ROWS = [
    "core",
    "geometry weights",
    "sources",
    "imaging morphable",
    "perception",
    "reconstruction",
    "texturing",
    "outputs",
    "pipeline synthesis",
    "evaluation",
    "training",
    "batch web",
    "api cli",
]
ROW = {name: row for row, names in enumerate(ROWS) for name in names.split()}
FILES = sorted(ROOT.rglob("*.py"))
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS, MOST_PIPELINE_LINES = 400, 60, 7, 100
MOST_FILES = 12  # in a folder
LARGE_FOLDERS = {
    "cli": "one short file per command",
    "evaluation/benchmarks": "one file per benchmark",
}
# Tests of no single file of the source: why.
OWN_TESTS = {
    "morphable/test_drawn_heads.py": "heads drawn from the shipped model's prior",
    "outputs/test_people.py": "the writers with people instead of heads",
    "pipeline/face_clip/test_odd_clips.py": "turned, damaged and crowded clips, through the whole story",
    "pipeline/test_real_clip.py": "the whole story on a real clip",
    "sources/test_damaged_video.py": "clips that are cut off, through every reader",
    "synthesis/accessories/test_accessories.py": "what all accessories have in common",
    "web/test_in_browser.py": "the whole app in a real browser, with real work",
    "synthesis/datasets/test_points.py": "the points of person_examples.py: how they are drawn and labelled",
}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST):
    """(line, dotted name) of every import, lazy and typing-only ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write the absolute import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", [p for p in FILES if p != ROOT / "__init__.py"], ids=shown)
def test_imports_point_down(path):
    mine = path.relative_to(ROOT).with_suffix("").parts[0]
    mine = "cli" if mine == "__main__" else mine
    assert mine in ROW, f"{mine} has no row in the house"
    for line, target in imported(ast.parse(path.read_text())):
        if target.split(".")[0] == "maquette":
            theirs = [*target.split("."), ""][1]
            assert theirs == mine or ROW.get(theirs, 99) < ROW[mine], f"line {line}: {mine} imports {target}"


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_files_and_functions_are_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno + 1 <= MOST_FUNCTION_LINES, node.name
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            named = [a for a in arguments if a.arg not in ("self", "cls")]
            assert len(named) <= MOST_PARAMETERS, f"{node.name} takes {len(named)} parameters"


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_every_file_says_its_idea(path):
    assert path.stem not in BANNED_NAMES and path.parent.name not in BANNED_NAMES
    assert ast.get_docstring(ast.parse(path.read_text())), "the file has no docstring"


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_public_things_have_docstrings(path):
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"line {node.lineno}: {node.name}"


def test_a_class_name_means_one_thing():
    homes: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(shown(path))
    shared = {name: places for name, places in homes.items() if len(places) > 1}
    assert not shared, f"a class of this name is there already: {shared}"


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=shown)
def test_a_folder_is_surveyed_at_a_glance(folder):
    files = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= MOST_FILES or shown(folder) in LARGE_FOLDERS, f"{len(files)} files: make a folder of some"


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_mirror_the_source(path):
    place = path.relative_to(TESTS)
    if place.parts[0] not in ROW or place.as_posix() in OWN_TESTS:
        return
    source = ROOT / place.parent / place.name.removeprefix("test_")
    assert source.is_file(), f"no {shown(source)}: name the test after its file, or say in OWN_TESTS what it is of"


def test_exceptions_are_still_needed():
    assert all((TESTS / place).is_file() for place in OWN_TESTS)
    assert all(len([*(ROOT / place).glob("*.py")]) - 1 > MOST_FILES for place in LARGE_FOLDERS)


def test_the_pipeline_can_be_read_at_a_glance():
    for story in ("photo", "video", "upscale", "translate"):
        assert len((ROOT / f"pipeline/{story}.py").read_text().splitlines()) < MOST_PIPELINE_LINES, story


@pytest.mark.parametrize("words", [["check"], ["format", "--check"]], ids=" ".join)
def test_the_style_is_clean(words):
    done = subprocess.run([sys.executable, "-m", "ruff", *words, "."], cwd=TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def module_imports(sources: dict[str, str]) -> dict[str, set[str]]:
    """Module -> the modules of the same sources that it imports, lazy and typing-only imports too."""
    graph = {}
    for module, text in sources.items():
        targets = set()
        for _, name in imported(ast.parse(text)):
            while name and name not in sources:  # a name inside a module
                name = name.rpartition(".")[0]
            targets.add(name)
        graph[module] = targets - {module, ""}
    return graph


def rings(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other (Tarjan 1972), each sorted."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        path.append(node)
        for target in graph[node]:
            if target not in number:
                visit(target)
            if target in path:
                lowest[node] = min(lowest[node], lowest[target])
        if lowest[node] == number[node]:
            group = path[path.index(node) :]
            del path[path.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in number:
            visit(node)
    return found


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def test_no_module_imports_itself_through_others():
    assert rings(module_imports({dotted(path): path.read_text() for path in FILES})) == []


def test_no_folder_of_synthesis_imports_itself_through_others():
    prefix = "maquette.synthesis."
    graph: dict[str, set[str]] = {}
    for module, targets in module_imports({dotted(path): path.read_text() for path in FILES}).items():
        if module.startswith(prefix):
            folder = module.removeprefix(prefix).split(".")[0]
            inner = {t.removeprefix(prefix).split(".")[0] for t in targets if t.startswith(prefix)}
            graph[folder] = graph.get(folder, set()) | inner - {folder}
    assert rings(graph) == []


def test_rings_are_seen():
    sources = {"a": "def f():\n    from b import x", "b": "import c", "c": "import a\nimport d", "d": "import os"}
    assert rings(module_imports(sources)) == [["a", "b", "c"]]
    assert rings(module_imports(sources | {"c": "import d"})) == []


def test_imports_that_point_up_are_seen():
    tree = ast.parse("def f():\n    from maquette.cli import main\n    import maquette.pipeline.photo")
    assert [name for _, name in imported(tree)] == ["maquette.cli.main", "maquette.pipeline.photo"]
