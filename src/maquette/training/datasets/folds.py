"""What a photo of a synthetic face says of its skin, with the true folds, as shards: what FoldNet learns from.

Each photograph goes through the detector, the fit and the texture's own reading, so that it has the faults it will have
in life; only then is the displacement that was rendered brought to the same texels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maquette.core.errors import NothingFound
from maquette.core.files import whole_file
from maquette.core.options import Options, SynthesisOptions
from maquette.core.types import Frame, Observation, Reconstruction, Subject
from maquette.perception.faces.parsing.frame import head_square
from maquette.training.datasets.shards import Array, made_shards

if TYPE_CHECKING:
    from maquette.synthesis.rendering.sensor import Sensor
    from maquette.synthesis.scenes.face_sample import FaceSample
    from maquette.synthesis.scenes.head_scene import SyntheticPerson

PER_FILE = 16  # photographs
COLUMNS = ("fine", "tint", "weight", "slow", "relief", "valid", "pixel")
EXTENT = 1.6  # of the photographs, in extents of the face
SIZES, SHARES = (0.32, 0.47, 0.68, 1.0), (0.12, 0.25, 0.33, 0.30)  # of the options' size, and how many have it
FLAT = 0.12  # share of people whose skin is painted only: freckles, stubble and make-up are no folds
FOLDED = 0.65  # share of people whose folds may be those of another age, and deeper
AGES, DEEPER = (25.0, 85.0), (0.8, 1.5)
CLEAN = 0.5  # share of photographs that a good camera takes
COARSER = 4  # what varies slowly is stored on a grid so many times coarser
LARGEST_STEP = 0.02  # of the chart between neighbouring texels: farther ones are another part of the head
MM = 1000.0


def draw_subject(options: SynthesisOptions, number: int) -> SyntheticPerson:
    """Somebody with folds, or with none at all."""
    from maquette.synthesis.scenes.head_scene import draw_person

    seed = (options.seed, ("train", "test").index(options.split), number)
    rng = np.random.default_rng([*seed, 1])
    folds = (float(rng.uniform(*AGES)), float(rng.uniform(*DEEPER))) if rng.random() < FOLDED else None
    person = draw_person(seed, options.texture_size, options.split, folds)
    if rng.random() < FLAT:
        person = replace(person, skin=replace(person.skin, displacement=np.zeros_like(person.skin.displacement)))
    return person


def draw_camera(rng: np.random.Generator, size: int) -> Sensor:
    """A good camera, or any."""
    from maquette.synthesis.rendering.sensor import Sensor, draw_sensor

    if rng.random() >= CLEAN:
        return draw_sensor(rng, size)
    return Sensor(
        gain=float(np.exp(0.5 * abs(rng.normal()))),
        defocus=0.5 * abs(rng.normal()),
        jpeg=int(rng.uniform(70, 96)),
        curve=float(np.exp(0.1 * rng.normal())),
    )


def photograph(options: SynthesisOptions, number: int) -> FaceSample:
    """The photograph of this number, from far or near."""
    from maquette.synthesis.scenes.face_sample import Overrides, photograph_face

    seed = (options.seed, ("train", "test").index(options.split), number, 2)
    rng = np.random.default_rng(seed)
    size = round(options.size * float(rng.choice(SIZES, p=SHARES)))
    overrides = Overrides(sensor=draw_camera(rng, size), frame=partial(frame, size=size))
    return photograph_face(draw_subject(options, number), seed, size, options.supersample, overrides=overrides)


def frame(landmarks: Array, size: int) -> Array:
    """(2, 3) from the pixels of a picture to those of its upright crop, `size` pixels wide."""
    return head_square(landmarks, EXTENT).to_crop(size)


@cache
def fitter() -> Any:
    """The method that fits a head to one photo."""
    from maquette.reconstruction import methods
    from maquette.weights.store import fetch

    options = Options()
    return methods.load(methods.find_for(options.fit.method, Subject.FACE, methods.ONE), fetch, options)


def example(sample: FaceSample) -> dict[str, Array] | None:
    """The columns of one photograph; None where nobody is found in it.

    Returns:
        As `Evidence` has them: "fine" (h, w) and "tint" (h, w, 2) float16, "weight" (h, w) uint8 in 255ths, "slow" (5,
        h / 4, w / 4) float16: base, level, response down and right, millimetres a pixel. The truth: "relief" (h, w)
        float16 millimetres, "valid" (h, w) uint8 in 255ths. "pixel" (1,) float32, millimetres in the middle.
    """
    from maquette.perception.observers import OBSERVERS

    try:
        seen: Observation = OBSERVERS[Subject.FACE](Frame(sample.image, origin="synthetic"), Options().perception)[0]
    except NothingFound:
        return None
    made: Reconstruction = fitter()([seen])
    return columns_of(sample, seen, made)


def columns_of(sample: FaceSample, seen: Observation, made: Reconstruction) -> dict[str, Array]:
    """The columns of a photograph that was read and fitted, see `example`."""
    import cv2

    from maquette.texturing.detail.chart import detail_chart
    from maquette.texturing.detail.evidence import evidence_of
    from maquette.texturing.head.bake import bake
    from maquette.texturing.head.texture import posed_vertices
    from maquette.texturing.projection import pixels_of

    assert made.model is not None, "a head has a model"
    chart, camera = detail_chart(made.model), made.cameras[0]
    vertices = posed_vertices(made, chart.layers)[0]
    found = evidence_of(bake(seen, camera, vertices, chart.layers), camera, vertices, chart)
    scale = (seen.box[2] - seen.box[0]) / seen.frame.size[0]
    place = chart.spread(pixels_of(camera, vertices.astype(float))[0]) * np.float32(scale)
    relief, valid = true_relief(sample, place + seen.box[:2].astype(np.float32))
    slow = [found.base, np.full_like(found.base, found.level), *np.moveaxis(found.response, 2, 0), MM * found.pixel]
    size = found.base.shape[1] // COARSER, found.base.shape[0] // COARSER
    shown = valid > 0.5
    return {
        "fine": found.fine.astype(np.float16),
        "tint": found.tint.astype(np.float16),
        "weight": np.rint(255 * found.weight).astype(np.uint8),
        "slow": np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in slow]).astype(np.float16),
        "relief": (MM * relief).astype(np.float16),
        "valid": np.rint(255 * valid).astype(np.uint8),
        "pixel": np.array([MM * np.median(found.pixel[shown]) if shown.any() else MM], np.float32),
    }


def true_relief(sample: FaceSample, place: Array) -> tuple[Array, Array]:
    """The displacement that was rendered at pixels of a photograph, and where it is skin.

    Args:
        place: (h, w, 2) float32 pixels of the photograph.

    Returns:
        (h, w) float32 metres, and (h, w) float32 0 or 1.
    """
    import cv2

    from maquette.synthesis.types import Kind
    from maquette.texturing.images import image_at

    whole = image_at(np.isfinite(sample.uv[..., 0]).astype(np.float32), place, border=cv2.BORDER_CONSTANT) > 0.99
    skin = image_at((sample.kind == Kind.SKIN).astype(np.float32), place, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT) > 0.5
    u, v = np.moveaxis(image_at(np.nan_to_num(sample.uv).astype(np.float32), place), 2, 0)
    step = np.abs(np.gradient(u, axis=1)) + np.abs(np.gradient(v, axis=0))
    truth = sample.person.skin.displacement
    half = cv2.resize(truth, (truth.shape[1] // 2, truth.shape[0] // 2), interpolation=cv2.INTER_AREA)
    at = np.stack([u * half.shape[1], (1 - v) * half.shape[0]], axis=2).astype(np.float32)
    return image_at(half, at), (whole & skin & (step < LARGEST_STEP)).astype(np.float32)


def make_shard(folder: Path, options: SynthesisOptions, first: int, count: int) -> Path:
    """Write photographs first to first + count of a data set as one file, by rename; one that exists is kept.

    Photographs on which nobody is found are left out.
    """
    from safetensors.numpy import save_file

    file = Path(folder) / options.split / f"{first:08d}.safetensors"
    if file.is_file():
        return file
    rows = [row for k in range(first, first + count) if (row := example(photograph(options, k))) is not None]
    if rows:
        with whole_file(file) as part:
            save_file({name: np.stack([row[name] for row in rows]) for name in COLUMNS}, part)
    return file


def make_shards(folder: Path, options: SynthesisOptions, per_file: int = PER_FILE, workers: int = 2) -> Iterator[Path]:
    """Write the whole data set with several processes; gives each file when it is done."""
    return made_shards(make_shard, folder, options, per_file, workers)
