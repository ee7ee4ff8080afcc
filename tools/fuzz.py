"""Damaged files through every reader: each is read, or refused in one line; no traceback, no hang, no flood of memory.

    python tools/fuzz.py --count 10000

Case N is always the same: kind and damage follow from its number. A child reads one case after another; one that takes
longer than SECONDS or more than GIGABYTES is ended and counted.
"""

from __future__ import annotations

import argparse
import json
import pickle
import queue
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from maquette.core.process import confine, end_group, environment, gigabytes, python, records

SECONDS, GIGABYTES = 20.0, 2.0
READ, REFUSED = "read", "refused"  # how a case may end
STILLS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tif": "TIFF", "gif": "GIF", "bmp": "BMP", "ppm": "PPM",
          "jp2": "JPEG2000", "avif": "AVIF"}  # fmt: skip
CLIPS = {"mp4": "libx264", "mkv": "libx264", "webm": "libvpx-vp9", "avi": "mpeg4"}
MESHES = ("obj", "glb", "ply", "stl", "off")
OBJ = "v 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 0 1 0 0 0 1\nv 0 0 1\nvt 0 0\nf 1/1 2/1 3/1\nf 1 2 4\nf -1 -2 -3\n"
TEXTS = {
    "csv": "photos,subject,seed,name\na.jpg,face,1,first\nb.jpg;c.jpg,person,2,second\n",
    "jsonl": '{"photo": "a.jpg", "subject": "pet"}\n{"photos": ["b.jpg"], "seed": 3, "formats": "glb,ply"}\n',
    "pp": '<!DOCTYPE PickedPoints>\n<PickedPoints>\n<point x="1" y="2" z="3" active="1" name="0"/>\n</PickedPoints>\n',
    "txt": "0 1 2\n3 4 5\n",
}
RECORDS = ("ckpt", "pth", "pkl", "safetensors", "npz", "npy", "parquet", "manifest", "item")
KINDS = (*STILLS, *CLIPS, *MESHES, *RECORDS, *TEXTS)


def seed_file(kind: str, folder: Path) -> bytes:
    """A whole, small file of one kind."""
    path = folder / f"whole.{kind}"
    if kind in TEXTS or kind == "obj":
        return {**TEXTS, "obj": OBJ}[kind].encode()
    if kind == "manifest":
        from maquette.outputs.reports.manifest import Manifest

        path.write_bytes(b"a clip")
        with Manifest(folder, path, 25.0, {"seed": 1}) as manifest:
            for number in range(3):
                manifest.add(number, number / 25)
        return (folder / "manifest.json").read_bytes()
    if kind == "item":
        return json.dumps({"key": "a", "status": "done", "state": "0", "results": [], "failures": []}).encode()
    _of_pictures(kind, path) if kind in STILLS or kind in CLIPS else _of_numbers(kind, path)
    return path.read_bytes()


def _of_pictures(kind: str, path: Path) -> None:
    import av
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    if kind in STILLS:
        Image.fromarray(pixels).save(path, STILLS[kind], **({"progressive": True} if kind == "jpg" else {}))
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CLIPS[kind], rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(6):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(pixels, number, 1))))
        container.mux(stream.encode())


def _of_numbers(kind: str, path: Path) -> None:
    import numpy as np

    values = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    if kind in MESHES:
        import trimesh

        path.write_bytes(_bytes(trimesh.creation.box().export(file_type=kind)))
    elif kind == "parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({"photo": ["a.jpg", "b.jpg"], "subject": ["face", "pet"]}), path)
    elif kind == "safetensors":
        from safetensors.numpy import save_file

        save_file({"a.weight": values, "b": values[0]}, path, {"facts": '{"width": 3}'})
    elif kind == "npz":
        np.savez(path, values=values, text=np.array("{}"))
    elif kind == "pkl":
        path.write_bytes(pickle.dumps({"a": values, "b": [1, "x", None]}, 2))
    elif kind == "npy":
        np.save(path, values)
    else:
        import torch

        state = {"format": 1, "recipe": "x", "options": {}, "ema": {"a": torch.from_numpy(values)}, "step": 3}
        torch.save(state, path)


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content


def reader_of(kind: str) -> Callable[[Path], object]:
    """What maquette reads files of one kind with."""
    if kind in STILLS:
        from maquette.sources import photos

        return photos.read
    if kind in CLIPS:
        from maquette.sources import video

        return lambda path: [*video.frames(video.open_clip(path))]
    if kind in MESHES:
        from maquette.evaluation.meshes import read_shape

        return read_shape
    if kind in ("csv", "jsonl", "parquet"):
        from maquette.batch import manifest

        return lambda path: [*manifest.read(str(path), "face", path.parent / "out")]
    return _reader_of_records(kind)


def _reader_of_records(kind: str) -> Callable[[Path], object]:
    if kind == "manifest":
        from maquette.outputs.reports.manifest import read_manifest

        return lambda path: read_manifest(path.rename(path.with_name("manifest.json")).parent)
    if kind == "item":
        from maquette.batch.work import RECORD, record_in

        return lambda path: record_in(path.rename(path.with_name(RECORD)).parent)
    if kind == "ckpt":
        from maquette.training import checkpoint

        return lambda path: checkpoint.averaged(checkpoint.load(path), path)
    if kind == "pth":
        from maquette.weights.convert import pytorch

        return pytorch.load
    if kind == "pkl":
        from maquette.weights.convert import pickles

        return pickles.load
    if kind == "npz":
        from maquette.evaluation.arrays import read_npz

        return read_npz
    if kind == "safetensors":
        from maquette.weights.tensors import opened

        return _tensors(opened)
    from maquette.evaluation.meshes import read_points

    return read_points


def _tensors(opened: Callable) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        with opened(path, "weights", "make it again") as file:
            return [file.get_tensor(key) for key in list(file.keys())], file.metadata()

    return read


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data with one to eight wounds; seldom none."""
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 4, 8))):
        place, length = chance.randrange(len(data) + 1), chance.choice((1, 1, 2, 4, 8, 64))
        if chance.random() < 0.5:  # heads matter more than what follows
            place = min(place, chance.randrange(1, 200))
        wound = chance.randrange(7)
        if wound == 0:
            data = data[:place] + bytes(chance.randrange(256) for _ in range(length)) + data[place + length :]
        elif wound == 1:
            data = data[:place]
        elif wound == 2:
            data = data[:place] + data[place + length :]
        elif wound == 3:
            data = data[:place] + data[place : place + 4 * length] * chance.choice((2, 2, 3, 50)) + data[place:]
        elif wound == 4:
            number = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1))
            size = max(1, (number.bit_length() + 7) // 8)
            data = data[:place] + number.to_bytes(size, chance.choice(("big", "little"))) + data[place + size :]
        elif wound == 5:
            words = (
                b"nan",
                b"1e999",
                b"-1",
                b"null",
                b"[[[[",
                b"\xff\xfe",
                b"\x00",
                b"99999999999999999999",
                b"{}",
                b'"',
            )
            data = data[:place] + chance.choice(words) + data[place:]
        elif data[place:]:
            bit = bytes([data[place] ^ (1 << chance.randrange(8))])
            data = data[:place] + bit + data[place + 1 :]
    return data


def kind_of(number: int) -> str:
    """The kind of case `number`: they take turns."""
    return KINDS[number % len(KINDS)]


def case(number: int, whole: bytes) -> bytes:
    """The bytes of case `number`."""
    return damaged(whole, random.Random(number))


def child() -> None:
    """Read the cases whose numbers come on stdin; a line of JSON for each."""
    out = records(2)
    confine(GIGABYTES)
    wholes: dict[str, bytes] = {}
    readers: dict[str, Callable[[Path], object]] = {}
    for line in sys.stdin:
        kind = kind_of(number := int(line))
        with tempfile.TemporaryDirectory() as folder:
            if kind not in wholes:
                wholes[kind], readers[kind] = seed_file(kind, Path(folder)), reader_of(kind)
            inner = Path(folder) / "case"
            inner.mkdir()
            path = inner / f"a.{kind}"
            path.write_bytes(case(number, wholes[kind]))
            out.write(json.dumps({"number": number, "end": ended(readers[kind], path)}) + "\n")


def ended(reader: Callable[[Path], object], path: Path) -> str:
    """How the reading of one file ended: `READ`, `REFUSED`, or what is wrong, with the place that raised it."""
    from maquette.core.errors import MaquetteError

    try:
        reader(path)
    except MaquetteError as error:
        return (
            REFUSED if "\n" not in str(error) and str(error).strip() else f"refused in other than one line: {error!r}"
        )
    except BaseException as error:  # noqa: BLE001  whatever it is, it is counted
        last = error.__traceback__
        while last and last.tb_next:
            last = last.tb_next
        place = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""
        return f"{type(error).__name__} at {place}: {' '.join(str(error).split())[:100]}"
    return READ


def ends(first: int, count: int) -> Iterator[tuple[int, str]]:
    """(number, how it ended) of cases, read in children."""
    numbers = iter(range(first, first + count))
    number = next(numbers, None)
    while number is not None:
        process = subprocess.Popen(
            [*python(__file__), "--child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment(1), start_new_session=True,
        )  # fmt: skip
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
        fresh = True
        while number is not None:
            end = _asked(process, lines, number, 3 * SECONDS if fresh else SECONDS)  # it imports first
            fresh = False
            yield number, end or "the process died"
            number = next(numbers, None)
            if not end or process.poll() is not None or end.startswith("took"):
                break
        end_group(process.pid)
        process.wait()


def _listen(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout
    for line in process.stdout:
        lines.put(line)
    lines.put("")


def _asked(process: subprocess.Popen[str], lines: queue.Queue[str], number: int, seconds: float) -> str:
    """How one case ended; "" where the process did."""
    assert process.stdin
    try:
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
    except OSError:
        return ""
    begun = monotonic()
    while True:
        try:
            line = lines.get(timeout=0.1)
            return json.loads(line)["end"] if line else ""
        except queue.Empty:
            if monotonic() - begun > seconds:
                return f"took longer than {seconds:g} s"
            if gigabytes(process.pid) > GIGABYTES:
                return f"took more than {GIGABYTES:g} GB"


def main() -> int:
    """Read `--count` cases and say how they ended; 1 if any ended as none may."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    asked.add_argument("--count", type=int, default=10_000)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.child:
        child()
        return 0
    start, counts = monotonic(), Counter[str]()
    for number, end in ends(given.first, given.count):
        counts[end if end in (READ, REFUSED) else "wrong"] += 1
        if end not in (READ, REFUSED):
            print(f"case {number} ({kind_of(number)}): {end}", flush=True)
    print(f"{sum(counts.values())} cases of {len(KINDS)} kinds in {monotonic() - start:.0f} s: " +
          ", ".join(f"{count} {end}" for end, count in sorted(counts.items())))  # fmt: skip
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
