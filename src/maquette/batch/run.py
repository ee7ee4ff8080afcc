"""The story of a batch: read the manifest, leave out what is settled, do the rest, note each, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from maquette.batch.items import BadRow, Item
from maquette.batch.journal import Journal
from maquette.batch.manifest import read
from maquette.batch.pool import Pool
from maquette.batch.report import Tally, write_reports
from maquette.batch.work import FAILED, failure_row, state_of
from maquette.core.errors import BadInput
from maquette.core.options import BatchOptions
from maquette.core.threads import cores

Seen = Callable[[dict[str, Any], "Counts"], None]


@dataclass(eq=False)
class Counts:
    """How far a batch is: items that were settled before, rows that name the same as an earlier one, and the rest."""

    settled: int = 0
    repeated: int = 0
    tally: Tally = field(default_factory=Tally)


def run_batch(
    manifest: str,
    out: Path,
    subject: str,
    limits: BatchOptions,
    defaults: Mapping[str, Any],
    seen: Seen | None = None,
) -> dict[str, Any]:
    """Do all items of a manifest.

    Args:
        manifest: a folder, a CSV, JSONL or Parquet file, or a URL of one.
        out: results go to OUT/results/<two letters>/<name>-<hash>/; beside them batch.jsonl (the journal), batch.json
            (the summary), set_aside.csv (what failed, as a manifest) and index/ (Parquet).
        subject: of rows that name none: face, person or pet.
        limits: engine, workers, retries and limits.
        defaults: options of all items by the names of `core/options.py`; a row's own come first.
        seen: called with each record as it comes, and the counts so far.

    Returns:
        What batch.json holds.

    Raises:
        BadInput: the manifest or OUT cannot be used. ExtraMissing: a library for it is not installed.
    """
    start = perf_counter()
    rows = read(manifest, subject, out)
    if limits.engine == "local":
        limits = replace(limits, workers=limits.workers or cores())
    counts = Counts()
    with Journal(out) as journal:
        batch = _Rows(rows, journal, counts, defaults, limits.retry_failed)
        for record in _records(batch, out, defaults, limits):
            if record["key"]:
                journal.add(record)
            counts.tally.add(record)
            if seen:
                seen(record, counts)
        if not (counts.tally.done or counts.tally.failed or counts.settled):
            raise BadInput(f"{manifest}: names nothing to do")
        before = {"settled": counts.settled, "repeated": counts.repeated}
        engine = {"engine": limits.engine, "workers": limits.workers}
        facts = {**engine, **counts.tally.facts(perf_counter() - start), **before}
        summary, remark = write_reports(out, facts, [_no_work(row) for row in batch.bad])
    return {**summary, "remark": remark}


def _records(batch: _Rows, out: Path, defaults: Mapping[str, Any], limits: BatchOptions) -> Iterator[dict[str, Any]]:
    """Records as they come, and then those of the rows that were no work."""
    if limits.engine == "ray":
        from maquette.batch.on_ray import records

        yield from records(batch.work(), out, defaults, limits)
    else:
        with Pool(out, defaults, limits) as pool:
            yield from pool.records(batch.work())
    yield from map(_no_work, batch.bad)


def _no_work(row: BadRow) -> dict[str, Any]:
    """The record of a row that is no work; it has no key, and the journal does not keep it: it is read again anyway."""
    error = BadInput(f"row {row.number} ({row.source or 'no file'}): {row.reason}")
    return {
        "key": "",
        "number": row.number,
        "subject": "",
        "sources": [row.source],
        "status": FAILED,
        "results": [],
        "failures": [failure_row(error)],
        "seconds": 0.0,
    }


@dataclass(eq=False)
class _Rows:
    """A manifest on its way: what is settled, given twice or no work is not handed on."""

    rows: Iterator[Item | BadRow]
    journal: Journal
    counts: Counts
    defaults: Mapping[str, Any]
    retry_failed: bool
    given: set[str] = field(default_factory=set)
    bad: list[BadRow] = field(default_factory=list)

    def work(self) -> Iterator[Item]:
        """The items that are to be done."""
        for row in self.rows:
            if isinstance(row, BadRow):
                self.bad.append(row)
            elif row.key in self.given:
                self.counts.repeated += 1
            else:
                self.given.add(row.key)
                if self.journal.is_settled(row.key, state_of(row, self.defaults), not self.retry_failed):
                    self.counts.settled += 1
                else:
                    yield row
