"""The methods: one row each, loaded on first use; other packages add theirs through an entry point.

A reconstructor is a plain callable `Sequence[Observation] -> Reconstruction`. Its builder is a function
`build(fetch, options) -> reconstructor`, where `fetch(name) -> Path` hands over weights and `options` are those of all
stages. A package outside this one adds a method with the entry-point group `maquette.methods`, whose objects are
`Method` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from maquette.core.device import usable_device
from maquette.core.errors import BadInput
from maquette.core.options import Options
from maquette.core.process import refuse_forked
from maquette.core.types import Mesh, Observation, Reconstruction, Subject

Fetch = Callable[[str], Path]
ONE, SEVERAL, CLIP = "one", "several", "clip"
SMALLEST_PERSON_CM = 40.0
VIEWS = (ONE, SEVERAL, CLIP)


class Reconstructor(Protocol):
    """Observations of one subject to its shape; raises MaquetteError when they do not suffice.

    Of a clip it gets `core.observations.Observations`, which make each observation when it is asked for, and returns
    one camera per observation.
    """

    def __call__(self, observations: Sequence[Observation]) -> Reconstruction: ...


@dataclass(frozen=True, eq=False)
class FrameShape:
    """What a method draws in one frame of a clip.

    Attributes:
        mesh: in the world of the whole clip, metres.
        rect: (4,) x, y, width, height in full-frame pixels that it looked at, or None for the observation's box.
    """

    mesh: Mesh
    rect: np.ndarray | None = None


@runtime_checkable
class FrameReconstructor(Protocol):
    """A reconstructor that draws each frame of a clip anew, given what it made of the whole."""

    def __call__(self, observations: Sequence[Observation]) -> Reconstruction: ...

    def frame(self, whole: Reconstruction, index: int, observation: Observation) -> FrameShape:
        """The shape in frame `index`; raises MaquetteError where nothing is found."""
        ...


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Attributes:
        name: what `--method` takes.
        subjects: what it can reconstruct.
        views: what it takes: "one" photo of a subject, "several", a whole "clip". A method that takes no clip is asked
            for each frame by itself.
        weights: names of all zoo entries that its builder fetches.
        builder: "module:function", imported on first use.
        paper: where the method is described.
        brings: what its user must bring, because nobody may hand it on; empty for most.
        pictures: whether the whole of a clip is shown to it; else its observations there are black and small, with
            their masks and landmarks, and nothing need be decoded.
        moves: whether its heads have the expressions that move them in a clip.
        whole: whether it wants to see all of an animal, not its face alone.
    """

    name: str
    subjects: tuple[Subject, ...]
    views: tuple[str, ...]
    weights: tuple[str, ...]
    builder: str
    paper: str
    pictures: bool = True
    brings: str = ""
    moves: bool = True
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.views or not set(self.views) <= set(VIEWS):
            raise ValueError(f"method {self.name}: views {self.views!r}: wanted some of {', '.join(VIEWS)}")


METHODS = (
    Method(
        name="parametric",
        subjects=(Subject.FACE,),
        views=(ONE, SEVERAL),
        weights=("maquette-head", "face-regressor-noise"),
        builder="maquette.reconstruction.face_fit.method:build",
        paper="Blanz and Vetter, A Morphable Model for the Synthesis of 3D Faces, SIGGRAPH 1999",
    ),
    Method(
        name="vrn",
        subjects=(Subject.FACE,),
        views=(ONE, SEVERAL),
        weights=("vrn-small", "maquette-head", "face-regressor-noise"),
        builder="maquette.reconstruction.vrn.method:build",
        paper="Jackson et al., Large Pose 3D Face Reconstruction from a Single Image via Direct Volumetric CNN"
        " Regression, ICCV 2017",
    ),
    Method(
        name="hrn",
        subjects=(Subject.FACE,),
        views=(ONE, SEVERAL),
        weights=(),
        builder="maquette.reconstruction.hrn.method:build",
        paper="Lei et al., A Hierarchical Representation Network for Accurate and Detailed Face Reconstruction from"
        " In-The-Wild Images, CVPR 2023",
        brings="--hrn-weights and --hrn-model or --hrn-head",
        moves=False,
    ),
    Method(
        name="deca",
        subjects=(Subject.FACE,),
        views=(ONE, SEVERAL),
        weights=(),
        builder="maquette.reconstruction.deca.method:build",
        paper="Feng et al., Learning an Animatable Detailed 3D Face Model from In-The-Wild Images, SIGGRAPH 2021",
        brings="--deca-weights and --deca-model",
        moves=False,
    ),
    Method(
        name="parametric",
        subjects=(Subject.PERSON,),
        views=(ONE, SEVERAL, CLIP),
        weights=("maquette-body",),
        builder="maquette.reconstruction.body_fit.method:build",
        paper="Bogo et al., Automatic Estimation of 3D Human Pose and Shape from a Single Image, ECCV 2016",
        pictures=False,
    ),
    Method(
        name="pifuhd",
        subjects=(Subject.PERSON,),
        views=(ONE, SEVERAL, CLIP),
        weights=("pifuhd-small", "maquette-body"),
        builder="maquette.reconstruction.pifuhd.method:build",
        paper="Saito et al., PIFuHD: Multi-Level Pixel-Aligned Implicit Function for High-Resolution 3D Human"
        " Digitization, CVPR 2020",
        pictures=False,
    ),
    Method(
        name="parametric",
        subjects=(Subject.PET,),
        views=(ONE, SEVERAL),
        weights=("maquette-pet",),
        builder="maquette.reconstruction.pet_fit.method:build",
        paper="Wood et al., 3D Face Reconstruction with Dense Landmarks, ECCV 2022",
    ),
    Method(
        name="body",
        subjects=(Subject.PET,),
        views=(ONE,),
        weights=("maquette-pet-body",),
        builder="maquette.reconstruction.pet_fit.whole.method:build",
        paper="Zuffi et al., 3D Menagerie: Modeling the 3D Shape and Pose of Animals, CVPR 2017",
        whole=True,
    ),
)


def methods() -> tuple[Method, ...]:
    """Every known method: the table, then the entry points of installed packages.

    One name may serve several subjects, each with a row of its own.

    Example:
        >>> [row.views for row in methods() if row.name == "vrn"]
        [('one', 'several')]
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


def find_for(name: str, subject: Subject, views: str) -> Method:
    """The row of one method that is to be given one photo of each subject, several, or a clip.

    Raises:
        BadInput: no such method, or it does not take that.
    """
    row = find(name, subject)
    if views == CLIP and not {CLIP, ONE} & set(row.views):
        raise BadInput(
            f"method {name}: takes several photos of one {subject.value}, not a clip: choose another --method"
        )
    if views == SEVERAL and SEVERAL not in row.views:
        raise BadInput(f"method {name}: takes one photo of each {subject.value}: leave out --together")
    if views == ONE and ONE not in row.views:
        raise BadInput(f"method {name}: takes several photos of one {subject.value}: give them with --together")
    return row


def find_for_faces_in_clip(name: str) -> Method:
    """The row of one method whose heads are to move as the faces of a clip do.

    Raises:
        BadInput: no such method, or its heads do not move.
    """
    row = find(name, Subject.FACE)
    if not row.moves:
        raise BadInput(f"method {name}: makes no head that moves as the faces of a clip do: use --method parametric")
    return find_for(name, Subject.FACE, SEVERAL)


def refuse_options(subject: Subject, options: Options) -> None:
    """Raise BadInput where a person is to be smaller than people are, or what is no person is to be an avatar."""
    if subject is not Subject.PERSON and "vrm" in options.output.format_list:
        raise BadInput(f"formats {options.output.formats!r}: vrm is an avatar, and only persons have its skeleton")
    height = options.body.height
    if subject is Subject.PERSON and height is not None and height < SMALLEST_PERSON_CM:
        raise BadInput(f"height {height:g}: wanted {SMALLEST_PERSON_CM:g} centimetres or more of a person")


def load(row: Method, fetch: Fetch, options: Options) -> Reconstructor:
    """Build the reconstructor of one method.

    Args:
        fetch: hands over the file of a zoo entry.
        options: of all stages.

    Raises:
        WeightsMissing: a file it needs is not there. BadInput: the device is not there, or this is a fork of a process
            that did this before.
    """
    refuse_forked()
    usable_device(options.perception.device)
    module, function = row.builder.split(":")
    return getattr(import_module(module), function)(fetch, options)
