"""The distribution: wheel and source archive, checked, installed into a bare environment and used there.

    python tools/dist.py dist

Beside them in the folder: `sbom.cdx.json` (CycloneDX), all that the bare environment holds. Needs `.[dist]`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

TOP = Path(__file__).parents[1]
SHIPPED = (".safetensors", ".tflite", ".toml", ".json", ".md", ".js", ".css", ".html", ".svg", ".txt")
PHOTO = "import skimage, pathlib; print(pathlib.Path(skimage.__file__).parent / 'data' / 'astronaut.png')"
MOST_BYTES = 90 * 10**6  # of the wheel


def run(*words: str | Path, cwd: Path = TOP, **environment: str) -> str:
    """What a command says on stdout; where it fails, all that it said, and the end."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [*map(str, words)], cwd=cwd, env={**plain, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def source_files() -> set[str]:
    """What must be in both archives: the modules and data of src, as paths from src on."""
    home = TOP / "src"
    return {
        path.relative_to(home).as_posix()
        for path in (home / "maquette").rglob("*")
        if path.is_file() and (path.suffix == ".py" or path.suffix in SHIPPED) and "__pycache__" not in path.parts
    }


def built(out: Path) -> tuple[Path, Path]:
    """Build the wheel and the source archive into a folder.

    Raises:
        SystemExit: a file is missing in one of them, the wheel is too large, or the package index would refuse them.
    """
    for old in (*out.glob("maquette-*.whl"), *out.glob("maquette-*.tar.gz")):
        old.unlink()
    run(sys.executable, "-m", "build", "--outdir", out, TOP)
    (wheel,), (archive,) = out.glob("maquette-*.whl"), out.glob("maquette-*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, archive)
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(archive) as file:
        in_archive = {name.partition("/src/")[2] for name in file.getnames()}
    for name, found in ((wheel.name, in_wheel), (archive.name, in_archive)):
        if missing := sorted(source_files() - found):
            raise SystemExit(f"{name}: lacks {len(missing)} files: {', '.join(missing[:5])}")
    if wheel.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, wanted at most {MOST_BYTES / 1e6:g}")
    return wheel, archive


def used(wheel: Path, folder: Path) -> Path:
    """Install the wheel into a bare environment, make a head of a photo there, and return its Python."""
    run(sys.executable, "-m", "venv", folder / "bare")
    python = folder / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", TOP / "constraints.txt", wheel, cwd=folder)
    command = python.with_name("maquette")
    print(run(command, "--version", cwd=folder).strip())
    photo = run(python, "-P", "-c", PHOTO, cwd=folder).strip()
    made = json.loads(run(command, "face", photo, "-o", folder / "out", "--json", cwd=folder))["done"]
    files = [folder / "out" / file for row in made for file in row["files"]]
    if len(made) != 1 or not all(file.stat().st_size for file in files):
        raise SystemExit(f"one head with its files was wanted of {photo}: {made}")
    print(f"{len(files)} files of one head, made from the wheel alone")
    return python


def audited(python: Path, folder: Path) -> str:
    """One line on known weaknesses of what is installed beside this Python.

    Raises:
        SystemExit: there are some.
    """
    pinned = folder / "pinned.txt"
    listed = run(python, "-m", "pip", "freeze", "--exclude", "maquette", cwd=folder)
    pinned.write_text("".join(f"{line}\n" for line in listed.splitlines() if "==" in line and " @ " not in line))
    words = ["-m", "pip_audit", "--no-deps", "--disable-pip", "--requirement", str(pinned), "--format", "json"]
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False)
    try:
        rows = json.loads(done.stdout)["dependencies"]
    except (ValueError, LookupError):
        return f"not audited, the database cannot be reached: {' '.join(done.stderr.split())[-200:]}"
    weak = [f"{row['name']} {row['version']}: {fault['id']}" for row in rows for fault in row.get("vulns", [])]
    if weak:
        raise SystemExit("known weaknesses: " + "; ".join(weak))
    skipped = sum("skip_reason" in row for row in rows)
    if skipped == len(rows):
        return f"not audited: none of {skipped} packages is in the database that was reached"
    return f"no known weakness in {len(rows) - skipped} packages; {skipped} are not in the database that was reached"


def main() -> None:
    """Build, check, install, use, list and audit."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("out", type=Path, nargs="?", default=TOP / "dist")
    out = asked.parse_args().out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    wheel, archive = built(out)
    print(f"{wheel.name} {wheel.stat().st_size / 1e6:.1f} MB, {archive.name} {archive.stat().st_size / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory(prefix="maquette-dist-") as name:
        folder = Path(name)
        python = used(wheel, folder)
        sbom = out / "sbom.cdx.json"
        words = ("environment", "--output-reproducible", "--of", "JSON", "--output-file", sbom, python)
        run(sys.executable, "-m", "cyclonedx_py", *words, cwd=folder)
        print(f"{sbom.name}: {len(json.loads(sbom.read_text())['components'])} components")
        print(audited(python, folder))


if __name__ == "__main__":
    main()
