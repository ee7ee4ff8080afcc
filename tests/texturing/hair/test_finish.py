"""Which hair a head gets, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.core.options import TextureOptions
from maquette.texturing.hair.finish import heads_of, with_hair
from texturing.hair.conftest import BROWN

AUTO = TextureOptions(texture_size=256)


def dressed(haired, reconstruct, name, options=AUTO, yaw=0.0):
    seen, camera = haired(name, yaw)
    return with_hair(reconstruct([camera]), [seen], options)


@pytest.mark.parametrize("name", ["short01", "short02", "long01"])
@pytest.mark.parametrize("yaw", [0.0, 0.3])
def test_hair_that_was_photographed_is_found_again(haired, reconstruct, name, yaw):
    made = dressed(haired, reconstruct, name, yaw=yaw)
    facts = made.provenance["hair"]
    assert facts["name"][:4] == name[:4], facts
    assert facts["overlap"] > 0.7 and facts["outline_error_mm"]["bent"] < 3
    assert facts["outline_error_mm"]["bent"] < facts["outline_error_mm"]["bare"]
    (part,) = made.parts
    assert part.name == "hair" and len(part.mesh.faces) < 12_000 and part.anchors is None
    opaque = part.mesh.texture[part.mesh.texture[..., 3] > 128][:, :3]
    assert np.abs(np.median(opaque, axis=0) - BROWN).max() < 25


def test_a_bald_head_gets_none_and_paint_is_had_for_the_asking(haired, reconstruct):
    bald = dressed(haired, reconstruct, None)
    assert not bald.parts and bald.provenance["hair"]["name"] == "none"
    painted = dressed(haired, reconstruct, "short02", replace(AUTO, hair="none"))
    assert not painted.parts and painted.provenance["hair"] == {"name": "painted", "why": "asked for"}


def test_a_style_by_its_name_is_taken_whatever_the_photo_shows(haired, reconstruct):
    made = dressed(haired, reconstruct, None, replace(AUTO, hair="bob02"))
    assert made.provenance["hair"]["name"] == "bob02" and len(made.parts) == 1
    with pytest.raises(BadInput, match="hair 'mullet'"):
        TextureOptions(hair="mullet")


def test_without_landmarks_a_style_is_placed_in_a_usual_colour(haired, reconstruct):
    seen, camera = haired("short02")
    blind = replace(seen, landmark_scheme="ibug68")
    made = with_hair(reconstruct([camera]), [blind], replace(AUTO, hair="short04"))
    assert len(made.parts) == 1 and made.parts[0].mesh.texture.shape == (512, 512, 4)
    auto = with_hair(reconstruct([camera]), [blind], AUTO)
    assert not auto.parts and auto.provenance["hair"]["name"] == "painted"


def test_a_hat_is_a_shell_and_no_hair(haired, reconstruct):
    seen, camera = haired("afro01")
    y, x = np.mgrid[0:320, 0:320]
    hat = (np.hypot(x - 160, (y - 68) * 2.6) < 150) & (seen.mask < 0.5) | ((y < 36) & (seen.mask > 0.5))
    pixels, mask = seen.frame.pixels.copy(), np.maximum(seen.mask, hat.astype(np.float32))
    pixels[hat] = [235, 230, 220]
    hatted = replace(seen, frame=replace(seen.frame, pixels=pixels), mask=mask)
    made = with_hair(reconstruct([camera]), [hatted], AUTO)
    facts = made.provenance["hair"]
    assert facts["name"] == "shell" and "a hat" in facts["why"], facts
    (part,) = made.parts
    assert part.name == "hair" and part.mesh.texture.max(axis=(0, 1)).min() > 200, "white, as the hat is"


def test_the_neutral_head_is_the_shape_without_its_expression(haired, reconstruct, model):
    made = reconstruct([haired("short02")[1]])
    expression = np.zeros_like(made.expression)
    expression[0, model.expression_names.index("jawOpen")] = 1.0
    moved = model.vertices(made.identity, expression[0], 1.0) + np.float32(0.001)
    open_mouth = replace(made, shape=replace(made.shape, vertices=moved), expression=expression)
    posed, neutral = heads_of(open_mouth, model)
    assert np.abs(neutral - model.vertices(made.identity, 0 * expression[0], 1.0) - 0.001).max() < 1e-6
    assert posed(0) is open_mouth.shape.vertices


def test_the_same_photo_gives_the_same_hair(haired, reconstruct):
    first, second = (dressed(haired, reconstruct, "short02").parts[0].mesh for _ in range(2))
    assert np.array_equal(first.texture, second.texture) and np.array_equal(first.vertices, second.vertices)


def test_a_head_whose_top_is_cut_off_wears_no_swimming_cap(haired, reconstruct):
    seen, camera = haired("short04")
    cut = replace(seen, box=np.array([0.0, -60.0, 320.0, 260.0]))  # the upper 60 rows lie outside the full photo
    facts = with_hair(reconstruct([camera]), [cut], AUTO).provenance["hair"]
    assert facts["name"].startswith("short") and "top of the head is not in the photo" in facts["why"]
