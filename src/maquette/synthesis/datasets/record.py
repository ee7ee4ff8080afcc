"""Photographs of people who do not exist as files: NAME.png, NAME.npz with the labels, summary.json, facts.csv."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, replace
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np

from maquette.core.device import usable_device
from maquette.core.errors import BadInput
from maquette.core.options import SynthesisOptions

Array = np.ndarray
SUBJECTS = ("face", "person")
SPLITS = ("train", "test")
FACTS = ("monk", "yaw", "exposure", "age", "gender")


def stem(index: int) -> str:
    """The name of photograph `index`, without an ending.

    Example:
        >>> stem(7)
        '00007'
    """
    return f"{index:05d}"


def face_labels(sample: Any) -> dict[str, Array]:
    """The columns of one `sample.Sample`; shapes, units and frames as its attributes say.

    Float16 holds what needs no more: unit normals, metres of displacement to 0.1 micrometres, weights in 0-1.
    """
    identity = sample.person.identity
    points = {f"landmarks_{s}": p.astype(np.float32) for s, p in sample.landmarks.items()}
    visible = {f"visible_{s}": v for s, v in sample.visible.items()}
    return {
        **_camera(sample.camera),
        **points,
        **visible,
        "kind": sample.kind,
        "depth": sample.depth,
        "normals": sample.normals.astype(np.float16),
        "uv": sample.uv,
        "coefficients": identity.coefficients,
        "scale": np.float32(identity.scale),
        "expression": sample.expression.astype(np.float16),
        "pose": sample.pose.astype(np.float32),
        "displacement": sample.person.skin.displacement.astype(np.float16),
        **_facts(identity, sample.person.skin.monk, sample.pose, sample.sensor),
    }


def person_labels(figure: Any) -> dict[str, Array]:
    """The columns of one `figure.Figure`; shapes, units and frames as its attributes say."""
    world = {f"keypoints_world_{s}": p for s, p in figure.scene.keypoints.items()}
    pixels = {f"keypoints_{s}": p.astype(np.float32) for s, p in figure.keypoints.items()}
    return {
        **_camera(figure.camera),
        **world,
        **pixels,
        "mask": figure.kind > 0,
        "kind": figure.kind,
        "depth": figure.depth,
        "normals": figure.normals.astype(np.float16),
        "back_depth": figure.back_depth,
        "back_normals": figure.back_normals.astype(np.float16),
        "points": figure.points,
        "inside": figure.inside,
        "pose": figure.pose.astype(np.float32),
        **_facts(figure.scene.identity, None, figure.pose, figure.sensor),
    }


def _camera(camera: Any) -> dict[str, Array]:
    return {
        "intrinsics": camera.intrinsics,
        "world_to_camera": camera.world_to_camera,
        "projection": np.array(camera.projection),
    }


def _facts(identity: Any, monk: int | None, pose: Array, sensor: Any) -> dict[str, Array]:
    facts = {
        "yaw": np.degrees(pose[0]),
        "exposure": sensor.exposure,
        "age": identity.age,
        "gender": identity.gender,
        "ancestry": identity.ancestry,
    }
    return {k: np.asarray(v, np.float32) for k, v in facts.items()} | ({} if monk is None else {"monk": np.uint8(monk)})


def write_record(folder: Path, index: int, image: Array, labels: Mapping[str, Array]) -> None:
    """Write NAME.npz, then NAME.png, each by rename: where the picture is, the labels are."""
    _put(folder / f"{stem(index)}.npz", _packed(labels))
    coded = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
    _put(folder / f"{stem(index)}.png", coded.tobytes())


def _packed(labels: Mapping[str, Array]) -> bytes:
    """What `np.savez_compressed` writes, packed less tightly in half the time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, value in labels.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asanyarray(value), allow_pickle=False)
            # An entry of its own date would make other bytes each time.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=1)
    return packed.getvalue()


def _put(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_facts_of(folder: Path, index: int) -> dict[str, float]:
    """The row of facts.csv of a written photograph: yaw in degrees, exposure in EV, age in years.

    Raises:
        BadInput: its labels cannot be read.
    """
    path = folder / f"{stem(index)}.npz"
    try:
        with np.load(path) as stored:
            return {name: float(stored[name]) for name in FACTS if name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path}: cannot be read ({error}); delete it and its .png to have it drawn again") from error


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
        BadInput: the folder holds something else; the device is not there.
        WeightsMissing: the subject needs anny, which is not installed.
    """
    out = Path(out)
    options = replace(options, device=usable_device(options.device))
    begin(out, options, subject)
    if subject == "person":
        from maquette.synthesis.anatomy.anny import load_body

        load_body()  # once here, so that what is missing is told before any work
    rows: dict[int, dict[str, float]] = {}
    per_person = options.photos_per_person if subject == "face" else 1
    starts = range(0, options.count, per_person)
    jobs = ((out, options, subject, k, min(k + per_person, options.count)) for k in starts)
    for done in _run(jobs, workers):
        for index, drawn, facts in done:
            rows[index] = facts
            yield index, drawn
    _finish(out, options, subject, [rows[k] for k in sorted(rows)])


def begin(out: Path, options: SynthesisOptions, subject: str, grows: tuple[str, ...] = ("count",)) -> None:
    """Make the folder and its summary.json, or see that it was begun with the same options.

    Args:
        grows: options that may differ when a folder is gone on with.

    Raises:
        BadInput: it was not.
    """
    if subject not in SUBJECTS:
        raise BadInput(f"subject {subject!r}: wanted {' or '.join(SUBJECTS)}")
    told, file = describe(options, subject), out / "summary.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not file.is_file():
            if any(out.iterdir()):
                raise BadInput(f"{out}: is not empty and has no summary.json; choose another folder")
            _put(file, _json({**told, "finished": 0}))
            return
        before = json.loads(file.read_text())
        had = {**before["options"], "subject": before["subject"], "maquette": before["maquette"]}
    except OSError as error:
        raise BadInput(f"{out}: cannot be written ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file}: not a summary of maquette synth; choose another folder") from error
    now = {**told["options"], "subject": subject, "maquette": told["maquette"]}
    other = [f"{k} {had.get(k)!r}" for k in now if k not in grows and had.get(k) != now[k]]
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
    _put(out / "facts.csv", table.getvalue().encode())
    spread = {
        name: dict(zip(("low", "median", "high"), np.round(np.percentile([r[name] for r in rows], [5, 50, 95]), 3)))
        for name in names
    }
    _put(out / "summary.json", _json({**describe(options, subject), "finished": len(rows), "percentiles": spread}))


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, default=float) + "\n").encode()


def _write_some(
    out: Path, options: SynthesisOptions, subject: str, first: int, last: int
) -> list[tuple[int, bool, dict[str, float]]]:
    """One person's photographs; those that are there are kept."""
    done = []
    for index in range(first, last):
        drawn = not ((out / f"{stem(index)}.png").is_file() and (out / f"{stem(index)}.npz").is_file())
        if drawn:
            write_record(out, index, *_draw(options, subject, index))
        done.append((index, drawn, read_facts_of(out, index)))
    return done


def _draw(options: SynthesisOptions, subject: str, index: int) -> tuple[Array, dict[str, Array]]:
    if subject == "face":
        sample = _faces(options)[index]
        return sample.image, face_labels(sample)
    from maquette.synthesis.scenes.person_sample import photograph_person

    seed = (options.seed, SPLITS.index(options.split), index)
    figure = photograph_person(seed, options.size, options.supersample, options.device)
    return figure.image, person_labels(figure)


@lru_cache(maxsize=1)
def _faces(options: SynthesisOptions) -> Any:
    from maquette.synthesis.datasets.faces import Faces

    return Faces(options)


def _run(jobs: Iterator[tuple], workers: int) -> Iterator[list]:
    if workers == 1:
        yield from (_write_some(*job) for job in jobs)
        return
    # Started anew rather than forked: torch's threads do not survive a fork.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=settle)
    running: set[Future] = set()
    try:
        for job in jobs:
            running.add(pool.submit(_write_some, *job))
            if len(running) >= 3 * workers:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in running)
    finally:
        pool.shutdown(cancel_futures=True)


def settle() -> None:
    """One thread each; Ctrl-C is the parent's to hear, and nobody outlives it."""
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    """End with the parent: a worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
