"""What a batch came to: a table of all items, a list of what was set aside, and a summary for people."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from maquette.batch.items import SEVERAL
from maquette.batch.journal import NAME, latest
from maquette.batch.work import DONE, FAILED
from maquette.core.files import write_whole

INDEX, ASIDE, SUMMARY = "index", "set_aside.csv", "batch.json"
ROWS_AT_ONCE = 10_000
EXAMPLES = 3
LARGEST_LIST = 100_000  # seconds that are kept for their middle and tail
Record = dict[str, Any]


@dataclass(eq=False)
class Tally:
    """Counts over one run, record by record.

    Attributes:
        done, failed, results: of this run.
        failures: kind -> how many.
        examples: kind -> a few texts.
        seconds: of each item, the first hundred thousand.
        stages: stage -> seconds of all items.
        peak_mb: most memory of a process.
    """

    done: int = 0
    failed: int = 0
    results: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    stages: Counter[str] = field(default_factory=Counter)
    peak_mb: int = 0

    def add(self, record: Record) -> None:
        """Count one record."""
        self.done += record["status"] == DONE
        self.failed += record["status"] == FAILED
        self.results += len(record["results"])
        self.peak_mb = max(self.peak_mb, record.get("peak_mb", 0))
        self.stages.update(record.get("stages", {}))
        if record["status"] == DONE and len(self.seconds) < LARGEST_LIST:
            self.seconds.append(record["seconds"])
        for failure in record["failures"]:
            self.failures[failure["kind"]] += 1
            shown = self.examples.setdefault(failure["kind"], [])
            if len(shown) < EXAMPLES:
                shown.append(failure["error"])

    def facts(self, seconds: float) -> Record:
        """JSON-able: counts, throughput, failures by kind, seconds per item (middle and slowest of a hundred)."""
        ordered = sorted(self.seconds)
        count = self.done + self.failed
        tail = {
            name: round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 3) if ordered else None
            for name, part in (("median", 0.5), ("99 of 100", 0.99))
        }
        return {
            "done": self.done,
            "failed": self.failed,
            "results": self.results,
            "seconds": round(seconds, 3),
            "items_per_hour": round(3600 * count / seconds, 1) if seconds else 0.0,
            "seconds_per_item": tail,
            "stages": {stage: round(total, 3) for stage, total in self.stages.most_common()},
            "failures": dict(self.failures.most_common()),
            "examples": self.examples,
            "peak_mb": self.peak_mb,
        }


def write_reports(out: Path, facts: Record, no_work: Sequence[Record]) -> tuple[Record, str]:
    """Write batch.json, set_aside.csv and the index, from the journal of all runs into this folder.

    Args:
        facts: of this run.
        no_work: records of rows that were no items.

    Returns:
        What batch.json holds, and a remark in plain words ("" if there is none).
    """
    whole = Counter(record["status"] for record in latest(out / NAME))
    summary = {**facts, "all_runs": {"done": whole[DONE], "failed": whole[FAILED] + len(no_work)}}
    write_whole(out / ASIDE, _set_aside(out, no_work))
    write_whole(out / SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False))
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return summary, f"{INDEX}/ was not written: for Parquet run: pip install 'maquette[batch]'"
    write_index(out)
    return summary, ""


def _set_aside(out: Path, no_work: Sequence[Record]) -> str:
    """The items that failed, as a manifest that can be given to another batch, with the reason."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["photos", "subject", "kind", "reason"])
    for record in chain(latest(out / NAME), no_work):
        if record["status"] == FAILED:
            last = record["failures"][-1]
            table.writerow([SEVERAL.join(record["sources"]), record["subject"], last["kind"], last["error"]])
    return text.getvalue()


def write_index(out: Path) -> None:
    """The last record of every item as Parquet: index/status=done/part-00000.parquet and so on.

    Columns: key, number, subject, sources, folder, results, files, warnings, kind, error, seconds, tries, peak_mb.
    """
    import pyarrow as arrow
    from pyarrow import parquet

    texts, whole = arrow.list_(arrow.string()), arrow.int64()
    columns = {"key": arrow.string(), "number": whole, "subject": arrow.string(), "sources": texts}
    columns |= {"folder": arrow.string(), "results": whole, "files": texts, "warnings": texts}
    columns |= {"kind": arrow.string(), "error": arrow.string(), "seconds": arrow.float64(), "tries": whole}
    schema = arrow.schema(list({**columns, "peak_mb": whole}.items()))
    beside = out / f".{INDEX}-{os.getpid()}"
    shutil.rmtree(beside, ignore_errors=True)
    for status in (DONE, FAILED):
        rows = (_row(record) for record in latest(out / NAME) if record["status"] == status)
        for number, part in enumerate(_parts(rows)):
            folder = beside / f"status={status}"
            folder.mkdir(parents=True, exist_ok=True)
            parquet.write_table(arrow.Table.from_pylist(part, schema), folder / f"part-{number:05d}.parquet")
    if beside.is_dir():
        shutil.rmtree(out / INDEX, ignore_errors=True)
        os.replace(beside, out / INDEX)


def _parts(rows: Iterator[Record]) -> Iterator[list[Record]]:
    while part := list(islice(rows, ROWS_AT_ONCE)):
        yield part


def _row(record: Record) -> Record:
    last = record["failures"][-1] if record["failures"] else {}
    results = record["results"]
    return {
        **{name: record.get(name) for name in ("key", "number", "subject", "sources", "folder", "seconds", "peak_mb")},
        "results": len(results),
        "files": [f"{record['folder']}/{file}" for row in results for file in row["files"]],
        "warnings": [warning for row in results for warning in row["warnings"]],
        "kind": last.get("kind"),
        "error": last.get("error"),
        "tries": record.get("tries", 1),
    }
