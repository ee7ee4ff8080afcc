"""Faces in video, on clips of people who do not exist: python benchmarks/faces_in_video.py [--clips 12] [--first 100]

Each clip of two seconds has speech, blinks, glances, a swaying head, one light and the noise of a sensor, is compressed
as a video, and goes through watching, the head from key frames and following as any clip does. Beside it, on the same
sightings: the photo's fit of every frame by itself, the detector's own blendshapes, other ways to smooth, the motion
network on the whole clip and as a stream. Prints a table, writes results/faces_in_video.csv.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from maquette.core.motion import SIDES, HeadMotion
from maquette.core.options import Options, options_from
from maquette.core.types import Reconstruction, Subject
from maquette.morphable import load
from maquette.perception.models.results import BLENDSHAPES
from maquette.perception.tracking.face_sighting import FaceSightings
from maquette.perception.tracking.face_watch import watch_faces
from maquette.pipeline.face_clip.key_frames import observed
from maquette.reconstruction import methods
from maquette.reconstruction.face_fit.gaze import LOOK_RAD
from maquette.reconstruction.face_fit.in_motion import KnownHead, clip_focal, follow_head, with_eyes
from maquette.reconstruction.face_fit.method import fit, landmark_term
from maquette.reconstruction.face_fit.motion.smoother import learned, load_motion
from maquette.reconstruction.face_fit.smoothing import tuned
from maquette.reconstruction.face_fit.state import OPENCV
from maquette.sources.video import open_clip
from maquette.synthesis.scenes.face_motion import FilmedFrame, act, film
from maquette.synthesis.scenes.head_scene import draw_person
from maquette.training.datasets.clips.filmed import write_video
from maquette.weights.store import fetch

RESULTS = Path(__file__).parent / "results" / "faces_in_video.csv"
FRAMES, RATE, SIZE = 60, 30, 320
MODEL = load("maquette-head")
NAMES = list(MODEL.expression_names)
FACE = np.flatnonzero(MODEL.regions["face"] > 0.5)
LIPS = ((81, 13, 311), (178, 14, 402))
SHUT, BLINK = 0.7, 0.5  # weights: a truth that is a blink, and one that is found


@dataclass(frozen=True, eq=False)
class Measured:
    """One clip: what was seen and fitted, and the truth: (N, 52) weights, (N, 3, 3) head to camera axes, the head."""

    sightings: FaceSightings
    whole: Reconstruction
    raw: HeadMotion
    truth: NDArray
    turns: NDArray
    identity: NDArray
    scale: float


def filmed(number: int, folder: Path) -> tuple[Path, list[FilmedFrame], NDArray, float]:
    """A clip on the disk, its frames, and who is in it."""
    person = draw_person((77, 1, number), 256, "test")
    acting = act(NAMES, FRAMES, RATE, np.random.default_rng((77, number)))
    frames, path = list(film(person, acting, (77, number, 9), SIZE)), folder / f"{number}.mp4"
    write_video(path, [frame.image for frame in frames], RATE, 18)
    return path, frames, person.identity.coefficients, person.identity.scale


def measured(number: int, folder: Path, options: Options) -> Measured | None:
    """A clip through all stages; None where nobody was found in it."""
    path, frames, identity, scale = filmed(number, folder)
    watched = watch_faces(open_clip(path), folder / f"{number}.bin", options.perception)
    if not watched.tracks:
        return None
    sightings = watched.sightings(max(watched.tracks, key=lambda name: len(watched.tracks[name])))
    seen = observed(open_clip(path), sightings, options.perception, str(path))
    row = methods.find_for("parametric", Subject.FACE, methods.SEVERAL)
    whole = methods.load(row, fetch, options)(seen)
    head = KnownHead.of(landmark_term(fetch), whole, clip_focal(whole, seen), watched.size)
    raw = follow_head(head, ((s.shot, s.frame, s.time, s.observation(watched.size)) for s in sightings))
    truth = np.array([frames[number].expression for number in raw.frames])
    turns = np.array([OPENCV @ frames[number].camera.world_to_camera[:3, :3] for number in raw.frames])
    return Measured(sightings, whole, raw, truth, turns, identity, scale)


def by_photo_fit(one: Measured) -> tuple[HeadMotion, NDArray]:
    """Every frame fitted by itself as a photo: the motion, and (N, K) identities."""
    plain = options_from(photometric=False).fit
    term = landmark_term(fetch)
    made = [fit(MODEL, term, [s.observation(one.raw.size)], plain) for s in one.sightings]
    expression = np.array([m.expression[0] for m in made if m.expression is not None])
    return replace(one.raw, expression=expression, gaze=gaze(expression)), np.array([m.identity for m in made])


def by_scores(one: Measured) -> HeadMotion:
    """The detector's own blendshapes."""
    scores = one.sightings.column("scores").astype(float)
    found = np.stack([scores[:, BLENDSHAPES.index(n)] if n in BLENDSHAPES else 0 * scores[:, 0] for n in NAMES], axis=1)
    return replace(one.raw, expression=found, gaze=gaze(found))


def gaze(weights: NDArray) -> NDArray:
    """(N, 2, 2) radians of (N, E) weights."""

    def turn(unit: str, side: str) -> NDArray:
        return LOOK_RAD[unit] * weights[:, NAMES.index(f"eyeLook{unit}{side}")]

    rows = []
    for side, sign in zip(SIDES, (1, -1)):
        yaw = sign * (turn("Out", side) - turn("In", side))
        rows.append(np.stack([yaw, turn("Up", side) - turn("Down", side)], axis=1))
    return np.stack(rows, axis=1)


def moves(weights: NDArray) -> NDArray:
    """(N, V, 3) millimetres by which an expression moves the face."""
    return 1000 * np.tensordot(MODEL.held(weights), MODEL.expression_basis[:, FACE], 1)


def gaps(weights: NDArray, identity: NDArray, scale: float) -> NDArray:
    """(N,) millimetres between the inner lips."""
    upper, lower = (list(side) for side in LIPS)
    found = []
    for row in weights:
        vertices = MODEL.vertices(identity, row, scale).astype(float)
        points = MODEL.embeddings["mediapipe478"].points(vertices, MODEL.faces)
        found.append(1000 * np.linalg.norm(points[upper] - points[lower], axis=1).mean())
    return np.array(found)


def scores(motion: HeadMotion, one: Measured) -> dict[str, float]:
    """How near a motion is to the truth, how steady, and whether it blinks."""
    found, truth = moves(motion.expression), moves(one.truth)
    eyes = [NAMES.index(f"eyeBlink{side}") for side in SIDES]
    shut, seen = one.truth[:, eyes].mean(axis=1) > SHUT, motion.expression[:, eyes].max(axis=1) > BLINK
    starts = np.flatnonzero(np.diff(np.concatenate([[0], shut.astype(int)])) > 0)
    hits = [seen[max(0, k - 1) : k + 6].any() for k in starts]
    near = np.array([shut[max(0, k - 5) : k + 6].any() for k in range(len(shut))])
    gap, wanted = gaps(motion.expression, one.whole.identity, one.whole.scale), gaps(one.truth, one.identity, one.scale)
    return {
        "expression mm": float(np.linalg.norm(found - truth, axis=2).mean()),
        "weights": float(np.abs(motion.expression - one.truth).mean()),
        "jitter mm": float(np.linalg.norm(np.diff(found, 2, axis=0), axis=2).mean()),
        "true jitter mm": float(np.linalg.norm(np.diff(truth, 2, axis=0), axis=2).mean()),
        "blinks": float(len(hits)),
        "blinks found": float(sum(hits)),
        "false blinks": float((np.diff(np.concatenate([[0], (seen & ~near).astype(int)])) > 0).sum()),
        "lip gap mm": float(np.abs(gap - wanted).mean()),
        "gaze deg": float(np.degrees(np.abs(motion.gaze - gaze(one.truth))).mean()),
        "turn jitter deg": turn_jitter(Rotation.from_quat(motion.rotations[:, [1, 2, 3, 0]])),
        "true turn jitter deg": turn_jitter(Rotation.from_matrix(one.turns)),
    }


def turn_jitter(turns: Rotation) -> float:
    """Mean change of a head's turn from frame to frame of its turning, degrees."""
    steps = (turns[1:] * turns[:-1].inv()).as_rotvec()
    return float(np.degrees(np.linalg.norm(np.diff(steps, axis=0), axis=1)).mean())


def everywhere(motion: HeadMotion, smooth: Callable[[NDArray], NDArray]) -> HeadMotion:
    """All of a motion smoothed by one function of (N, C) values."""
    seen = np.where(np.isfinite(motion.opening), motion.opening, 0.3)
    return replace(
        motion,
        expression=np.clip(smooth(motion.expression), 0, 1),
        gaze=smooth(motion.gaze.reshape(-1, 4)).reshape(-1, 2, 2),
        opening=np.where(np.isfinite(motion.opening), smooth(seen), np.nan),
    )


def one_euro(values: NDArray, least: float = 3.0, slope: float = 1.0, rate: float = RATE) -> NDArray:
    """Casiez et al. 2012: a filter of the past alone, which opens up with the speed."""

    def share(cutoff: NDArray | float) -> NDArray:
        return 1 / (1 + rate / (2 * np.pi * np.asarray(cutoff)))

    out, speed = values.copy(), np.zeros(values.shape[1:])
    for k in range(1, len(values)):
        speed += share(1.0) * ((values[k] - out[k - 1]) * rate - speed)
        out[k] = out[k - 1] + share(least + slope * np.abs(speed)) * (values[k] - out[k - 1])
    return out


def ways(one: Measured, options: Options) -> dict[str, HeadMotion]:
    """Every way to have the motion of one clip."""
    shots, raw = one.sightings.column("shot"), one.raw
    return {
        "photo fit of each frame": by_photo_fit(one)[0],
        "detector's blendshapes": by_scores(one),
        "one head, each frame": with_eyes(raw, NAMES),
        "... Gaussian 33 ms": with_eyes(everywhere(raw, lambda x: gaussian_filter1d(x, 1.0, axis=0)), NAMES),
        "... Gaussian 67 ms": with_eyes(everywhere(raw, lambda x: gaussian_filter1d(x, 2.0, axis=0)), NAMES),
        "... One Euro": with_eyes(everywhere(raw, one_euro), NAMES),
        "... tuned smoother": with_eyes(tuned(options.video.smoothing)(raw, shots), NAMES),
        "... motion network alone": with_eyes(learned(load_motion())(raw, shots), NAMES),
        "... network, then tuned (ours)": with_eyes(learned(load_motion(), options.video.smoothing)(raw, shots), NAMES),
        "... network as a stream, 2 late": with_eyes(learned(load_motion(), reach=1)(raw, shots), NAMES),
    }


def drift(one: Measured) -> float:
    """Millimetres: spread over the frames of the neutral face of the photo fits; with one head it is zero."""
    shapes = [1000 * np.tensordot(z, MODEL.identity_basis[: len(z), FACE], 1) for z in by_photo_fit(one)[1]]
    return float(np.linalg.norm(np.std(shapes, axis=0), axis=1).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--first", type=int, default=100)
    asked, options = parser.parse_args(arguments), Options()
    rows: dict[str, list[dict[str, float]]] = {}
    drifts = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.first, asked.first + asked.clips):
            one = measured(number, Path(folder), options)
            if one is None:
                print(f"clip {number}: nobody found")
                continue
            drifts.append(drift(one))
            for name, motion in ways(one, options).items():
                rows.setdefault(name, []).append(scores(motion, one))
    columns = list(next(iter(rows.values()))[0])
    table = []
    for name, found in rows.items():
        means = {column: np.mean([row[column] for row in found]) for column in columns}
        means |= {c: sum(row[c] for row in found) for c in columns if "blinks" in c}
        table.append([name, *(round(float(means[column]), 3) for column in columns)])
    print(f"{'':34}" + " ".join(f"{column:>15}" for column in columns))
    for name, *values in table:
        print(f"{name:34}" + " ".join(f"{value:15.3f}" for value in values))
    print(f"identity drift of the photo fits: {np.mean(drifts):.2f} mm; of one head: 0")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        csv.writer(file).writerows([["way", *columns], *table])


if __name__ == "__main__":
    main()
