"""`maquette doctor`: is everything there that maquette needs, and what to do if not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import typer

from maquette.cli.system import MISSING, remedy
from maquette.cli.terminal import say

OLDEST = (3, 11)
MODULES = (
    "cv2",
    "ai_edge_litert.interpreter",
    "vtkmodules.vtkRenderingOpenGL2",
    "skimage",
    "scipy",
    "trimesh",
    "embreex",
    "manifold3d",
    "av",
    "torch",
)
RENDER = "from maquette.outputs.pictures.studio import open_window; open_window().Render()"
ENCODE = "import av; av.codec.Codec('libx264', 'w')"
TRY_SECONDS = 120  # a cold disk

Check = tuple[str, bool, str]


def doctor() -> None:
    """Check that everything needed is installed."""
    good = True
    for name, fine, words in checks():
        good &= fine
        say(f"{'ok     ' if fine else 'MISSING'} {name:<22} {words}")
    say("all is well" if good else "something is missing: see above")
    raise typer.Exit(0 if good else 3)


def checks() -> Iterator[Check]:
    """Every check as (name, passed, version or remedy)."""
    yield python_version(sys.version_info[:3])
    yield from packages()
    for module in MODULES:
        yield imports(module)
    yield from data()
    yield off_screen()
    yield video()


def python_version(version: tuple[int, ...]) -> Check:
    """Whether this Python is new enough."""
    shown = ".".join(map(str, version))
    if version[:2] >= OLDEST:
        return "python", True, shown
    return "python", False, f"{shown}: wanted 3.11 or newer"


def packages() -> Iterator[Check]:
    """Each direct dependency and its version."""
    from importlib.metadata import PackageNotFoundError, version

    from maquette.cli.installed import requirements

    for requirement in requirements("maquette"):
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield requirement.name, False, f"not installed: run: pip install '{requirement}'"
            continue
        fits = requirement.specifier.contains(found, prereleases=True)
        yield requirement.name, fits, found if fits else f"{found}: run: pip install '{requirement}'"


def imports(module: str) -> Check:
    """Whether a compiled package loads, tried in a process of its own: a broken one can crash."""
    return tried(f"import {module}", f"import {module.split('.')[0]}", "loads")


def data() -> Iterator[Check]:
    """Whether each file of the zoo is there and is the right one."""
    from maquette.core.errors import WeightsMissing
    from maquette.weights.store import fetch, zoo

    for name, entry in zoo().items():
        try:
            fetch(name)
            yield name, True, f"{entry.bytes / 1e6:.1f} MB, sha256 {entry.sha256[:12]}"
        except WeightsMissing as error:
            yield name, False, str(error)


def off_screen() -> Check:
    """Whether a picture can be rendered without a display."""
    return tried(RENDER, "off-screen pictures", "works")


def video() -> Check:
    """Whether there is an H.264 encoder for turntable.mp4."""
    return tried(ENCODE, "H.264 encoder", "libx264")


def tried(code: str, name: str, success: str) -> Check:
    """Run Python code in a new process; its last line of error says what is missing."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=TRY_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return name, False, f"no answer in {TRY_SECONDS} s"
    if done.returncode == 0:
        return name, True, success
    lines = done.stderr.strip().splitlines() or [f"crashed with exit code {done.returncode}"]
    if MISSING.search(done.stderr):
        return name, False, remedy(ImportError(done.stderr))
    return name, False, lines[-1]
