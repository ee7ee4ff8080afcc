"""A head whose identity is known, frame by frame of a clip: pose and expression alone, from where the last frame ended.

Both networks' landmarks count as in a photo's fit, but how much of the detector's is believed falls off smoothly with
the turn of the head and with the face's size: in a photo one may choose, in a clip a choice that changes is a jump.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.motion import HeadMotion
from maquette.core.threads import computing
from maquette.core.types import Observation, Reconstruction
from maquette.morphable import known
from maquette.reconstruction.face_fit.blinks import between_blinks, levelled, lid_weights, openings
from maquette.reconstruction.face_fit.gaze import centred, looked, read_gaze
from maquette.reconstruction.face_fit.motion.evidence import WIDTH, evidence_of
from maquette.reconstruction.face_fit.solve import bounded_step, opinion_equations, prior_equations
from maquette.reconstruction.face_fit.state import OPENCV, POSE, FaceView, first_guess, project_points
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm
from maquette.reconstruction.face_fit.terms.reading import equations as read_equations

ROUNDS, FIRST_ROUNDS = 4, 12
FOCAL = 6  # place of the focal length among the unknowns of a pose: known here
TURNED = np.radians([40.0, 60.0])  # yaw between which the detector's landmarks lose all their weight
KNOWN = 0.5  # times as much as in a photo they say of a face whose shape is known
# Share of what their errors have in common, learned over many people: of one person that is in the shape already.
IN_COMMON = 0.1
BESIDE = 0.3  # share of what the network says that counts beside them: it reads expressions too weakly
JUMP = 0.5  # radians by which a head may turn in a frame; what turns farther is begun anew
INNER_LIPS = (81, 13, 311), (178, 14, 402)  # landmarks across each other in the middle of the mouth
# What parts the lips, in the order in which it is changed; all but the jaw only to shut them.
PARTING = (
    ("jawOpen",),
    ("mouthLowerDownLeft", "mouthLowerDownRight"),
    ("mouthUpperUpLeft", "mouthUpperUpRight"),
    ("mouthFunnel",),
)
RESTART = 0.08  # of the face's size: a fit farther off than that is begun anew


@dataclass(frozen=True, eq=False)
class KnownHead:
    """One person's head with its identity, ready to be followed.

    Attributes:
        term: its landmarks, as they move with the expression alone. focal: pixels of the full frame.
        size: (width, height) of the full frame.
        scale: metres of the world per metre of the model.
    """

    term: LandmarkTerm
    focal: float
    size: tuple[int, int]
    scale: float

    @classmethod
    def of(cls, term: LandmarkTerm, whole: Reconstruction, focal: float, size: tuple[int, int]) -> KnownHead:
        """A head that was fitted to some of the frames.

        What its mesh has beyond the model's space, its landmarks have too: else an expression would make up for it in
        every frame, and the mesh would show it twice.

        Args:
            term: of the model whose head it is. whole: its identity, mesh and the expression that the mesh shows.
        """
        model, identity, shown = known(whole.model), whole.identity, whole.expression
        assert model is not None and identity is not None and shown is not None, "a head of a model has all three"
        count = term.basis.shape[2] - len(term.names)
        weights = np.zeros(count)
        weights[: len(identity[:count])] = identity[:count]
        beyond = whole.shape.vertices / whole.scale - model.vertices(identity, shown[0])
        moved = model.embeddings["mediapipe478"].points(beyond.astype(float), model.faces)
        noise = {**term.noise, "factor": IN_COMMON * term.noise["factor"]}
        mean = term.mean + term.basis[:, :, :count] @ weights + moved
        return cls(replace(term, noise=noise, mean=mean, basis=term.basis[:, :, count:]), focal, size, whole.scale)


@dataclass(frozen=True, eq=False)
class FramePose:
    """Where a head is in one frame.

    Attributes:
        view: in pixels of the full frame, model metres.
        trust: 0-1.
        reprojection: median distance between the landmarks seen and fitted, pixels.
        gaze: (2, 2) radians, see `HeadMotion.gaze`.
    """

    view: FaceView
    trust: float
    reprojection: float
    gaze: NDArray


def clip_focal(whole: Reconstruction, seen: Sequence[Observation]) -> float:
    """Pixels of the full frame: one focal length for all frames, the median of those that were fitted."""
    return float(
        np.median(
            [
                camera.intrinsics[0, 0] * (one.box[2] - one.box[0]) / one.frame.size[0]
                for camera, one in zip(whole.cameras, seen)
            ]
        )
    )


def fit_frame(head: KnownHead, observation: Observation, start: FaceView | None) -> FramePose:
    """Pose and expression of one frame.

    Args:
        observation: of the full frame.
        start: the view of the frame before, None to begin anew.
    """
    rounds = ROUNDS
    if start is None or _off(head, observation, start) > RESTART:
        start, rounds = _begun(head, observation), FIRST_ROUNDS
    view = start
    for _ in range(rounds):
        matrix, vector = _equations(head.term, view, observation)
        bounds = np.full((len(vector), 2), [-np.inf, np.inf])
        bounds[POSE - 1 :] = np.column_stack([-view.expression, 1 - view.expression])
        step = bounded_step(matrix, vector, bounds)
        pose = np.insert(step[: POSE - 1], FOCAL, 0.0)
        view = view.moved(pose, np.clip(view.expression + step[POSE - 1 :], 0, 1))
        if np.abs(step).max() < 1e-3:
            break
    view = _with_lips(head.term, view, observation)
    error = _errors(head, observation, view)
    extent = float(np.ptp(observation.landmarks[:, :2], axis=0).max())
    trust = float(np.clip(observation.confidence, 0, 1) / (1 + (np.median(error) / (0.02 * extent)) ** 2))
    return FramePose(view, trust, float(np.median(error)), read_gaze(head.term, view, observation))


def _with_lips(term: LandmarkTerm, view: FaceView, observation: Observation) -> FaceView:
    """The view with a jaw that opens the lips as far as they are seen apart: the prior holds a wide mouth back, and
    leaves shut lips ajar.
    """
    believed = _believed(view) if observation.reading is None or not observation.reading.alone else 0.0
    points = term.mean + term.basis @ view.expression
    flat = project_points(view, points @ view.rotation.T + view.translation, term.basis)
    upper, lower = (list(side) for side in INNER_LIPS)
    slopes = (flat.by_shape[lower] - flat.by_shape[upper]).mean(axis=0)
    seen = term.unbiased(view, observation)
    missing = believed * (seen[lower] - seen[upper] - flat.value[lower] + flat.value[upper]).mean(axis=0)
    expression = view.expression.copy()
    for units in PARTING:
        places = [term.names.index(unit) for unit in units]
        slope = slopes[:, places].sum(axis=1)
        step = float(missing @ slope) / max(float(slope @ slope), 1e-9)
        if units != PARTING[0] and step > 0:
            break
        moved = np.clip(expression[places] + step, 0, 1) - expression[places]
        expression[places] += moved
        missing = missing - slopes[:, places] @ moved
    return replace(view, expression=expression)


def _begun(head: KnownHead, observation: Observation) -> FaceView:
    guess = first_guess(observation, head.term.mean, len(head.term.names))
    nearer = head.focal / guess.focal
    centre = np.array(head.size, float) / 2
    moved = guess.translation * [1, 1, nearer]
    moved[:2] += (guess.centre - centre) * moved[2] / head.focal
    return replace(guess, focal=head.focal, known_focal=head.focal, centre=centre, translation=moved)


def _errors(head: KnownHead, observation: Observation, view: FaceView) -> NDArray:
    """(478,) pixels between the landmarks seen and fitted."""
    points = head.term.mean + head.term.basis @ view.expression
    return np.linalg.norm(view.pixels(points) - observation.landmarks[:, :2], axis=1)


def _off(head: KnownHead, observation: Observation, view: FaceView) -> float:
    """How far the face is from where it was, over its size."""
    extent = float(np.ptp(observation.landmarks[:, :2], axis=0).max())
    return float(np.median(_errors(head, observation, view))) / max(extent, 1.0)


def _equations(term: LandmarkTerm, view: FaceView, observation: Observation) -> tuple[NDArray, NDArray]:
    """Matrix and vector over the pose but its focal length, and the expression."""
    expression, reading = view.expression, observation.reading
    part = prior_equations(view, 0) + opinion_equations(term, view, observation, 0)
    share = 1.0
    if reading is not None:
        share = 0.0 if reading.alone else _believed(view)
        read = read_equations(term, view, reading, expression, PRIOR_SIGMA)
        part = part + read.scaled(share * BESIDE + (1 - share))
    if share > 0:
        part = part + term.equations(view, observation, expression).scaled(share * KNOWN)
    kept = np.delete(np.arange(len(part.vector)), FOCAL)
    return part.matrix[np.ix_(kept, kept)], part.vector[kept]


PRIOR_SIGMA = 0.35  # as `solve.EXPRESSION_SIGMA`


def _believed(view: FaceView) -> float:
    """0-1: how far the detector's landmarks count beside the network's."""
    return 1 - _ramp(abs(view.yaw_pitch_roll()[0]), *TURNED)


def _ramp(value: float, low: float, high: float) -> float:
    """0 below low, 1 above high, smooth between."""
    share = float(np.clip((value - low) / (high - low), 0, 1))
    return share * share * (3 - 2 * share)


@computing("face fit")
def follow_head(
    head: KnownHead,
    sightings: Iterable[tuple[int, int, float, Observation]],
    progress: Callable[[int], None] = lambda _: None,
) -> HeadMotion:
    """The motion of a head over its frames, each fitted by itself: nothing is smoothed.

    Args:
        sightings: number of the shot and of the frame, seconds, and the observation of the full frame, in the order of
            time. At a new shot the fit begins anew.
        progress: called with the number of frames fitted so far.
    """
    rows: list[tuple[int, float, FramePose]] = []
    opening: list[NDArray] = []
    scores: list[NDArray] = []
    last: FaceView | None = None
    shot = -1
    # Three kilobytes a frame: a long clip's are not held in memory.
    with tempfile.TemporaryFile() as evidence:
        for number, frame, time, observation in sightings:
            found = fit_frame(head, observation, last if number == shot else None)
            last, shot = found.view, number
            rows.append((frame, time, found))
            unread = observation.reading is not None and observation.reading.alone
            scores += [] if observation.expression_scores is None else [observation.expression_scores]
            opening.append(np.full(2, np.nan) if unread else openings(observation.landmarks))
            evidence.write(evidence_of(head.term, found.view, found.gaze, found.trust, observation).tobytes())
            progress(len(rows))
        evidence.flush()
        stored = np.asarray(np.memmap(evidence, np.float32, "c", shape=(len(rows), WIDTH)))
    views = [found.view for _, _, found in rows]
    yaw, pitch, _ = np.transpose([view.yaw_pitch_roll() for view in views])
    level = levelled(np.array(opening), yaw, pitch)
    gaze = between_blinks(np.array([found.gaze for _, _, found in rows]), level)
    gaze = centred(gaze, np.array(scores)) if scores else gaze
    return HeadMotion(
        times=np.array([time for _, time, _ in rows], float),
        frames=np.array([frame for frame, _, _ in rows], np.int64),
        rotations=_quaternions(np.array([OPENCV @ view.rotation for view in views])),
        translation=head.scale * np.array([OPENCV @ view.translation for view in views]),
        expression=np.array([view.expression for view in views]),
        gaze=gaze,
        focal=head.focal,
        size=head.size,
        opening=level,
        trust=np.array([found.trust for _, _, found in rows]),
        reprojection=np.array([found.reprojection for _, _, found in rows]),
        evidence=stored,
    )


def with_eyes(motion: HeadMotion, names: Sequence[str]) -> HeadMotion:
    """The motion with the weights of the units that look and of those that move the lids as gaze and openings want.

    Done last, when all is smoothed: what a glance moves of a lid and what is left for a blink belong together.

    Args:
        names: of the units.
    """
    expression = lid_weights(motion.opening, looked(motion.expression, motion.gaze, names), names)
    return replace(motion, expression=expression)


def _quaternions(matrices: NDArray) -> NDArray:
    """(N, 4) wxyz of (N, 3, 3), neighbours on one half of the sphere."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_matrix(matrices).as_quat()[:, [3, 0, 1, 2]]
    signs = np.where(np.sum(turns[1:] * turns[:-1], axis=1) < 0, -1.0, 1.0)
    turns[1:] *= np.cumprod(signs)[:, None]
    return turns
