"""What every evaluation returns: a table, remarks and curves, written as JSON, Markdown and PNG."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.files import replaced, unwritable, write_whole

CURVE_POINTS = 501  # samples of a cumulative curve in the picture


@dataclass(frozen=True, eq=False)
class Table:
    """A titled table of scores.

    Attributes:
        title: one line, the task and the data.
        columns: column names; a unit belongs into the name ("median mm").
        rows: one sequence per row, as long as `columns`; text, numbers or None (not measured).
        notes: remarks in plain words: protocol, what was left out and why.
        curves: label -> (n,) errors, drawn as cumulative error distributions (CED).
        curve_unit: the unit of the curves' errors, for the axis.
        thresholds: (T,) errors at which the curves are sampled for the file and the picture; None chooses.
        more: further tables that belong to this one (parity by group), written below it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
    curves: Mapping[str, NDArray] = field(default_factory=dict)
    curve_unit: str = ""
    more: tuple[Table, ...] = ()
    thresholds: NDArray | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: wanted rows of {len(self.columns)} cells, got {len(row)}")
        for label, errors in self.curves.items():
            if not np.isfinite(np.asarray(errors, float)).all():
                raise ValueError(f"{self.title}: curve {label!r} holds NaN or infinity")

    def column(self, name: str) -> list[Any]:
        """All cells of one column.

        Example:
            >>> Table("t", ("who", "mm"), (("us", 1.0), ("they", 2.0))).column("mm")
            [1.0, 2.0]
        """
        return [row[self.columns.index(name)] for row in self.rows]

    def to_json(self) -> str:
        """Title, rows as objects, notes and the number of errors behind each curve; NaN becomes null."""
        return json.dumps(self.facts(), indent=1, ensure_ascii=False, allow_nan=False)

    def facts(self) -> dict[str, Any]:
        """What `to_json` writes, as plain Python values; `tables` only where there are more."""
        rows = [{name: _plain(cell) for name, cell in zip(self.columns, row)} for row in self.rows]
        counts = {label: int(np.size(errors)) for label, errors in self.curves.items()}
        own = {"title": self.title, "rows": rows, "notes": list(self.notes), "curves": counts}
        return {**own, "tables": [table.facts() for table in self.more]} if self.more else own

    def to_markdown(self) -> str:
        """A heading, the table, and the notes as a list.

        Example:
            >>> print(Table("mesh", ("metric", "mm"), (("chamfer", 1.5), ("p2s", None)), ("rigid",)).to_markdown())
            # mesh
            <BLANKLINE>
            | metric | mm |
            |---|---|
            | chamfer | 1.500 |
            | p2s | - |
            <BLANKLINE>
            - rigid
        """
        lines = [f"# {_cell(self.title)}", "", _line(self.columns), "|" + "---|" * len(self.columns)]
        lines += [_line(row) for row in self.rows]
        if self.notes:
            lines += ["", *(f"- {_cell(note)}" for note in self.notes)]
        for table in self.more:
            lines += ["", "#" + table.to_markdown()]
        return "\n".join(lines)

    def save(self, folder: str | Path) -> list[Path]:
        """Write scores.json, scores.md and, where there are curves, curves.npz and ced.png.

        Args:
            folder: made if absent.

        Returns:
            The paths of the files.

        Raises:
            BadInput: the folder cannot be written.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / "scores.json", self.to_json() + "\n")
            write_whole(folder / "scores.md", self.to_markdown() + "\n")
            paths = [folder / "scores.json", folder / "scores.md"]
            if self.curves:
                # Keyword names may clash with savez's own, so labels travel beside the errors.
                errors = {f"errors_{k}": np.asarray(values, float) for k, values in enumerate(self.curves.values())}
                if self.thresholds is not None:
                    errors["thresholds"] = self.thresholds
                    errors["shares"] = np.stack([cumulative(e, self.thresholds) for e in self.curves.values()])
                with replaced(folder / "curves.npz") as file:
                    np.savez_compressed(file, labels=np.array(list(self.curves)), **errors)  # type: ignore[arg-type]  # its stub takes each name for allow_pickle
                with replaced(folder / "ced.png") as file:
                    plot_curves(file, self.curves, self.title, self.curve_unit, self.thresholds)
                paths += [folder / "curves.npz", folder / "ced.png"]
        except OSError as error:
            raise BadInput(unwritable(error, folder, "choose another -o")) from error
        return paths


def cumulative(errors: NDArray, thresholds: NDArray) -> NDArray:
    """(T,) share of the (n,) errors that are at most each threshold: the cumulative error distribution.

    Example:
        >>> cumulative(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, 2.0, 9.0]))
        array([0. , 0.5, 1. ])
    """
    return np.searchsorted(np.sort(np.asarray(errors, float)), thresholds, side="right") / max(1, np.size(errors))


def plot_curves(
    file: BinaryIO, curves: Mapping[str, NDArray], title: str, unit: str, thresholds: NDArray | None = None
) -> None:
    """Draw cumulative error distributions at (T,) thresholds, or up to the largest 95th percentile, as a PNG."""
    # The object interface with Agg: pyplot would look for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    filled = {label: np.asarray(errors, float).ravel() for label, errors in curves.items() if np.size(errors)}
    if thresholds is None:
        reach = max((float(np.percentile(errors, 95)) for errors in filled.values()), default=1.0) or 1.0
        thresholds = np.linspace(0, reach, CURVE_POINTS)
    figure = Figure(figsize=(6, 4), dpi=150)
    axes = FigureCanvasAgg(figure).figure.add_subplot()
    for label, errors in filled.items():
        axes.plot(thresholds, 100 * cumulative(errors, thresholds), label=label)
    axes.set(xlabel=f"error, {unit}" if unit else "error", ylabel="share below, %")
    axes.set(xlim=(0, thresholds[-1]), ylim=(0, 100))
    axes.set_title(title, fontsize=9)
    axes.grid(alpha=0.3)
    if filled:
        axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(file, format="png")


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if 1e-2 <= abs(value) < 1e5 or value == 0 else f"{value:.4g}"
    return " ".join(str(value).replace("|", "\\|").split())


def _plain(value: Any) -> Any:
    """The value as JSON knows it."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
