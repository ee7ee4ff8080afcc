"""Method `deca`: the published networks and FLAME, both the user's own files, to a head with detail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from maquette.core.device import usable_device
from maquette.core.errors import WeightsMissing
from maquette.core.options import Options
from maquette.core.threads import computing
from maquette.core.types import Observation, Reconstruction, Subject
from maquette.perception.observers import OBSERVERS
from maquette.reconstruction.deca import files, weights
from maquette.reconstruction.deca.align import HeadCrop, aligned
from maquette.reconstruction.deca.codes import HeadCodes, joined
from maquette.reconstruction.deca.decode import DECA, deca_of
from maquette.reconstruction.deca.head import deca_head
from maquette.reconstruction.deca.result import DecaView, reconstruction_of
from maquette.reconstruction.deca.sheet import sheet
from maquette.reconstruction.deca.temporal import weights as temporal_weights
from maquette.reconstruction.deca.temporal.weights import TemporalNetworks
from maquette.reconstruction.deca.weights import DECANetworks
from maquette.reconstruction.face_fit.method import read_by
from maquette.reconstruction.methods import Fetch, Reconstructor
from maquette.sources import photos

MM = 1e-3
PIECE, TEMPORAL_PIECE, OVERLAP = 8, 24, 4  # crops that are encoded at once, and frames that two pieces share
HOLE_S = 0.2  # between frames of a clip that follow each other, at most


@lru_cache(maxsize=1)
def deca_from(networks: Path, model: Path, device: str) -> DECA:
    """The networks of a file, of single frames or of clips, and the model in a folder, made ready on a device."""
    loaded = temporal_weights.load if weights.kind_of(networks) == "deca-tv" else weights.load
    held: DECANetworks | TemporalNetworks = loaded(networks)
    return deca_of(held, deca_head(files.read(model), device), device)


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
        return reconstruct(ready, (read_by(options.fit.reader, seen) for seen in observations), distance, expression)

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
    ready: DECA,
    observations: Iterable[Observation],
    pupil_distance: float | None,
    expression: HeadCodes | None = None,
) -> Reconstruction:
    """One face from one photo, from several, or from a clip.

    Args:
        observations: looked at once, one after the other, so that a long clip takes little memory.
        pupil_distance: measured, metres, or None. expression: codes of another face, see `reconstruction_of`.

    Raises:
        BadInput: landmarks of another kind than a face's.
    """
    crops: list[HeadCrop] = []
    views: list[DecaView] = []
    pieces = CropPieces(ready)
    for seen in observations:
        crop = aligned(seen)
        pieces.add(crop.picture, seen.frame.time)
        # Pictures of all but the first are not needed again.
        crops.append(crop if not crops else replace(crop, picture=torch.empty(0)))
        views.append(DecaView(seen.frame.size, seen.box))
    codes = pieces.codes()
    made = reconstruction_of(ready, codes, crops, views, pupil_distance, expression)
    return replace(made, parameters={**made.parameters, "levels": sheet(ready, codes.of(0), crops[0])})


class CropPieces:
    """Crops of photos or of a clip to codes, some at once.

    Temporal networks see frames that follow each other as one clip, in pieces that overlap; where the clip has a hole,
    another begins.
    """

    def __init__(self, ready: DECA) -> None:
        self.ready, self.found = ready, list[HeadCodes]()
        self.held: list[Tensor] = []
        self.last: float | None = None
        self.known = 0  # how many of those held have codes already
        self.size = TEMPORAL_PIECE if ready.temporal else PIECE

    def add(self, crop: Tensor, time: float | None) -> None:
        """A crop (1, 3, 224, 224) and its time in the clip, or None."""
        if self.ready.temporal and self.held and not _follows(self.last, time):
            self._encode(0)
        self.held.append(crop)
        self.last = time
        if len(self.held) == self.size:
            self._encode(OVERLAP if self.ready.temporal else 0)

    def codes(self) -> HeadCodes:
        """Of all crops."""
        if len(self.held) > self.known:
            self._encode(0)
        return joined(self.found)

    def _encode(self, kept: int) -> None:
        """Codes of what is held but the last `kept`, which begin the next piece with as many before them."""
        if len(self.held) > self.known:
            codes, end = self.ready.encode(torch.cat(self.held)), len(self.held) - kept
            self.found.append(codes.of(slice(self.known, end)))
        self.held = self.held[len(self.held) - 2 * kept :] if kept else []
        self.known = kept


def _follows(last: float | None, time: float | None) -> bool:
    return last is not None and time is not None and time - last < HOLE_S
