"""Heads of people who do not exist, whose every vertex is known: `maquette evaluate synthetic`.

The same held-out people are photographed again and again, with one thing changed at a time: yaw, exposure, pixels on
the face, blur, tone of the skin. So a ratio of two conditions compares like with like: the same faces, expressions,
cameras, lights and things, and no difference between groups of people in it.

Error of a photo: mean distance of corresponding vertices of the face, mm, between the reconstructed and the true head,
both without expression, after the similarity that fits them best (Umeyama 1991).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, NothingFound
from maquette.core.job import Progress, silent
from maquette.core.options import Options
from maquette.evaluation.benchmarks.synthetic_scores import PhotoScore, comparison, report
from maquette.evaluation.landmarks import box_size
from maquette.evaluation.predict import Prediction, Predictor, face_vertices, same_topology
from maquette.evaluation.registration import corresponding_distances
from maquette.evaluation.table import Table
from maquette.synthesis.rendering.sensor import Sensor
from maquette.synthesis.scenes.face_sample import FaceSample, Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import SyntheticPerson, draw_person, head_model
from maquette.synthesis.skin.paint import paint_head

TEST = 1  # the split's place in a seed, as `maquette.synthesis.datasets.faces` counts
TEXTURE = 512  # side of the skin maps, pixels
JPEG = 90  # quality of every photograph


@dataclass(frozen=True)
class Condition:
    """One way in which everybody is photographed; what is not said is frontal, well exposed, sharp and large.

    Attributes:
        series: the thing that is changed: "frontal" (nothing), "yaw", "exposure", "width", "blur", "tone".
        name: of the row.
        yaw: degrees; even numbered people show their left side, odd ones their right.
        exposure: EV against a well exposed photograph; the gain doubles with each stop less, as in a dark room.
        width: pixels across the face before it is enlarged again to the size of the photo; None leaves all there are.
        blur: standard deviation of the defocus in percent of the width of the face.
        monk: 1-10, the tone on the Monk scale in which the person is painted anew; None leaves their own.
    """

    series: str
    name: str
    yaw: float = 0.0
    exposure: float = 0.0
    width: float | None = None
    blur: float = 0.0
    monk: int | None = None


FRONTAL = Condition("frontal", "frontal")
CONDITIONS = (
    FRONTAL,
    *(Condition("yaw", f"yaw {yaw}", yaw=yaw) for yaw in (30, 45, 60, 75, 90)),
    *(Condition("exposure", f"{ev} EV", exposure=ev) for ev in (-1, -2, -3, -4)),
    *(Condition("width", f"{width} px", width=width) for width in (192, 96, 64, 48, 32, 24)),
    *(Condition("blur", f"blur {blur} %", blur=blur) for blur in (1, 2, 4)),
    *(Condition("tone", f"Monk {monk}", monk=monk) for monk in (2, 5, 9)),
)


@dataclass(frozen=True)
class Plan:
    """Who is photographed, and how.

    Attributes:
        people: how many are drawn, each photographed once per condition.
        seed: of people and photographs; the same seed gives the same pictures to every method.
        size: side of a photograph in pixels; the face takes about 0.35 to 0.5 of it.
        conditions: `FRONTAL`, what all else is compared with, is always among them.

    Raises:
        BadInput: nobody to draw, two conditions of one name.
    """

    people: int = 24
    seed: int = 0
    size: int = 512
    conditions: Sequence[Condition] = CONDITIONS

    def __post_init__(self) -> None:
        if self.people < 1 or self.size < 64:
            raise BadInput(f"synthetic: wanted 1 person and 64 pixels at least, got {self.people} and {self.size}")
        conditions = (FRONTAL, *(condition for condition in self.conditions if condition != FRONTAL))
        if len({condition.name for condition in conditions}) < len(conditions):
            raise BadInput("synthetic: two conditions of one name: name each differently")
        object.__setattr__(self, "conditions", conditions)

    def title(self, names: str) -> str:
        """One line: the methods and what they are tried on."""
        return f"{names} on {self.people} synthetic faces of {self.size} px"

    @property
    def series(self) -> dict[str, str]:
        """Condition -> the thing that is changed."""
        return {condition.name: condition.series for condition in self.conditions}


def planned(people: int) -> range:
    """One number per photograph that `evaluate_synthetic` takes of so many people."""
    return range(people * len(CONDITIONS))


def evaluate_synthetic(
    people: int = Plan.people,
    seed: int = Plan.seed,
    size: int = Plan.size,
    conditions: Sequence[Condition] = CONDITIONS,
    options: Options | None = None,
    progress: Progress = silent,
) -> Table:
    """Shape and landmark errors on held-out people who do not exist, by yaw, exposure, width, blur and tone.

    Args:
        people, seed, size, conditions: see `Plan`.
        options: of the method and of how faces are looked for.
        progress: called with each photograph's name.

    Raises:
        BadInput: see `Plan`; a method whose heads have other triangles than maquette's.
    """
    plan, options = Plan(people, seed, size, conditions), options or Options()
    scores = photo_scores({options.fit.method: options}, plan, progress)[options.fit.method]
    return report(scores, plan.series, plan.title(options.fit.method))


def compare_synthetic(variants: Mapping[str, Options], plan: Plan = Plan(), progress: Progress = silent) -> Table:
    """Several methods or settings on the same photographs, each taken once: an ablation.

    Args:
        variants: name -> options of the method.

    Returns:
        A row per condition: each variant's share found and its error over the people of whom all have a head; below it
        each variant's own tables, one after the other.
    """
    return comparison(photo_scores(variants, plan, progress), plan.series, plan.title(", ".join(variants)))


def photo_scores(
    variants: Mapping[str, Options], plan: Plan = Plan(), progress: Progress = silent
) -> dict[str, list[PhotoScore]]:
    """Variant -> the scores of every photograph, by person and condition; see `compare_synthetic`."""
    if not variants:
        raise BadInput("synthetic: nothing to compare: give one method or setting at least")
    methods = {name: Predictor(options) for name, options in variants.items()}
    scores: dict[str, list[PhotoScore]] = {name: [] for name in variants}
    with TemporaryDirectory(prefix="maquette-") as folder:
        for number in range(plan.people):
            for condition, sample in _photographs(plan, number, progress):
                name = f"{number:03d} {condition.name}"
                progress(name, "reconstruction")
                photo = Path(folder) / f"{name}.png"
                if not cv2.imwrite(str(photo), sample.image[..., ::-1]):
                    raise BadInput(f"{photo}: cannot be written: is the disk full?")
                for variant, method in methods.items():
                    scores[variant].append(_attempt(method, sample, photo, number, condition.name))
                photo.unlink()
    return scores


def _photographs(plan: Plan, number: int, progress: Progress) -> Iterator[tuple[Condition, FaceSample]]:
    """One person in all conditions, the frontal first: it shows how wide the face is."""
    seed = plan.seed
    person = draw_person((seed, TEST, number), TEXTURE, split="test")
    width, side = 0.0, -1.0 if number % 2 else 1.0
    for condition in plan.conditions:
        progress(f"{number:03d} {condition.name}", "photograph")
        shown = person if condition.monk is None else painted(person, condition.monk)
        overrides = Overrides(np.radians(side * condition.yaw), sensor_for(condition, width))
        sample = photograph_face(shown, (seed, TEST, number, 1), plan.size, overrides=overrides)
        width = width or float(np.ptp(sample.landmarks["mediapipe478"][:, 0]))
        yield condition, sample


def painted(person: SyntheticPerson, monk: int) -> SyntheticPerson:
    """The same person with skin and brows of another tone; moles, folds and make-up are drawn from the same numbers."""
    rng = person.generator("tone")
    return replace(person, skin=paint_head(head_model(), person.identity, rng, TEXTURE, monk))


def sensor_for(condition: Condition, width: float) -> Sensor:
    """How a condition is taken.

    Args:
        width: pixels across the face as rendered.
    """
    return Sensor(
        exposure=condition.exposure,
        gain=2.0 ** max(0.0, -condition.exposure),
        defocus=condition.blur / 100 * width,
        shrink=1.0 if condition.width is None else max(1.0, width / condition.width),
        jpeg=JPEG,
    )


def _attempt(method: Predictor, sample: FaceSample, photo: Path, number: int, condition: str) -> PhotoScore:
    """One photograph, reconstructed and scored; without a head it keeps the reason."""
    points = sample.landmarks["mediapipe478"][:, :2]
    try:
        prediction = method.predict(photo, box=np.concatenate([points.min(axis=0), points.max(axis=0)]))
    except NothingFound as error:
        return PhotoScore(number, condition, sample.person.skin.monk, why=str(error))
    return scored(prediction, sample, number, condition)


def scored(prediction: Prediction, sample: FaceSample, number: int, condition: str) -> PhotoScore:
    """The errors of one head against the truth.

    Raises:
        BadInput: a head of other triangles than maquette's, whose vertices correspond to nothing.
    """
    model = head_model()
    if not same_topology(prediction.neutral, model):
        raise BadInput(f"synthetic: wanted heads of maquette's {len(model.mean)} vertices, got another topology")
    identity, region = sample.person.identity, face_vertices(model)
    truth = 1000.0 * model.vertices(identity.coefficients, np.zeros(len(model.expression_names)), identity.scale)
    shape, metric = (
        float(corresponding_distances(prediction.neutral.vertices, truth, scale, region).mean())
        for scale in (True, False)
    )
    average = float(corresponding_distances(1000.0 * model.mean, truth, True, region).mean())
    error = None if prediction.pixels is None else landmark_error(prediction.pixels, sample)
    return PhotoScore(number, condition, sample.person.skin.monk, shape, metric, average, error)


def landmark_error(pixels: NDArray, sample: FaceSample) -> float | None:
    """NME %: mean distance of the visible ones of 68 points over sqrt(width * height) of all true points' box.

    Args:
        pixels: (68, 2 or more) of the photo.

    Returns:
        None where nothing is visible.
    """
    truth, visible = sample.landmarks["ibug68"][:, :2], sample.visible["ibug68"]
    if not visible.any():
        return None
    gaps = np.linalg.norm(pixels[visible, :2] - truth[visible], axis=1)
    return 100.0 * float(gaps.mean()) / box_size(truth)
