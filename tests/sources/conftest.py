"""Fixtures of clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from clips import clip_of


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """30 frames, 25 per second, key frames every 10, with frames that are stored out of order."""
    return clip_of(tmp_path_factory.mktemp("clips") / "plain.mp4")
