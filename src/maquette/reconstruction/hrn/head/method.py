"""Method `hrn` with `--hrn-head`: the published head reconstruction on the user's own network and assets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maquette.core.errors import BadInput
from maquette.core.types import Mesh, Observation, Reconstruction
from maquette.morphable import bfm_head
from maquette.perception.faces.regressor.align import cut
from maquette.perception.faces.skin import face_mask
from maquette.reconstruction.hrn import weights
from maquette.reconstruction.hrn.align import AlignedFace, aligned
from maquette.reconstruction.hrn.coefficients import split
from maquette.reconstruction.hrn.detail import Network
from maquette.reconstruction.hrn.face_model import SIDE, posed, project
from maquette.reconstruction.hrn.head.finish import finished
from maquette.reconstruction.hrn.head.fit import PLACED, SHAPED, FittedHead, fit
from maquette.reconstruction.hrn.head.model import HeadModel, head_model
from maquette.reconstruction.hrn.networks.fast import prepared
from maquette.reconstruction.hrn.result import METRES, camera_seeing, measured, world_frame

HEAD_SCALE = 75.0  # pixels of the crop per decimetre: the whole head is in it
STEEPEST = np.radians(30)  # turns of the head about any axis beyond which it is not fitted


@lru_cache(maxsize=1)
def head_from(networks: Path, assets: Path, device: str) -> tuple[Network, HeadModel]:
    """The first network of a file and the model in a folder, made ready on a device."""
    model = head_model(bfm_head.read(assets), device)
    return prepared(weights.load_regressor(networks), SIDE, device), model


def reconstruct_head(
    regress: Network,
    model: HeadModel,
    observations: Sequence[Observation],
    pupil_distance: float | None,
    steps: tuple[int, int] = (PLACED, SHAPED),
) -> Reconstruction:
    """One head from one photo.

    Args:
        pupil_distance: measured, metres, or None.
        steps: that place the head, and that change it.

    Raises:
        BadInput: several photos, a head turned by more than 30 degrees, or landmarks of another kind than a face's.
    """
    seen, device = observations[0], model.colour_mean.device
    if len(observations) > 1:
        raise BadInput(f"--hrn-head fits one photo, got {len(observations)}: leave --together or --hrn-head away")
    close = aligned(seen, model.source.five_points, device)
    face = aligned(seen, model.source.five_points, device, HEAD_SCALE)
    with torch.no_grad():
        found = split(regress(close.crops.small))
    steep = float(found.angles.abs().max())
    if steep > STEEPEST:
        raise BadInput(
            f"{seen.frame.origin}: the head is turned by {np.degrees(steep):.0f} degrees: HRN's head model is fitted"
            f" up to {np.degrees(STEEPEST):.0f}: leave --hrn-head away"
        )
    return _reconstruction(model, face, fit(model, face, head_crop(seen, face), found, steps), seen, pupil_distance)


def head_crop(seen: Observation, face: AlignedFace) -> Tensor:
    """(1, 1, 224, 224) 0-1: the head in the crop, its face, hair, beard and hat."""
    parts = [
        face_mask(seen),
        *(part for part in (seen.hair, seen.beard, seen.headwear, seen.glasses) if part is not None),
    ]
    whole = np.round(255 * np.max(parts, axis=0)).astype(np.uint8)
    found = torch.from_numpy(cut(whole, face.to_crop, SIDE, 0)).to(face.crops.small)
    return found.view(1, 1, SIDE, SIDE) / 255


@torch.no_grad()
def _reconstruction(
    model: HeadModel, face: AlignedFace, fitted: FittedHead, seen: Observation, pupil_distance: float | None
) -> Reconstruction:
    """The drawn head in the world's frame, its camera, and what was fitted."""
    offset, found = finished(model, fitted.offsets.face, fitted.outside), fitted.coefficients
    shape = model.outcome(found, offset)
    frame = world_frame(shape[0, model.drawn.landmarks], pupil_distance)
    camera = camera_seeing(face, found, frame, seen.frame.size)
    triangles = model.source.drawn.triangles.astype(np.int32)
    mesh = Mesh(
        frame.to_world(shape[0].cpu().numpy()), triangles, model.source.uvs, model.source.uv_triangles.astype(np.int32)
    )
    metres: NDArray = offset[0].permute(1, 2, 0).cpu().numpy() * frame.metres
    marks = project(posed(model.shape(found, fitted.offsets), found))[0, model.fitted.landmarks]
    return Reconstruction(
        mesh,
        (camera,),
        scale=frame.metres / METRES,
        metric=pupil_distance is not None,
        parameters={"coefficients": found.merged.cpu().numpy(), "offset": metres.astype(np.float32)},
        provenance={
            "method": "hrn",
            "photos": 1,
            "model": "head",
            **measured([marks], [face], [camera]),
            "offset_mm": round(1000 * float(np.abs(metres).max()), 3),
        },
    )
