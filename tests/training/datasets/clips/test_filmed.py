"""A clip that is filmed, compressed and watched."""

import numpy as np
import pytest

from maquette.core.options import Options, SynthesisOptions
from maquette.sources.video import frames, open_clip
from maquette.training.datasets.clips import filmed as module
from maquette.training.datasets.clips.filmed import FilmedClip, filmed, seen, write_video
from maquette.training.datasets.clips.rows import followed


def test_a_video_keeps_its_rate_and_its_pictures(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (48, 1, 3))
    write_video(tmp_path / "a.mp4", [ramp, ramp[:, ::-1], ramp], 25.0, 16)
    clip = open_clip(tmp_path / "a.mp4")
    shown = [frame.pixels for _, frame in frames(clip)]
    assert clip.fps == pytest.approx(25) and len(shown) == 3
    assert np.abs(shown[1].astype(int) - ramp[:, ::-1]).mean() < 4


def test_nobody_is_found_where_nobody_is(tmp_path):
    grey = np.full((96, 96, 3), 120, np.uint8)
    write_video(tmp_path / "0.mp4", [grey] * 4, 30.0, 20)
    assert seen(FilmedClip(tmp_path / "0.mp4", 30.0, [], np.zeros(80), 1.0), tmp_path, Options()) is None


@pytest.mark.slow
def test_a_filmed_clip_goes_all_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FRAMES", 30)
    clip = filmed(SynthesisOptions(seed=1), 3, tmp_path)
    shown = seen(clip, tmp_path, Options())
    assert shown is not None
    row = followed(clip, shown)
    assert row is not None
    count = int(row["count"][0])
    fitted, truth = row["evidence"][:count, :52].astype(float), row["expression"][:count]
    assert np.abs(fitted - truth).mean() < np.abs(0.3 - truth).mean()
