"""One person of a clip: a head from the key frames, and how it moves in all frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from maquette import morphable, texturing
from maquette.core.errors import BadInput
from maquette.core.job import Job
from maquette.core.motion import HeadMotion
from maquette.core.options import Options, VideoOptions
from maquette.core.result import Result
from maquette.core.types import Observation, Reconstruction
from maquette.perception.tracking.face_sighting import FaceSightings
from maquette.pipeline.face_clip.key_frames import observed
from maquette.pipeline.face_clip.moments import moments_of
from maquette.reconstruction import methods
from maquette.reconstruction.face_fit.in_motion import KnownHead, clip_focal, follow_head, with_eyes
from maquette.reconstruction.face_fit.method import HEAD, landmark_term
from maquette.reconstruction.face_fit.motion.smoother import learned, load_motion
from maquette.reconstruction.face_fit.smoothing import Smoother, tuned
from maquette.sources.video import Clip
from maquette.texturing.detail.moments import Moments, stillness
from maquette.weights.store import fetch

TEXTURED = 4  # key frames that the texture is taken from: two seconds each
BLINK = 0.45  # weight from which on an eye counts as shut


@dataclass(frozen=True, eq=False)
class FaceClipSubject:
    """One person of a clip.

    Attributes:
        name: "face-1", ... track: in the sightings. size: (width, height) of the frames.
        reconstructor: several photos of one person to its head.
    """

    name: str
    track: int
    clip: Clip
    sightings: FaceSightings
    size: tuple[int, int]
    options: Options
    reconstructor: methods.Reconstructor

    @cached_property
    def seen(self) -> list[Observation]:
        """The key frames, the best first."""
        return observed(self.clip, self.sightings, self.options.perception, f"{self.clip.path}, {self.name}")

    def head(self, job: Job) -> Reconstruction:
        """The head without texture, from all key frames together.

        Raises:
            NothingFound: no frame shows the face clearly enough. BadInput: the method makes no head that moves.
        """
        job.say(f"{self.name} key frames")
        seen = self.seen
        job.say(f"{self.name} head from {len(seen)} frames")
        made = self.reconstructor(seen)
        if made.model != HEAD:
            raise BadInput(
                f"method {self.options.fit.method}: makes no head that can move in a clip: use --method parametric"
            )
        return made

    def motion(self, whole: Reconstruction, progress: Callable[[int], None]) -> HeadMotion:
        """How the head moves, smoothed as the options want it."""
        head = KnownHead.of(landmark_term(fetch), whole, clip_focal(whole, self.seen), self.size)
        frames = ((one.shot, one.frame, one.time, one.observation(self.size)) for one in self.sightings)
        raw = follow_head(head, frames, progress)
        even = smoother_of(self.options.video)(raw, self.sightings.column("shot"))
        return replace(with_eyes(even, head.term.names), evidence=None)

    def moments(self, whole: Reconstruction, motion: HeadMotion) -> Moments:
        """What the motion's frames show of folds, beside the photos of the texture."""
        photos = [self.seen[place] for place in textured(whole, len(self.seen))]
        return moments_of(whole, photos, motion, self.clip, self.sightings, self.options.perception)

    def textured(self, whole: Reconstruction, moments: Callable[[], Moments] | None) -> Reconstruction:
        """The head with its texture from the best key frames, and with the folds that come with its expressions.

        Args:
            moments: asked for last.
        """
        shown = textured(whole, len(self.seen))
        photos = [self.seen[place] for place in shown]
        few = replace(
            whole,
            cameras=tuple(whole.cameras[place] for place in shown),
            expression=None if whole.expression is None else whole.expression[shown],
            motion=None if whole.motion is None else whole.motion[shown],
        )
        made = texturing.finish(few, photos, self.options.texture, moments)
        return replace(made, cameras=whole.cameras, expression=whole.expression, motion=whole.motion)

    def result(self, made: Reconstruction, motion: HeadMotion, notes: list[str], job: Job) -> Result:
        """The textured head with its motion.

        Args:
            notes: what is odd about the clip.
        """
        found = job.result(self.name, made, self.seen, self.options.fit.seed, notes)
        facts = {**found.report, "frames": len(motion), "key_frames": [one.frame.time for one in self.seen]}
        return replace(found, report=facts, motion=motion)


def textured(whole: Reconstruction, count: int) -> list[int]:
    """Which of so many key frames the texture is taken from: the first, and of the others those at rest first."""
    still = np.ones(count)
    if whole.expression is not None:
        still = stillness(whole.expression, morphable.load(HEAD).expression_names)
    return [0, *sorted(range(1, count), key=lambda place: still[place] <= 0.5)][:TEXTURED]


def smoother_of(options: VideoOptions) -> Smoother:
    """The smoother that the options name; with 0 seconds the motion stays as it was read."""
    if options.smoother == "network" and options.smoothing > 0:
        return learned(load_motion(), options.smoothing)
    return tuned(options.smoothing)


def facts_of(motion: HeadMotion) -> dict[str, float]:
    """What a report says of a motion."""
    names = morphable.load(HEAD, fetch).expression_names
    blink = motion.expression[:, [names.index(f"eyeBlink{side}") for side in ("Left", "Right")]].max(axis=1)
    shut = blink > BLINK
    return {
        "seconds": round(float(motion.times[-1] - motion.times[0]), 3),
        "reprojection_px": round(float(np.median(motion.reprojection)), 3),
        "trust": round(float(motion.trust.mean()), 3),
        "blinks": int((np.diff(np.concatenate([[False], shut]).astype(int)) > 0).sum()),
        "focal_px": round(motion.focal, 1),
    }


def film_path(home: Path, name: str) -> Path:
    """Where a person's film lies while the run goes on."""
    return home / f".{name}.mp4"
