"""Folds of the same drawn people in other light, from other sides and in other skin: python benchmarks/folds.py

Each of N held-out people with deep folds is photographed in all conditions of `evaluate synthetic`, and once painted
only, without any fold. Detector, fit, texture and network are those that users have; the displacement that was rendered
is the truth. Per condition: error of the slopes against that of no folds at all, the same without pores, correlation
of the heights with the truth, root mean square of what is found and of what is there, mm, and how sure the hidden half
is. Writes results/folds.csv, and with --pictures FOLDER a picture per person: photo, true heights, found heights.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import Options
from maquette.core.types import Frame, Subject
from maquette.evaluation.benchmarks.synthetic import CONDITIONS, FRONTAL, TEST, Condition, sensor_for
from maquette.perception.observers import OBSERVERS
from maquette.synthesis.anatomy.population import draw_identity
from maquette.synthesis.scenes.face_sample import FaceSample, Overrides, photograph_face
from maquette.synthesis.scenes.head_scene import SyntheticPerson, draw_person, head_model
from maquette.synthesis.skin.paint import paint_head
from maquette.texturing.detail.chart import DetailChart, detail_chart
from maquette.texturing.detail.heights import folds_of
from maquette.texturing.detail.network import UNIT_M
from maquette.texturing.head.bake import bake
from maquette.texturing.head.texture import posed_vertices
from maquette.training.datasets.fold_charts import truth_of
from maquette.training.datasets.folds import columns_of, fitter, frame
from maquette.training.recipes.folds import _uneven

TEXTURE, AGE, DEEPER = 1024, 70.0, 1.2
PAINTED = Condition("painted", "painted only")
SHOWN = [c for c in CONDITIONS if c.series not in ("blur",) and c.name not in ("yaw 90",)]
PORES_M = 0.0008  # standard deviation over which heights are smoothed: pores go, folds stay
MM = 1000.0


@dataclass(frozen=True)
class Score:
    """Of one photograph: slopes wrong and true, those of folds wider than pores wrong and true, correlation, rms found
    and true (mm), confidence of the hidden half."""

    wrong: float
    true: float
    wide_wrong: float
    wide_true: float
    alike: float
    found: float
    there: float
    hidden: float


def photographs(number: int, seed: int, size: int) -> Iterator[tuple[Condition, FaceSample]]:
    """One person in all conditions."""
    person = draw_person((seed, TEST, number), TEXTURE, split="test", folds=(AGE, DEEPER))
    width, side = 0.0, -1.0 if number % 2 else 1.0
    for condition in (*SHOWN, PAINTED):
        shown = person if condition.monk is None else toned(person, condition.monk)
        if condition is PAINTED:
            shown = replace(person, skin=replace(person.skin, displacement=np.zeros_like(person.skin.displacement)))
        overrides = Overrides(
            np.radians(side * condition.yaw), sensor_for(condition, width), lambda points: frame(points, size)
        )
        sample = photograph_face(shown, (seed, TEST, number, 1), size, overrides=overrides)
        width = width or float(np.ptp(sample.landmarks["mediapipe478"][:, 0]))
        yield condition, sample


def toned(person: SyntheticPerson, monk: int) -> SyntheticPerson:
    """The same person in another tone, with folds of the same age and depth."""
    rng = np.random.default_rng(person.seed)
    identity = draw_identity(rng, split="test")
    return replace(person, skin=paint_head(head_model(), identity, rng, TEXTURE, monk, folds=(AGE, DEEPER)))


def score(sample: FaceSample) -> tuple[Score, NDArray, NDArray] | None:
    """What is found in one photograph, and heights true and found; None where no face is."""
    try:
        seen = OBSERVERS[Subject.FACE](Frame(sample.image, origin="synthetic"), Options().perception)[0]
    except NothingFound:
        return None
    made = fitter()([seen])
    chart = detail_chart(made.model)
    posed = posed_vertices(made, chart.layers)
    baked = [bake(seen, made.cameras[0], posed[0], chart.layers)]
    folds = folds_of(baked, made.cameras, posed, [np.ones((4, 4), np.float32)], made.model)
    truth, known = truth_of(columns_of(sample, seen, made), chart)
    inside, found = known > 0, folds.heights[0] / UNIT_M
    if inside.sum() < 0.03 * inside.size:
        return None
    near, far = found[inside], truth[inside]
    alike = float(near @ far / np.sqrt((near @ near) * (far @ far) + 1e-12))
    unseen = (folds.photos[0].weight < 0.02) & (chart.free > 0.9) & (chart.zones[3] > 0.8)
    mm = UNIT_M * MM
    return (
        Score(
            _uneven(found - truth, inside, chart.texel),
            _uneven(truth, inside, chart.texel),
            *(_uneven(wide(of, known, chart), inside, chart.texel) for of in (found - truth, truth)),
            alike,
            mm * float(np.sqrt((near**2).mean())),
            mm * float(np.sqrt((far**2).mean())),
            float(folds.sure[unseen].max(initial=0.0)) if unseen.any() else 0.0,
        ),
        truth * inside,
        folds.height / UNIT_M,
    )


def wide(height: NDArray, known: NDArray, chart: DetailChart) -> NDArray:
    """(h, w) heights without what is finer than a fold."""
    return chart.smooth(height * known, PORES_M) / np.maximum(chart.smooth(known, PORES_M), 1e-3)


def picture(rows: list[tuple[str, NDArray, NDArray, NDArray]]) -> NDArray:
    """(H, W, 3) uint8 BGR: a column per condition: photo, true heights, found heights."""
    columns = []
    for name, photo, truth, found in rows:
        width = truth.shape[1]
        top = cv2.resize(photo[..., ::-1], (width, width), interpolation=cv2.INTER_AREA)
        grey = [
            np.repeat(np.clip(128 + 40 * of, 0, 255).astype(np.uint8)[..., None], 3, axis=2) for of in (truth, found)
        ]
        cv2.putText(top, name, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (60, 200, 250), 2)
        columns.append(np.concatenate([top, *grey]))
    return np.concatenate(columns, axis=1)


def main() -> None:
    """Prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--size", type=int, default=800)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    scores: dict[str, list[Score]] = {}
    for number in range(args.people):
        shown = []
        for condition, sample in photographs(number, args.seed, args.size):
            if (one := score(sample)) is not None:
                scores.setdefault(condition.name, []).append(one[0])
                shown.append((condition.name, sample.image, *one[1:]))
        if args.pictures and shown:
            args.pictures.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(args.pictures / f"{number:03d}.png"), picture(shown))
        print(f"person {number + 1} of {args.people}", flush=True)
    rows = [
        (
            "condition",
            "people",
            "slopes",
            "of folds",
            "correlation",
            "found mm",
            "true mm",
            "confidence of what is hidden",
        )
    ]
    for condition in (*SHOWN, PAINTED):
        some = scores.get(condition.name, [])
        wrong, true, wide_wrong, wide_true = (
            sum(getattr(s, of) for s in some) for of in ("wrong", "true", "wide_wrong", "wide_true")
        )
        folded = true > 0 and condition is not PAINTED
        slopes = (wrong / true, wide_wrong / wide_true) if folded else (np.nan, np.nan)
        means = [np.mean([getattr(s, of) for s in some]) if some else np.nan for of in ("alike", "found", "there")]
        hidden = max((s.hidden for s in some), default=0.0)
        numbers = (*slopes, means[0] if condition is not PAINTED else np.nan, *means[1:], hidden)
        rows.append((condition.name, str(len(some)), *(f"{value:.3f}" for value in numbers)))
    for row in rows:
        print(" | ".join(f"{cell:>12}" for cell in row))
    with open(Path(__file__).parent / "results" / "folds.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    assert FRONTAL in SHOWN
    main()
