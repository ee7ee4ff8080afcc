"""What a training leaves to look at: a CSV row for every step, TensorBoard's events, pictures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.files import write_whole

TRAIN, SCORES = "train.csv", "scores.csv"


class Logs:
    """The logs of one output folder; on a resume, rows after the checkpoint's step are dropped and written anew."""

    def __init__(self, folder: Path, step: int, say: Callable[[str], None]) -> None:
        """Open the logs.

        Args:
            folder: the output folder, which exists.
            step: steps that are done; 0 begins anew.
            say: gets one line if TensorBoard's package is not installed.
        """
        self.folder = folder
        for name in (TRAIN, SCORES):
            drop_after(folder / name, step)
        self._board = _board(folder, step, say)

    def write(self, name: str, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Rows (step, values) of TRAIN or SCORES, and their means as TensorBoard scalars.

        Raises:
            ValueError: other values than in the rows before.
        """
        if not rows:
            return
        path, columns = self.folder / name, ["step", *rows[0][1]]
        begun = path.exists()
        with open(path, "a+", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if begun:
                file.seek(0)
                header = next(csv.reader(file))
                if header != columns:
                    raise ValueError(f"{path}: has columns {', '.join(header)}, got {', '.join(columns)}")
            else:
                writer.writerow(columns)
            writer.writerows([step, *(repr(float(value)) for value in values.values())] for step, values in rows)
        if self._board:
            for key in columns[1:]:
                mean = float(np.mean([values[key] for _, values in rows]))
                self._board.add_scalar(f"{path.stem}/{key}", mean, rows[-1][0])

    def picture(self, step: int, pixels: NDArray[np.uint8]) -> Path:
        """Write a (H, W, 3) uint8 sRGB picture of the current result."""
        from PIL import Image

        path = self.folder / "pictures" / f"step-{step:07d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        if self._board:
            self._board.add_image("picture", pixels, step, dataformats="HWC")
        return path

    def flush(self) -> None:
        """Bring TensorBoard's events to the disk; the rows are there already."""
        if self._board:
            self._board.flush()

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._board:
            self._board.close()


def drop_after(path: Path, step: int) -> None:
    """Drop the rows after this step; a row that a crash left incomplete goes too. Nothing is left of step 0."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines[1:] if line.endswith("\n") and int(line.split(",")[0]) <= step]
    if not kept:
        path.unlink()
        return
    write_whole(path, "".join(lines[:1] + kept))


def _board(folder: Path, step: int, say: Callable[[str], None]) -> Any:
    """TensorBoard's writer, or None without its package."""
    from lightning_fabric.loggers import TensorBoardLogger

    try:
        logger = TensorBoardLogger(folder, name="tensorboard", version="", purge_step=step + 1 if step else None)
        return logger.experiment
    except ModuleNotFoundError:
        say(f"TensorBoard's events are not written, only {TRAIN}: run: pip install tensorboardX")
        return None
