"""What a back takes from the front: stripes and belts go around, letters, necklines and hands do not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from maquette.texturing.person.backs import plain_rows

METRE = 300.0  # pixels


def back_of(photo: np.ndarray) -> np.ndarray:
    return plain_rows(SimpleNamespace(photo=photo, metre=METRE)).astype(int)


def test_letters_and_a_neckline_do_not_go_through_and_stripes_do():
    shirt = np.full((180, 120, 3), (200, 180, 160), np.uint8)
    plain = back_of(shirt)
    assert np.abs(plain - shirt.astype(int)).max() <= 1
    shirt[100:130] = (40, 40, 160)
    lettered = shirt.copy()
    lettered[20:60, 45:75] = 0
    lettered[110:118, 50:62] = 255
    striped = back_of(lettered)
    assert np.abs(striped - back_of(shirt)).max() <= 2
    assert np.abs(striped[105:125] - (40, 40, 160)).max() <= 2 and np.abs(striped[:95] - (200, 180, 160)).max() <= 2


def test_a_tiny_photo_stays_a_photo():
    assert plain_rows(SimpleNamespace(photo=np.zeros((3, 2, 3), np.uint8), metre=1.0)).shape == (3, 2, 3)
