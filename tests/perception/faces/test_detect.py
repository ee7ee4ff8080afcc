"""Few tiles and close-ups find what many tiles find; nothing is looked at twice."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.perception.boxes import overlap
from maquette.perception.copies import Copy, Search, in_tiles, part, search_copy, sized
from maquette.perception.faces import detect
from maquette.perception.faces.search import find_faces
from maquette.perception.models import networks
from maquette.perception.models.results import FaceDetection


def scattered(portrait, seed, width):
    """A noisy picture of 1024 pixels with five small faces anywhere, and their boxes."""
    rng = np.random.default_rng(seed)
    pixels = cv2.resize(rng.integers(0, 255, (64, 64, 3)).astype(np.uint8), (1024, 1024))
    boxes = []
    for column in range(5):
        factor = width / 92 * rng.uniform(1, 1.5)
        small = cv2.resize(portrait, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        x, y = column * 205, int(rng.integers(0, 1024 - len(small)))
        shown = small[:, :204]
        pixels[y : y + len(shown), x : x + shown.shape[1]] = shown
        boxes.append(find_box(portrait) * factor + np.tile([x, y], 2))
    return pixels, boxes


def find_box(portrait):
    return detect.candidates(Search(search_copy(portrait), 1, detect.SURE))[0].box


def test_small_faces_anywhere_are_found(portrait):
    missed = 0
    for seed in range(4):
        pixels, boxes = scattered(portrait, seed, 40)
        found = find_faces(pixels)
        missed += sum(not any(face.lies_at(box) for face in found) for box in boxes)
    assert missed == 0


def test_a_closer_look_finds_what_tiles_doubt(portrait, monkeypatch):
    pictures = [scattered(portrait, seed, 30) for seed in range(4)]

    def count():
        return sum(
            any(overlap(item.box, box) > 0.4 for item in detect.candidates(Search(search_copy(pixels), 2, detect.SURE)))
            for pixels, boxes in pictures
            for box in boxes
        )

    with_it = count()
    monkeypatch.setattr(detect, "DOUBTFUL", detect.SURE)
    assert with_it > count() and with_it >= 18


def test_no_closer_look_where_nothing_is_wanted(portrait, monkeypatch):
    """Four tiles and a view for each doubt; a known face is none, nor is what lies in another's view."""
    search = Search(search_copy(scattered(portrait, 1, 30)[0]), 2, detect.SURE)
    runs, original = [], networks.detect_faces
    monkeypatch.setattr(networks, "detect_faces", lambda *given: (runs.append(given[1]), original(*given))[1])
    detect.candidates(search, lambda _: False)
    assert runs == ["full"] * 4
    detect.candidates(search)
    assert len(runs) > 8
    noise = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3), dtype=np.uint8)
    monkeypatch.setattr(detect, "DOUBTFUL", 0.01)
    for division, most in ((2, 9), (4, 49)):
        runs.clear()
        detect.candidates(Search(search_copy(noise), division, detect.SURE))
        assert len(runs) <= most, "no more than tiles that overlap by half"
    near = [FaceDetection(np.array([x, 50.0, x + 30, 80]), np.zeros((6, 2)), 0.2) for x in (100, 120, 400)]
    views = detect._close_ups(search.copy, near, 9)
    assert len(views) == 2 and all(view.pixels.shape == (192, 192, 3) for view in views)


@pytest.mark.parametrize("division", [2, 4])
def test_tiles_share_a_quarter_at_the_size_of_the_input(division):
    small = sized(Copy(np.zeros((1100, 1500, 3), np.uint8), np.eye(2, 3)), round(192 * detect._grown(division)))
    tiles = in_tiles(small, detect._grown(division), detect.SHARED)
    assert {tile.pixels.shape[1] for tile in tiles} == {192}
    left = sorted({float(tile.to_full[0, 2]) for tile in tiles})
    assert len(left) == division and len(tiles) <= division**2
    side = 192 * small.to_full[0, 0]
    assert max(np.diff(left)) <= 0.76 * side and left[-1] + side == pytest.approx(1500, abs=2)


def test_a_part_reaching_out_is_moved_inwards_and_knows_the_way_back():
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[50, 70] = 255
    cut = part(Copy(pixels, np.diag([2.0, 2.0, 0])[:2]), np.array([55.0, 40, 95, 80]))
    assert cut.pixels.shape == (40, 40, 3) and np.array_equal(np.argwhere(cut.pixels[..., 0]), [[30, 30]])
    assert np.allclose(cut.to_full @ [30, 30, 1], [140, 100])
