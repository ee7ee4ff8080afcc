"""Which mesh belongs to which picture and camera."""

from __future__ import annotations

import json

import numpy as np
import pytest

from maquette.evaluation.image_space.person_mesh import read_person_mesh
from maquette.evaluation.image_space.views import clip_views, photo_views
from person_results import (
    clip_manifest,
    doll,
    track,
    write_result,
)


def test_the_motion_of_a_clip_is_found_by_the_number_of_the_frame(tmp_path):
    from maquette import morphable

    model = morphable.load("maquette-body")
    count, turns = 3, np.tile([1.0, 0, 0, 0], (3, len(model.rig.bones), 1))
    moves = np.arange(3)[:, None] * [0.1, 0, 0]
    write_result(
        tmp_path / "out" / "walk" / "person-1", doll(), tmp_path / "walk.mp4", model=np.array(model.name),
        identity=np.zeros(len(model.identity_basis)), expression=np.zeros((count, len(model.expression_names))),
        scale=np.ones(1), rotations=turns, translation=moves, times=np.array([0.0, 0.4, 0.8]),
        frames=np.array([0, 10, 20]), time=np.array([0.4]),
    )  # fmt: skip
    clip_manifest(tmp_path, [[]] * 20 + [[track(None)]])
    (view,) = clip_views(tmp_path / "out" / "manifest.json", tmp_path / "out")
    assert (view.frame, view.row, view.lost, view.method) == (20, 2, "no mesh", "surface")
    reported = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({**reported, "settings": {"method": "parametric"}}))
    (view,) = clip_views(tmp_path / "out" / "manifest.json", tmp_path / "out")
    assert view.lost == "" and view.camera is not None
    assert read_person_mesh(view).shape.vertices[:, 0].mean() == pytest.approx(0.2, abs=0.01)
    # Without a row in the manifest, the frames of the texture.
    (view,) = photo_views(tmp_path / "out" / "walk" / "person-1", "x")
    assert (view.frame, view.row, view.mesh, view.lost) == (10, 1, None, "")
    assert clip_views(tmp_path / "out" / "manifest.json", tmp_path / "out" / "walk" / "person-2") == []
