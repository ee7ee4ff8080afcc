"""The one place that chooses a story: what a clip can show, and what is refused before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from maquette.core.errors import BadInput
from maquette.core.options import options_from
from maquette.core.types import Subject
from maquette.pipeline import story


@pytest.mark.parametrize("subject", Subject)
def test_a_clip_shows_what_has_a_story(subject, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no clip")
    coming = story.outcomes([tmp_path / "a.mp4"], subject, None, options_from(method="parametric"), clip=True)
    with pytest.raises(BadInput) as refused:
        next(coming)
    assert ("a clip can show face or person, not" in str(refused.value)) == (subject not in story.CLIPS)


def test_every_story_is_there_and_costs_nothing_before_it_is_told(tmp_path):
    code = "import sys; from maquette.pipeline import story; from importlib import import_module as load\n"
    code += "print('torch' in sys.modules, 'maquette.pipeline.video' in sys.modules)\n"
    code += (
        "for home in story.CLIPS.values(): module, name = home.split(':'); assert callable(getattr(load(module), name))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == ["False", "False"], done.stderr
