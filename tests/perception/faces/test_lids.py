"""A wink is seen in the picture, and nothing else is taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.core.types import Frame
from maquette.perception.faces import lids, topology
from maquette.perception.faces.observe import observe

SKIN = (214, 160, 130)
OPEN, NARROW = 0.30, 0.19  # height over width of the outlines
EYES = (topology.RIGHT_EYE, topology.LEFT_EYE)


def drawn(
    kinds: tuple[str, str], apertures: tuple[float, float], skin=SKIN, scale=1.0
) -> tuple[np.ndarray, np.ndarray]:
    """A picture of two eyes, and landmarks as the detector gives them; kinds: "open", "shut", "blank"."""
    picture = np.full((200, 400, 3), skin, np.uint8)
    landmarks = np.zeros((478, 3))
    for kind, aperture, eye, x in zip(kinds, apertures, EYES, (120, 280)):
        outer, inner = (x - 40, x + 40) if x < 200 else (x + 40, x - 40)
        turn = np.linspace(0, np.pi, 9)
        along = outer + (inner - outer) * (1 - np.cos(turn)) / 2
        lower = np.column_stack([along, 100 + np.sin(turn) * 40 * aperture])
        upper = np.column_stack([along, 100 - np.sin(turn) * 40 * aperture])[7:0:-1]
        outline = np.concatenate([lower, upper])
        landmarks[list(eye), :2] = outline
        if kind == "shut":
            cv2.ellipse(picture, (x, 96), (40, 8), 0, 10, 170, (60, 40, 35), 5)
            continue
        cv2.fillPoly(picture, [np.round(outline).astype(np.int32)], (235, 230, 228))
        if kind == "open":
            iris = np.zeros(picture.shape[:2], np.uint8)
            cv2.circle(iris, (x, 100), 17, (1,), -1)
            inside = np.zeros_like(iris)
            cv2.fillPoly(inside, [np.round(outline).astype(np.int32)], (1,))
            picture[(iris & inside) > 0] = (40, 28, 22)
    size = (round(400 * scale), round(200 * scale))
    picture = cv2.GaussianBlur(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), (0, 0), 0.8)
    return picture, landmarks * scale


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("skin", [SKIN, (245, 215, 200), (150, 100, 75)])
def test_the_shut_eye_of_a_wink(scale, skin):
    wink = drawn(("shut", "open"), (NARROW, OPEN), skin, scale)
    assert lids.shut_eyes(*wink) == (True, False)
    assert lids.shut_eyes(*drawn(("open", "shut"), (OPEN, NARROW), skin, scale)) == (False, True)
    assert lids.shut_eyes(*drawn(("open", "open"), (NARROW, OPEN), skin, scale)) == (False, False), "half shut"
    assert lids.shut_eyes(*drawn(("open", "open"), (OPEN, OPEN), skin, scale)) == (False, False)


def test_eyes_without_an_iris_or_narrow_alike_are_left_to_the_landmarks():
    assert lids.shut_eyes(*drawn(("blank", "open"), (NARROW, OPEN), (150, 100, 75))) == (False, False)
    assert lids.shut_eyes(*drawn(("shut", "shut"), (NARROW, NARROW))) == (False, False)
    assert lids.shut_eyes(*drawn(("shut", "shut"), (0.06, 0.05))) == (True, True), "the landmarks know"
    assert (
        lids.shut_eyes(np.full((200, 400, 3), 90, np.uint8), drawn(("shut", "open"), (NARROW, OPEN))[1]) == (False,) * 2
    )


def test_lids_and_iris_of_a_shut_eye_are_not_believed():
    trust = lids.trust((False, True))
    guessed = np.flatnonzero(trust < 1)
    assert set(guessed) == {*topology.LEFT_EYE, *topology.LEFT_IRIS} and trust.max() == 1 and trust.min() > 0


@pytest.mark.real_data
@pytest.mark.parametrize("change", ["as it is", "mirrored", "darker", "smaller", "JPEG"])
def test_a_wink_in_a_photo(real_data, change):
    pixels = cv2.imread(str(real_data / "reports" / "01_wink_b.png"))[..., ::-1]
    if change == "mirrored":
        pixels = pixels[:, ::-1]
    elif change == "darker":
        pixels = pixels // 2
    elif change == "smaller":
        pixels = cv2.resize(np.ascontiguousarray(pixels), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    elif change == "JPEG":
        coded = cv2.imencode(".jpg", np.ascontiguousarray(pixels), [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
        pixels = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    (seen,) = observe(Frame(np.ascontiguousarray(pixels)))
    assert seen.shut_eyes == ((False, True) if change == "mirrored" else (True, False))


@pytest.mark.real_data
def test_no_open_eye_in_other_photos_is_taken_for_shut(real_data):
    for folder in ("group", "multiview"):
        for path in sorted((real_data / folder).glob("*.jpg")):
            pixels = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
            assert all(seen.shut_eyes == (False, False) for seen in observe(Frame(pixels))), path.name
