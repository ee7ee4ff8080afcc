"""The table of methods, and `prepared`: what turns crops of animals' faces into others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias

from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.options import TranslateOptions

References: TypeAlias = Callable[[int], Sequence[NDArray]]


@dataclass(frozen=True)
class TranslateMethod:
    """One row.

    Attributes:
        name: what `--method` takes.
        what: one line for the user.
        builder: "module:function" of `TranslateOptions` and `References`, returns a `Translator`.
        paper: where it is from.
    """

    name: str
    what: str
    builder: str
    paper: str


@dataclass(frozen=True, eq=False)
class Translator:
    """A method with its weights and looks.

    Attributes:
        side: width and height of the crops that it takes, pixels.
        shows: what its pictures show, in one word: the kind of animal.
        looks: what each picture's look is, in words.
        draw: of a crop (S, S, 3) uint8: (N, S, S, 3) uint8, one picture for each look.
    """

    side: int
    shows: str
    looks: tuple[str, ...]
    draw: Callable[[NDArray], NDArray]


METHODS = {
    row.name: row
    for row in (
        TranslateMethod(
            "starganv2",
            "one generator for all kinds of animals, steered by a style",
            "maquette.imaging.translate.starganv2.translator:build",
            "Choi et al. 2020",
        ),
        TranslateMethod(
            "gpunit",
            "a content code that all kinds share, drawn in an exemplar's style; weights for one direction each",
            "maquette.imaging.translate.gpunit.translator:build",
            "Yang et al. 2022",
        ),
        TranslateMethod(
            "colors",
            "mean and spread of the reference's colours; the animal stays what it is",
            "maquette.imaging.translate.colors:build",
            "Reinhard et al. 2001",
        ),
    )
}


def check(method: str) -> None:
    """Raise BadInput for an unknown method."""
    if method not in METHODS:
        raise BadInput(f"method {method!r}: wanted {', '.join(METHODS)}")


def prepared(wanted: TranslateOptions, references: References) -> Translator:
    """The method that the options name, ready for any number of crops.

    Args:
        references: gives the crops of the reference photos at a side in pixels, (S, S, 3) uint8 each; none without.

    Raises:
        BadInput: an unknown method or kind of animal, weights of another network, no reference where one is needed.
        WeightsMissing: the networks are not named, or not there.
    """
    check(wanted.method)
    module, _, function = METHODS[wanted.method].builder.partition(":")
    translator: Translator = getattr(import_module(module), function)(wanted, references)
    return translator
