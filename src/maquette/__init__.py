"""maquette: photos and videos of faces, people and pets to textured, printable 3D heads (rigged) and persons.

    import maquette
    maquette.face("me.jpg").save("out")
    maquette.person("me.jpg").save("out")
    maquette.pet("cat.jpg").save("out")
    maquette.video("dance.mp4", "out")

The names below are resolved on first use, so that `import maquette` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maquette.api import Results, face, person, pet, save, video
    from maquette.core.errors import BadInput, ExtraMissing, MaquetteError, NothingFound, WeightsMissing
    from maquette.core.options import Options
    from maquette.core.result import Failure, Result
    from maquette.core.types import Camera, Frame, Mesh, Observation, Reconstruction, Volume
    from maquette.reconstruction.methods import methods

_HOMES = {
    "maquette.api": ("face", "person", "pet", "video", "save", "Results"),
    "maquette.core.errors": ("MaquetteError", "BadInput", "NothingFound", "WeightsMissing", "ExtraMissing"),
    "maquette.core.options": ("Options",),
    "maquette.core.result": ("Result", "Failure"),
    "maquette.core.types": ("Camera", "Frame", "Mesh", "Observation", "Reconstruction", "Volume"),
    "maquette.reconstruction.methods": ("methods",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("maquette")
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'maquette' has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
