"""The licence chain: what may be imported, what comes with us, what is shipped."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from maquette.cli.installed import CARRIED, closure, licence, normal, requirements
from maquette.cli.licenses import EXTRAS, rows
from maquette.weights.store import zoo

TOP = Path(__file__).parents[1]
SOURCES = sorted((TOP / "src").rglob("*.py"))
FILES = SOURCES + sorted(p for d in ("tools", "benchmarks", "examples") for p in (TOP / d).rglob("*.py"))
FORBIDDEN = {"pytorch3d", "nvdiffrast", "pyrender", "chumpy"}
MAY_IMPORT_ANNY = {TOP / "src/maquette/synthesis/anatomy/anny.py"}
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General)", re.IGNORECASE)
# Modules of packages that a declared dependency cannot be without.
COMES_WITH = {"vtkmodules": "vtk"}
FREE = re.compile(r"CC0-1\.0|Apache-2\.0|MIT|BSD-[23]-Clause")


def shown(path: Path) -> str:
    return str(path.relative_to(TOP))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_forbidden_packages_are_not_imported(path):
    assert not imports(path) & FORBIDDEN


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_only_one_file_imports_anny(path):
    assert "anny" not in imports(path) or path in MAY_IMPORT_ANNY


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_no_unsafe_loading_and_no_restricted_topology(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = getattr(node.func.value, "id", "")
            assert (owner, node.func.attr) not in {("pickle", "load"), ("pickle", "loads")}, node.lineno
            if (owner, node.func.attr) == ("torch", "load"):
                safe = [k for k in node.keywords if k.arg == "weights_only" and getattr(k.value, "value", 0) is True]
                assert safe, f"line {node.lineno}: torch.load without weights_only=True"
            if (owner, node.func.attr) in {("np", "load"), ("numpy", "load")}:
                pickles = [k.value for k in node.keywords if k.arg == "allow_pickle"]
                safe = all(getattr(value, "value", True) is False for value in pickles)
                assert safe, f"line {node.lineno}: np.load with pickles"
        # anny's `smpl*` topologies download an archive under a non-commercial licence.
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.fullmatch(r"smplx?(_\w+)?", node.value.strip()), f"line {node.lineno}: {node.value}"


def test_every_import_is_a_declared_dependency():
    """What works only because another package happens to bring it breaks when that package drops it."""
    declared = {normal(r.name) for r in requirements("maquette", (*EXTRAS, "anny"))}
    homes = packages_distributions()
    undeclared = {
        f"{shown(path)}: {module}"
        for path in SOURCES
        for module in imports(path) - set(sys.stdlib_module_names) - {"maquette"} - COMES_WITH.keys()
        if not declared & {normal(home) for home in homes.get(module, [module])}
    }
    assert not undeclared


@pytest.mark.parametrize("name,package", closure("maquette", EXTRAS).items())
def test_dependencies_are_known_and_not_gpl(name, package):
    spdx = licence(package)
    assert spdx != "unknown", f"{name}: read its licence file and add it to cli/installed.py"
    assert not COPYLEFT.search(spdx), f"{name} is {spdx}"


def test_the_command_lists_networks_training_and_the_population():
    listed = {name: spdx for name, spdx, _ in rows()}
    assert {"torch", "matplotlib", "lightning-fabric", "tensorboardx", "maquette-population"} <= listed.keys()
    assert "unknown" not in listed.values()


def test_extras_hold_no_name_twice_and_torch_is_in_the_core():
    core = {normal(r.name) for r in requirements("maquette")}
    assert {"torch", "matplotlib"} <= core
    for extra in (*EXTRAS, "anny", "dev"):
        own = [normal(r.name) for r in requirements("maquette", (extra,))][len(core) :]
        assert own and len(own) == len({*own} - core), extra


def test_binary_wheels_that_carry_copyleft_libraries_are_named():
    """Wheels with FFmpeg, x264, x265 or GCC's libraries: their own licence is permissive, so only their files tell."""
    for name, package in closure("maquette", EXTRAS).items():
        files = [str(file) for file in package.files or []]
        if any(re.search(r"libx26[45]|libavcodec|libde265|libQt5|libgomp|libgfortran", file) for file in files):
            assert name in CARRIED, f"{name} carries libraries under another licence; say so in cli/installed.py"


def test_shipped_data_is_free_and_listed():
    listed = {entry.file for entry in zoo().values()}
    shipped = {
        p
        for p in (TOP / "src").rglob("*")
        if p.parent != TOP / "src/maquette/web/data"  # our own pages
        and p.suffix in {".js", ".safetensors", ".tflite", ".npz", ".npy", ".pt", ".onnx"}
    }
    assert shipped <= listed, f"not in zoo.toml: {[shown(p) for p in shipped - listed]}"
    for entry in zoo().values():
        assert all(map(FREE.fullmatch, entry.licence.split(" AND "))), f"{entry.name} is {entry.licence}"
        assert entry.bytes <= 8 * 2**20, f"{entry.name}: a shipped file may hold 8 MB"


def test_copyleft_would_be_seen():
    assert COPYLEFT.search("GPL-3.0-only") and COPYLEFT.search("AGPL-3.0") and not COPYLEFT.search("LGPL-3.0-only")
