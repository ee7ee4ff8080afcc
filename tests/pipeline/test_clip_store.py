"""What a stopped run keeps: taken over for the same settings alone, and swept when it is done."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.options import options_from
from maquette.pipeline.clip_memory import Memory
from maquette.pipeline.clip_store import ClipStore
from maquette.pipeline.face_clip.memory import FaceMemory


@pytest.mark.parametrize("kind", [Memory, FaceMemory])
def test_what_is_kept_comes_back_unless_a_fit_would_differ(tmp_path, kind: type[ClipStore]):
    clip, home = tmp_path / "clip.mp4", tmp_path / "home"
    clip.write_bytes(b"a clip")
    home.mkdir()

    def store(**changed):
        return kind(home, clip, options_from(**changed))

    name = kind.NAMES[0]
    store().save(name, {"numbers": np.arange(3)})
    read = [store(**changed).load(name, lambda arrays: arrays["numbers"].tolist()) for changed in ({}, {"depth": True})]
    assert read == [[0, 1, 2]] * 2, "files that are wanted besides change no fit"
    assert store(smoothing=0.5).load(name, len) is None and store(resume=False).load(name, len) is None
    (home / name).write_bytes(b"torn")
    assert store().load(name, len) is None
    (home / "kept.txt").write_text("somebody's own")
    store().forget()
    assert [path.name for path in home.iterdir()] == ["kept.txt"]
