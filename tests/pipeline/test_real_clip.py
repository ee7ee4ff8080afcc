"""Acceptance on a real clip: sixty frames of a dancer, one of them blurred, a second person in the last third."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

import maquette
from clips import write_clip
from maquette.outputs.reports.manifest import read_manifest

pytestmark = [pytest.mark.slow, pytest.mark.real_data]
SIZE = (640, 360)
BLURRED, SECOND = 20, range(36, 60)


@pytest.fixture(scope="module")
def clip(real_data, tmp_path_factory):
    """The clip: from frame 36 on the dancer stands beside herself."""
    pictures = []
    with av.open(str(real_data / "video" / "dancer.mp4")) as container:
        for frame in container.decode(video=0):
            pictures.append(cv2.resize(frame.to_ndarray(format="rgb24"), SIZE, interpolation=cv2.INTER_AREA))
    room = np.median(np.stack(pictures[::4]), axis=0)
    other = pictures[0]
    mask = (np.abs(other - room).max(axis=2) > 28).astype(np.uint8)
    mask[:, :150], mask[270:] = 0, 0
    mask = np.roll(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5))), 120, axis=1) > 0
    pictures[BLURRED] = cv2.filter2D(pictures[BLURRED], -1, np.ones((1, 11)) / 11)
    for number in SECOND:
        pictures[number] = np.where(mask[..., None], np.roll(other, 120, axis=1), pictures[number])
    return write_clip(tmp_path_factory.mktemp("real") / "dancer.mp4", pictures[:60], options={"crf": "15"})


def test_sixty_frames_sixty_meshes_and_a_run_that_goes_on(clip, tmp_path):
    small = {"method": "parametric", "turntable": False, "overview": False, "texture_size": 256, "formats": "glb"}
    out = tmp_path / "out"

    def stop(name, stage):
        if stage.startswith("drawing, frame 25 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        maquette.video(clip, out, progress=stop, **small)
    frames = out / "dancer/person-1/frames"
    made = {path: path.stat().st_mtime_ns for path in frames.iterdir()}
    assert 20 < len(made) < 60
    told = []
    rows = maquette.video(clip, out, progress=lambda _name, stage: told.append(stage), **small)
    assert any(stage.startswith("goes on") for stage in told)
    assert not [stage for stage in told if stage.startswith(("looking", "person-1 fitting"))]
    assert all(path.stat().st_mtime_ns == time for path, time in made.items())
    assert [path.name for path in sorted(frames.iterdir())] == [f"{k:06d}.ply" for k in range(60)]
    tracks = {frame["frame"]: {t["track"]: t for t in frame["tracks"]} for frame in read_manifest(out)["frames"]}
    first = min(tracks[0])
    dancer = [tracks[k][first] for k in range(60)]
    assert all((out / row["mesh"]).is_file() for row in dancer)
    assert np.median([row["scores"]["silhouette_iou"] for row in dancer]) > 0.85
    assert dancer[BLURRED]["status"] == "flagged" and "blurred" in dancer[BLURRED]["reason"]
    assert dancer[2]["status"] == "done"
    crowded = [k for k in range(60) for t in tracks[k].values() if "another person" in t["reason"]]
    assert crowded and min(crowded) >= SECOND[0]
    assert len(rows) == 2 and (out / "dancer/person-2/person.glb").is_file()
