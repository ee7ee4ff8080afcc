"""Border checks: arrays (shape, dtype, finite), and tunables (range, choice, type, help from the docstring below)."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from maquette.core.errors import BadInput

if TYPE_CHECKING:  # the help of a command asks for options, and shall not wait for numpy
    import numpy as np
    from numpy.typing import NDArray

WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}


def expect(
    name: str,
    array: object,
    shape: tuple[int | str | None, ...],
    dtype: type | np.dtype[Any] | None = None,
    finite: bool = True,
) -> NDArray[Any]:
    """Check one array and return it unchanged.

    Args:
        name: how the message calls the array.
        array: any numpy array.
        shape: a length, or None / a letter for any length, per axis.
        dtype: wanted dtype, or None for any.
        finite: whether NaN and infinity are refused.

    Raises:
        ValueError: one line that names what was wanted and what came.

    Example:
        >>> import numpy as np
        >>> expect("points", np.zeros((4, 3)), ("N", 3)).shape
        (4, 3)
    """
    import numpy as np

    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name}: wanted a numpy array, got {type(array).__name__}")
    wanted = tuple(axis if isinstance(axis, int) else None for axis in shape)
    fits = array.ndim == len(wanted) and all(w is None or w == n for w, n in zip(wanted, array.shape))
    if not fits:
        raise ValueError(f"{name}: wanted shape {shape}, got {array.shape}")
    if dtype is not None and array.dtype != np.dtype(dtype):
        raise ValueError(f"{name}: wanted {np.dtype(dtype)}, got {array.dtype}")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: holds NaN or infinity")
    return array


def expect_if(name: str, array: object, shape: tuple[int | str | None, ...], dtype: type) -> None:
    """`expect` of an array that may be None.

    Raises:
        ValueError: as `expect`.
    """
    if array is not None:
        expect(name, array, shape, dtype)


def within(name: str, value: float, low: float, high: float, unit: str) -> None:
    """Refuse a value outside its range: one line with name, value, range and unit."""
    if not low <= value <= high:
        raise BadInput(f"{name} {value:.10g}: wanted {low:.10g} to {high:.10g} {unit}".rstrip())


def one_of(name: str, value: str, choices: tuple[str, ...], joined: str = ", ") -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise BadInput(f"{name} {value!r}: wanted {joined.join(choices)}")


@dataclass(frozen=True)
class Range:
    """What a number may be: written beside the type of a field, `Annotated[int, Range(1, 9, "pixels")]`."""

    low: float
    high: float
    unit: str = ""

    def check(self, name: str, value: Any) -> None:
        """Refuse a value outside; see `within`."""
        within(name, value, self.low, self.high, self.unit)


@dataclass(frozen=True)
class Choices:
    """What a text may be: `Annotated[str, Choices(("auto", "none"))]`."""

    names: tuple[str, ...]
    joined: str = ", "

    def check(self, name: str, value: Any) -> None:
        """Refuse another value; see `one_of`."""
        one_of(name, value, self.names, self.joined)


@cache
def limits(options: type) -> dict[str, Range | Choices]:
    """What each field may hold, of those that say it.

    Example:
        >>> from maquette.core.options import TextureOptions
        >>> limits(TextureOptions)["fur"]
        Range(low=0, high=8, unit='layers')
    """
    found = {name: getattr(kind, "__metadata__", (None,))[0] for name, kind in _hints(options).items()}
    return {name: limit for name, limit in found.items() if isinstance(limit, Range | Choices)}


@cache
def _hints(options: type) -> dict[str, Any]:
    return get_type_hints(options, include_extras=True)


class Checked:
    """Base of the options: what a field says of its limits is checked on creation; None is always allowed."""

    def __post_init__(self) -> None:
        """Raise BadInput where a value is outside."""
        kind: type = type(self)
        for name, limit in limits(kind).items():
            value = getattr(self, name)
            if value is not None:
                limit.check(name.replace("_", " "), value)


def typed(stage: type, name: str, value: object) -> object:
    """The value as its field's own type: whole numbers of any kind as int, real ones as float; else BadInput."""
    kinds = get_type_hints(stage)[name]
    kinds = get_args(kinds) or (kinds,)
    if isinstance(value, kinds):
        fine = bool in kinds or not isinstance(value, bool)
        converted = value
    else:
        # numpy's numbers and, for a float, whole numbers.
        kind = next((kind for kind in kinds if kind in (int, float)), None)
        fine = kind is not None and isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
        converted = kind(value) if kind is not None and fine else value
    if not fine:
        wanted = " or ".join("nothing" if kind is type(None) else WORDS[kind] for kind in kinds)
        raise BadInput(f"{name.replace('_', ' ')} {value!r}: wanted {wanted}")
    return converted


@cache
def _classes(file: str) -> dict[str, ast.ClassDef]:
    """The classes of one source file; parsed once, since every command asks for them at start."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def field_help(options: type) -> dict[str, str]:
    """Help text per field, read from the docstring that follows it.

    Example:
        >>> from maquette.core.options import TextureOptions
        >>> field_help(TextureOptions)["texture_size"]
        'Width and height of the texture in pixels.'
    """
    body = _classes(str(sys.modules[options.__module__].__file__))[options.__name__].body
    texts = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            texts[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return {f.name: texts[f.name] for f in fields(options)}
