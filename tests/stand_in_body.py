"""A stand-in for anny's cached arrays, made of the shipped body: persons can be drawn where anny is not installed.

It has 32 modes instead of anny's 128, and five sliders, which act linearly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from maquette import morphable
from maquette.perception.people.schemes import SCHEMES
from maquette.synthesis.anatomy import anny
from maquette.synthesis.anatomy.body_mesh import load_body_mesh

GROWN = 2 / 3  # of the age slider: who is older has the same size
EYES_M, FEET_M = 0.902, -0.85  # heights on anny's average body
# Variance of each slider among the persons that tools/build_body.py draws: it turns covariances into slopes.
VARIANCES = {"gender": 0.139, "age": 0.011, "muscle": 0.054, "weight": 0.054, "height": 0.0056}


def arrays() -> dict[str, np.ndarray]:
    """What `anny._from_anny` returns, of the shipped body."""
    body = morphable.load("maquette-body")
    rig = body.rig
    assert rig is not None
    eyes, feet = body.mean[body.part_vertices("eyeLeft"), 1].mean(), body.mean[:, 1].min()
    scale = np.float32((EYES_M - FEET_M) / (eyes - feet))
    shift = np.array([0, FEET_M - scale * feet, 0], np.float32)
    points = {}
    for scheme, names in SCHEMES.items():
        for name, index, weight in zip(names, *rig.keypoints[scheme]):
            points[name] = np.zeros(len(body.mean), np.float32)
            points[name][index] = weight
    skin = len(body.parts["skin"])
    assert np.array_equal(body.parts["skin"], np.arange(skin))
    mask, projection = sliders(rig.sliders, len(body.identity_basis))
    return {
        "template": scale * body.mean + shift,
        "shapes": (scale * body.identity_basis).astype(np.float16),
        "joints": scale * rig.heads + shift,
        "joint_shapes": scale * rig.heads_basis,
        "faces": body.faces,
        "skin_faces": np.array(skin),
        "parents": rig.parents,
        "bone_index": rig.bone_index,
        "bone_weight": rig.bone_weight,
        "keypoint_weights": np.stack(list(points.values())),
        "mouth_corners": np.array([points[f"mouth_{side}"].argmax() for side in ("left", "right")], np.int32),
        "mask": mask,
        "projection": projection,
        "texts": np.array(json.dumps({"bones": list(rig.bones), "keypoints": list(points)})),
    }


def sliders(covariances: dict[str, np.ndarray], modes: int) -> tuple[np.ndarray, np.ndarray]:
    """Mask (P, 26) and projection (P, K) whose sum over a slider's anchors is linear in it."""
    anchors = [(None, 0.0)] * len(anny.RACES)
    for name, count in anny.VARIATIONS.items():
        anchors += [(name, float(at)) for at in np.linspace(-1 / 3 if name == "age" else 0, 1, count)]
    projection = np.zeros((len(anchors), modes), np.float32)
    for row, (name, at) in enumerate(anchors):
        if name in covariances:
            off = min(at - GROWN, 0) if name == "age" else at - 0.5
            projection[row] = off / VARIANCES[name] * covariances[name]
    return np.eye(len(anchors), dtype=np.float32), projection


@pytest.fixture(scope="module")
def body_arrays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of anny's arrays: the user's own, or else the stand-in."""
    if anny.cache_file().is_file():
        yield anny.cache_file()
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        anny._write(anny.cache_file(), arrays())
        _forget()
        yield anny.cache_file()
    _forget()


def _forget() -> None:
    anny.load_body.cache_clear()
    load_body_mesh.cache_clear()
