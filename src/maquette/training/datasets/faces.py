"""Crops of synthetic faces as shards: what the face regressor learns from."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maquette.core.files import whole_file
from maquette.core.options import SynthesisOptions
from maquette.perception.faces.regressor import align
from maquette.perception.faces.regressor.network import SIDE
from maquette.training.datasets.shards import Array, made_shards

if TYPE_CHECKING:
    from maquette.synthesis.scenes.face_sample import FaceSample
    from maquette.synthesis.scenes.head_scene import SyntheticPerson

MARGIN = 16  # pixels kept around the crop, for shifts and turns
STORED = SIDE + 2 * MARGIN
PER_FILE = 256  # crops
COLUMNS = ("image", "landmarks", "visible", "identity", "expression", "monk", "pose")


def frame(landmarks: Array, size: int) -> Array:
    """(2, 3) from the pixels of a picture to those of its upright crop, margins and all, drawn `size` pixels wide."""
    matrix = align.alignment(landmarks, SIDE)
    matrix[:, 2] += MARGIN
    return matrix * (size / STORED)


def example(sample: FaceSample) -> dict[str, Array]:
    """The columns of one photograph that was taken through `frame`: an upright crop and its labels.

    Returns:
        "image" (160, 160, 3) uint8; "landmarks" (478, 3) float32, x and y in pixels of it, z in the same unit about
        their mean; "visible" (478,) uint8; "identity" (100,) and "expression" (52,) float16; "monk" (1,) uint8;
        "pose" (3,) float32 radians.
    """
    points = sample.landmarks["mediapipe478"]
    scale = STORED / len(sample.image)
    per_metre = scale * sample.camera.intrinsics[0, 0] / points[:, 2].mean()
    depth = (points[:, 2] - points[:, 2].mean()) * per_metre
    shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return {
        "image": cv2.resize(sample.image, (STORED, STORED), interpolation=shrinks),
        "landmarks": np.column_stack([scale * points[:, :2], depth]).astype(np.float32),
        "visible": sample.visible["mediapipe478"].astype(np.uint8),
        "identity": sample.person.identity.coefficients.astype(np.float16),
        "expression": sample.expression.astype(np.float16),
        "monk": np.array([sample.person.skin.monk], np.uint8),
        "pose": sample.pose.astype(np.float32),
    }


def make_shard(folder: Path, options: SynthesisOptions, first: int, count: int) -> Path:
    """Write photographs first to first + count of a data set as one file, by rename; one that exists is kept."""
    from safetensors.numpy import save_file

    from maquette.synthesis.rendering.sensor import Sensor
    from maquette.synthesis.scenes.face_sample import Overrides, photograph_face
    from maquette.synthesis.scenes.head_scene import draw_person

    file = Path(folder) / options.split / f"{first:08d}.safetensors"
    if file.is_file():
        return file
    split = ("train", "test").index(options.split)
    rows = []
    person: SyntheticPerson | None = None
    drawn, framing = -1, partial(frame, size=options.size)
    for index in range(first, first + count):
        number, photo = divmod(index, options.photos_per_person)
        if person is None or number != drawn:
            person, drawn = draw_person((options.seed, split, number), options.texture_size, options.split), number
        # The sensor's faults are added while training, anew each time.
        overrides, seed = Overrides(sensor=Sensor(), frame=framing), (options.seed, split, number, photo + 1)
        rows.append(example(photograph_face(person, seed, options.size, options.supersample, overrides=overrides)))
    columns = {name: np.stack([row[name] for row in rows]) for name in COLUMNS}
    with whole_file(file) as part:
        save_file(columns, part)
    return file


def make_shards(folder: Path, options: SynthesisOptions, per_file: int = PER_FILE, workers: int = 2) -> Iterator[Path]:
    """Write the whole data set with several processes; gives each file when it is done, in any run the same bytes."""
    return made_shards(make_shard, folder, options, per_file, workers)
