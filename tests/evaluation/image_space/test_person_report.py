"""People of photos and clips, reported one by one."""

from __future__ import annotations

import json

import pytest

from clips import write_clip
from maquette.core.errors import BadInput
from maquette.evaluation.image_space import evaluate, person_report
from person_results import (
    clip_manifest,
    doll,
    observation,
    only_row,
    picture,
    track,
    write_result,
)


def test_one_bad_result_never_stops_the_others(out):
    root, seen, pixels, mask = out
    for name, file in (("a", "person.ply"), ("b", "parameters.npz"), ("d", None)):
        place = root / "out" / name / "person-1"
        write_result(place, doll(), root / ("gone.png" if file is None else "someone.png"))
        if file:
            (place / file).write_bytes(b"rubbish")
    table = evaluate.evaluate_imagespace(root / "out")
    failed = dict(zip(table.column("result"), table.column("failed")))
    assert failed["someone/person-1"] == "" and evaluate.exit_status(table) == 1
    assert "not a readable .ply mesh" in failed["a/person-1"] and "not a readable .npz" in failed["b/person-1"]
    assert "gone.png: is not at" in failed["d/person-1"]
    seen()
    table = evaluate.evaluate_imagespace(root / "out" / "someone")
    assert "no person found again at [60, 20, 180, 220]" in only_row(table)["failed"]
    seen(observation(pixels, mask))
    with pytest.raises(BadInput, match="not a readable"):
        evaluate.evaluate_imagespace(root / "out" / "a", [root / "someone.png"])
    (root / "out" / "a" / "person-1" / "person.ply").unlink()
    with pytest.raises(BadInput, match=r"holds neither person.obj nor person.ply"):
        evaluate.evaluate_imagespace(root / "out" / "a")


def test_a_clip_is_measured_frame_by_frame(tmp_path, monkeypatch):
    pixels, mask = picture(doll())
    write_clip(tmp_path / "walk.mp4", [pixels] * 5, options={"crf": "12"})
    frames = tmp_path / "out" / "walk" / "person-1" / "frames"
    frames.mkdir(parents=True)
    moved = doll().apply_translation([0.1, 0, 0])
    for k, mesh in enumerate((doll(), moved, doll())):
        mesh.export(frames / f"{k:06d}.ply")
    names = [f"walk/person-1/frames/{k:06d}.ply" for k in range(4)]
    clip_manifest(
        tmp_path,
        [
            [track(names[0])],
            [track(names[1])],
            [track(names[2], "flagged", "blurred")],
            [track(None, "skipped", "blurred")],
            [track(names[3])],
        ],
    )
    monkeypatch.setattr(person_report, "observe_people", lambda *_: [observation(pixels, mask)])
    table = evaluate.evaluate_imagespace(tmp_path / "out")
    assert table.column("picture") == [f"walk.mp4 {k}" for k in range(5)]
    assert [bool(failed) for failed in table.column("failed")] == [False, True, False, False, True]
    assert "blurred" in table.column("flags")[2] and table.column("flags")[3] == "skipped: blurred"
    assert "000003.ply: no such file" in table.column("failed")[4]
    reported = json.loads((tmp_path / "out" / "walk" / "person-1" / "imagespace.json").read_text())
    assert [frame["status"] for frame in reported["per_frame"]] == ["done", "failed", "flagged", "skipped", "failed"]
    assert (reported["frames"], reported["failed"]) == (5, 2)
    steady = dict(zip(table.more[0].columns, table.more[0].rows[0]))
    assert (steady["frames"], steady["rect jitter px"]) == (3, 0) and reported["steadiness"][0]["frames"] == 3
    # The mesh jumps to the side and back in a clip that stands still.
    assert steady["silhouette IoU after flow"] == pytest.approx(table.column("silhouette IoU")[1], abs=0.05)
    assert 1 < steady["chamfer cm"] < 10
    (tmp_path / "out" / "manifest.json").write_text('{"frames": 3}')
    with pytest.raises(BadInput, match=r"manifest.json: cannot be read"):
        evaluate.evaluate_imagespace(tmp_path / "out")
