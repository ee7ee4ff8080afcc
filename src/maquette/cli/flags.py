"""Command-line flags generated from the dataclasses of core/options.py, the only place that describes an option."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from maquette.core.check import field_help
from maquette.core.options import DOORS

UNITS = {"millimetres": "MM", "centimetres": "CM", "seconds": "SECONDS", "megapixels": "MEGAPIXELS", "pixels": "PIXELS"}
Command = TypeVar("Command", bound=Callable[..., Any])


def flag(field: Field[Any], kind: type, help_text: str) -> Any:
    """The typer option of one field: `texture_size` becomes `--texture-size PIXELS`."""
    dashed = "--" + field.name.replace("_", "-")
    switch = kind is bool or kind == bool | None
    if field.default is True or kind == bool | None:
        dashed += "/--no-" + dashed[2:]
    unit = next((unit for word, unit in UNITS.items() if word in help_text), None)
    return Annotated[kind, typer.Option(dashed, help=help_text, metavar=None if switch else unit)]


def _default(field: Field[Any]) -> Any:
    """Of the parameter: none where the field has none, which makes the flag a must."""
    return inspect.Parameter.empty if field.default is MISSING else field.default


def with_options(*stages: type, leave_out: Collection[str] = (), **defaults: object) -> Callable[[Command], Command]:
    """Replace a command's `**options` by one flag per field of these dataclasses.

    Args:
        stages: options dataclasses, in the order in which `--help` shows them.
        leave_out: fields that mean nothing to this command.
        defaults: where this command's default is another than the field's.
    """

    def generate(command: Command) -> Command:
        own = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)
        parameters = [
            parameter.replace(annotation=hints[name])
            for name, parameter in own.parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        for stage in stages:
            kinds, texts = get_type_hints(stage), field_help(stage)
            for field in (f for f in fields(stage) if f.name not in leave_out):
                parameters.append(
                    inspect.Parameter(
                        field.name,
                        inspect.Parameter.KEYWORD_ONLY,
                        default=defaults.get(field.name, _default(field)),
                        annotation=flag(field, kinds[field.name], texts[field.name]),
                    )
                )
        command.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return generate


def with_door(name: str, **defaults: object) -> Callable[[Command], Command]:
    """`with_options` of one row of the table of doors."""
    return with_options(*DOORS[name].stages, leave_out=DOORS[name].leave_out, **defaults)
