"""One item from its files to its folder, in the process that has the networks loaded."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from maquette.batch.items import Item
from maquette.batch.manifest import is_url, opened
from maquette.core.errors import BadInput, MaquetteError
from maquette.core.files import write_whole
from maquette.core.job import explained
from maquette.core.options import METHODS, Options, options_from
from maquette.core.result import Failure
from maquette.core.types import Subject

RECORD = "item.json"
MOST_BYTES = 4 << 30  # of a file behind a URL
DONE, FAILED = "done", "failed"
FETCH = "NotFetched"  # kind of a failure that another try may mend


def state_of(item: Item, defaults: Mapping[str, Any]) -> str:
    """What the results of an item depend on: its files' sizes and times, all options, the version of maquette.

    Of a URL its text alone counts, so what has changed behind one is done again only into another OUT.
    """
    seen: list[object] = []
    for source in item.sources:
        with suppress(OSError, ValueError):
            if is_url(source):
                seen.append(source)
            else:
                file = os.stat(source)
                seen.append((file.st_size, file.st_mtime_ns))
    facts = [seen, {**defaults, **item.options}, item.subject, version("maquette")]
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def do(item: Item, out: Path, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Do one item, unless it is done already, and write what became of it beside its results.

    Args:
        out: OUT of the whole batch.
        defaults: options of the whole batch, by name; the item's own come first.

    Returns:
        The record: key, number, subject, sources, folder, state, status (done or failed), results, failures (each with
        kind and error), seconds, stages (name -> seconds), peak_mb. It is JSON-able.

    Raises:
        ImportError: it would hit every other item too.
    """
    state, home = state_of(item, defaults), out / item.folder
    earlier = record_in(home)
    if earlier and (earlier.get("state"), earlier.get("status")) == (state, DONE):
        return {**earlier, "number": item.number, "again": True}
    start = perf_counter()
    failures: list[dict[str, str]] = []
    results: list[dict[str, Any]] = []
    try:
        with _fetched(item.sources) as files:
            results, failures = _reconstruct(item, files, home, options_from(**_settings(item, defaults)))
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001  whatever goes wrong for one item leaves the others
        kind = FETCH if isinstance(error, _NotFetched) else None
        failures.append(failure_row(explained(error, ", ".join(item.sources)), kind))
    status = DONE if results else FAILED
    facts = {"state": state, "status": status, "results": results, "failures": failures}
    stages: dict[str, float] = {}
    for row in results:
        for stage, seconds in row["seconds"].items():
            if isinstance(seconds, float):  # not what is counted within a stage
                stages[stage] = round(max(stages.get(stage, 0.0), seconds), 3)
    record = {**about(item), **facts, "seconds": round(perf_counter() - start, 3), "stages": stages, "peak_mb": _peak()}
    if home.is_dir():
        with suppress(OSError):  # the journal has it too
            write_whole(home / RECORD, json.dumps(record, ensure_ascii=False))
    return record


def about(item: Item) -> dict[str, Any]:
    """What a record says of the item itself."""
    return {
        "key": item.key,
        "number": item.number,
        "subject": item.subject,
        "sources": list(item.sources),
        "folder": item.folder,
    }


def failure_row(error: MaquetteError, kind: str | None = None) -> dict[str, str]:
    """One failure of a record."""
    return {"kind": kind or type(error).__name__, "error": str(error)}


def record_in(home: Path) -> dict[str, Any] | None:
    """The record of an item's folder; None if there is none that can be read."""
    try:
        record = json.loads((home / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _settings(item: Item, defaults: Mapping[str, Any]) -> dict[str, Any]:
    settings = {**defaults, **item.options}
    if settings.get("method") is None:
        settings["method"] = METHODS[item.subject]
    return settings


class _NotFetched(BadInput):
    """A file behind a URL could not be read."""


@contextmanager
def _fetched(sources: tuple[str, ...]) -> Iterator[list[str]]:
    """The sources as files of this computer; what lies behind a URL only until the block ends."""
    with tempfile.TemporaryDirectory(prefix="maquette-") as folder:
        yield [_copied(source, Path(folder) / f"{place}") if is_url(source) else source
               for place, source in enumerate(sources)]  # fmt: skip


def _copied(url: str, folder: Path) -> str:
    folder.mkdir()
    target = folder / (Path(url.partition("?")[0]).name or "photo")
    try:
        with opened(url) as source, target.open("wb") as file:
            left = MOST_BYTES
            while block := source.read(min(1 << 20, left + 1)):
                left -= len(block)
                if left < 0:
                    raise BadInput(f"{url}: larger than {MOST_BYTES >> 30} GB: make it smaller")
                file.write(block)
    except MaquetteError:
        raise
    except Exception as error:
        text = " ".join(f"{type(error).__name__} {error}".split())[:200]
        raise _NotFetched(f"{url}: cannot be read ({text})") from error
    return str(target)


def _reconstruct(item: Item, files: list[str], home: Path, options: Options) -> tuple[list[dict], list[dict]]:
    """The rows of results and of failures."""
    from maquette import outputs
    from maquette.outputs.result_folder import OutputFolder
    from maquette.pipeline.story import outcomes

    folder = OutputFolder(home)
    coming = outcomes(files, Subject(item.subject), folder, options, item.clip)
    results, failures = [], []
    for row in folder.collect(coming, folder.saving(partial(outputs.save, options=options.output))):
        if isinstance(row, Failure):
            failures.append(failure_row(row.error))
        else:
            results.append({name: row[name] for name in ("subject", "folder", "files", "warnings", "seconds")})
    folder.close()
    if not results and not failures:
        failures.append({"kind": "NothingFound", "error": f"{', '.join(item.sources)}: gave nothing"})
    if not results:
        _emptied(home)
    return results, failures


def _emptied(home: Path) -> None:
    """A folder that holds a summary of nothing is no result."""
    left = [entry.name for entry in os.scandir(home)]
    if left in ([], ["summary.json"]):
        shutil.rmtree(home, ignore_errors=True)
        with suppress(OSError):  # another item has come to lie there
            home.parent.rmdir()


def _peak() -> int:
    """Most memory that this process has held so far, MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3))
