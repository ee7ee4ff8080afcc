"""Outlines of masks and of meshes."""

import numpy as np

from maquette.reconstruction.pet_fit.whole.edges import SIDE, Rim, outline_of, overlap
from maquette.reconstruction.pet_fit.whole.state import Poser, drawn


def test_an_outline_has_the_gaps_between_the_legs_and_looks_outwards(photographed):
    outline = outline_of(photographed("standing", 80).observation, ())
    assert max(np.ptp(np.nonzero(outline.inside), axis=1)) in range(SIDE - 3, SIDE + 4)
    ahead = np.floor(outline.points + 4 * outline.normals).astype(int)
    ahead = np.clip(ahead, 0, np.array(outline.size) - 1)
    assert outline.inside[ahead[:, 1], ahead[:, 0]].mean() < 0.15
    assert np.isfinite(outline.sigma).all()


def test_a_face_that_was_not_read_does_not_count(photographed):
    assert np.isinf(outline_of(photographed("standing", 80, faced=False).observation, ()).sigma).all()


def test_the_photos_own_end_is_no_outline(photographed):
    known = photographed("standing", 90).observation
    mask = known.mask.copy()
    mask[:, :150] = 0
    cut = type(known)(
        **{
            **vars(known),
            "mask": np.ascontiguousarray(mask[:, 150:]),
            "frame": type(known.frame)(np.zeros((300, 150, 3), np.uint8), None, "", None),
        }
    )
    free, ended = outline_of(cut, ()), outline_of(cut, ("left",))
    assert (free.points[:, 0] < 4).any() and not (ended.points[:, 0] < 4).any()


def test_the_rim_is_on_the_drawings_edge(body, photographed):
    known = photographed("sitting", 40)
    outline = outline_of(known.observation, ())
    used, faces = np.unique(body.coarse, return_inverse=True)
    points = Poser(body).of(known.stand, used) @ known.stand.rotation.T + known.stand.translation
    pixels = drawn(points, outline)
    focal = 480.0 * outline.scale  # the truth's camera, not the one that is guessed
    pixels = (pixels - outline.centre) * focal / outline.focal + outline.centre
    rim, ways, picture = Rim.of(faces.reshape(-1, 3)).outer(pixels, outline.size)
    assert overlap(picture, outline.inside) > 0.93
    back = np.floor(pixels[rim] - 2.5 * ways).astype(int)
    assert picture[back[:, 1], back[:, 0]].mean() > 0.8


def test_overlap_of_halves():
    first, second = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    first[:2], second[1:3] = True, True
    assert overlap(first, second) == 4 / 12 and overlap(first, first) == 1
