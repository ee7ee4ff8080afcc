"""Key frames are clear ones, spread over the turns of the head and over time."""

from dataclasses import replace

import numpy as np
import pytest

from maquette.perception.faces import topology
from maquette.perception.models.results import BLENDSHAPES
from maquette.perception.tracking.face_sighting import FaceSightings
from maquette.pipeline.face_clip.key_frames import MOST, chosen, quality
from perception.tracking.test_face_sighting import sighting


@pytest.fixture
def sightings(tmp_path):
    """Fifty frames that turn from one side to the other; every third is blurred, every seventh blinks."""
    rows = []
    for k in range(50):
        one = sighting(k, seed=0)
        landmarks = one.reading.landmarks.copy()
        turn = np.radians(-50 + 2 * k)
        across = 60 * np.array([np.cos(turn), 0, np.sin(turn)])
        landmarks[topology.LEFT_CHEEKBONE] = landmarks[topology.RIGHT_CHEEKBONE] + across
        scores = np.zeros(52)
        scores[BLENDSHAPES.index("eyeBlinkLeft")] = float(k % 7 == 0)
        rows.append(
            replace(
                one,
                reading=replace(one.reading, landmarks=landmarks),
                scores=scores,
                shut=(False, False),
                sharpness=0.2 if k % 3 == 0 else 0.6,
            )
        )
    path = tmp_path / "faces.bin"
    path.write_bytes(b"".join(one.record().tobytes() for one in rows))
    return FaceSightings(path, np.arange(50))


def test_clear_frames_are_chosen_the_frontal_one_first(sightings):
    found = chosen(sightings)
    assert 4 <= len(found) <= MOST == len(set(found)) or len(set(found)) == len(found)
    assert not any(k % 3 == 0 or k % 7 == 0 for k in found), "blurred, or blinking"
    assert abs(-50 + 2 * found[0]) <= 6
    turns = [-50 + 2 * k for k in found]
    assert min(turns) < -22 and max(turns) > 22, "both sides are shown"


def test_blinks_blur_and_covers_count(sightings):
    good = quality(sightings)
    assert good.max() <= 1 and good[7] < 0.6 * good[8] and good[9] < 0.6 * good[8]


def test_a_single_frame_is_a_key_frame(sightings):
    assert chosen(FaceSightings(sightings.path, np.array([4]))) == [0]
