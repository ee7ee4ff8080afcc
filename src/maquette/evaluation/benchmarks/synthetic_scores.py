"""From scores of photographs to tables: one row per condition, ratios of the same people, parity by tone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.evaluation.parity import monk_group, parity_table
from maquette.evaluation.table import Table

FRONTAL = "frontal"
YAW, DARK = "yaw 60", "-3 EV"  # the conditions that have goals
YAW_GOAL, DARK_GOAL, TONE_GOAL = 1.25, 1.1, 5.0  # at most; ratio, ratio, percent
RESAMPLES = 1000  # of the people, for standard errors
FEWEST = 3  # people from whom a standard error is given
TITLES = {
    "yaw": "by yaw, degrees",
    "exposure": "by exposure",
    "width": "by pixels across the face",
    "blur": "by blur, standard deviation in percent of the face's width",
    "tone": "by tone, the same people painted anew",
}
COLUMNS = (
    *("condition", "n", "found", "found %", "error mm", "median mm", "average head mm", "of the average head's"),
    *("metric mm", "NME %", "against frontal", "standard error", "people in both"),
)


@dataclass(frozen=True)
class PhotoScore:
    """One photograph; errors are NaN where there is no head.

    Attributes:
        person: number. condition: name. monk: 1-10, the tone of the skin.
        shape: mm, mean distance on the face, neutral, after a similarity. metric: the same at the head's own size.
        average: mm, of the average head after a similarity.
        landmarks: NME %, None where no point is visible.
        why: there is no head, in words; "" where there is.
    """

    person: int
    condition: str
    monk: float
    shape: float = math.nan
    metric: float = math.nan
    average: float = math.nan
    landmarks: float | None = None
    why: str = ""


ByPerson = Mapping[int, PhotoScore]  # of one condition, by person, only where there is a head


def report(scores: Sequence[PhotoScore], series: Mapping[str, str], title: str) -> Table:
    """The goals, a table per series, parity by tone, cumulative curves.

    Args:
        scores: one per person and condition.
        series: condition -> the thing that is changed, in the order of the rows.
        title: of the table.
    """
    found = _found(scores, series)
    more = []
    for kind in dict.fromkeys(series.values()):
        names = [name for name in series if series[name] in (kind, FRONTAL)]
        if kind != FRONTAL:
            more.append(_series_table(TITLES.get(kind, kind), names, scores, found))
    frontal = list(found[FRONTAL].values())
    if frontal:
        groups = [monk_group(s.monk) for s in frontal]
        more.append(parity_table([s.shape for s in frontal], groups, "skin tone, frontal, each person's own", "mm"))
    tones = [found[name] for name in series if series[name] == "tone"]
    curves = {name: np.array([s.shape for s in found[name].values()]) for name in series if found[name]}
    columns = ("score", "value", "standard error", "goal, at most", "people")
    return Table(title, columns, _goals(found, tones, scores), _notes(scores, series), curves, "mm", tuple(more))


def comparison(variants: Mapping[str, Sequence[PhotoScore]], series: Mapping[str, str], title: str) -> Table:
    """Several variants of a method beside each other, over the same people; each variant's `report` below.

    Args:
        variants: name -> its scores, of the same people and conditions.
        series: condition -> the thing that is changed, in the order of the rows.
    """
    found = {variant: _found(scores, series) for variant, scores in variants.items()}
    rows = []
    for name in series:
        n = sum(s.condition == name for s in next(iter(variants.values())))
        shapes = _together([found[variant][name] for variant in variants])
        average = _together([found[variant][name] for variant in variants], "average")
        shares = [100 * len(found[variant][name]) / n for variant in variants]
        means = shapes.mean(axis=0).tolist() if len(shapes) else [None] * len(variants)
        rows.append((name, n, *shares, len(shapes), *means, _mean(average.ravel())))
    columns = ("condition", "n", *(f"{v}: found %" for v in variants), "people in all")
    columns += (*(f"{v}: error mm" for v in variants), "average head mm")
    notes = ("errors are means over the people of whom all variants found a head, so that they compare",)
    curves = {f"{v}, frontal": np.array([s.shape for s in found[v][FRONTAL].values()]) for v in variants}
    more = tuple(report(scores, series, variant) for variant, scores in variants.items())
    return Table(title, columns, tuple(rows), notes, curves, "mm", more)


def _found(scores: Sequence[PhotoScore], series: Mapping[str, str]) -> dict[str, ByPerson]:
    return {name: {s.person: s for s in scores if s.condition == name and not s.why} for name in series}


def _goals(
    found: Mapping[str, ByPerson], tones: list[ByPerson], scores: Sequence[PhotoScore]
) -> tuple[tuple[Any, ...], ...]:
    """Rows of the first table."""
    frontal = found[FRONTAL]
    shapes = np.array([[s.shape, s.average] for s in frontal.values()]).reshape(-1, 2)
    rows: list[tuple[str, float | None, float | None, float | None, int]] = [
        ("frontal error mm", *_estimate(shapes, lambda m: m[0]), None, len(shapes)),
        ("average head's error mm", *_estimate(shapes, lambda m: m[1]), None, len(shapes)),
        ("frontal over average head", *_estimate(shapes, _ratio), None, len(shapes)),
    ]
    for name, label, goal in ((YAW, "60 degrees over frontal", YAW_GOAL), (DARK, "-3 EV over 0 EV", DARK_GOAL)):
        if name in found:
            pairs = _together([found[name], frontal])
            rows.append((label, *_estimate(pairs, _ratio), goal, len(pairs)))
    if len(tones) > 1:
        pairs = _together(tones)
        rows.append(("tone gap %", *_estimate(pairs, lambda m: 100 * (max(m) / min(m) - 1)), TONE_GOAL, len(pairs)))
    without = 100 * float(np.mean([bool(s.why) for s in scores]))
    return (*rows, ("photos without a head %", without, None, None, len({s.person for s in scores})))


def _series_table(title: str, names: list[str], scores: Sequence[PhotoScore], found: Mapping[str, ByPerson]) -> Table:
    rows = []
    for name in names:
        here, n = found[name], sum(s.condition == name for s in scores)
        own = list(here.values())
        shape, average = _mean([s.shape for s in own]), _mean([s.average for s in own])
        pairs = _together([here, found[FRONTAL]])
        median = float(np.median([s.shape for s in own])) if own else None
        share = None if shape is None or not average else shape / average
        metric, marks = _mean([s.metric for s in own]), _mean([s.landmarks for s in own if s.landmarks is not None])
        ratio = (*_estimate(pairs, _ratio), len(pairs))
        rows.append((name, n, len(own), 100 * len(own) / n, shape, median, average, share, metric, marks, *ratio))
    return Table(title, COLUMNS, tuple(rows))


def _together(conditions: Sequence[ByPerson], error: str = "shape") -> NDArray:
    """(P, C) errors of the people who have a head in all conditions."""
    people = [p for p in conditions[0] if all(p in other for other in conditions)]
    return np.array([[getattr(other[p], error) for other in conditions] for p in people]).reshape(-1, len(conditions))


def _estimate(errors: NDArray, of_means: Callable[[NDArray], float]) -> tuple[float | None, float | None]:
    """A function of the columns' means, and its standard error by resampling people (Efron 1979).

    Args:
        errors: (P, C), a row per person.
    """
    if not len(errors):
        return None, None
    picks = np.random.default_rng(0).integers(len(errors), size=(RESAMPLES, len(errors)))
    with np.errstate(divide="ignore", invalid="ignore"):  # errors of 0 have no ratio
        value = float(of_means(errors.mean(axis=0)))
        drawn = np.array([of_means(row) for row in errors[picks].mean(axis=1)])
    drawn = drawn[np.isfinite(drawn)]
    enough = len(errors) >= FEWEST and len(drawn)
    return (value if np.isfinite(value) else None), (float(drawn.std()) if enough else None)


def _ratio(means: NDArray) -> float:
    return means[0] / means[1]


def _mean(values: Sequence[float] | NDArray) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _notes(scores: Sequence[PhotoScore], series: Mapping[str, str]) -> tuple[str, ...]:
    """The protocol, and everybody without a head."""
    notes = [
        "error: mean distance of corresponding vertices of the face, both heads without expression, after a similarity",
        "metric: the same after a rigid motion, so that the head's own size counts",
        "NME: the visible ones of 68 points in the photo over sqrt(width * height) of all true points' box",
        "against frontal: ratio of mean errors over the people with a head in both; standard error over people",
        "tone gap: worst over best mean error of the same people painted in several tones; in the parity table people "
        "differ too, so its gap is mostly theirs when they are few",
    ]
    for name in series:
        lacking = [s for s in scores if s.condition == name and s.why]
        if lacking:
            numbers = ", ".join(str(s.person) for s in lacking)
            n = sum(s.condition == name for s in scores)
            notes.append(f"{name}: no head of {len(lacking)} of {n} people ({numbers}); first: {lacking[0].why}")
    return tuple(notes)
