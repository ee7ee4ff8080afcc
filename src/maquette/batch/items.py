"""One line of a manifest as a piece of work with a name of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import PurePath
from typing import Any, get_args, get_type_hints

from maquette.core.errors import BadInput
from maquette.core.options import METHODS, Options, options_from
from maquette.sources.naming import folder_name

SOURCES = ("photo", "photos", "clip", "source", "path", "url")  # columns that name what to read; one of them is wanted
OTHERS = ("subject", "name")
REMARKS = ("kind", "reason")  # of a list of what was set aside, which can be given again
SEVERAL = "|"  # between several photos of one subject
CLIPS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".wmv", ".3gp", ".ts")
LONGEST_NAME = 60
YES, NO = ("true", "yes", "1", "on"), ("false", "no", "0", "off")


@dataclass(frozen=True)
class Item:
    """One piece of work.

    Attributes:
        number: its row in the manifest, from 1; of a folder, its place.
        sources: files or URLs, as the manifest names them, relative ones made whole.
        subject: face, person or pet.
        options: what this row sets, by the names of `core/options.py`.
        name: how its folder begins.
        clip: whether it is a clip, not photos.
    """

    number: int
    sources: tuple[str, ...]
    subject: str
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    clip: bool = False

    @property
    def key(self) -> str:
        """The name of its result folder: the same for the same row, whenever and wherever it is done."""
        row = json.dumps([self.sources, self.subject, self.options, self.clip], sort_keys=True)
        return f"{self.name[:LONGEST_NAME]}-{hashlib.sha256(row.encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"

    @property
    def folder(self) -> str:
        """Where its results lie in OUT: some 256 folders, so that none holds a million."""
        return f"results/{self.key[-12:-10]}/{self.key}"

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Item:
        """The reverse of `to_json`."""
        facts = json.loads(text)
        return cls(**{**facts, "sources": tuple(facts["sources"])})


@dataclass(frozen=True)
class BadRow:
    """A row that is no work: why, in one line."""

    number: int
    source: str
    reason: str


def known_columns() -> dict[str, Any]:
    """Every option that a column can set -> its type."""
    hints = [get_type_hints(type(stage.default)) for stage in fields(Options)]
    return {name: kind for each in hints for name, kind in each.items()}


def check_columns(names: Iterator[str] | list[str], where: str) -> None:
    """Raise BadInput for a column that means nothing, and where none names the photos."""
    names = list(names)
    if not set(names) & set(SOURCES):
        raise BadInput(f"{where}: has no column that names a file: wanted {', '.join(SOURCES[:3])}")
    known = {*SOURCES, *OTHERS, *REMARKS, *known_columns()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BadInput(
            f"{where}: column {unknown[0]!r} means nothing: wanted {', '.join((*SOURCES[:3], *OTHERS))} or an option"
        )


def item_of(row: Mapping[str, Any], number: int, subject: str, joined: Any) -> Item | BadRow:
    """One row as an item.

    Args:
        row: column -> value; text as in a CSV file, or values with their types. None and "" are not given.
        number: of the row.
        subject: where the row names none.
        joined: a function that makes a relative path whole.
    """
    given = {name: value for name, value in row.items() if value is not None and value != ""}
    texts = [text for column in SOURCES if column in given for text in _texts(given[column])]
    shown = SEVERAL.join(texts)[:300]
    try:
        if not texts or "\0" in shown:
            raise BadInput("names no file")
        subject = str(given.get("subject", subject))
        if subject not in METHODS:
            raise BadInput(f"subject {subject!r}: wanted {', '.join(METHODS)}")
        options = {name: _value(name, given[name]) for name in given if name not in (*SOURCES, *OTHERS, *REMARKS)}
        options_from(**options)  # a wrong value is found now, not when its turn comes
        sources = tuple(joined(text) for text in texts)
    except (BadInput, TypeError) as error:
        return BadRow(number, shown, str(error))
    clip = len(sources) == 1 and sources[0].lower().endswith(CLIPS)
    if len(sources) > 1:
        options.setdefault("together", True)
    name = folder_name(str(given.get("name") or PurePath(texts[0].rstrip("/").rpartition("/")[2]).stem))
    return Item(number, sources, subject, options, name.encode("utf-8", "replace").decode(), clip)


def _texts(value: Any) -> list[str]:
    """The files of one cell: a list, or text with | between them."""
    if isinstance(value, list | tuple):
        return [str(each) for each in value if each]
    return [part.strip() for part in str(value).split(SEVERAL) if part.strip()]


def _value(name: str, value: Any) -> Any:
    """A cell as the option's own type; text of a CSV file is read, anything else is left to the option's check."""
    if not isinstance(value, str):
        return value
    kind = known_columns()[name]
    kinds = get_args(kind) or (kind,)
    if bool in kinds and value.strip().lower() in (*YES, *NO):
        return value.strip().lower() in YES
    for number in (int, float):
        if number in kinds:
            try:
                return number(value)
            except ValueError:
                continue
    return value
