"""The naked body below somebody's clothes as a fit finds it: nearly right, worst in depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.geometry.surfaces.distance import surface_distance
from maquette.synthesis.anatomy.anny import Body, load_body
from maquette.synthesis.scenes.person_scene import PersonScene

TRUE_SHARE = 1 / 3  # of examples whose fit has no error
TURN, TURN_DEPTH = np.radians(4.0), np.radians(8.0)  # rms of a limb's turn in the picture's plane, and out of it
STEADIER = {"root": 0.3, "spine": 0.35, "head": 0.7, "foot": 1.0, "wrist": 1.2}  # share of it for these bones
SLIDER_NOISE = {"weight": 0.12, "muscle": 0.1, "height": 0.05, "proportions": 0.1, "gender": 0.08}
SHIFT, SHIFT_DEPTH, SIZE = 0.012, 0.02, 0.015  # metres, metres, share of the size
LIMBS = (
    *("root", "spine03", "spine01", "neck01", "head", "upperleg01", "lowerleg01", "foot"),
    *("shoulder01", "upperarm01", "lowerarm01", "wrist"),
)


@dataclass(frozen=True, eq=False)
class SimulatedFit:
    """A posed naked body in the frame of `PersonScene`.

    Attributes:
        vertices: (V, 3) float32 metres. faces: (F, 3) int32, one closed surface.
        pelvis: (3,) metres, midway between the hips' joints.
        exact: whether it is the true body.
    """

    vertices: NDArray
    faces: NDArray
    pelvis: NDArray
    exact: bool

    def distance(self, points: NDArray, rng: np.random.Generator) -> NDArray:
        """(N,) float32 metres from points (N, 3) to the surface, not negative; 99 in 100 good to 2 mm."""
        return surface_distance(self.vertices, self.faces, points, 0.5, float(rng.random()))


def fit(scene: PersonScene, axes: NDArray, rng: np.random.Generator) -> SimulatedFit:
    """What a fit to the picture would give.

    Each limb's direction in the world has an error of its own, as a fit's has: the picture shows where hands and feet
    are, not how far.

    Args:
        axes: (3, 3) rows right, down, forward of the camera.
    """
    body, naked, exact = load_body(), scene.naked, bool(rng.random() < TRUE_SHARE)
    sliders, turns, moved, size = dict(naked.sliders), naked.turns, np.zeros(3), 1.0
    if not exact:
        for name, spread in SLIDER_NOISE.items():
            sliders[name] = float(np.clip(sliders[name] + spread * rng.normal(), 0, 1))
        turns = _jittered(body, turns, axes, rng)
        moved = axes.T @ (rng.normal(size=3) * [SHIFT, SHIFT, SHIFT_DEPTH])
        size = 1 + SIZE * rng.normal()
    rest, joints = body.rest(body.coefficients(sliders))
    vertices, joints = body.pose(rest, joints, turns)
    hips = [body.bones.index(f"upperleg01.{side}") for side in "LR"]
    middle = joints[hips].mean(axis=0)
    # The hips stay where they are seen; what else moves, moves about them.
    at = moved if not exact else middle - naked.origin
    vertices = (size * (vertices - middle) + at).astype(np.float32)
    return SimulatedFit(vertices, body.faces[: body.skin_faces], np.asarray(at, float), exact)


def _jittered(body: Body, turns: Mapping[str, NDArray], axes: NDArray, rng: np.random.Generator) -> dict[str, NDArray]:
    errors: dict[str | None, NDArray] = {None: np.eye(3)}
    for k, name in enumerate(body.bones):
        parent = body.bones[body.parents[k]] if body.parents[k] >= 0 else None
        if name.split(".")[0] not in LIMBS:
            errors[name] = errors[parent]
            continue
        share = next((v for key, v in STEADIER.items() if name.startswith(key)), 1.0)
        spread = share * np.array([TURN_DEPTH, TURN_DEPTH, TURN]) / np.sqrt([2, 2, 1])
        errors[name] = Rotation.from_rotvec(axes.T @ (rng.normal(size=3) * spread)).as_matrix()
    out: dict[str, NDArray] = {}
    whole: dict[str, NDArray] = {}
    for k, name in enumerate(body.bones):
        own = turns.get(name, np.eye(3))
        if body.parents[k] < 0:
            whole[name], out[name] = own, errors[name] @ own
            continue
        parent = body.bones[body.parents[k]]
        whole[name] = whole[parent] @ own
        out[name] = (errors[parent] @ whole[parent]).T @ errors[name] @ whole[name]
    return out
