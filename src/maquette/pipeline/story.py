"""Which story answers to which files: the one place that chooses among photos, faces of a clip and people of a clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from maquette.core.errors import BadInput
from maquette.core.job import Progress, silent
from maquette.core.options import Options
from maquette.core.result import Failure, Result
from maquette.core.types import Subject
from maquette.outputs.result_folder import OutputFolder
from maquette.reconstruction import methods
from maquette.sources.video import open_clip

# "module:function" of (path, folder, options, progress), imported on first use: what can be refused is refused before.
CLIPS = {
    Subject.FACE: "maquette.pipeline.face_clip.story:reconstruct_faces",
    Subject.PERSON: "maquette.pipeline.video:reconstruct_clip",
}


def outcomes(
    files: Sequence[str | Path],
    subject: Subject,
    folder: OutputFolder,
    options: Options,
    clip: bool = False,
    progress: Progress = silent,
) -> Iterator[Result | Failure]:
    """All subjects of one kind in photos, or in one clip; nothing is read before the first is asked for.

    Args:
        files: photos, or a single clip.
        folder: OUT; the frames of a clip are written here as the work goes on.
        clip: whether `files` is a clip.
        progress: called with a name and the stage that begins.

    Raises:
        BadInput: a clip cannot show this, no such method, an unreadable clip, an unwritable OUT. NothingFound: nobody
            is in the clip.
    """
    if not clip:
        from maquette.pipeline.photo import reconstruct

        yield from reconstruct([str(file) for file in files], options, progress, subject)
        return
    path = Path(files[0])
    if subject not in CLIPS:
        raise BadInput(f"{path}: a clip can show {' or '.join(CLIPS)}, not {subject}")
    if subject is Subject.FACE:
        methods.find_for_faces_in_clip(options.fit.method)
    else:
        methods.find_for(options.fit.method, subject, methods.CLIP)
    open_clip(path, options.video, options.source)
    module, function = CLIPS[subject].split(":")
    yield from getattr(import_module(module), function)(path, folder, options, progress)
