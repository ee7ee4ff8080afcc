"""The detector and the segmenter for animals: decoded boxes, kinds, outlines."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from maquette.perception.boxes import intersection_over_union
from maquette.perception.models import objects


@pytest.fixture(scope="module")
def cat():
    return np.ascontiguousarray(data.chelsea())


def test_there_is_an_anchor_for_every_row_of_the_network():
    anchors = objects._anchors()
    assert anchors.shape == (19206, 4)
    cells = anchors[:: len(objects.OCTAVES) * len(objects.ASPECTS)]
    assert (np.ptp(cells[:1600, :2], axis=0) == 312).all()  # 40 cells of 8 pixels
    assert anchors[0].tolist() == [4, 4, 24, 24]  # the middle of the first cell, three strides wide


def test_a_box_moves_and_grows_with_the_picture(cat):
    (first,) = objects.detect_objects(cat, 0.5)
    assert first.kind == "cat" and first.scores["cat"] == pytest.approx(first.score)
    canvas = np.full((900, 1000, 3), 120, np.uint8)
    canvas[300 : 300 + cat.shape[0], 400 : 400 + cat.shape[1]] = cat
    (moved,) = objects.detect_objects(canvas, 0.5)
    inside = np.clip(first.box, 0, np.tile(cat.shape[1::-1], 2)) + np.array([400, 300, 400, 300])
    assert moved.kind == "cat" and intersection_over_union(moved.box, inside) > 0.8


def test_one_thing_gives_one_box(cat):
    pair = np.concatenate([cat, cat[:, ::-1]], axis=1)
    found = [one for one in objects.detect_objects(pair, 0.4) if one.kind == "cat"]
    assert len(found) == 2
    assert found[0].score >= found[1].score


def test_a_cat_is_cut_out_and_grey_is_nothing(cat):
    side = objects.SEGMENTER_SIDE
    shares = objects.segment_objects(cv2.resize(cat, (side, side), interpolation=cv2.INTER_AREA))
    assert shares["cat"].shape == (side, side)
    assert shares["cat"].mean() > 0.4 and shares["person"].mean() < 0.02
    empty = objects.segment_objects(np.full((side, side, 3), 127, np.uint8))
    assert max(share.mean() for share in empty.values()) < 0.05
