"""The steps of tools/build_dog_body.py."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from dog.simplify import Simplifier
from dog.source import read_dog


def test_another_wheel_is_refused(tmp_path):
    wheel = tmp_path / "dm_control-1.0.50-py3-none-any.whl"
    wheel.write_bytes(b"not it")
    with pytest.raises(ValueError, match="SHA-256"):
        read_dog(wheel)


def test_a_ball_stays_closed_and_keeps_its_seam():
    ball = trimesh.creation.icosphere(subdivisions=3)
    points, faces = np.asarray(ball.vertices), np.asarray(ball.faces)
    # Two charts, seen from the left and from the right: each corner belongs to one.
    left = points[faces][:, :, 0].mean(axis=1) > 0
    uvs = np.concatenate([points[:, 1:] / 4 + [0.25, 0.5], points[:, 1:] / 4 + [0.75, 0.5]])
    uv_faces = faces + np.where(left, 0, len(points))[:, None]
    work = Simplifier(points, faces, uvs, uv_faces, np.ones((len(points), 1)), np.ones(len(points)))
    work.run(200)
    made, corners = work.result()
    fewer = trimesh.Trimesh(points, made, process=True)
    assert fewer.is_watertight and len(np.unique(made)) <= 210
    assert fewer.volume == pytest.approx(ball.volume, rel=0.06)
    assert ((corners < len(points)).all(axis=1) | (corners >= len(points)).all(axis=1)).all()
    assert (corners % len(points) == made).all()
