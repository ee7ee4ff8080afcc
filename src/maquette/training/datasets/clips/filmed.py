"""Clips of people who do not exist, filmed, compressed, watched and fitted as any clip is; all of it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import Options, SynthesisOptions
from maquette.core.types import Reconstruction, Subject
from maquette.perception.tracking.face_sighting import FaceSightings
from maquette.perception.tracking.face_watch import watch_faces
from maquette.pipeline.face_clip.key_frames import observed
from maquette.reconstruction import methods
from maquette.reconstruction.face_fit.in_motion import KnownHead, clip_focal
from maquette.reconstruction.face_fit.method import landmark_term
from maquette.sources.video import open_clip
from maquette.synthesis.scenes.acting import act_freely, draw_clip_sensor, draw_rate
from maquette.synthesis.scenes.face_motion import FilmedFrame, film
from maquette.synthesis.scenes.head_scene import draw_person, head_model
from maquette.weights.store import fetch

FRAMES = 72  # of a clip
SIZES = (160, 352)  # pixels a side, least and most
CRF = (16, 32)  # how far H.264 compresses, least and most


@dataclass(frozen=True, eq=False)
class FilmedClip:
    """A clip on the disk, and what is true in it.

    Attributes:
        path: of the video. rate: frames a second. frames: as they were rendered.
        identity: coefficients of the head. scale: metres of the world per metre of the model.
    """

    path: Path
    rate: float
    frames: Sequence[FilmedFrame]
    identity: NDArray
    scale: float


@dataclass(frozen=True, eq=False)
class SeenClip:
    """A clip in which somebody was seen, with the head that its key frames make.

    Attributes:
        sightings: of the one who is seen longest. whole: the head. size: (width, height) of the frames.
    """

    sightings: FaceSightings
    whole: Reconstruction
    focal: float
    size: tuple[int, int]

    def head(self) -> KnownHead:
        """The head, ready to be followed."""
        return KnownHead.of(landmark_term(fetch), self.whole, self.focal, self.size)


def filmed(options: SynthesisOptions, number: int, folder: Path) -> FilmedClip:
    """The clip of this number, of people of the options' split, as a video in a folder."""
    split = ("train", "test").index(options.split)
    seed = (options.seed, 5, split, number)
    rng = np.random.default_rng(seed)
    person = draw_person((*seed, 1), min(options.texture_size, 256), options.split)
    rate = draw_rate(rng)
    acting = act_freely(list(head_model().expression_names), FRAMES, rate, rng)
    size = 16 * int(rng.integers(SIZES[0] // 16, SIZES[1] // 16 + 1))
    frames = list(film(person, acting, (*seed, 2), size, options.device, draw_clip_sensor(rng, size)))
    path = folder / f"{number}.mp4"
    write_video(path, [frame.image for frame in frames], rate, int(rng.integers(*CRF)))
    return FilmedClip(path, rate, frames, person.identity.coefficients, person.identity.scale)


def write_video(path: Path, images: Sequence[NDArray], rate: float, crf: int) -> None:
    """Pictures (H, W, 3) as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(rate))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf), "bf": "0"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


@cache
def fitter(options: Options) -> Any:
    """The method that fits one head to several photos."""
    row = methods.find_for("parametric", Subject.FACE, methods.SEVERAL)
    return methods.load(row, fetch, options)


def seen(clip: FilmedClip, folder: Path, options: Options) -> SeenClip | None:
    """The clip watched and its head made, as `maquette video` does; None where nobody is found.

    Args:
        folder: for what is seen, `STEM.bin`.
    """
    watched = watch_faces(open_clip(clip.path), folder / f"{clip.path.stem}.bin", options.perception)
    if not watched.tracks:
        return None
    sightings = watched.sightings(max(watched.tracks, key=lambda name: len(watched.tracks[name])))
    try:
        shown = observed(open_clip(clip.path), sightings, options.perception, str(clip.path))
    except NothingFound:
        return None
    whole = fitter(options)(shown)
    return SeenClip(sightings, whole, clip_focal(whole, shown), watched.size)
