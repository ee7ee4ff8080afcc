"""Memory over a long clip of one face: python benchmarks/long_clip.py OUT [--frames 10000] [--stage drawing]

The clip is written by PyAV, read back and decoded in each pass, and goes through the whole story of `maquette video`.
The networks that read a face, and its fit, are asked for the first ten frames alone, and the film is small, or it would
take half an hour; everything that is kept of a frame is made of every frame. A stage ends the run, and the next call
with the same OUT goes on, so that each is measured in a process of its own. Adds to results/long_clip.csv: megabytes in
use at a tenth of the frames and at the last one, and the process's peak.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.options import options_from
from maquette.core.types import Frame
from maquette.outputs.pictures import film
from maquette.outputs.result_folder import OutputFolder
from maquette.perception.tracking import face_watch
from maquette.perception.tracking.face_sighting import FaceSighting
from maquette.pipeline.face_clip import drawing
from maquette.pipeline.face_clip.story import reconstruct_faces
from maquette.reconstruction.face_fit import in_motion

RESULTS = Path(__file__).parent / "results" / "long_clip.csv"
STAGES = {"watching": "looking", "following": "face-1 following", "drawing": "drawing"}
PERIOD, SIZE = 10, (320, 240)
SETTINGS = {
    "photometric": False, "texture_size": 256, "hair": "none", "detail": "none", "glasses": "none", "formats": "glb",
    "turntable": False, "overview": False,
}  # fmt: skip


class Ended(KeyboardInterrupt):
    """The stage that was asked for is over."""


def written(path: Path, portrait: NDArray, count: int) -> Path:
    """A clip of a portrait that sways, ten pictures over and over."""
    pictures = []
    for k in range(PERIOD):
        shift = 4 * np.sin(2 * np.pi * k / PERIOD)
        pictures.append(cv2.warpAffine(portrait, np.array([[0.5, 0, 30 + shift], [0, 0.5, 0]]), SIZE))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.bit_rate = 1_000_000
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(pictures[index % PERIOD], format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def remembered(first: Callable[..., FaceSighting | None]) -> Callable[..., FaceSighting | None]:
    """The follower, asked for the first frames and then by heart."""
    known: dict[int, FaceSighting] = {}

    def follow(frame: Frame, before: FaceSighting, number: int, device: str = "cpu") -> FaceSighting | None:
        if number % PERIOD not in known or number < PERIOD:
            found = first(frame, before, number, device)
            if found is None:
                return None
            known[number % PERIOD] = found
        again = known[number % PERIOD]
        return replace(again, frame=number, time=float(frame.time or 0), landmarks=again.landmarks.copy())

    return follow


def fitted_once(first: Callable[..., in_motion.FramePose]) -> Callable[..., in_motion.FramePose]:
    """The fit of a frame, asked for the first frames and then by heart."""
    known: list[in_motion.FramePose] = []
    asked = iter(range(1 << 60))

    def fit(head: in_motion.KnownHead, *given: object) -> in_motion.FramePose:
        number = next(asked)
        if number < PERIOD:
            known.append(first(head, *given))
        one = known[number % PERIOD]
        view = replace(one.view, expression=one.view.expression.copy(), rotation=one.view.rotation.copy())
        return replace(one, view=view, gaze=one.gaze.copy())

    return fit


def megabytes() -> float:
    """In use now; what is mapped from files does not count."""
    pages = Path("/proc/self/statm").read_text().split()
    return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGESIZE") / 2**20


def measured(path: Path, out: Path, count: int, stage: str) -> tuple[float, float]:
    """Megabytes at a tenth of a stage's frames and at the last one; what came before it in OUT is taken over."""
    face_watch.face_follow.follow = remembered(face_watch.face_follow.follow)  # type: ignore[assignment]
    in_motion.fit_frame = fitted_once(in_motion.fit_frame)  # type: ignore[assignment]
    film.PANEL = drawing.PANEL = 48
    marks = {f"frame {number} of {count}": number for number in (count // 10, count)}
    seen: dict[int, float] = {}

    def progress(_name: str, said: str) -> None:
        doing, _, place = said.partition(", ")
        if doing == STAGES[stage] and place in marks:
            seen[marks[place]] = megabytes()
        if stage != "drawing" and len(seen) == 2 and doing != STAGES[stage]:
            raise Ended

    folder = OutputFolder(out)
    try:
        for _ in reconstruct_faces(path, folder, options_from(**SETTINGS), progress):
            break
    except Ended:
        pass
    return seen[count // 10], seen[count]


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    import skimage

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--stage", choices=STAGES, default="drawing")
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / f"{asked.frames}.mkv"
    if not path.exists():
        portrait = cv2.imread(str(Path(skimage.__file__).parent / "data" / "astronaut.png"))[..., ::-1]
        written(path.with_suffix(".part.mkv"), np.ascontiguousarray(portrait), asked.frames).rename(path)
    early, late = measured(path, asked.out / "results", asked.frames, asked.stage)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{asked.stage}: {early:.0f} MB at a tenth of {asked.frames} frames, {late:.0f} at the last, {peak:.0f} at most"
    )
    fresh = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        rows = [["stage", "frames", "MB at a tenth", "MB at the last", "MB at most"]] if fresh else []
        csv.writer(file).writerows(
            [*rows, [asked.stage, asked.frames, round(early, 1), round(late, 1), round(peak, 1)]]
        )


if __name__ == "__main__":
    main()
