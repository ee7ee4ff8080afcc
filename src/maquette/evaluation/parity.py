"""Is the method as good for everybody? Errors by skin tone, yaw and exposure, and the gap between best and worst."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.evaluation.table import Table
from maquette.imaging.srgb import linear

MIDDLE_GREY = 0.18  # linear reflectance that a well exposed picture shows at its mean
YAW_EDGES = (30.0, 60.0, 90.0)  # degrees, the bins of AFLW2000-3D (Zhu et al. 2016)
EXPOSURE_EDGES = (-2.0, -1.0, 1.0)  # EV against middle grey
MONK_GROUPS = {"Monk 1-3": range(1, 4), "Monk 4-6": range(4, 7), "Monk 7-10": range(7, 11)}


def monk_group(monk: float) -> str:
    """The group of a tone on the Monk scale, 1-10.

    Example:
        >>> monk_group(7)
        'Monk 7-10'
    """
    for name, tones in MONK_GROUPS.items():
        if round(monk) in tones:
            return name
    raise BadInput(f"Monk tone {monk!r}: wanted 1 to 10")


def yaw_bin(degrees: float) -> str:
    """The bin of a head's yaw, either direction.

    Example:
        >>> yaw_bin(-45), yaw_bin(30), yaw_bin(120)
        ('yaw 30-60', 'yaw 0-30', 'yaw beyond 90')
    """
    low = 0.0
    for high in YAW_EDGES:
        if abs(degrees) <= high:
            return f"yaw {low:.0f}-{high:.0f}"
        low = high
    return "yaw beyond 90"


def exposure_bin(ev: float) -> str:
    """The bin of an exposure.

    Example:
        >>> exposure_bin(-2.5), exposure_bin(0), exposure_bin(1.5)
        ('below -2 EV', '-1 to +1 EV', 'above +1 EV')
    """
    low, middle, high = EXPOSURE_EDGES
    if ev < low:
        return f"below {low:+.0f} EV"
    if ev < middle:
        return f"{low:+.0f} to {middle:+.0f} EV"
    return f"{middle:+.0f} to {high:+.0f} EV" if ev <= high else f"above {high:+.0f} EV"


def exposure(pixels: NDArray, box: NDArray | None = None) -> float:
    """How bright a face is: log2 of its mean linear luminance over middle grey, EV.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        box: (4,) x0, y0, x1, y1 pixels, None for the whole picture.

    Example:
        >>> round(exposure(np.full((4, 4, 3), 118, np.uint8)), 1)
        0.0
    """
    if box is not None:
        x0, y0, x1, y1 = np.round(np.asarray(box, float)).astype(int)
        height, width = pixels.shape[:2]
        x0, y0 = np.clip(x0, 0, width - 1), np.clip(y0, 0, height - 1)
        pixels = pixels[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    luminance = float((linear(pixels.astype(float) / 255) @ [0.2126, 0.7152, 0.0722]).mean())
    return float(np.log2(max(luminance, 1e-6) / MIDDLE_GREY))


BINS: Mapping[str, Callable[[float], str]] = {"monk": monk_group, "yaw": yaw_bin, "exposure": exposure_bin}


def parity_table(errors: Sequence[float], groups: Sequence[str], title: str, unit: str) -> Table:
    """Errors by group: n, mean, median, and how much worse than the best group, in percent of the mean.

    Args:
        errors: (n,) one per image, finite.
        groups: (n,) the group of each.
        title: what the groups are ("skin tone").
        unit: of the errors.

    Raises:
        BadInput: different counts, nothing to compare, NaN.
    """
    if len(errors) != len(groups) or not len(errors):
        raise BadInput(f"parity by {title}: wanted one group per error, got {len(errors)} errors, {len(groups)} groups")
    values = np.asarray(errors, float)
    if not np.isfinite(values).all():
        raise BadInput(f"parity by {title}: errors hold NaN or infinity, wanted finite ones")
    labels = np.asarray(groups)
    names = sorted(set(groups), key=_order)
    means = {name: float(values[labels == name].mean()) for name in names}
    best, worst = min(means.values()), max(means.values())
    rows: list[tuple[str, int, float | None, float | None, float | None]] = []
    for name in names:
        mine = values[labels == name]
        rows.append((name, len(mine), means[name], float(np.median(mine)), _percent(means[name], best)))
    rows.append(("gap, worst to best", len(values), None, None, _percent(worst, best)))
    columns = ("group", "n", f"mean {unit}", f"median {unit}", "above the best %")
    return Table(f"parity by {title}", columns, tuple(rows))


def _percent(value: float, best: float) -> float | None:
    return 100 * (value / best - 1) if best > 0 else (0.0 if value == best else None)


def _order(name: str) -> tuple[int, str]:
    """Bins in the order of what they hold."""
    known = [*MONK_GROUPS, *map(yaw_bin, (0, 45, 75, 180)), *map(exposure_bin, (-3, -1.5, 0, 2))]
    return (known.index(name) if name in known else len(known)), name


def read_facts(path: str | Path, names: Sequence[str]) -> dict[str, list[float]]:
    """Facts of images from a CSV with a column `image` and any of `monk` (1-10), `yaw` (degrees), `exposure` (EV).

    Args:
        names: the images whose facts are wanted, in this order; stems, as in the column.

    Returns:
        fact -> one number per name.

    Raises:
        BadInput: unreadable, a missing column, an image without a row, a cell that is not a number.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: not a readable CSV ({error})") from error
    found = set(rows[0]) if rows else set()
    wanted = [fact for fact in BINS if fact in found]
    if "image" not in found or not wanted:
        raise BadInput(f"{path}: wanted the column image and some of {', '.join(BINS)}, got {sorted(map(str, found))}")
    by_name = {Path(row["image"] or "").stem: row for row in rows}
    lacking = [name for name in names if name not in by_name]
    if lacking:
        raise BadInput(f"{path}: has no row for {len(lacking)} of {len(names)} images (first: {lacking[0]})")
    try:
        facts = {fact: [float(by_name[name][fact]) for name in names] for fact in wanted}
    except (TypeError, ValueError) as error:
        raise BadInput(f"{path}: a cell of {', '.join(wanted)} is not a number ({error})") from error
    if not all(np.isfinite(column).all() for column in facts.values()):
        raise BadInput(f"{path}: a cell of {', '.join(wanted)} is NaN or infinite")
    return facts


def parity_tables(errors: Sequence[float], facts: Mapping[str, Sequence[float]], unit: str) -> tuple[Table, ...]:
    """One parity table per fact of `BINS`."""
    titles = {"monk": "skin tone", "yaw": "yaw", "exposure": "exposure"}
    return tuple(
        parity_table(errors, [BINS[fact](value) for value in values], titles[fact], unit)
        for fact, values in facts.items()
    )
