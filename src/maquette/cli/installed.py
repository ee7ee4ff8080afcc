"""What is installed of maquette's dependencies, read from their own metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

# SPDX for what metadata says in other words.
SPDX = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "ISC License": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
IDENTIFIER = re.compile(r"[\w.+-]+( (OR|AND|WITH) [\w.+-]+)*")
# Where metadata holds only a whole licence text or the word BSD: read from the licence file in the wheel.
READ = {
    "contourpy": "BSD-3-Clause",
    "cycler": "BSD-3-Clause",
    "embreex": "BSD-2-Clause",
    "jinja2": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "lib3mf": "BSD-3-Clause",
    "matplotlib": "PSF-2.0",
    "mpmath": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "scikit-image": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "sympy": "BSD-3-Clause",
    "trimesh": "MIT",
    "vtk": "BSD-3-Clause",
}
NVIDIA = "LicenseRef-NVIDIA-Proprietary"  # what the CUDA build of torch brings; its CPU build does not
RUNTIME = "GPL-3.0-or-later WITH GCC-exception-3.1"  # GCC's libraries; the exception frees what is linked with them
# Libraries inside binary wheels whose licence differs in kind from the wheel's own.
CARRIED = {
    "av": "FFmpeg LGPL-3.0-or-later; libx264, libx265 GPL-2.0-or-later",
    "numpy": f"libgfortran {RUNTIME}; libquadmath LGPL-2.1-or-later",
    "opencv-python-headless": f"FFmpeg LGPL-2.1-or-later; libgfortran {RUNTIME}; libquadmath LGPL-2.1-or-later",
    "pillow-heif": "libheif, libde265 LGPL-3.0-or-later; libx265 GPL-2.0-or-later",
    "scipy": f"libgfortran {RUNTIME}; libquadmath LGPL-2.1-or-later",
    "torch": f"libgomp {RUNTIME}",
}


def normal(name: str) -> str:
    """The normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(name: str, extras: tuple[str, ...] = ()) -> Iterator[Requirement]:
    """What one installed distribution needs on this machine, with some of its extras."""
    for text in distribution(name).requires or []:
        requirement = Requirement(text)
        wanted = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(requirement.marker.evaluate(extra) for extra in wanted):
            yield requirement


def closure(name: str, extras: tuple[str, ...] = ()) -> dict[str, Distribution]:
    """Every installed distribution that `name` brings with it, itself left out, by normalised name, sorted.

    Packages that are needed but absent are left out; `maquette doctor` names them.
    """
    found: dict[str, Distribution] = {}
    waiting = list(requirements(name, extras))
    while waiting:
        requirement = waiting.pop()
        key = normal(requirement.name)
        if key in found or key == normal(name):
            continue
        try:
            found[key] = distribution(requirement.name)
        except PackageNotFoundError:
            continue
        waiting += requirements(requirement.name, tuple(requirement.extras))
    return dict(sorted(found.items()))


def licence(package: Distribution) -> str:
    """SPDX expression of one distribution, or "unknown".

    Example:
        >>> licence(distribution("typer"))
        'MIT'
    """
    name = normal(package.metadata["Name"])
    stated = _field(package, "License-Expression") or READ.get(name)
    if stated:
        return stated
    text = _field(package, "License").strip()
    for candidate in (SPDX.get(text), text if IDENTIFIER.fullmatch(text) else None):
        if candidate:
            return candidate
    classifiers = package.metadata.get_all("Classifier") or []
    known = [SPDX.get(line.split(" :: ")[-1]) for line in classifiers if line.startswith("License ::")]
    last = NVIDIA if of_cuda(name) else "unknown"
    return next((spdx for spdx in known if spdx), last)


def of_cuda(name: str) -> bool:
    """Whether a distribution comes with the CUDA build of torch alone."""
    return normal(name).startswith(("nvidia-", "cuda-")) or normal(name) == "triton"


def _field(package: Distribution, name: str) -> str:
    """The first value of one field of the metadata; "" if it has none."""
    values = package.metadata.get_all(name)
    return values[0] if values else ""
