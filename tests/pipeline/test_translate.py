"""Translated faces back in their photos, and a translated photo on to 3D."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.options import SourceOptions, TranslateOptions
from maquette.core.types import Frame
from maquette.perception.pets.observe import observe_pets
from maquette.perception.square import Square
from maquette.pipeline import translate as story


def test_a_small_picture_is_enlarged_before_it_is_put_back(monkeypatch):
    enlarged = []
    kept = story.upscaled
    monkeypatch.setattr(story, "upscaled", lambda frame, factor: enlarged.append(frame.size) or kept(frame, factor))
    photo = np.full((100, 120, 3), 90, np.uint8)
    crop, picture = np.full((32, 32, 3), 90, np.uint8), np.full((32, 32, 3), 200, np.uint8)
    small = story._in_photo(photo, Square(np.array([60.0, 50.0]), 40.0, 0.0), crop, picture)
    assert not enlarged and abs(int(small[50, 60, 0]) - 200) < 3 and (small[0] == 90).all()
    large = story._in_photo(photo, Square(np.array([60.0, 50.0]), 80.0, 0.0), crop, picture)
    assert enlarged == [(32, 32)] * 2 and abs(int(large[50, 60, 0]) - 200) < 6 and (large[0] == 90).all()


@pytest.mark.real_data
def test_what_was_translated_goes_on_to_3d(real_data):
    """The photo with the translated face in it is found and read as any other."""
    folder = real_data / "pets"
    wanted = TranslateOptions("dog", method="colors", reference=str(folder / "dog_pixabay_dog_000322.jpg"))
    (made,) = story.translate([folder / "cat_pixabay_cat_000535.jpg"], wanted, SourceOptions())
    assert not made.warnings, "its face is found"
    (seen,) = observe_pets(Frame(next(iter(made.photos))))
    assert len(seen.landmarks) == 20 and seen.subject == "pet"
