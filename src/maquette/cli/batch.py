"""`maquette batch MANIFEST -o OUT`: any number of photos and clips, on all cores or on a Ray cluster."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.flags import with_options
from maquette.cli.results import Json, Out, leave
from maquette.cli.terminal import complain, one_line, say, written
from maquette.core.options import (
    BatchOptions,
    BodyOptions,
    FitOptions,
    OutputOptions,
    PerceptionOptions,
    SourceOptions,
    TextureOptions,
    VideoOptions,
)

if TYPE_CHECKING:
    from maquette.batch.run import Counts, Seen

STAGES = (FitOptions, BodyOptions, TextureOptions, OutputOptions, PerceptionOptions, SourceOptions, VideoOptions)
OWN = tuple(field.name for field in fields(BatchOptions))
OTHERS = ("together", "resume")  # rows with several photos are together; items go on by themselves
EVERY_S = 10.0  # between two lines of progress where there is no terminal to redraw one


@with_options(BatchOptions, *STAGES, leave_out=OTHERS, method=None)
def batch(
    manifest: Annotated[
        str,
        typer.Argument(metavar="MANIFEST", help="A folder, a .csv, .jsonl or .parquet file, or a URL of one (fsspec)."),
    ],
    out: Out,
    subject: Annotated[str, typer.Option(help="What rows show that do not say: face, person or pet.")] = "face",
    as_json: Json = False,
    **options: Any,
) -> None:
    """Reconstruct every photo and clip of a manifest; a run that was stopped goes on where it ended.

    Columns: photo (several with | between them are one subject) or clip, and if wanted subject, name, and any option
    (texture_size, seed, ...). OUT/results/ holds the results, OUT/index/ a Parquet table of them, OUT/set_aside.csv
    what failed and why, OUT/batch.json the numbers.
    """

    def work() -> int:
        from maquette.batch.run import run_batch

        limits = BatchOptions(**{name: options[name] for name in OWN})
        defaults = _chosen(options)
        with progress(not as_json) as seen:
            summary = run_batch(manifest, out, subject, limits, defaults, seen)
        remark = summary.pop("remark")
        if as_json:
            say(json.dumps(summary))
        else:
            _tell(out, summary, remark)
        return 0 if summary["done"] or summary["settled"] else 2

    leave(work, as_json)


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    """What was set to something else than its default: defaults may differ by subject."""
    usual = {field.name: field.default for stage in STAGES for field in fields(stage)} | {"method": None}
    from maquette.core.options import options_from

    chosen = {name: value for name, value in options.items() if name not in OWN and value != usual[name]}
    options_from(**chosen)
    return chosen


def _tell(out: Any, summary: Mapping[str, Any], remark: str) -> None:
    """The numbers in a few lines."""
    before = f", {summary['settled']} settled before" if summary["settled"] else ""
    twice = f", {summary['repeated']} named twice" if summary["repeated"] else ""
    say(f"{out}: {summary['done']} done, {summary['failed']} failed{before}{twice}")
    if summary["done"]:
        each, rate = summary["seconds_per_item"]["median"], summary["items_per_hour"]
        say(f"  {rate:g} an hour, {each:g} s each in the middle, {summary['peak_mb']} MB at most")
    for kind, count in summary["failures"].items():
        say(one_line(f"  {count} x {kind}: {summary['examples'][kind][0]}"))
    if summary["failed"]:
        say(f"  {out / 'set_aside.csv'} lists them; it can be given to another batch")
    if remark:
        say(f"  note: {remark}")


@contextmanager
def progress(shown: bool) -> Iterator[Seen]:
    """A line that is redrawn in a terminal, and elsewhere written now and then; failures in a line of their own."""
    start, last = perf_counter(), [0.0]
    redrawn = shown and sys.stderr.isatty()

    def seen(record: Mapping[str, Any], counts: Counts) -> None:
        if record["failures"] and not record["results"]:
            written(sys.stderr, "\r\x1b[K" if redrawn else "")
            complain(record["failures"][-1]["error"])
        now = perf_counter()
        if not shown or (now - last[0] < EVERY_S and not redrawn):
            return
        last[0] = now
        tally = counts.tally
        rate = 3600 * (tally.done + tally.failed) / max(now - start, 1e-6)
        text = f"{tally.done} done, {tally.failed} failed, {counts.settled} settled before, {rate:.0f} an hour"
        written(sys.stderr, f"\r\x1b[K{text}" if redrawn else f"{text}\n")

    try:
        yield seen
    finally:
        if redrawn:
            written(sys.stderr, "\r\x1b[K")
