"""From observations of one face to its head: landmarks, then shading and contours, then the true size."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette import morphable
from maquette.core.errors import NothingFound
from maquette.core.options import FitOptions, Options
from maquette.core.threads import computing
from maquette.core.types import Mesh, Observation, Reconstruction, Volume
from maquette.reconstruction.face_fit.registration import slide
from maquette.reconstruction.face_fit.same_person import SOMEONE_ELSE, agreements, identity_evidence
from maquette.reconstruction.face_fit.size import AVERAGE, HeadSize, measure_size
from maquette.reconstruction.face_fit.solve import SumOfTerms, Term, solve
from maquette.reconstruction.face_fit.state import FaceView, first_guess
from maquette.reconstruction.face_fit.terms.contour import ContourTerm
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm, reader_noise
from maquette.reconstruction.face_fit.terms.shading import ShadingTerm
from maquette.reconstruction.methods import Fetch, Reconstructor

MODES = 80  # identity modes that are solved for
LANDMARK_ROUNDS, SHADING_ROUNDS = 10, 6

HEAD, READER_NOISE = "maquette-head", "face-regressor-noise"  # entries of the zoo


@lru_cache(maxsize=2)
def landmark_term(fetch: Fetch, modes: int = MODES) -> LandmarkTerm:
    """The landmark term of the head, made once."""
    return LandmarkTerm.of(morphable.load(HEAD, fetch), modes, reader_noise(fetch(READER_NOISE)))


@dataclass(frozen=True, eq=False)
class HeadFit:
    """Where a fit stands: one identity, and a view per observation.

    Attributes:
        model: the head; term: its landmarks.
        observations: as the reader of the options sees them.
        views: pose, focal length and expression of each.
        identity: (K,) weights.
    """

    model: morphable.MorphableModel
    term: LandmarkTerm
    observations: tuple[Observation, ...]
    views: list[FaceView]
    identity: NDArray

    def refined(self, extra: Term | None, rounds: int) -> HeadFit:
        """More rounds, with another term beside the landmarks."""
        views, identity = solve(self.views, self.observations, self.identity, self.term, extra, rounds)
        return replace(self, views=views, identity=identity)

    def posed(self) -> list[NDArray]:
        """(V, 3) per view, model metres: the head with the expression it has there."""
        return [self.model.vertices(self.identity, view.expression) for view in self.views]


def build(fetch: Fetch, options: Options) -> Reconstructor:
    """The parametric method for faces.

    Raises:
        WeightsMissing: the head is not there.
    """
    model, term = morphable.load(HEAD, fetch), landmark_term(fetch)
    return lambda observations: fit(model, term, observations, options.fit)


@computing("face fit")
def fit(
    model: morphable.MorphableModel, term: LandmarkTerm, observations: Sequence[Observation], options: FitOptions
) -> Reconstruction:
    """HeadFit one head to one or several photos of one person.

    Raises:
        NothingFound: without observations, or without the landmarks that are asked for.
    """
    began = time.perf_counter()
    found = fit_landmarks(model, term, observations, options)
    landmark_seconds = time.perf_counter() - began
    if options.photometric:
        terms = (kind.of(model, MODES, found.observations) for kind in (ShadingTerm, ContourTerm))
        found = found.refined(SumOfTerms(tuple(terms)), SHADING_ROUNDS)
    slides = [slide(model, found.term, v, o, found.identity) for v, o in zip(found.views, found.observations)]
    seconds = {"landmarks": landmark_seconds, "shading": time.perf_counter() - began - landmark_seconds}
    return assembled(found, slides, options, {"method": "parametric", "seconds": seconds})


def fit_landmarks(
    model: morphable.MorphableModel, term: LandmarkTerm, observations: Sequence[Observation], options: FitOptions
) -> HeadFit:
    """The fit to the landmarks alone.

    Raises:
        NothingFound: without observations, or without the landmarks that are asked for.
    """
    if not observations:
        raise NothingFound("no face to reconstruct: give at least one photo with a face")
    read = tuple(read_by(options.reader, o) for o in observations)
    return landmark_fit(model, term, read)


def landmark_fit(model: morphable.MorphableModel, term: LandmarkTerm, read: tuple[Observation, ...]) -> HeadFit:
    """The fit to the landmarks of one or several observations, as they are."""
    views = [first_guess(o, term.mean, len(model.expression_names)) for o in read]
    return HeadFit(model, term, read, views, np.zeros(MODES)).refined(None, LANDMARK_ROUNDS)


def same_person(fit: HeadFit) -> dict[str, Any]:
    """Of several photos how well each agrees with the others on the identity; nothing of one photo."""
    if len(fit.observations) < 2:
        return {}
    alone = [landmark_fit(fit.model, fit.term, (observation,)) for observation in fit.observations]
    found = agreements([identity_evidence(f.term, f.views[0], f.observations[0], f.identity) for f in alone])
    return {"agreement": found, "someone_else": [one < SOMEONE_ELSE for one in found]}


def assembled(
    fit: HeadFit, slides: Sequence[NDArray], options: FitOptions, facts: Mapping[str, Any], volume: Volume | None = None
) -> Reconstruction:
    """The result of a fit, in its true size.

    Args:
        slides: (V, 3) per view, model metres: what is added to the model's vertices.
        facts: what the method adds to the provenance.
        volume: in model metres; it takes the head's size.
    """
    model, observations, views = fit.model, fit.observations, fit.views
    size = measure_size(views, observations, fit.term, fit.identity, options.pupil_distance)
    plain = fit.posed()
    posed = [p + s for p, s in zip(plain, slides)]
    first = size.scale * (plain[0] + np.mean(slides, axis=0))
    if volume is not None:
        volume = replace(volume, grid_to_world=np.diag([size.scale] * 3 + [1.0]) @ volume.grid_to_world)
    return Reconstruction(
        shape=Mesh(first.astype(np.float32), model.faces, uvs=model.uvs, uv_faces=model.uv_faces),
        cameras=tuple(v.camera(o.frame.size, size.scale) for v, o in zip(views, observations)),
        motion=(size.scale * np.stack(posed)).astype(np.float32),
        model=model.name,
        identity=fit.identity,
        expression=np.stack([v.expression for v in views]),
        scale=float(size.scale),
        metric=size.source != AVERAGE,
        provenance={**measured(fit, posed, size), **facts},
        volume=volume,
    )


def measured(fit: HeadFit, posed: Sequence[NDArray], size: HeadSize) -> dict[str, Any]:
    """What a fit says of itself.

    Args:
        posed: (V, 3) per view, model metres: the head as it is in each photo.
    """
    errors = [reprojection(fit.model, v, o, p) for v, o, p in zip(fit.views, fit.observations, posed)]
    units = [size.scale * v.translation[2] / v.focal * 1000 for v in fit.views]
    return {
        "scale_source": size.source,
        "scale_error": size.error,
        "landmark_error_px": [float(e) for e in errors],
        "landmark_error_mm": [float(e * u) for e, u in zip(errors, units)],
        "average_distance": float(np.sqrt((fit.identity**2).mean())),
        "average_distance_mm": distance_from_average(fit.model, fit.identity),
        "disagreement": [None if o.reading is None else o.reading.disagreement for o in fit.observations],
        "pose": [dict(zip(("yaw", "pitch", "roll"), v.yaw_pitch_roll())) for v in fit.views],
        **same_person(fit),
    }


def read_by(reader: str, observation: Observation) -> Observation:
    """The observation with the landmarks of `reader` only, see FitOptions.

    Raises:
        NothingFound: the detector's landmarks are wanted, and there are none.
    """
    if reader == "landmarks" and observation.reading is not None:
        if observation.reading.alone:
            name = Path(observation.frame.origin).name or "the picture"
            raise NothingFound(f"{name}: the detector's landmarks do not fit this face: use --reader both")
        return replace(observation, reading=None)
    if reader == "network" and observation.reading is not None:
        alone = replace(observation.reading, disagreement=None)
        return replace(observation, landmarks=alone.landmarks, reading=alone)
    return observation


def distance_from_average(model: morphable.MorphableModel, identity: NDArray) -> float:
    """Mean distance between the face and the average head's, mm, model size, without expression."""
    moved = np.tensordot(identity.astype(np.float32), model.identity_basis[: len(identity)], 1)
    return float(1000 * np.average(np.linalg.norm(moved, axis=1), weights=model.regions["face"]))


def reprojection(model: morphable.MorphableModel, view: FaceView, observation: Observation, vertices: NDArray) -> float:
    """Median distance between the detector's landmarks and the mesh's, crop pixels."""
    pixels = view.pixels(model.embeddings["mediapipe478"].points(vertices, model.faces))
    return float(np.median(np.linalg.norm(pixels - observation.landmarks[:, :2], axis=1)))
