"""PIFuHD's published rule to its published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.errors import BadInput
from maquette.perception.people import crop

# Key points x, y, confidence of the tallest person in PIFuHD's sample picture (512 x 512), as its json gives them.
SAMPLE = np.array(
    [
        [251.14, 70.0905, 0.920212],
        [249.729, 121.622, 0.848532],
        [205.176, 121.648, 0.783397],
        [185.738, 191.227, 0.800347],
        [216.332, 199.615, 0.829802],
        [294.238, 120.247, 0.805623],
        [306.9, 189.876, 0.865557],
        [324.944, 223.301, 0.823568],
        [251.178, 263.668, 0.671555],
        [226.047, 265.073, 0.633188],
        [227.432, 370.844, 0.798983],
        [234.42, 466.968, 0.718138],
        [281.782, 262.271, 0.647396],
        [295.743, 372.224, 0.780934],
        [316.553, 472.555, 0.721108],
        [244.17, 60.3191, 0.876],
        [260.855, 60.3366, 0.937398],
        [230.252, 60.3082, 0.947452],
        [271.992, 60.2974, 0.922649],
        [354.182, 494.776, 0.658449],
        [356.96, 489.211, 0.639241],
        [306.767, 485.045, 0.680462],
        [226.043, 483.654, 0.614895],
        [216.363, 480.89, 0.687368],
        [240.024, 476.682, 0.642223],
    ]
)


def test_the_sample_picture_gives_the_published_numbers():
    assert crop.published_rect(SAMPLE).tolist() == [-11, -5, 564, 564]


@pytest.mark.parametrize("hidden", [[11, 14, 19, 20, 21, 22, 23, 24], list(crop.FEET)])
def test_without_feet_the_hips_decide(hidden):
    """As published, a left ankle and a right heel do not count as feet."""
    points = SAMPLE.copy()
    points[hidden, 2] = 0.4
    rect = crop.published_rect(points)
    sure = points[points[:, 2] > 0.5, :2]
    radius = int(1.45 * max(np.hypot(*(p - [251, 263])) for p in sure))
    assert rect.tolist() == [251 - radius, 263 + int(0.05 * radius) - radius, 2 * radius, 2 * radius]


def test_points_that_are_not_there_are_reported():
    with pytest.raises(BadInput, match="neither feet nor hips"):
        crop.published_rect(np.zeros((25, 3)))
    one_spot = np.tile([5.0, 5.0, 0.9], (25, 1))
    with pytest.raises(BadInput, match="all lie on one spot"):
        crop.published_rect(one_spot)
