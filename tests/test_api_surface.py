"""What others build upon does not change by accident: public names and their signatures, as in api_surface.json.

python tests/test_api_surface.py --renew    writes the file anew, for a change that is meant
"""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("api_surface.json")
RENEW = "python tests/test_api_surface.py --renew"
MODULES = (
    "maquette",
    "maquette.core.errors",
    "maquette.core.options",
    "maquette.core.result",
    "maquette.core.types",
    "maquette.evaluation.tasks",
    "maquette.outputs.writers",
    "maquette.reconstruction.methods",
)

Surface = dict[str, dict[str, str]]


def surface() -> Surface:
    """Signatures by name, by module; of a class those of its members too."""
    return {module: dict(sorted(described(importlib.import_module(module)))) for module in MODULES}


def described(module: Any) -> Iterator[tuple[str, str]]:
    """(name, signature) of what a module offers: what `__all__` says, else what it defines."""
    listed = getattr(module, "__all__", None)
    for name in listed or vars(module):
        value = getattr(module, name)
        if name.startswith("_") or inspect.ismodule(value):
            continue
        home = getattr(value, "__module__", None)
        if listed and inspect.isclass(value):
            yield name, f"{home}.{value.__name__}"
        elif inspect.isclass(value) and home == module.__name__:
            yield from class_lines(name, value)
        elif callable(value) and (listed or home == module.__name__):
            yield name, signature(value)
        elif name.isupper():
            yield name, rows(value)


def class_lines(name: str, kind: type) -> Iterator[tuple[str, str]]:
    """(name, signature) of a class, its fields and its public members."""
    yield name, f"class of {', '.join(base.__name__ for base in kind.__bases__)}"
    if issubclass(kind, enum.Enum):
        yield from ((f"{name}.{member.name}", repr(member.value)) for member in kind)
        return
    if is_dataclass(kind):
        for field in fields(kind):
            made = field.default is MISSING and field.default_factory is not MISSING
            default = " = made anew" if made else "" if field.default is MISSING else f" = {shown(field.default)}"
            yield f"{name}.{field.name}", f"{written(field.type)}{default}"
    for member, value in vars(kind).items():
        if member.startswith("_") and member != "__call__":
            continue
        if isinstance(value, property):
            yield f"{name}.{member}", f"property {written(inspect.signature(value.fget).return_annotation)}"
        elif isinstance(value, staticmethod | classmethod):
            yield f"{name}.{member}", f"{type(value).__name__} {signature(value.__func__)}"
        elif inspect.isfunction(value):
            yield f"{name}.{member}", signature(value)


def signature(function: Any) -> str:
    """A signature in words that are the same in every version of Python."""
    found, kind = inspect.signature(function), None
    parts = []
    for parameter in found.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and kind not in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL):
            parts.append("*")
        kind = parameter.kind
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(kind, "")
        default = "" if parameter.default is parameter.empty else f" = {shown(parameter.default)}"
        parts.append(f"{star}{parameter.name}: {written(parameter.annotation)}{default}")
    return f"({', '.join(parts)}) -> {written(found.return_annotation)}"


def written(annotation: Any) -> str:
    """An annotation as its source has it."""
    if annotation is inspect.Parameter.empty:
        return "?"
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", repr(annotation))


def shown(default: Any) -> str:
    """A default value: a function by its name, options that are all default as a bare call."""
    if inspect.isfunction(default):
        return default.__name__
    if is_dataclass(default) and default == type(default)():
        return f"{type(default).__name__}()"
    return repr(default)


def rows(value: Any) -> str:
    """A table by the names of its rows, another constant by its type."""
    if isinstance(value, dict):
        return ", ".join(str(getattr(key, "__name__", getattr(key, "value", key))) for key in value)
    if isinstance(value, tuple):
        return ", ".join(str(getattr(row, "name", row)) for row in value)
    return type(value).__name__


def changes(was: Surface, now: Surface) -> list[str]:
    """What vanished, changed or came, one line each."""
    lines = []
    for module in sorted(was.keys() | now.keys()):
        before, after = was.get(module, {}), now.get(module, {})
        lines += [f"{module}.{name}: vanished; it was {before[name]}" for name in before if name not in after]
        lines += [f"{module}.{name}: new: {after[name]}" for name in after if name not in before]
        both = [name for name in before if name in after and before[name] != after[name]]
        lines += [f"{module}.{name}: was {before[name]}, is {after[name]}" for name in both]
    return lines


def test_the_public_names_are_those_that_were_agreed_upon():
    found = changes(json.loads(FILE.read_text(encoding="utf-8")), surface())
    assert not found, "\n".join([*found, f"If this is meant, say so in CHANGELOG.md and run: {RENEW}"])


def test_what_vanished_or_changed_is_named():
    was, now = {"m": {"a": "(x: int) -> int", "b": "()"}}, {"m": {"a": "(x: float) -> int", "c": "()"}}
    assert changes(was, now) == [
        "m.b: vanished; it was ()",
        "m.c: new: ()",
        "m.a: was (x: int) -> int, is (x: float) -> int",
    ]


def test_every_public_name_says_its_types():
    lacking = [f"{module}.{name}" for module, names in surface().items() for name, line in names.items() if "?" in line]
    assert not lacking, f"no annotation: {', '.join(lacking)}"


if __name__ == "__main__" and sys.argv[1:] == ["--renew"]:
    FILE.write_text(json.dumps(surface(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
