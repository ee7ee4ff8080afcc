"""Arrays kept in a clip's folder of OUT until its run is finished, so that a stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from maquette.core.files import replaced, sweep
from maquette.core.options import Options
from maquette.outputs.reports.manifest import clip_identity
from maquette.pipeline.clip_frames import kept
from maquette.sources.video import Clip

Arrays = Mapping[str, Any]
T = TypeVar("T")


class ClipStore:
    """One clip's folder of OUT, with what is known so far.

    Attributes:
        STAGES: of options on which what is kept depends, besides `video`.
        UNFITTED: names of VideoOptions that change nothing of it.
        NAMES: patterns of the files that are kept.
    """

    STAGES: ClassVar[tuple[str, ...]] = ("fit", "perception", "source")
    UNFITTED: ClassVar[tuple[str, ...]] = ("resume", "meshes", "blurred", "depth")
    NAMES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, home: Path, path: Path, options: Options) -> None:
        """See the class.

        Args:
            home: the clip's folder. path: the clip.
        """
        self.home, self.path, self.options = home, path, options

    @property
    def resumed(self) -> bool:
        """Whether what an earlier run has done may be taken over."""
        return self.options.video.resume

    @cached_property
    def _key(self) -> str:
        """Of the clip and all that is kept depends on."""
        stages = {stage: asdict(getattr(self.options, stage)) for stage in self.STAGES}
        video = {n: v for n, v in asdict(self.options.video).items() if n not in self.UNFITTED}
        return json.dumps([clip_identity(self.path), stages, video], sort_keys=True)

    def forget(self) -> None:
        """Remove what was kept, and what a killed run left half-written."""
        if not self.home.is_dir() or self.home.is_symlink():
            return
        for path in [found for name in self.NAMES for found in self.home.glob(name)]:
            if path.is_file() or path.is_symlink():
                path.unlink(missing_ok=True)
        sweep(self.home)

    def save(self, name: str, arrays: Arrays) -> None:
        """Keep arrays under a name.

        Raises:
            BadInput: the disk is full or the folder cannot be written.
        """

        def write() -> None:
            with replaced(self.home / name) as file:
                np.savez(file, key=np.array(self._key), **arrays)

        kept(self.home / name, write)

    def load(self, name: str, made: Callable[[Arrays], T]) -> T | None:
        """What an earlier run kept for the same key; None if there is nothing, or nothing that can be read."""
        if not self.resumed:
            return None
        try:
            with np.load(self.home / name, allow_pickle=False) as stored:
                if str(stored["key"]) != self._key:
                    return None
                return made({key: stored[key] for key in stored.files})
        except Exception:  # noqa: BLE001  zipfile, zlib and numpy raise whatever the damage leads them to: made anew
            return None


def looking(clip: Clip, say: Callable[[str], None]) -> Callable[[int], None]:
    """Says how many frames of a clip were looked at."""
    total = f" of {len(clip.selected)}" if clip.selected is not None else ""
    return lambda done: say(f"looking, frame {done}{total}")
