"""Sightings of faces in a file are what was seen."""

from dataclasses import fields

import numpy as np

from maquette.core.types import Reading
from maquette.perception.tracking.face_sighting import RECORD, FaceSighting, FaceSightings, sighting_of


def sighting(frame=3, seed=0, detected=0.9, place=(100.0, 80.0)):
    random = np.random.default_rng(seed)
    landmarks = random.uniform(0, 60, (478, 3)) + np.array([*place, 0])
    reading = Reading(
        landmarks=landmarks + 1,
        sigma=np.full(478, 0.5),
        identity=random.normal(size=60),
        identity_sigma=np.full(60, 0.5),
        expression=random.uniform(0, 1, 52),
        expression_sigma=np.full(52, 0.2),
        presence=0.98,
        disagreement=0.0 if detected else None,
    )
    return FaceSighting(
        frame,
        frame / 25,
        1,
        0,
        landmarks,
        np.full(478, 0.75),
        detected,
        reading,
        random.uniform(0, 1, 52),
        (True, False),
    )


def test_what_is_written_is_read(tmp_path):
    seen = [sighting(k, k, detected=0.9 * (k != 1)) for k in range(4)]
    path = tmp_path / "faces.bin"
    path.write_bytes(b"".join(one.record().tobytes() for one in seen))
    stored = FaceSightings(path, np.array([1, 3]))
    assert len(stored) == 2 and [one.frame for one in stored] == [1, 3]
    for one, other in zip(stored, (seen[1], seen[3])):
        for column in fields(FaceSighting):
            if column.name != "reading":
                assert np.allclose(getattr(one, column.name), getattr(other, column.name), atol=1e-4), column.name
        assert np.allclose(one.reading.landmarks, other.reading.landmarks, atol=1e-4)
        assert one.reading.alone == other.reading.alone
    assert np.allclose(stored.boxes(), [one.box for one in (seen[1], seen[3])], atol=1e-3)
    assert stored.column("time").tolist() == [1 / 25, 3 / 25]
    assert RECORD.itemsize < 20_000, "ten thousand frames are 200 MB on the disk, and none in memory"


def test_an_observation_of_a_whole_frame_takes_no_memory():
    seen = sighting().observation((1920, 1080))
    assert seen.frame.pixels.strides == (0, 0, 0) and seen.frame.size == (1920, 1080)
    assert np.array_equal(seen.landmarks, sighting().landmarks) and seen.shut_eyes == (True, False)


def test_where_the_detector_failed_the_networks_landmarks_count():
    alone = sighting(detected=0.0)
    assert np.array_equal(alone.points, alone.reading.landmarks) and alone.reading.alone
    assert sighting_of(np.array(alone.record())).reading.disagreement is None
