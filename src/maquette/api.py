"""The Python door: `maquette.face(photo)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import overload

from maquette.core.job import Progress, silent
from maquette.core.options import Options, options_from
from maquette.core.result import Failure, Result

Photo = str | Path


class Results(Sequence[Result]):
    """The faces that were found, in the order of the photos and left to right.

    `results[0]` is a `Result`, `results[:1]` a `Results` again, so a part can be saved too.

    Attributes:
        failures: the photos that gave nothing, each with its error.
        options: the settings of the run.
    """

    def __init__(self, items: Sequence[Result], failures: Sequence[Failure], options: Options) -> None:
        self._items, self.failures, self.options = tuple(items), tuple(failures), options

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Result | Results:
        """One result by position, or a part of them."""
        if isinstance(index, slice):
            return Results(self._items[index], self.failures, self.options)
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._items)

    def __repr__(self) -> str:
        names = ", ".join(f"{item.source}/{item.name}" for item in self._items)
        return f"Results({names}; {len(self.failures)} failed)" if self.failures else f"Results({names})"

    def save(self, folder: Photo) -> list[Path]:
        """Write every result into `folder/<photo stem>/face-1/` ... and `folder/summary.json`.

        Files are written beside and moved in whole; an earlier result of the same name is replaced.

        Args:
            folder: made if absent.

        Returns:
            The paths of all files, ready to open.

        Raises:
            BadInput: the folder cannot be written or the disk is full.
        """
        from maquette import outputs
        from maquette.outputs.folder import OutputFolder

        target = OutputFolder(folder)
        rows = [target.add(result, partial(outputs.save, options=self.options.output)) for result in self._items]
        for failure in self.failures:
            target.fail(failure)
        target.close()
        return [target.path / file for row in rows for file in row["files"]]


def face(photos: Photo | Sequence[Photo], *, progress: Progress = silent, **options: object) -> Results:
    """Reconstruct every face of one photo, or of several photos.

    Args:
        photos: one image file, or several. JPEG, PNG, WebP, TIFF, BMP, and HEIC with the extra `heic`.
        progress: called with the name of the photo and the stage that begins.
        options: any field of `maquette.core.options` by name, as the flags of `maquette face`:
            `together=True` (all photos show one person), `texture_size=1024` (pixels),
            `pupil_distance=63.0` (millimetres), `formats="glb,stl"`, `method="parametric"`, `seed=0`, ...

    Returns:
        A sequence with one `Result` per face: `result.reconstruction.shape` is a `Mesh` with vertices (V, 3) float32
        in metres, in the canonical frame (y up, the subject faces +z, its left is +x, origin midway between the
        eyeball centres), faces (F, 3) int32 and a texture (S, S, 3) uint8 sRGB; `result.report` holds facts and
        warnings. `.save(folder)` writes everything. Photos that gave nothing are in `.failures`.

    Raises:
        BadInput: a bad option, or no photo can be read.
        NothingFound: there is no face in any photo.
        WeightsMissing, ExtraMissing: a file or an optional dependency is not installed.
        TypeError: an unknown option, with the known ones; photos that are not paths.

    Example:
        >>> import maquette
        >>> maquette.face("me.jpg").save("out")  # doctest: +SKIP
        [PosixPath('out/me/face-1/head.glb'), ...]

    Source:
        The method `parametric` fits a morphable model (Blanz and Vetter, SIGGRAPH 1999); `maquette methods` lists all.
    """
    settings = options_from(**options)
    several = list(photos) if isinstance(photos, Iterable) and not isinstance(photos, str | bytes) else [photos]
    for photo in several:
        if not isinstance(photo, str | PathLike):
            raise TypeError(f"photos: wanted a path or several paths, got {type(photo).__name__}")
    if not several:
        raise ValueError("photos: wanted at least one file")
    from maquette.pipeline import reconstruct

    outcomes = list(reconstruct(several, settings, progress))
    done = [outcome for outcome in outcomes if isinstance(outcome, Result)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if not done:
        raise failures[0].error
    return Results(done, failures, settings)


def save(result: Result, folder: Photo, **options: object) -> list[Path]:
    """Write the files of one result straight into a folder.

    Args:
        result: one item of what `face` returns.
        folder: made if absent.
        options: fields of `OutputOptions`, e.g. `formats="glb"`, `turntable=False`.

    Returns:
        The paths of the files.
    """
    from maquette import outputs

    Path(folder).mkdir(parents=True, exist_ok=True)
    return list(outputs.save(result, Path(folder), options_from(**options).output))
