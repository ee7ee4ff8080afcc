"""Every tunable, its unit, once. Each field's docstring is its help text in every door."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass, fields
from functools import lru_cache


@dataclass(frozen=True)
class SourceOptions:
    """Reading photos."""

    max_megapixels: float = 100.0
    """Largest picture that is read, in megapixels; larger ones are refused."""


@dataclass(frozen=True)
class PerceptionOptions:
    """Finding the subjects."""

    min_face: float = 40.0
    """Smallest face that is accepted, width in pixels of the photo."""
    max_faces: int = 16
    """Largest number of faces taken from one photo."""


@dataclass(frozen=True)
class FitOptions:
    """Fitting the morphable head."""

    method: str = "parametric"
    """Reconstruction method, one row of `maquette methods`."""
    together: bool = False
    """All photos show one person: one head, one result."""
    pupil_distance: float | None = None
    """Distance between the pupils in millimetres, if measured; sets the scale."""
    photometric: bool = True
    """Refine the shape from shading and silhouette after the landmarks."""
    seed: int = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""


@dataclass(frozen=True)
class TextureOptions:
    """Baking the texture."""

    texture_size: int = 2048
    """Width and height of the texture in pixels."""
    fill: bool = True
    """Complete the parts no photo shows (mirror, then matched skin)."""


@dataclass(frozen=True)
class OutputOptions:
    """Writing the results."""

    formats: str = "glb,obj,stl,ply"
    """Mesh files to write, comma separated."""
    turntable: bool = True
    """Write turntable.mp4."""
    overview: bool = True
    """Write overview.jpg."""


@dataclass(frozen=True)
class Options:
    """All stages of one run."""

    source: SourceOptions = SourceOptions()
    perception: PerceptionOptions = PerceptionOptions()
    fit: FitOptions = FitOptions()
    texture: TextureOptions = TextureOptions()
    output: OutputOptions = OutputOptions()


@lru_cache(maxsize=None)
def field_help(options: type) -> dict[str, str]:
    """Help text per field, read from the docstring that follows it.

    Example:
        >>> field_help(TextureOptions)["texture_size"]
        'Width and height of the texture in pixels.'
    """
    body = ast.parse(inspect.getsource(options)).body[0].body
    pairs = zip(body, body[1:])
    texts = {
        a.target.id: " ".join(b.value.value.split())
        for a, b in pairs
        if isinstance(a, ast.AnnAssign) and isinstance(b, ast.Expr) and isinstance(b.value, ast.Constant)
    }
    return {f.name: texts[f.name] for f in fields(options)}


def options_from(**flat: object) -> Options:
    """Build Options from flat names (`texture_size=1024`), as every door does.

    Raises:
        TypeError: an unknown name, with the known ones.

    Example:
        >>> options_from(texture_size=1024).texture.texture_size
        1024
    """
    stages = {f.name: f.default for f in fields(Options)}
    known = {f.name: stage for stage, default in stages.items() for f in fields(default)}
    unknown = sorted(set(flat) - set(known))
    if unknown:
        raise TypeError(f"unknown option {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return Options(
        **{
            stage: type(default)(**{k: v for k, v in flat.items() if known[k] == stage})
            for stage, default in stages.items()
        }
    )
