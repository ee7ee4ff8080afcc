"""Method `deca`: the published networks and FLAME, both the user's own files, to a head with detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from maquette.core.device import usable_device
from maquette.core.errors import WeightsMissing
from maquette.core.options import Options
from maquette.core.threads import computing
from maquette.core.types import Observation, Reconstruction, Subject
from maquette.perception.observers import OBSERVERS
from maquette.reconstruction.deca import files, weights
from maquette.reconstruction.deca.align import aligned
from maquette.reconstruction.deca.codes import HeadCodes
from maquette.reconstruction.deca.decode import DECA, deca_of
from maquette.reconstruction.deca.head import deca_head
from maquette.reconstruction.deca.result import reconstruction_of
from maquette.reconstruction.deca.sheet import sheet
from maquette.reconstruction.face_fit.method import read_by
from maquette.reconstruction.methods import Fetch, Reconstructor
from maquette.sources import photos

MM = 1e-3


@lru_cache(maxsize=1)
def deca_from(networks: Path, model: Path, device: str) -> DECA:
    """The networks of a file and the model in a folder, made ready on a device."""
    return deca_of(weights.load(networks), deca_head(files.read(model), device), device)


def build(_: Fetch, options: Options) -> Reconstructor:
    """The method with the user's files.

    Raises:
        WeightsMissing: they are not named, or not there. BadInput: they cannot be used, or no face is found in the
            photo whose expression is wanted.
    """
    networks, model = options.fit.deca_weights, options.fit.deca_model
    if networks is None or model is None:
        raise WeightsMissing(
            "method deca: its networks are for non-commercial research and FLAME has terms of its own, so neither"
            " comes with maquette: convert your own with maquette weights convert deca, then give"
            f" --deca-weights FILE.safetensors and --deca-model FOLDER with {', '.join(files.REQUIRED)}"
        )
    if not Path(networks).is_file():
        raise WeightsMissing(f"{networks}: no such file: {weights.REMEDY}")
    ready = deca_from(Path(networks), Path(model), usable_device(options.perception.device))
    distance = None if options.fit.pupil_distance is None else options.fit.pupil_distance * MM
    expression = None if options.fit.expression_from is None else expression_in(ready, options)

    @computing("deca")
    def reconstruct_face(observations: Sequence[Observation]) -> Reconstruction:
        seen = read_by(options.fit.reader, observations[0])
        return reconstruct(ready, seen, distance, expression)

    return reconstruct_face


def expression_in(ready: DECA, options: Options) -> HeadCodes:
    """The codes of the largest face in the photo whose expression is wanted.

    Raises:
        BadInput: no such photo, or no face in it.
    """
    assert options.fit.expression_from is not None, "asked for only where it is given"
    frame = photos.read(options.fit.expression_from)
    found = OBSERVERS[Subject.FACE](frame, options.perception)
    largest = max(found, key=lambda seen: float((seen.box[2] - seen.box[0]) * (seen.box[3] - seen.box[1])))
    return ready.encode(aligned(read_by(options.fit.reader, largest)).picture)


def reconstruct(
    ready: DECA, observation: Observation, pupil_distance: float | None, expression: HeadCodes | None = None
) -> Reconstruction:
    """One face from one photo.

    Args:
        pupil_distance: measured, metres, or None. expression: codes of another face, see `reconstruction_of`.

    Raises:
        BadInput: landmarks of another kind than a face's.
    """
    crop = aligned(observation)
    codes = ready.encode(crop.picture)
    made = reconstruction_of(ready, codes, crop, observation, pupil_distance, expression)
    return replace(made, parameters={**made.parameters, "levels": sheet(ready, codes, crop)})
