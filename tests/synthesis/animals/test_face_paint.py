"""Eyes, noses, mouths and ears over a coat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.synthesis.animals.face_paint import draw_face
from maquette.synthesis.animals.surface import CHIN, L_EYE, NOSE, R_EYE


@pytest.fixture(scope="module", params=["cat", "dog", "wild"])
def painted(request, heads):
    head = heads[request.param]
    coat = np.full(head.place.shape, 0.4, np.float32)
    return head, draw_face(head, coat, np.random.default_rng(2))


def near(head, place, reach):
    return np.linalg.norm(head.place - place, axis=1) < reach


def test_eyes_and_nose_have_no_fur_and_another_colour(painted):
    head, paint = painted
    for eye in (R_EYE, L_EYE):
        outer, inner = head.marks[list(eye)]
        middle = near(head, (outer + inner) / 2, 0.35 * np.linalg.norm(outer - inner))
        assert middle.any() and paint.fur[middle].mean() < 0.25
        assert np.abs(paint.albedo[middle] - 0.4).max() > 0.2
    nose = near(head, head.marks[NOSE], 0.5 * head.form.shape.nose_width)
    assert paint.fur[nose].mean() < 0.25 and np.abs(paint.albedo[nose] - 0.4).max() > 0.1


def test_the_forehead_is_left_as_it_was(painted):
    head, paint = painted
    forehead = (head.place[:, 1] > 0.35) & (np.abs(head.place[:, 0]) < 0.3)
    assert np.allclose(paint.albedo[forehead], 0.4) and (paint.fur[forehead] == 1).all()
    assert not paint.glow[forehead].any()
    below = head.place[:, 1] < head.marks[CHIN][1] - 0.4
    assert np.allclose(paint.fur[below], 1)


def test_closed_eyes_show_no_iris(heads):
    head = heads["cat"]
    coat = np.full(head.place.shape, 0.4, np.float32)
    counts = []
    for blink in (0.0, 1.0):
        form = replace(head.form, expression=replace(head.form.expression, blink_left=blink, blink_right=blink))
        paint = draw_face(type(head)(head.place, head.normal, form), coat, np.random.default_rng(2))
        eye = near(head, head.marks[list(L_EYE)].mean(axis=0), 0.35)
        counts.append(float((1 - paint.fur[eye]).sum()))
    assert counts[1] < 0.7 * counts[0]
