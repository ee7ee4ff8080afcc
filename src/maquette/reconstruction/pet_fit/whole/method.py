"""The method `body` for pets: a whole animal, rigged, from the outline and, where it is read, the face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.spatial.transform import Rotation

from maquette.core.errors import NothingFound
from maquette.core.options import Options
from maquette.core.types import BodyPose, Mesh, Observation, Reconstruction
from maquette.morphable.animals.body import PET_BODY, AnimalBody, load_animal_body
from maquette.perception.pets.schemes import SCHEME
from maquette.perception.pets.whole import cut_sides
from maquette.reconstruction.methods import Fetch, Reconstructor
from maquette.reconstruction.pet_fit.method import species_shares
from maquette.reconstruction.pet_fit.outline import matched
from maquette.reconstruction.pet_fit.sizes import SHOULDER_HEIGHT_CM, usual_height
from maquette.reconstruction.pet_fit.whole.edges import outline_of
from maquette.reconstruction.pet_fit.whole.solve import BodyFit, Fitted
from maquette.reconstruction.pet_fit.whole.starts import best_fit, seen_from
from maquette.reconstruction.pet_fit.whole.state import drawn, pinhole

SHIFT = "photo_shift"  # the parameter: (V, 2) float32 pixels of the crop from where a vertex is drawn to where it shows
WARP_FIRM, WARP_NEAR, WARP_REACH = 3.0, 40, 0.2  # smoothing, neighbours, and reach in sizes of the animal
GOOD_OVERLAP, POOR_OVERLAP = 0.92, 0.7  # between which the confidence falls to 0
WITHOUT_FACE, CUT = 0.6, 0.6  # of the confidence that is left
LEAST_OVERLAP = 0.45  # below which nothing fits


def build(fetch: Fetch, options: Options) -> Reconstructor:
    """The reconstructor: the outline of a dog, a cat or the like to its body.

    Raises:
        WeightsMissing: the body is not there.
    """
    body = load_animal_body(fetch(PET_BODY))

    def reconstruct(observations: Sequence[Observation]) -> Reconstruction:
        return fitted_body(body, observations[0], options.body.height)

    return reconstruct


def fitted_body(body: AnimalBody, observation: Observation, height_cm: float | None = None) -> Reconstruction:
    """One animal from one photo.

    Args:
        observation: whole, see `perception.pets.whole`.
        height_cm: at its shoulders, if measured; else the usual one of its kind or species.

    Returns:
        The posed body, on the floor; `parameters["photo_shift"]` (V, 2) says where the photo shows each vertex beside
        where the camera draws it, in pixels of the crop.

    Raises:
        NothingFound: the observation has no outline, or the body fits it nowhere.
    """
    origin = observation.frame.origin
    if observation.landmark_scheme != SCHEME:
        raise NothingFound(f"{origin}: no animal: use a photo of a pet")
    if not (observation.mask > 0.5).any():
        raise NothingFound(f"{origin}: the animal's outline was not found: use a photo with a plainer background")
    shares = species_shares([observation])
    species = max(shares, key=shares.__getitem__)
    cut = cut_sides(observation.mask, observation.box, observation.full_size)
    fit = BodyFit(body, outline_of(observation, cut), body.rig.sliders[species].astype(float))
    made = best_fit(fit)
    if made.overlap < LEAST_OVERLAP:
        raise NothingFound(
            f"{origin}: no stance of the body fits the animal's outline: use a photo of it from one side"
        )
    return _reconstruction(fit, made, observation, species, shares, cut, height_cm)


def _reconstruction(
    fit: BodyFit, made: Fitted, observation: Observation, species: str, shares: dict[str, float], cut: tuple[str, ...],
    height_cm: float | None,
) -> Reconstruction:  # fmt: skip
    body, stand = fit.body, made.stand
    kind = usual_height(observation.kinds)
    known = height_cm if height_cm is not None else SHOULDER_HEIGHT_CM[species] if kind is None else kind[1]
    scale = known / 100 / withers(body, stand.identity)
    rest = body.model.vertices(stand.identity, np.zeros(0), scale)
    joints, turns = body.rig.joints(stand.identity, scale), body.rotations(stand.angles)
    vertices, heads = body.rig.pose(rest, joints, turns, np.zeros(3))
    step = body.on_floor(vertices, heads)
    camera = pinhole(stand, step.astype(float) / scale, fit.outline, observation.frame.size)
    world_to_camera = camera.world_to_camera.copy()
    world_to_camera[:3, 3] *= scale
    quaternions = Rotation.from_matrix(turns).as_quat()[None, :, [3, 0, 1, 2]]
    facts: dict[str, Any] = {
        "species": species,
        "kind": None if kind is None else kind[0],
        "species_shares": {name: round(share, 4) for name, share in shares.items()},
        "landmark_error": [None],
        "outline_error": [None],
        "body": described(fit, made, cut),
    }
    return Reconstruction(
        Mesh(vertices + step, body.model.faces, body.model.uvs, body.model.uv_faces),
        (type(camera)(camera.intrinsics, world_to_camera, camera.size),),
        model=body.model.name,
        identity=stand.identity.astype(np.float32),
        expression=np.zeros((1, 0), np.float32),
        scale=scale,
        pose=BodyPose(body.model.name, quaternions, step[None].astype(float), np.array([np.nan])),
        metric=height_cm is not None,
        parameters={SHIFT: photo_shift(fit, made)},
        provenance={"method": "body", "pet": facts, "silhouette_iou": [facts["body"]["overlap"]]},
    )


def withers(body: AnimalBody, identity: NDArray) -> float:
    """Metres from the floor to the shoulders of a build, standing."""
    joints = body.rig.joints(identity)
    floor = body.model.vertices(identity, np.zeros(0))[:, 1].min()
    return float(joints[[body.rig.bones.index(f"scapula_{side}") for side in "LR"], 1].mean() - floor)


def described(fit: BodyFit, made: Fitted, cut: tuple[str, ...]) -> dict[str, Any]:
    """How well the body fits, how the animal stands, and how far to trust it."""
    read = not np.isnan(made.landmark_error)
    trust = np.clip((made.overlap - POOR_OVERLAP) / (GOOD_OVERLAP - POOR_OVERLAP), 0, 1)
    trust *= (1.0 if read else WITHOUT_FACE) * (CUT if cut else 1.0)
    return {
        "overlap": round(made.overlap, 4),
        "stance": made.stand.stance,
        "turned_degrees": round(float(np.degrees(seen_from(made.stand))), 1),
        "face_read": read,
        "face_error": None if not read else round(made.landmark_error, 3),
        "cut": list(cut),
        "confidence": round(float(trust), 3),
        "head": "the body's own, as large as the face in the photo",
        "build": {name: round(float(value), 2) for name, value in zip(fit.body.modes, made.stand.identity)},
    }


def photo_shift(fit: BodyFit, made: Fitted) -> NDArray:
    """(V, 2) float32 pixels of the crop: from where the camera draws each vertex to where the photo shows it.

    On the outline they are the photo's; the face's landmarks hold it; between, a smooth warp.
    """
    stand, outline = made.stand, fit.outline
    pixels, rim, ways, _ = fit.drawing(stand)
    index, good = matched(outline.points, outline.normals, pixels[rim], ways, WARP_REACH * outline.unit / 0.7)
    start, wanted = pixels[rim[index[good]]], outline.points[good]
    if not np.isnan(made.landmark_error):
        marks = fit.poser.of(stand, fit.marks) @ stand.rotation.T + stand.translation
        start, wanted = np.vstack([start, drawn(marks, outline)]), np.vstack([wanted, outline.landmarks])
    every = fit.poser.of(stand, np.arange(len(fit.body.model.mean))) @ stand.rotation.T + stand.translation
    if len(start) < 8:
        return np.zeros((len(every), 2), np.float32)
    _, single = np.unique(np.round(start, 1), axis=0, return_index=True)
    neighbours = min(WARP_NEAR, len(single))
    warp = RBFInterpolator(start[single], (wanted - start)[single], neighbours, WARP_FIRM, "linear", degree=0)
    most = WARP_REACH * outline.unit
    shift = warp(drawn(every, outline))
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= most * np.tanh(length / most) / np.maximum(length, 1e-9)
    return (shift / outline.scale).astype(np.float32)
