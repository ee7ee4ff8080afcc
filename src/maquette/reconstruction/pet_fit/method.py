"""The method `parametric` for pets: each species is fitted, the one that explains the photos best is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import Options
from maquette.core.types import Mesh, Observation, Reconstruction
from maquette.morphable import load
from maquette.morphable.model import MorphableModel
from maquette.morphable.pet import EARED, PET_MODELS, species_of
from maquette.perception.pets.schemes import CHIN, FOREHEAD, NOSE, SCHEME, SPECIES
from maquette.reconstruction.methods import Fetch, Reconstructor
from maquette.reconstruction.pet_fit.ears import with_ears
from maquette.reconstruction.pet_fit.outline import outline_of
from maquette.reconstruction.pet_fit.register import registered
from maquette.reconstruction.pet_fit.shape_network import MODES, PetShapeNetwork
from maquette.reconstruction.pet_fit.shape_reader import ShapeReading, read_shape
from maquette.reconstruction.pet_fit.sizes import relative_size, usual_height
from maquette.reconstruction.pet_fit.solve import Solved, solve
from maquette.reconstruction.pet_fit.state import (
    DISTANCE,
    SIGMA_LEAST,
    Prior,
    State,
    View,
    eye_distance,
    first_pose,
    middle_of_eyes,
)
from maquette.weights import store

UNLIKELY = 0.15  # share of a species, as read, below which it is not fitted
READ = 6.0  # worth of what was read against the fit: on 28 photos it was right 28 times, the fit alone 15 times
FURTHER = 0.5  # what a further photo adds to what the network is believed, of the first one
TURNED = 0.45  # an eye distance seen squarely is at least this share of the landmarks' height


def build(fetch: Fetch, options: Options) -> Reconstructor:
    """The reconstructor: landmarks and outline to the head of a cat, a dog or a wild animal."""
    models = {species: load(PET_MODELS[species], fetch) for species in SPECIES}

    def reconstruct(observations: Sequence[Observation]) -> Reconstruction:
        return fitted(models, observations, options.body.height, fetch)

    return reconstruct


def fitted(
    models: dict[str, MorphableModel],
    observations: Sequence[Observation],
    height_cm: float | None = None,
    fetch: Fetch = store.fetch,
    network: PetShapeNetwork | None = None,
) -> Reconstruction:
    """One animal from all its photos.

    Args:
        models: of each species.
        observations: with landmarks of the scheme "pet20"; `species` weighs the models.
        height_cm: at its shoulders, if measured; else the usual one of its kind or species.
        fetch: hands over the models with tipped and hanging ears.
        network: what it reads of the photos is where the fit starts and what it is drawn to; None: the mean head.

    Raises:
        NothingFound: the observations have no landmarks of an animal's face.
    """
    if any(one.landmark_scheme != SCHEME for one in observations):
        raise NothingFound(f"{observations[0].frame.origin}: no landmarks of an animal's face: use a photo of a pet")
    shares = species_shares(observations)
    readings = [] if network is None else [read_shape(network, one) for one in observations]
    tried = {
        name: _fit(
            model, observations, _prior(readings, name, min(MODES, len(model.identity_basis)), len(observations))
        )
        for name, model in models.items()
        if shares[name] >= UNLIKELY or shares[name] == max(shares.values())
    }
    worth = {
        name: made.energy - READ * np.log(shares[name] + 1e-3) * len(observations) for name, (made, _) in tried.items()
    }
    species = min(worth, key=worth.__getitem__)
    made, views = tried[species]
    facts: dict[str, object] = {"species": species}
    if species == EARED:
        made, facts["ears"] = with_ears(made, views, observations[0].kinds, fetch)
    facts["species_shares"] = {name: round(share, 4) for name, share in shares.items()}
    return _reconstruction(made, views, observations, facts, height_cm)


def species_shares(observations: Sequence[Observation]) -> dict[str, float]:
    """Probability of each species over all photos; even where nobody looked."""
    total = np.zeros(len(SPECIES))
    for one in observations:
        read = one.species or dict.fromkeys(SPECIES, 1.0)
        total += np.log([read.get(name, 0.0) + 1e-3 for name in SPECIES])
    shares = np.exp(total - total.max())
    return dict(zip(SPECIES, (shares / shares.sum()).tolist()))


def _prior(readings: Sequence[ShapeReading], species: str, count: int, photos: int) -> Prior:
    """What the shape network says of the coefficients; further photos count half, for their errors are alike."""
    if not readings:
        return Prior.usual(count, photos)
    row = SPECIES.index(species)
    weights = np.array([1 / one.spreads[row, :count] ** 2 for one in readings])
    means = np.array([one.means[row, :count] for one in readings])
    # Sorted, sums come out the same in any order of the photos.
    total, moved = (np.sort(part, axis=0).sum(axis=0) for part in (weights, weights * means))
    return Prior(moved / total, total / len(readings) * (1 + FURTHER * (len(readings) - 1)))


def _fit(model: MorphableModel, observations: Sequence[Observation], prior: Prior) -> tuple[Solved, tuple[View, ...]]:
    expressions = np.zeros((len(observations), len(model.expression_names)))
    points = model.embeddings[SCHEME].points(model.vertices(prior.mean, expressions[0]), model.faces).astype(float)
    views = tuple(view_of(one) for one in observations)
    poses = tuple(first_pose(points, view, 1 / view.doubt**2) for view in views)
    start = State(model, prior.mean.copy(), expressions, poses, prior)
    return solve(start, views), views


def view_of(observation: Observation) -> View:
    """What the fit takes from one observation."""
    landmarks = observation.landmarks[:, :2]
    right, left = middle_of_eyes(landmarks)
    apart = float(np.linalg.norm(left - right))
    tall = float(np.linalg.norm(landmarks[FOREHEAD] - landmarks[CHIN]))
    unit = max(apart, TURNED * tall, 1.0)
    up = (right + left) / 2 - landmarks[NOSE]
    up = up / max(float(np.linalg.norm(up)), 1e-6)
    read = np.zeros(len(landmarks)) if observation.landmark_sigma is None else observation.landmark_sigma
    sigma = np.maximum(read, SIGMA_LEAST * unit)
    outline, normals = outline_of(observation.mask, landmarks[CHIN], up, unit)
    size = observation.frame.size
    if observation.camera is not None:
        focal, centre = float(observation.camera.intrinsics[0, 0]), observation.camera.intrinsics[:2, 2]
    else:
        focal, centre = unit * DISTANCE, np.array(size) / 2
    return View(landmarks, sigma, outline, normals, size, focal, centre, unit, up)


def _reconstruction(
    made: Solved,
    views: tuple[View, ...],
    observations: Sequence[Observation],
    facts: dict[str, object],
    height_cm: float | None,
) -> Reconstruction:
    state, model = made.state, made.state.model
    species = species_of(model.name)
    kind = usual_height(observations[0].kinds)
    known = height_cm if height_cm is not None else None if kind is None else kind[1]
    scale = 1.0 if known is None else relative_size(known, species)
    shapes = [
        registered(state.vertices(index), model, state.poses[index], view, float(view.sigma.min()))
        for index, view in enumerate(views)
    ]
    shape, motion = _shared(state, shapes)
    poses = [replace(pose, translation=scale * pose.translation) for pose in state.poses]
    mesh = Mesh((scale * shape).astype(np.float32), model.faces, model.uvs, model.uv_faces)
    facts = facts | {
        "kind": None if kind is None else kind[0],
        "landmark_error": [round(float(x), 4) for x in made.landmark_error],
        "outline_error": [None if np.isnan(x) else round(float(x), 4) for x in made.outline_error],
        "eye_distance_m": round(scale * eye_distance(model), 4),
    }
    return Reconstruction(
        mesh,
        tuple(pose.camera(view) for pose, view in zip(poses, views)),
        motion=(scale * motion).astype(np.float32) if len(views) > 1 else None,
        model=model.name,
        identity=state.identity,
        expression=state.expressions.astype(np.float64),
        scale=scale,
        metric=height_cm is not None,
        provenance={"pet": facts},
    )


def _shared(state: State, shapes: list[NDArray]) -> tuple[NDArray, NDArray]:
    """The head as in the first photo (V, 3), and as in each (N, V, 3); what the photos add to the fit is averaged."""
    plain = [state.vertices(index) for index in range(len(shapes))]
    beside = np.mean([shape - base for shape, base in zip(shapes, plain)], axis=0)
    motion = np.stack([base + beside for base in plain])
    return motion[0], motion
