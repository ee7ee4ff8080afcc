"""The colour of hair out of a photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maquette.texturing.hair.finish import with_hair
from maquette.texturing.hair.paint import ROOTS, depth_shade, toned, tones_of
from maquette.texturing.hair.place import place
from maquette.texturing.hair.seen import look
from maquette.texturing.hair.styles import style
from texturing.hair.conftest import BROWN
from texturing.hair.test_finish import AUTO


def test_a_lamp_in_the_hair_is_not_its_colour(haired, reconstruct):
    seen, camera = haired("long01")
    y, x = np.mgrid[0:320, 0:320]
    hair = look(seen, camera).hair
    row, column = (int(np.median(at[(hair > 0.9)])) for at in (y, x))
    top = int(np.argmax(hair[:, column] > 0.9))
    lamp = np.hypot(x - column, y - top - 12) < 9
    pixels = seen.frame.pixels.copy()
    pixels[lamp] = [255, 120, 20]
    lit = replace(seen, frame=replace(seen.frame, pixels=pixels))
    found = tones_of(look(lit, camera), 700.0)
    assert found.sure[lamp].max() < 0.1 and row > top
    assert np.abs(found.tones - BROWN).max() < 25  # nor is the background, anywhere
    plain, bright = (
        with_hair(reconstruct([camera]), [one], replace(AUTO, hair="long01")).parts[0].mesh.texture
        for one in (seen, lit)
    )
    assert np.abs(plain[..., :3].astype(int) - bright[..., :3]).max() < 60


def test_black_hair_shows_its_strands_and_fair_hair_varies_less():
    grey = np.array([0.6, 1.0, 1.6])
    black, fair = (toned(np.full(3, level), grey).mean(axis=1) for level in (8.0, 180.0))
    assert black[2] - black[1] > 12 and (np.diff(black) > 0).all()
    assert fair[2] / fair[0] < 1.6**1.2 / 0.6**1.2


def test_hair_is_dark_at_the_skull_and_lit_outside(model):
    hair = place(style("short02"), model.mean, model, 1.0)
    shade = depth_shade(hair)
    height = np.linalg.norm(hair.vertices - hair.feet, axis=1)
    assert shade.min() >= ROOTS and shade.max() == 1
    thick = height > np.quantile(height, 0.8)
    assert shade[thick].mean() > shade[height < 0.006].mean() + 0.06
