"""Method `hrn`: the user's own networks and Basel model to a face in three levels, or to a head with its own assets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

from maquette.core.device import usable_device
from maquette.core.errors import WeightsMissing
from maquette.core.options import Options
from maquette.core.threads import computing
from maquette.core.types import Observation, Reconstruction
from maquette.morphable import bfm
from maquette.reconstruction.face_fit.method import read_by
from maquette.reconstruction.hrn import weights
from maquette.reconstruction.hrn.align import aligned
from maquette.reconstruction.hrn.detail import HRN, hrn_of
from maquette.reconstruction.hrn.face_model import face_model
from maquette.reconstruction.hrn.fit.multi_view import solve
from maquette.reconstruction.hrn.head.method import head_from, reconstruct_head
from maquette.reconstruction.hrn.result import FaceLevels, reconstruction_of
from maquette.reconstruction.hrn.sheet import with_sheet
from maquette.reconstruction.methods import Fetch, Reconstructor

MM = 1e-3


@lru_cache(maxsize=1)
def hrn_from(networks: Path, model: Path, device: str) -> HRN:
    """The networks of a file and the model in a folder, made ready on a device."""
    return hrn_of(weights.load(networks), face_model(bfm.read(model), device), device)


def build(_: Fetch, options: Options) -> Reconstructor:
    """The method with the user's files.

    Raises:
        WeightsMissing: they are not named, or not there. BadInput: they cannot be used.
    """
    networks, model, head = options.fit.hrn_weights, options.fit.hrn_model, options.fit.hrn_head
    if networks is None or (model is None and head is None):
        raise WeightsMissing(
            "method hrn: its networks and the Basel face model are for research alone and do not come with maquette:"
            " convert your own with maquette weights convert hrn, then give --hrn-weights FILE.safetensors and"
            f" --hrn-model FOLDER with {', '.join(bfm.REQUIRED)}; or --hrn-head FOLDER with the published head's assets"
        )
    if not Path(networks).is_file():
        raise WeightsMissing(f"{networks}: no such file: {weights.REMEDY}")
    device = usable_device(options.perception.device)
    distance = None if options.fit.pupil_distance is None else options.fit.pupil_distance * MM
    if head is not None:
        fitted = partial(reconstruct_head, *head_from(Path(networks), Path(head), device))
    else:
        assert model is not None, "asked for above"
        fitted = partial(reconstruct, hrn_from(Path(networks), Path(model), device))

    @computing("hrn")
    def reconstruct_face(observations: Sequence[Observation]) -> Reconstruction:
        return fitted([read_by(options.fit.reader, seen) for seen in observations], distance)

    return reconstruct_face


def reconstruct(ready: HRN, observations: Sequence[Observation], pupil_distance: float | None) -> Reconstruction:
    """One face from one photo, or from several of one person.

    Args:
        pupil_distance: measured, metres, or None.

    Raises:
        BadInput: landmarks of another kind than a face's.
    """
    faces: Sequence[FaceLevels] = [levels(ready, seen) for seen in observations]
    if len(faces) > 1:
        faces = solve(ready, faces).faces
    sizes = [seen.frame.size for seen in observations]
    return with_sheet(reconstruction_of(ready, faces, sizes, pupil_distance), ready.model, faces[0])


def levels(ready: HRN, observation: Observation) -> FaceLevels:
    """The three levels of one face."""
    face = aligned(observation, ready.model.basel.five_points, ready.model.mean.device)
    low = ready.low(face.crops)
    mid = ready.mid(low)
    return FaceLevels(face, low, mid, ready.high(face.crops, low, mid))
