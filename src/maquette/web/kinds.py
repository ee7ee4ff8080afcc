"""What can be made in the web app, and the form of each kind, generated from the options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from typing import Any, get_args, get_type_hints

from maquette.core.check import Choices, Range, field_help, limits, typed
from maquette.core.errors import BadInput
from maquette.core.options import (
    DOORS,
    MESH_FORMATS,
    METHODS,
    BodyOptions,
    FitOptions,
    OutputOptions,
    PerceptionOptions,
    TextureOptions,
    VideoOptions,
)
from maquette.core.types import Subject
from maquette.reconstruction import methods

Value = bool | int | float | str | None
# Decided by who serves, or of no use to who only downloads. Texts that may be missing are paths, and left out too.
NOT_ASKED = {
    "device", "seed", "max_megapixels", "max_frames", "resume", "overview", "view", "meshes", "depth", "min_face",
    "min_person",
}  # fmt: skip
WANTED = ("start", "end", "formats", "pupil_distance", "height", "hair", "fur", "texture_size", "turntable")
FIRST = 5  # of WANTED are shown at once, the rest of the form is folded
GROUPS = {
    VideoOptions: "Motion",
    FitOptions: "Shape",
    BodyOptions: "Size and surface",
    TextureOptions: "Skin and hair",
    OutputOptions: "Files",
    PerceptionOptions: "Which faces and people",
}
WORDS = {  # fields whose name and help are the command line's -> label, and help where that one would not do
    "formats": (
        "Files to make",
        "glb for most programs, obj and ply for editing, stl and 3mf to print, usdz for iPhone.",
    ),
    "pupil_distance": (
        "Distance between the pupils",
        "If measured, as in a prescription for glasses; sets the true size.",
    ),
    "height": ("Height", "If measured; sets the true size. Of a pet at its shoulders."),
    "texture_size": ("Sharpness of the skin", "Width and height of its picture; more is sharper, slower and larger."),
    "lod": ("Coarser copies", "For far away in games: GLBs with a half and a quarter of the triangles."),
    "turntable": ("A film of it turning", "Takes some seconds more."),
    "every": ("Every n-th picture", None),
    "start": ("From second", "Where to begin."),
    "end": ("To second", "Where to stop; empty is the end."),
    "smoothing": ("Smooth the motion", None),
    "smoother": ("Smoothed by", None),
    "blurred": ("Blurred pictures", None),
    "method": ("How it is made", "The first choice suits nearly everything."),
    "photometric": ("Refine by light and shade", None),
    "reader": ("Landmarks from", None),
    "grid": ("Search of the surface", "fast: only where the surface passes; exact: everywhere, much slower."),
    "resolution": ("Fineness of the surface", None),
    "fill": ("Complete what no photo shows", "By mirroring, then by matching skin."),
    "maps": ("Pores and gloss", "For close-ups: normal and roughness maps, some megabytes more."),
    "detail": ("Wrinkles and folds", None),
    "mesh": ("Roundness of the surface", None),
    "detail_mesh": ("A dense mesh as well", "About 84,000 triangles that have the wrinkles as shape; 30 MB more."),
    "upscale": ("Enlarge small faces", None),
    "max_faces": ("Faces from one photo, most", None),
    "max_people": ("People from one picture, most", None),
}
FORMATS_OF = {"usdz": "pxr", "3mf": "lib3mf"}  # formats -> the libraries that they need
PHOTOS, CLIPS = "image/*,.heic,.heif,.avif,.tif,.tiff", "video/*,.mkv,.avi"


@dataclass(frozen=True)
class WebKind:
    """One kind of work.

    Attributes:
        name, title, words: for the interface, and for who reads the page.
        door: whose options it has, a row of `DOORS`.
        subject: what it makes.
        views: what its method must take: see `reconstruction.methods`.
        fixed: options that make it this kind.
        least: how many files it wants.
        most: how many it takes; None as many as are allowed.
        accept: which files a browser offers.
    """

    name: str
    title: str
    words: str
    door: str
    subject: Subject
    views: str = methods.ONE
    fixed: Mapping[str, Value] = field(default_factory=dict)
    least: int = 1
    most: int | None = None
    accept: str = PHOTOS


KINDS = {
    kind.name: kind
    for kind in (
        WebKind(
            "face", "Face", "Every face in your photos: a head that moves.", "face", Subject.FACE,
            fixed={"together": False},
        ),
        WebKind(
            "together", "Together", "Several photos of one face: one better head.", "face", Subject.FACE,
            methods.SEVERAL, {"together": True}, least=2,
        ),
        WebKind("person", "Person", "Everybody from head to foot, with clothes.", "person", Subject.PERSON),
        WebKind("pet", "Pet", "Cats, dogs, wild cats: the head, with fur.", "pet", Subject.PET),
        WebKind(
            "clip", "Clip", "People in a video, moving.", "video", Subject.PERSON,
            methods.CLIP, most=1, accept=CLIPS,
        ),
        WebKind(
            "clipface", "Moving face", "Faces in a video, moving.", "video", Subject.FACE,
            methods.CLIP, most=1, accept=CLIPS,
        ),
    )
}  # fmt: skip


def form(kind: WebKind) -> list[dict[str, Any]]:
    """The fields of one kind as JSON: name, label, help, group, control, default, and choices or limits.

    Those most wanted come first and have no group. Controls are switch, number, choice and several (some of the
    choices, joined by commas).
    """
    asked = {name: stage for stage, name in _asked(kind)}
    first = [name for name in WANTED if name in asked][:FIRST]
    rest = [name for name in asked if name not in first]
    return [
        _described(kind, asked[name], name) | {"group": "" if name in first else GROUPS[asked[name]]}
        for name in (*first, *rest)
    ]


def settings(kind: WebKind, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a browser sent, checked: only fields that its form has, of their types, and what makes it this kind.

    Raises:
        BadInput: a field that the form does not have, or a value that it does not offer.
    """
    asked = {name: stage for stage, name in _asked(kind)}
    unknown = sorted(set(wanted) - set(asked))
    if unknown:
        raise BadInput(f"{', '.join(map(str, unknown))[:80]}: no such setting")
    values = {name: typed(asked[name], name, value) for name, value in wanted.items()}
    values.setdefault("method", METHODS[kind.subject.value])
    for name, value in values.items():
        choices = _choices(kind, name)
        given = str(value).split(",") if name == "formats" else [value]
        if choices and not set(given) <= set(choices):
            raise BadInput(f"{name.replace('_', ' ')}: wanted {', '.join(choices)}")
    return {**values, **kind.fixed}


def _asked(kind: WebKind) -> Iterator[tuple[type, str]]:
    door = DOORS[kind.door]
    for stage in door.stages:
        hints = get_type_hints(stage)
        for one in fields(stage):
            is_path = set(get_args(hints[one.name])) == {str, type(None)}
            if not is_path and one.name not in {*door.leave_out, *NOT_ASKED, *kind.fixed}:
                yield stage, one.name


def _described(kind: WebKind, stage: type, name: str) -> dict[str, Any]:
    hint, limit = get_type_hints(stage)[name], limits(stage).get(name)
    default = METHODS[kind.subject.value] if name == "method" else getattr(stage, name)
    kinds = set(get_args(hint) or (hint,))
    label, words = WORDS.get(name, (name.replace("_", " ").capitalize(), None))
    described: dict[str, Any] = {
        "name": name,
        "label": label,
        "help": words or field_help(stage)[name],
        "default": default,
        "control": "number" if kinds & {int, float} else "switch" if bool in kinds else "choice",
        "may_be_empty": type(None) in kinds,
    }
    if choices := _choices(kind, name) or (limit.names if isinstance(limit, Choices) else ()):
        described |= {"choices": list(choices), "control": "several" if name == "formats" else "choice"}
    if isinstance(limit, Range):
        described |= {"low": limit.low, "high": limit.high, "unit": limit.unit, "whole": int in kinds}
    return described


def _choices(kind: WebKind, name: str) -> tuple[str, ...]:
    """What this machine offers of two fields whose choices are no constants."""
    if name == "formats":
        there = (one for one in MESH_FORMATS if one not in FORMATS_OF or find_spec(FORMATS_OF[one]))
        return tuple(one for one in there if one != "vrm" or kind.subject is Subject.PERSON)
    return _methods(kind) if name == "method" else ()


def _methods(kind: WebKind) -> tuple[str, ...]:
    """Methods whose networks are there: those that want files of their user's own are for the command line."""
    rows = [row for row in methods.methods() if kind.subject in row.subjects and not row.brings]
    if kind.views == methods.CLIP and kind.subject is Subject.FACE:
        return tuple(row.name for row in rows if row.moves and methods.SEVERAL in row.views)
    return tuple(row.name for row in rows if kind.views in row.views)
