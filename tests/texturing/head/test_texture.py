"""The whole texture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from coverings import COLOURS, with_mask
from maquette.core.options import TextureOptions
from maquette.core.types import Mesh
from maquette.texturing import finish, finish_head, prepare
from maquette.texturing.detail.chart import detail_chart
from maquette.texturing.head.bake import bake
from maquette.texturing.head.delight import delit
from maquette.texturing.head.eyes import iris_angle
from maquette.texturing.head.layers import layers_of
from maquette.texturing.head.skin.grain import unit_energies
from maquette.texturing.texels import UNSEEN

SMALL = TextureOptions(texture_size=256)


@pytest.fixture(scope="module")
def textured(photograph, reconstruct) -> Mesh:
    seen, camera = photograph(0.5)
    return finish(reconstruct([camera]), [seen], SMALL).shape


def test_shapes_and_determinism(textured, photograph, reconstruct) -> None:
    assert textured.texture.shape == (256, 256, 3) and textured.texture.dtype == np.uint8
    assert textured.texture_confidence.shape == (256, 256) and textured.texture_confidence.dtype == np.uint8
    seen, camera = photograph(0.5)
    again = finish(reconstruct([camera]), [seen], SMALL).shape
    assert np.array_equal(again.texture, textured.texture)
    assert np.array_equal(again.texture_confidence, textured.texture_confidence)


def test_confident_texels_are_the_photo(model, textured, photograph) -> None:
    layers = layers_of(model.name, 256)
    baked = delit(bake(*photograph(0.5), model.mean, layers), model.mean, layers)
    rows = layers.skin_rows
    sure = textured.texture_confidence[:rows] > 220
    assert sure.mean() > 0.2
    step = np.abs(textured.texture[:rows].astype(int) - baked.colour[:rows])[sure]
    # Nothing but the light is taken out of what is seen.
    assert np.quantile(step, 0.8) <= 1 and step.max() <= 12


def test_what_is_not_seen_is_at_most_a_guess(model, textured, photograph) -> None:
    baked = bake(*photograph(0.5), model.mean, layers_of(model.name, 256))
    rows = layers_of(model.name, 256).skin_rows
    hidden = baked.trust[:rows] == 0
    assert textured.texture_confidence[:rows][hidden].max() <= 64
    neither = hidden & hidden[:, ::-1]
    assert (textured.texture_confidence[:rows][neither] == 0).all()
    assert (textured.texture_confidence[rows:] == 0).all()


def test_the_fill_has_the_colour_of_the_skin_and_no_seams(textured, model) -> None:
    layers = layers_of(model.name, 256)
    inner = layers.zones["inner"][: layers.skin_rows] + layers.zones["edge"][: layers.skin_rows]
    skin = textured.texture[: layers.skin_rows].astype(float)
    plain = (inner < 0.05) & (layers.ambient[: layers.skin_rows] > 0.6)
    assert np.quantile(np.linalg.norm(skin - [200, 150, 125], axis=2)[plain], 0.99) < 75
    jump = np.abs(np.diff(skin.mean(axis=2), axis=1))
    edge = np.diff((textured.texture_confidence[: layers.skin_rows] > 64).astype(int), axis=1) != 0
    assert np.median(jump[edge & plain[:, 1:]]) < 6


def test_all_charts_are_painted(textured, model) -> None:
    from maquette.texturing.atlas import chart

    for part in model.parts:
        drawn = chart(model.faces, model.uvs, model.uv_faces, model.parts[part], 256)
        colour = textured.texture[drawn.region][drawn.inside]
        assert (colour == UNSEEN).all(axis=1).mean() < 0.02, part


def test_a_frontal_photo_of_a_symmetric_head_stays_symmetric(photograph, reconstruct, model) -> None:
    seen, camera = photograph(0.0)
    pixels = (seen.frame.pixels.astype(int) + seen.frame.pixels[:, ::-1]) // 2
    even = replace(seen, frame=replace(seen.frame, pixels=pixels.astype(np.uint8)))
    done = finish(reconstruct([camera]), [even], SMALL).shape
    rows = layers_of(model.name, 256).skin_rows
    confident = done.texture_confidence[:rows].astype(int)
    assert np.abs(confident - confident[:, ::-1]).mean() < 3
    skin = done.texture[:rows].astype(int)
    assert np.median(np.abs(skin - skin[:, ::-1])) <= 3


def test_without_fill_only_the_photo_is_there(photograph, reconstruct) -> None:
    seen, camera = photograph(0.5)
    done = finish(reconstruct([camera]), [seen], TextureOptions(texture_size=256, fill=False)).shape
    nothing = done.texture_confidence == 0
    assert ((done.texture == UNSEEN).all(axis=2) | ~nothing).mean() > 0.97


def test_odd_sizes_and_other_schemes_work(photograph, reconstruct) -> None:
    seen, camera = photograph(0.2)
    other = replace(seen, landmark_scheme="ibug68", landmarks=seen.landmarks[:68], landmark_confidence=np.ones(68))
    done = finish(reconstruct([camera]), [other], TextureOptions(texture_size=301)).shape
    assert done.texture.shape == (301, 301, 3) and done.texture_confidence.shape == (301, 301)


def test_the_iris_has_its_physical_size(model) -> None:
    angle = iris_angle(model.mean, layers_of(model.name, 256))
    centre = model.eye_centre(model.mean, "Left")
    radius = np.percentile(np.linalg.norm(model.mean[model.part_vertices("eyeLeft")] - centre, axis=1), 90)
    eyes = np.linalg.norm(centre - model.eye_centre(model.mean, "Right"))
    assert 2 * radius * np.sin(angle) / eyes == pytest.approx(11.7 / 63, rel=0.03)


def test_wrong_input_says_so(photograph, reconstruct) -> None:
    seen, camera = photograph(0.0)
    with pytest.raises(ValueError, match="one camera per observation"):
        finish(reconstruct([camera]), [seen, seen], SMALL)
    with pytest.raises(TypeError, match="parametric model"):
        finish_head(replace(reconstruct([camera]), model=None), [seen], SMALL)


@pytest.mark.slow
def test_four_times_the_texels_cost_less_than_four_times_the_time(photograph, reconstruct) -> None:
    from time import process_time

    seen, camera = photograph(0.3)
    spent = []
    for size in (1024, 2048):
        finish(reconstruct([camera]), [seen], TextureOptions(texture_size=size))
        began = process_time()
        for _ in range(3):
            finish(reconstruct([camera]), [seen], TextureOptions(texture_size=size))
        spent.append(process_time() - began)
    assert spent[1] < 4 * spent[0]


@pytest.fixture(scope="module")
def behind_masks(photograph, reconstruct) -> dict[str, Mesh]:
    """The head behind a mask of each colour, and the mask's own region by the same camera."""
    seen, camera = photograph(0.2)
    done = {}
    for name, colour in COLOURS.items():
        pixels, region = with_mask(seen.frame.pixels, seen.landmarks, colour)
        covered = cv2.dilate(region, np.ones((5, 5), np.uint8))
        behind = replace(seen, frame=replace(seen.frame, pixels=pixels), covered=covered)
        done[name] = finish(reconstruct([camera]), [behind], SMALL).shape
    return done


def test_what_is_covered_is_filled_whatever_its_colour(behind_masks, model) -> None:
    """Neck, ears and what lies behind the mask have the skin's tone; no texel depends on the mask's colour."""
    layers = layers_of(model.name, 256)
    rows = layers.skin_rows
    one, *others = (mesh.texture[:rows].astype(int) for mesh in behind_masks.values())
    assert max(np.abs(one - other).max() for other in others) <= 2
    zones = {name: zone[:rows] for name, zone in layers.zones.items()}
    plain = (zones["inner"] + zones["edge"] < 0.05) & (zones["hairline"] < 0.1) & (layers.ambient[:rows] > 0.6)
    assert np.quantile(np.linalg.norm(one - [200, 150, 125], axis=2)[plain], 0.99) < 75
    for mesh in behind_masks.values():
        low = (zones["middle"] > 0.9) & (layers.skin.spread(model.mean)[:rows, :, 1] < -0.05)
        assert mesh.texture_confidence[:rows][low].max() == 0
        assert mesh.texture_confidence[:rows].max() > 220  # the forehead


def test_covered_lips_are_lips(behind_masks, model) -> None:
    layers = layers_of(model.name, 256)
    texture = behind_masks["turquoise"].texture[: layers.skin_rows].astype(float)
    lips, chin = (layers.zones[name][: layers.skin_rows] > 0.9 for name in ("lips", "middle"))
    redness = texture[..., 0] / texture[..., 1]
    assert 1.05 < np.median(redness[lips]) / np.median(redness[chin & ~lips]) < 1.6


def test_other_peoples_pixels_reach_no_part(photograph, reconstruct) -> None:
    """Another head before mouth and one eye: skin, teeth and irises are as if that were of another colour."""
    seen, camera = photograph(0.0)
    x, y = seen.landmarks[13, :2].astype(int)
    region = np.zeros(seen.mask.shape, np.float32)
    cv2.circle(region, (int(x) + 30, int(y)), 55, (1,), -1)
    textures = []
    for colour in ((60, 40, 30), (30, 160, 220)):
        pixels = np.where(region[..., None] > 0, np.uint8(colour), seen.frame.pixels)
        hidden = replace(seen, frame=replace(seen.frame, pixels=pixels), covered=region)
        textures.append(finish(reconstruct([camera]), [hidden], SMALL).shape.texture.astype(int))
    assert np.abs(textures[0] - textures[1]).max() <= 2


def test_maps_of_the_skin_are_made_when_asked_for(textured, photograph, reconstruct) -> None:
    seen, camera = photograph(0.5)
    asked = TextureOptions(texture_size=260, maps=True)
    shape = finish(reconstruct([camera]), [seen], asked).shape
    assert shape.normal_map.shape == (260, 260, 3) and shape.roughness_map.shape == (260, 260)
    assert np.ptp(shape.normal_map[..., :2]) > 4 and np.ptp(shape.roughness_map) > 40
    # Without them the folds alone have normals.
    assert textured.roughness_map is None
    assert np.ptp(textured.normal_map[..., :2].astype(int)) < np.ptp(shape.normal_map[..., :2].astype(int))


def test_what_was_prepared_is_not_worked_out_again(photograph, reconstruct) -> None:
    seen, camera = photograph(0.0)
    options = TextureOptions(texture_size=320)
    caches = (layers_of, unit_energies, detail_chart)
    for cache in caches:
        cache.cache_clear()
    prepare("maquette-head", options)
    known = [cache.cache_info().misses for cache in caches]
    finish_head(reconstruct([camera]), [seen], options)
    assert [cache.cache_info().misses for cache in caches] == known and all(known)
