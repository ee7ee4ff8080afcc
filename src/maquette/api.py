"""The Python door: `maquette.face(photo)`, `maquette.person(photo)`, `maquette.video(clip, out)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from maquette.core.job import Progress, silent
from maquette.core.options import METHODS, Options, options_from
from maquette.core.result import Failure, Result

if TYPE_CHECKING:
    from maquette.core.types import Subject

Photo = str | Path


class Results(Sequence[Result]):
    """The faces or people that were found, in the order of the photos and left to right.

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
        """Write every result into `folder/<photo stem>/face-1/` (or `person-1/`) ... and `folder/summary.json`.

        Files are written beside and moved in whole; an earlier result of the same name is replaced.

        Args:
            folder: made if absent.

        Returns:
            The paths of all files, ready to open.

        Raises:
            BadInput: the folder cannot be written or the disk is full.
        """
        from maquette import outputs
        from maquette.outputs.result_folder import OutputFolder

        target = OutputFolder(folder)
        for kept in target.collect(self._items, target.saving(partial(outputs.save, options=self.options.output))):
            if isinstance(kept, Failure):
                raise kept.error
        for failure in self.failures:
            target.fail(failure)
        target.close()
        return [target.path / file for row in target.done for file in row["files"]]


def face(photos: Photo | Sequence[Photo], *, progress: Progress = silent, **options: object) -> Results:
    """Reconstruct every face of one photo, or of several photos.

    Args:
        photos: one image file, or several. JPEG, PNG, WebP, TIFF, BMP, and HEIC with the extra `heic`.
        progress: called with the name of the photo and the stage that begins.
        options: any field of `maquette.core.options` by name, as the flags of `maquette face`:
            `together=True` (all photos show one person), `texture_size=1024` (pixels), `mesh="light"`,
            `pupil_distance=63.0` (millimetres), `formats="glb,stl"`, `method="parametric"`, `seed=0`, ...

    Returns:
        A sequence with one `Result` per face: `result.reconstruction.shape` is a `Mesh` with vertices (V, 3) float32
        in metres, in the canonical frame (y up, the subject faces +z, its left is +x, origin midway between the
        eyeball centres), faces (F, 3) int32 and a texture (S, S, 3) uint8 sRGB; `result.report` holds facts and
        warnings. `.save(folder)` writes everything, the head with a finer surface unless `mesh="light"`. Photos that
        gave nothing are in `.failures`.

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
    from maquette.core.types import Subject

    return _reconstructed(photos, Subject.FACE, progress, options)


def person(photos: Photo | Sequence[Photo], *, progress: Progress = silent, **options: object) -> Results:
    """Reconstruct every person of one photo, or of several photos, from head to foot.

    The default method, `pifuhd`, makes a surface in the photo's pose without a skeleton; `parametric` a rigged body.

    Args:
        photos: one image file, or several.
        progress: called with the name of the photo and the stage that begins.
        options: any field of `maquette.core.options` by name, as the flags of `maquette person`:
            `height=172.0` (centimetres), `together=True` (all photos show one person), `min_person=64.0` (pixels),
            `texture_size=1024` (pixels), `formats="glb,stl"`, `method="parametric"`, ...

    Returns:
        As `face`, with one `Result` per person: `result.reconstruction.shape` is a `Mesh` in metres, y up, with the
        pelvis facing +z, the subject's left at +x and the origin on the floor under the pelvis; `.cameras` are
        for the pixels of the crop, one per photo, perspective where somebody stands, else orthographic; `.identity`,
        `.scale` and `.pose` are those of the rigged body that both methods fit. `.save(folder)` writes person.glb and
        the other files.

    Raises:
        BadInput: a bad option, or no photo can be read.
        NothingFound: there is no person in any photo.
        WeightsMissing, ExtraMissing: a file or an optional dependency is not installed.
        TypeError: an unknown option, with the known ones; photos that are not paths.

    Example:
        >>> import maquette
        >>> maquette.person("me.jpg", height=172.0).save("out")  # doctest: +SKIP
        [PosixPath('out/me/person-1/person.glb'), ...]

    Source:
        The method `parametric` is SMPLify's energy (Bogo et al., ECCV 2016) with a silhouette, on a CC0 body.
    """
    from maquette.core.types import Subject

    return _reconstructed(photos, Subject.PERSON, progress, options)


def pet(photos: Photo | Sequence[Photo], *, progress: Progress = silent, **options: object) -> Results:
    """Reconstruct the head of every animal of one photo, or of several photos.

    Args:
        photos: one image file, or several.
        progress: called with the name of the photo and the stage that begins.
        options: any field of `maquette.core.options` by name, as the flags of `maquette pet`: `fur=0` (layers, 0-8),
            `height=24.0` (centimetres at the shoulders), `together=True` (all photos show one animal), ...

    Returns:
        As `face`, with one `Result` per animal; `result.report` says which species was fitted. `.save(folder)` writes
        pet.glb and the other files.

    Raises:
        BadInput: a bad option, or no photo can be read.
        NothingFound: there is no animal's face in any photo.
        WeightsMissing, ExtraMissing: a file or an optional dependency is not installed.
        TypeError: an unknown option, with the known ones; photos that are not paths.

    Example:
        >>> import maquette
        >>> maquette.pet("cat.jpg").save("out")  # doctest: +SKIP
        [PosixPath('out/cat/pet-1/pet.glb'), ...]

    Source:
        A linear model of our own, fitted to landmarks weighted by their uncertainty (Wood et al., ECCV 2022).
    """
    from maquette.core.types import Subject

    return _reconstructed(photos, Subject.PET, progress, options)


def _reconstructed(
    photos: Photo | Sequence[Photo], kind: Subject, progress: Progress, options: dict[str, Any]
) -> Results:
    """What `face`, `person` and `pet` have in common."""
    settings = options_from(**{"method": METHODS[kind.value], **options})
    several = list(photos) if isinstance(photos, Iterable) and not isinstance(photos, str | bytes) else [photos]
    for photo in several:
        if not isinstance(photo, str | PathLike):
            raise TypeError(f"photos: wanted a path or several paths, got {type(photo).__name__}")
    if not several:
        raise ValueError("photos: wanted at least one file")
    from maquette.pipeline.photo import reconstruct

    outcomes = list(reconstruct(several, settings, progress, kind))
    done = [outcome for outcome in outcomes if isinstance(outcome, Result)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if not done:
        raise failures[0].error
    return Results(done, failures, settings)


def video(
    clip: Photo, out: Photo, *, subject: str = "person", progress: Progress = silent, **options: object
) -> list[dict[str, Any]]:
    """Reconstruct everybody in a clip, moving: animated bodies with a mesh for each frame, or animated heads.

    Files are written while the work goes on, so that a clip may be long and a stopped run goes on where it was.

    Args:
        clip: a video file.
        out: folder for the results, made if absent; one clip for each.
        subject: "person" or "face".
        progress: called with the clip's name and what is being done.
        options: any field of `maquette.core.options` by name, as the flags of `maquette video`: `every=2` (frames),
            `start=1.0`, `end=3.5` (seconds), `smoothing=0.05` (seconds), `blurred="skip"`, `meshes=False`, ...

    Returns:
        The rows of OUT/summary.json, one per person: `folder` (`<clip>/person-1`, `<clip>/face-1`) and `files`,
        relative to `out`, `warnings`, `seconds`. OUT/manifest.json says what became of each person in each frame.

    Raises:
        BadInput: a bad option, the clip cannot be read, the folder cannot be written.
        NothingFound: there is no person, or no face, in the clip.
        WeightsMissing, ExtraMissing: a file or an optional dependency is not installed.
        TypeError: an unknown option, with the known ones; a clip that is not a path.

    Example:
        >>> import maquette
        >>> maquette.video("dance.mp4", "out")[0]["folder"]  # doctest: +SKIP
        'dance/person-1'
    """
    if not isinstance(clip, str | PathLike):
        raise TypeError(f"clip: wanted a path, got {type(clip).__name__}")
    from maquette.core.errors import BadInput

    if subject not in METHODS:
        raise BadInput(f"subject {subject!r}: wanted {' or '.join(METHODS)}")
    settings = options_from(**{"method": METHODS[subject], **options})
    from maquette import outputs
    from maquette.outputs.result_folder import OutputFolder
    from maquette.pipeline.face_clip.story import reconstruct_faces
    from maquette.pipeline.video import reconstruct_clip

    folder = OutputFolder(out)
    outcomes = (reconstruct_faces if subject == "face" else reconstruct_clip)(clip, folder, settings, progress)
    keep = folder.saving(partial(outputs.save, options=settings.output))
    failures = [kept for kept in folder.collect(outcomes, keep) if isinstance(kept, Failure)]
    folder.close()
    if not folder.done:
        raise failures[0].error
    return folder.done


def save(result: Result, folder: Photo, **options: object) -> list[Path]:
    """Write the files of one result straight into a folder.

    Args:
        result: one item of what `face` or `person` returns.
        folder: made if absent.
        options: fields of `OutputOptions`, e.g. `formats="glb"`, `turntable=False`.

    Returns:
        The paths of the files.
    """
    from maquette import outputs

    Path(folder).mkdir(parents=True, exist_ok=True)
    return list(outputs.save(result, Path(folder), options_from(**options).output))
