"""The methods: one row each, loaded on first use; strangers add theirs through an entry point.

A reconstructor is a plain callable `Sequence[Observation] -> Reconstruction`. Its builder is a function
`build(fetch, options) -> reconstructor`, where `fetch(name) -> Path` hands over weights. A package outside this one
adds a method with the entry-point group `maquette.methods`, whose objects are `Method` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from maquette.core.errors import BadInput
from maquette.core.options import FitOptions, Options
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
        builder="maquette.reconstruction.face_fit.method:build",
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
    Method(
        name="parametric",
        subjects=(Subject.PERSON,),
        views="many",
        weights=("maquette-body",),
        builder="maquette.reconstruction.body_fit.method:build",
        paper="Bogo et al., Automatic Estimation of 3D Human Pose and Shape from a Single Image, ECCV 2016",
    ),
    Method(
        name="pifuhd",
        subjects=(Subject.PERSON,),
        views="one",
        weights=("pifuhd-small", "maquette-body"),
        builder="maquette.reconstruction.pifuhd.method:build",
        paper="Saito et al., PIFuHD: Multi-Level Pixel-Aligned Implicit Function for High-Resolution 3D Human"
        " Digitization, CVPR 2020",
    ),
)


def methods() -> tuple[Method, ...]:
    """Every known method: the table, then the entry points of installed packages.

    One name may serve several subjects, each with a row of its own.

    Example:
        >>> [row.views for row in methods() if row.name == "vrn"]
        ['many']
    """
    rows = {(row.name, subject): row for row in METHODS for subject in row.subjects}
    for entry in entry_points(group="maquette.methods"):
        row = entry.load()
        if not isinstance(row, Method):
            raise TypeError(f"entry point {entry.name}: wanted a Method, got {type(row).__name__}")
        for subject in row.subjects:
            rows.setdefault((row.name, subject), row)
    return tuple(dict.fromkeys(rows.values()))


def find(name: str, subject: Subject = Subject.FACE) -> Method:
    """The row of one method.

    Raises:
        BadInput: no such method for this subject; the message lists the known ones.
    """
    known = {row.name: row for row in reversed(methods()) if subject in row.subjects}
    if name not in known:
        names = ", ".join(reversed(known))
        raise BadInput(f"method {name!r}: not known for a {subject.value}; known: {names or 'none'}")
    return known[name]


def load(name: str, fetch: Fetch, options: FitOptions | Options, subject: Subject = Subject.FACE) -> Reconstructor:
    """Build the reconstructor of one method.

    Args:
        name: one of `methods()`.
        fetch: hands over the file of a zoo entry.
        options: settings of the fit, see `options_of`.

    Raises:
        BadInput: no such method.
        WeightsMissing: a file it needs is not there.
    """
    module, function = find(name, subject).builder.split(":")
    return getattr(import_module(module), function)(fetch, options)


def options_of(options: Options, subject: Subject) -> FitOptions | Options:
    """What a builder for this subject takes: `FitOptions` for a face, all options for a person."""
    return options if subject is Subject.PERSON else options.fit
