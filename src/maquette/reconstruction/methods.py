"""The methods: one row each, loaded on first use; strangers add theirs through an entry point.

A reconstructor is a plain callable `Sequence[Observation] -> Reconstruction`. Its builder is a function
`build(fetch, options) -> reconstructor`, where `fetch(name) -> Path` hands over weights. A package outside this one
adds a method with the entry-point group `maquette.methods`, whose objects are `Method` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from maquette.core.errors import BadInput
from maquette.core.options import FitOptions
from maquette.core.types import Observation, Reconstruction, Subject

Fetch = Callable[[str], Path]


class Reconstructor(Protocol):
    """Observations of one subject to its shape; raises MaquetteError when they do not suffice."""

    def __call__(self, observations: Sequence[Observation]) -> Reconstruction: ...


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Attributes:
        name: what `--method` takes.
        subjects: what it can reconstruct.
        views: "one" photo of the subject, or "many" (one or more).
        weights: names of the zoo entries it needs.
        builder: "module:function", imported on first use.
        paper: where the method is described.
    """

    name: str
    subjects: tuple[Subject, ...]
    views: str
    weights: tuple[str, ...]
    builder: str
    paper: str


METHODS = (
    Method(
        name="parametric",
        subjects=(Subject.FACE,),
        views="many",
        weights=("maquette-head",),
        builder="maquette.reconstruction.parametric.method:build",
        paper="Blanz and Vetter, A Morphable Model for the Synthesis of 3D Faces, SIGGRAPH 1999",
    ),
    Method(
        name="vrn",
        subjects=(Subject.FACE,),
        views="many",
        weights=("vrn-small", "maquette-head"),
        builder="maquette.reconstruction.vrn.method:build",
        paper="Jackson et al., Large Pose 3D Face Reconstruction from a Single Image via Direct Volumetric CNN"
        " Regression, ICCV 2017",
    ),
)


def methods() -> Mapping[str, Method]:
    """Every known method by name: the table, then the entry points of installed packages.

    Example:
        >>> methods()["parametric"].views
        'many'
    """
    rows = {row.name: row for row in METHODS}
    for entry in entry_points(group="maquette.methods"):
        row = entry.load()
        if not isinstance(row, Method):
            raise TypeError(f"entry point {entry.name}: wanted a Method, got {type(row).__name__}")
        if row.name not in rows:
            rows[row.name] = row
    return rows


def find(name: str, subject: Subject = Subject.FACE) -> Method:
    """The row of one method.

    Raises:
        BadInput: no such method for this subject; the message lists the known ones.
    """
    row = methods().get(name)
    if row is None or subject not in row.subjects:
        known = ", ".join(m.name for m in methods().values() if subject in m.subjects)
        raise BadInput(f"method {name!r}: not known for a {subject.value}; known: {known}")
    return row


def load(name: str, fetch: Fetch, options: FitOptions, subject: Subject = Subject.FACE) -> Reconstructor:
    """Build the reconstructor of one method.

    Args:
        name: one of `methods()`.
        fetch: hands over the file of a zoo entry.
        options: settings of the fit.

    Raises:
        BadInput: no such method.
        WeightsMissing: a file it needs is not there.
    """
    module, function = find(name, subject).builder.split(":")
    return getattr(import_module(module), function)(fetch, options)
