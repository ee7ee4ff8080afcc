"""A result of a person that fits its photo."""

from __future__ import annotations

import pytest
from PIL import Image

from maquette.core.errors import NothingFound
from maquette.evaluation.image_space import person_report
from person_results import (
    doll,
    observation,
    picture,
    write_result,
)


@pytest.fixture
def out(tmp_path, monkeypatch):
    """OUT with one result that fits its photo, and a function that says who is found in pictures."""
    pixels, mask = picture(doll())
    Image.fromarray(pixels).save(tmp_path / "someone.png")
    write_result(tmp_path / "out" / "someone" / "person-1", doll(), tmp_path / "someone.png")

    def seen(*people):
        def observe(*_):
            if not people:
                raise NothingFound("nobody")
            return list(people)

        monkeypatch.setattr(person_report, "observe_people", observe)

    seen(observation(pixels, mask))
    return tmp_path, seen, pixels, mask
