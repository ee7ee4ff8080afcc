"""Which style a photo shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.texturing.hair.choose import FARTHER, below_the_chin, choose, in_a_shell, knotted, over_the_face
from maquette.texturing.hair.grow import head_seen, try_on
from maquette.texturing.hair.outline import ANGLES, outer_skin
from maquette.texturing.hair.place import chin_of
from maquette.texturing.hair.seen import look


@pytest.fixture
def photographed(haired, model):
    """photographed(name, yaw) -> the head with that style, as its photo shows it."""

    def shoot(name: str, yaw: float = 0.0):
        seen, camera = haired(name, yaw)
        heads = model.mean.astype(float), model.mean.astype(float)
        return head_seen(seen, camera, look(seen, camera), heads, model, 1.0)

    return shoot


def reaching(head, millimetres):
    """The same with an outline so far beside the bare head's, a function of the angle in degrees."""
    bare = head.rays.reach(outer_skin(head.neutral, head.model))
    return replace(head, rays=replace(head.rays, target=bare + np.array([millimetres(a) for a in ANGLES]) / 1000))


@pytest.mark.parametrize("side", [1, -1])
def test_a_knot_sticks_out_behind_a_turned_head(photographed, side):
    head = photographed("short04", 0.5 * side)
    turned = 1 if -head.camera.world_to_camera[2, 0] > 0 else -1
    knot = reaching(head, lambda angle: 45.0 if 40 < turned * angle < 90 else 12.0)
    assert knotted(knot) and choose(knot).name == "bun01"
    assert not knotted(reaching(head, lambda angle: 45.0 if 40 < -turned * angle < 90 else 12.0))
    assert not knotted(reaching(head, lambda _: 40.0))  # thick all around
    assert not knotted(reaching(photographed("short04"), lambda angle: 45.0 if angle > 40 else 12.0))


@pytest.mark.parametrize("name", ["bun01", "ponytail01", "short02", "short03"])
def test_from_the_side_a_knot_a_tail_and_a_nape_are_told_apart(photographed, name):
    assert choose(photographed(name, 1.0)).name == name


def test_a_fit_that_lays_the_face_under_hair_is_no_shell(photographed):
    head = photographed("afro01")
    whole = np.ones(head.seen.hair.shape, bool)
    assert over_the_face(head, whole) == 1 and over_the_face(head, ~whole) == 0
    found = in_a_shell(replace(head, seen=replace(head.seen, person=1.0 * whole, hair=1.0 * whole)), 0.0 * whole, "odd")
    assert found.name == "painted" and "hides the face" in found.why
    assert in_a_shell(head, 0 * head.seen.hair, "odd").name == "shell"


def test_hair_that_ends_at_the_jaw_is_cut_off_there(photographed):
    head = photographed("long01")
    assert choose(head).name == "long01"
    seen = head.seen
    above = seen.above > -0.8
    cut = replace(seen, person=seen.person * above, hair=seen.hair * above, guessed=seen.guessed * above)
    assert below_the_chin(replace(head, seen=cut)) < FARTHER < below_the_chin(head)
    long, bob = (try_on(name, head) for name in ("long01", "bob03"))
    lowest = [
        trial.hair.vertices[trial.hair.style.faces[trial.cut.kept]][..., 1].mean(axis=1).min() for trial in (long, bob)
    ]
    assert lowest[0] < lowest[1] - 0.03 and abs(lowest[1] - chin_of(head.neutral, head.model)) < 0.06
