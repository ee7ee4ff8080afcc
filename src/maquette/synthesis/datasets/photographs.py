"""Photographs of people who do not exist as files: NAME.png, NAME.npz with the labels, summary.json, facts.csv."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.core.errors import BadInput
from maquette.core.files import write_whole
from maquette.core.options import SynthesisOptions
from maquette.synthesis.anatomy.anny import load_body
from maquette.synthesis.anatomy.population import SPLITS
from maquette.synthesis.datasets.faces import Faces
from maquette.synthesis.datasets.files import packed, stem
from maquette.synthesis.datasets.labels import FACTS, face_labels, person_labels
from maquette.synthesis.datasets.workers import settle_worker
from maquette.synthesis.scenes.person_sample import photograph_person

SUBJECTS = ("face", "person")
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class _PhotographJob:
    """One person's photographs, first to last - 1, of a data set."""

    out: Path
    options: SynthesisOptions
    subject: str
    first: int
    last: int


@dataclass(frozen=True)
class _Written:
    """A photograph that is there: its row of facts.csv, and whether it was drawn now."""

    index: int
    drawn: bool
    facts: dict[str, float]


def write_photograph(folder: Path, index: int, image: NDArray, labels: Mapping[str, NDArray]) -> None:
    """Write NAME.npz, then NAME.png, each by rename: where the picture is, the labels are."""
    write_whole(folder / f"{stem(index)}.npz", packed(labels))
    coded = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
    write_whole(folder / f"{stem(index)}.png", coded.tobytes())


def read_facts_of(folder: Path, index: int) -> dict[str, float]:
    """The row of facts.csv of a written photograph: yaw in degrees, exposure in EV, age in years.

    Raises:
        BadInput: its labels cannot be read.
    """
    path = folder / f"{stem(index)}.npz"
    try:
        with np.load(path) as stored:
            return {name: float(stored[name]) for name in FACTS if name in stored.files}
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, MemoryError, EOFError, *ZIP_ERRORS) as error:
        why = " ".join(str(error).split())[:120]
        raise BadInput(f"{path}: cannot be read ({why}); delete it and its .png to have it drawn again") from error


def write_photographs(
    out: Path, options: SynthesisOptions, subject: str = "face", workers: int = 2
) -> Iterator[tuple[int, bool]]:
    """Write a data set, with several processes; the files do not depend on how many.

    Args:
        out: a new or empty folder, or one with photographs of the same options, which are kept.
        subject: "face" or "person".
        workers: processes; 1 stays in this one.

    Returns:
        (index, whether it was drawn now) of each photograph as it is there.

    Raises:
        BadInput: another subject; the folder holds something else; the device is not there.
        WeightsMissing: the subject needs anny, which is not installed.
    """
    if subject not in SUBJECTS:
        raise BadInput(f"subject {subject!r}: wanted {' or '.join(SUBJECTS)}")
    out = Path(out)
    options = replace(options, device=usable_device(options.device))
    begin_folder(out, options, subject)
    if subject == "person":
        load_body()  # once here, so that what is missing is reported before any work
    rows: dict[int, dict[str, float]] = {}
    per_person = options.photos_per_person if subject == "face" else 1
    starts = range(0, options.count, per_person)
    jobs = (_PhotographJob(out, options, subject, k, min(k + per_person, options.count)) for k in starts)
    for done in _run(jobs, workers):
        for written in done:
            rows[written.index] = written.facts
            yield written.index, written.drawn
    _finish(out, options, subject, [rows[k] for k in sorted(rows)])


def begin_folder(out: Path, options: SynthesisOptions, subject: str, grows: tuple[str, ...] = ("count",)) -> None:
    """Make the folder and its summary.json, or see that it was begun with the same options.

    Args:
        grows: options that may differ when a folder is gone on with.

    Raises:
        BadInput: it was not.
    """
    described, file = describe(options, subject), out / "summary.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not file.is_file():
            if any(out.iterdir()):
                raise BadInput(f"{out}: is not empty and has no summary.json; choose another folder")
            write_whole(file, _json({**described, "finished": 0}))
            return
        before = json.loads(file.read_text())
        had = {**before["options"], "subject": before["subject"], "maquette": before["maquette"]}
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadInput(f"{file}: not a summary of maquette synth; choose another folder") from error
    now = {**described["options"], "subject": subject, "maquette": described["maquette"]}
    other = [f"{k} {had.get(k)!r:.60}" for k in now if k not in grows and had.get(k) != now[k]]
    if other:
        raise BadInput(f"{out}: was made with {', '.join(other)}; choose another folder or the same options")


def describe(options: SynthesisOptions, subject: str) -> dict[str, Any]:
    """What identifies a data set: version, subject, options."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("maquette")
    except PackageNotFoundError:
        release = "unknown"
    return {"maquette": release, "subject": subject, "options": asdict(options)}


def _finish(out: Path, options: SynthesisOptions, subject: str, rows: list[dict[str, float]]) -> None:
    names = [name for name in FACTS if name in rows[0]]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["image", *names])
    writer.writerows([stem(k), *(f"{row[name]:.4g}" for name in names)] for k, row in enumerate(rows))
    write_whole(out / "facts.csv", table.getvalue().encode())
    spread = {
        name: dict(zip(("low", "median", "high"), np.round(np.percentile([r[name] for r in rows], [5, 50, 95]), 3)))
        for name in names
    }
    write_whole(
        out / "summary.json", _json({**describe(options, subject), "finished": len(rows), "percentiles": spread})
    )


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, default=float) + "\n").encode()


def _write_some(job: _PhotographJob) -> list[_Written]:
    """One person's photographs; those that are there are kept."""
    done = []
    for index in range(job.first, job.last):
        drawn = not all((job.out / f"{stem(index)}.{ending}").is_file() for ending in ("png", "npz"))
        if drawn:
            write_photograph(job.out, index, *_draw(job.options, job.subject, index))
        done.append(_Written(index, drawn, read_facts_of(job.out, index)))
    return done


def _draw(options: SynthesisOptions, subject: str, index: int) -> tuple[NDArray, dict[str, NDArray]]:
    if subject == "face":
        face = _faces(options)[index]
        return face.image, face_labels(face)
    seed = (options.seed, SPLITS.index(options.split), index)
    person = photograph_person(seed, options.size, options.supersample, options.device)
    return person.image, person_labels(person)


@lru_cache(maxsize=1)
def _faces(options: SynthesisOptions) -> Faces:
    return Faces(options)


def _run(jobs: Iterable[_PhotographJob], workers: int) -> Iterator[list[_Written]]:
    if workers == 1:
        yield from map(_write_some, jobs)
        return
    # Started anew rather than forked: torch's threads do not survive a fork.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=settle_worker)
    running: set[Future[list[_Written]]] = set()
    try:
        for job in jobs:
            running.add(pool.submit(_write_some, job))
            if len(running) >= 3 * workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in running)
    finally:
        pool.shutdown(cancel_futures=True)
