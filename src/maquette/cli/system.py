"""System libraries that the wheels expect, and the apt package that brings each."""

from __future__ import annotations

import re

PACKAGES = {
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libGLdispatch.so.0": "libglvnd0",
    "libEGL.so.1": "libegl1",
    "libOSMesa.so.8": "libosmesa6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXext.so.6": "libxext6",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libxcb.so.1": "libxcb1",
    "libstdc++.so.6": "libstdc++6",
    "libgomp.so.1": "libgomp1",
    "libportaudio.so.2": "libportaudio2",
}
MISSING = re.compile(r"(lib[\w.+-]+?\.so(?:\.\d+)*): cannot open shared object file")


def remedy(error: BaseException) -> str:
    """What to do about an import that failed, in one line.

    Example:
        >>> remedy(ImportError("libGL.so.1: cannot open shared object file: No such file or directory"))
        'the system library libGL.so.1 is missing: run: sudo apt-get install libgl1'
        >>> remedy(ModuleNotFoundError("No module named 'av'", name="av"))
        'the Python package av is missing: run: pip install maquette'
    """
    found = MISSING.search(str(error))
    if found:
        library = found.group(1)
        package = PACKAGES.get(library)
        how = f"run: sudo apt-get install {package}" if package else f"install the package that holds {library}"
        return f"the system library {library} is missing: {how}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"the Python package {error.name.split('.')[0]} is missing: run: pip install maquette"
    return f"an import failed ({' '.join(str(error).split())}): run: maquette doctor"
