"""The frames in which an expression folds the skin: what the wrinkles that move are learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maquette import morphable
from maquette.core.motion import HeadMotion
from maquette.core.options import PerceptionOptions
from maquette.core.types import Observation, Reconstruction
from maquette.geometry.camera import cropped, project, resized
from maquette.outputs.pictures.moving_head import frame_view
from maquette.perception.faces.regressor.preferred import yaw
from maquette.perception.tracking.face_sighting import FaceSightings
from maquette.pipeline.face_clip.key_frames import clearness, seen_in
from maquette.reconstruction.face_fit.method import HEAD
from maquette.sources.video import Clip
from maquette.texturing.detail.moments import LEAST, MOVERS, Moments, moment_of, stillness, strength

MOST = 8  # of a person: about a second each
EACH = 2  # that show what each mover folds: what two agree on is no accident
NEAR = 0.7  # of the strongest that such a frame has at least
APART_S = 0.15
TRUSTED, BARE, CLEAR = 0.5, 0.8, 0.4  # least trust, share of skin, and clearness over that of the clearest frames
OFF = 0.05  # of the face's size, by which a head lies beside the face whose frame says nothing
TURNED_RAD = np.radians(35)  # at which a frame counts half


def chosen_moments(
    motion: HeadMotion, sightings: FaceSightings, names: Sequence[str], taken: Sequence[int] = ()
) -> list[int]:
    """Indices of clear frames, spread over what moves the skin, the strongest first; none where nothing does.

    Args:
        names: of the motion's units.
        taken: frames that are there already.
    """
    turn = np.array([yaw(one.reading.landmarks) for one in sightings])
    clear = clearness(sightings) * np.minimum(motion.trust, 1) / (1 + (turn / TURNED_RAD) ** 2)
    # A hand's edges are deep folds, and where the head is lost its weights are large.
    good = (motion.trust > TRUSTED) & (sightings.column("skin") > BARE) & (clear > CLEAR * np.quantile(clear, 0.9))
    shown = np.stack([good * strength(motion.expression, mover, names) for mover in MOVERS])
    found = list(taken)
    for wanted in range(1, EACH + 1):
        for course in shown[np.argsort(-shown.max(axis=1))]:
            most = float(course.max())
            if most < LEAST or (course[found] > NEAR * most).sum() >= wanted or len(found) == len(taken) + MOST:
                continue
            near = np.abs(motion.times[:, None] - motion.times[found]).min(axis=1, initial=np.inf) < APART_S
            score = np.where(near | (course < NEAR * most), 0, course * clear)
            found += [int(score.argmax())] if score.max() > 0 else []
    return found[len(taken) :]


def at_rest(times: Sequence[float | None], motion: HeadMotion) -> list[bool]:
    """Whether nothing folds the skin in the frames at these seconds; all of them, if none is so."""
    names = morphable.load(HEAD).expression_names
    return [bool(share > 0.5) for share in stillness(motion.expression[_places(times, motion)], names)]


def _places(times: Sequence[float | None], motion: HeadMotion) -> list[int]:
    return [int(np.abs(motion.times - (time or 0.0)).argmin()) for time in times]


def beside_seen(pixels: NDArray, seen: Observation) -> float:
    """Median distance of landmarks (N, 2) from where they are seen, over the size of the face."""
    points = seen.landmarks[:, :2]
    return float(np.median(np.linalg.norm(pixels - points, axis=1)) / np.ptp(points, axis=0).max())


def moments_of(
    whole: Reconstruction,
    photos: Sequence[Observation],
    motion: HeadMotion,
    clip: Clip,
    sightings: FaceSightings,
    options: PerceptionOptions,
) -> Moments:
    """What these frames show, seen as photos are, with the pose and expression of the motion.

    Args:
        photos: the key frames from which the texture is taken.
    """
    model = morphable.known(whole.model)
    assert model is not None and whole.identity is not None and whole.expression is not None, "a head of a model"
    times = [one.frame.time for one in photos]
    places = _places(times, motion)
    beside = whole.shape.vertices - model.vertices(whole.identity, whole.expression[0], whole.scale)
    found = []
    resting = [place for place, rests in zip(places, at_rest(times, motion)) if rests]
    indices = chosen_moments(motion, sightings, model.expression_names, resting)
    for index, seen in seen_in(indices, clip, sightings, options).items() if indices else ():
        camera = resized(cropped(frame_view(motion, index).camera, seen.box), seen.frame.size)
        vertices = model.vertices(whole.identity, motion.expression[index], whole.scale) + beside
        points = model.embeddings[seen.landmark_scheme].points(vertices.astype(float), model.faces)
        if beside_seen(project(camera, points)[0], seen) < OFF:
            found.append(moment_of(seen, camera, vertices, motion.expression[index], model.name))
    return Moments(motion.expression[places], tuple(found))
