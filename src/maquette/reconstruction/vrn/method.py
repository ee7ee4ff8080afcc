"""From observations of one face to its volume, and from the volume to a head: read, place, fuse, fit, wrap."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from maquette import morphable
from maquette.core.device import usable_device
from maquette.core.errors import NothingFound
from maquette.core.options import FitOptions, Options
from maquette.core.threads import computing
from maquette.core.types import Observation, Reconstruction, Volume
from maquette.reconstruction.face_fit.method import HEAD, MODES, HeadFit, assembled, fit_landmarks, landmark_term
from maquette.reconstruction.face_fit.registration import slide
from maquette.reconstruction.face_fit.solve import SumOfTerms
from maquette.reconstruction.face_fit.terms.shading import ShadingTerm
from maquette.reconstruction.methods import Fetch, Reconstructor
from maquette.reconstruction.vrn import weights
from maquette.reconstruction.vrn.fast import prepared
from maquette.reconstruction.vrn.fuse import fused
from maquette.reconstruction.vrn.network import VRN
from maquette.reconstruction.vrn.read import Coarse, FrontPlane, FrontReading, read
from maquette.reconstruction.vrn.solid import depth_map
from maquette.reconstruction.vrn.term import FrontTerm
from maquette.reconstruction.vrn.wrap import wrap

ROUNDS = 6  # of the fit to the fronts
FEWEST = 200  # crop pixels: a smaller front is no face
LEAST_SOLID = 0.02  # of the canonical grid; a face takes a third
SHIPPED = "vrn-small"


@lru_cache(maxsize=2)
def network_of(path: Path, device: str = "cpu") -> tuple[VRN, Coarse]:
    """The network of a file, and how it is run on a device."""
    network = weights.load(path)
    return network, prepared(network, network.side, device)


def build(fetch: Fetch, options: Options) -> Reconstructor:
    """The method with the shipped network, or with the converted file that the options name.

    Raises:
        WeightsMissing: a shipped file is not there. BadInput: the named one cannot be used.
    """
    given = options.fit.vrn_weights
    network, coarse = network_of(Path(given) if given else fetch(SHIPPED), usable_device(options.perception.device))
    model, term = morphable.load(HEAD, fetch), landmark_term(fetch)

    @computing("face fit")
    def reconstruct_face(observations: Sequence[Observation]) -> Reconstruction:
        began = time.perf_counter()
        fit = fit_landmarks(model, term, observations, options.fit)
        return reconstruct(fit, network, coarse, options.fit, began)

    return reconstruct_face


def reconstruct(fit: HeadFit, network: VRN, coarse: Coarse, options: FitOptions, began: float) -> Reconstruction:
    """One head from one or several photos of one person.

    Args:
        fit: of the landmarks alone. began: when, on the clock of `time.perf_counter`.

    Raises:
        NothingFound: the network sees no face in any of them.
    """
    model = fit.model
    landmark_seconds = time.perf_counter() - began
    readings = read_all(fit, network, coarse)
    network_seconds = time.perf_counter() - began - landmark_seconds
    if not any(np.isfinite(r.front).sum() >= FEWEST for r in readings):
        raise NothingFound(
            "the volume has no surface: the network sees no face; try a clearer photo, or --method parametric"
        )
    term = FrontTerm.of(model, fit.term, readings, MODES)
    shading = (ShadingTerm.of(model, MODES, fit.observations),) if options.photometric else ()
    fit = fit.refined(SumOfTerms((term, *shading)), ROUNDS)
    volume, planes = fuse(fit, term)
    if (volume.values > 0.5).mean() < LEAST_SOLID:
        raise NothingFound("the volume has no surface: what the network sees is a speck; try --method parametric")
    error = readings[0].error / np.sqrt(len(readings))
    slides = [
        slide(model, fit.term, v, o, fit.identity) + wrap(model, posed, volume, error)
        for v, o, posed in zip(fit.views, fit.observations, fit.posed())
    ]
    seconds = {"landmarks": landmark_seconds, "network": network_seconds}
    seconds["volume"] = time.perf_counter() - began - sum(seconds.values())
    facts = {
        "method": "vrn",
        "network": facts_of(network),
        "seconds": seconds,
        "front_plane_px": planes,
        "volume_gap_mm": [gap_mm(fit, term, index) for index in range(len(readings))],
    }
    return assembled(fit, slides, options, facts, volume)


def read_all(fit: HeadFit, network: VRN, coarse: Coarse) -> tuple[FrontReading, ...]:
    """What the network says of each photo.

    The detector's landmarks slide as a head turns; the network learned with those of the head. So they are freed from
    what the detector gets wrong on average at this turn: at 40 degrees that takes the overlap from 0.77 to 0.87.
    """
    readings = []
    for view, observation in zip(fit.views, fit.observations):
        readings.append(read(network, coarse, observation, fit.term.unbiased(view, observation)))
    return tuple(readings)


def gap_mm(fit: HeadFit, term: FrontTerm, index: int) -> float:
    """Mean distance in depth between a photo's front and the head fitted to it, once offset and tilt are taken off."""
    view = fit.views[index]
    shape = np.concatenate([fit.identity, view.expression])
    residual, weight = term.residual(index, view, shape)
    return float(1000 * np.average(np.abs(residual.value), weights=weight + 1e-9))


def facts_of(network: VRN) -> dict[str, object]:
    """What the report says of the network."""
    return {
        "side": network.side,
        "features": network.size.features,
        "stacks": network.size.stacks,
        "guided": network.size.channels > 3,
        "parameters": sum(p.numel() for p in network.parameters()),
    }


def fuse(fit: HeadFit, term: FrontTerm) -> tuple[Volume, list[FrontPlane]]:
    """The volumes of all photos in one, model metres, and what was taken off each front."""
    shapes = [np.concatenate([fit.identity, view.expression]) for view in fit.views]
    marks = [fit.term.mean + fit.term.basis @ shape for shape in shapes]
    heads = [reading.projection(view, points) for reading, view, points in zip(term.readings, fit.views, marks)]
    planes = [term.plane(index, view, shape) for index, (view, shape) in enumerate(zip(fit.views, shapes))]
    front = depth_map(fit.posed()[0])
    return fused(term.readings, heads, planes, front), planes
