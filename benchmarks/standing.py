"""Do people who stand come out standing: knees, hips over ankles and joints, by what the camera may do.

    python benchmarks/standing.py [--people 12] [--others 8] [PHOTO ...]

Photographs synthetic people nobody has seen, 2 to 5 m away, with cameras that look up by 12 to down by 20 degrees:
some who stand, and others who walk, sit, crouch and dance. The real detector finds them. Writes, per variant of the fit
and kind of pose, the error of the knees' angles in degrees; in cm that of how far the hips are before the ankles in a
level world, of the 12 large joints in that world and in the camera's axes (after the best move and scale); and the
ratios of the errors to those of a level camera, to benchmarks/results/standing.csv. Of each PHOTO it prints the
knees, how far the hips are before the ankles, the shin farthest from upright and the pitch that was found.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from body_fit import changed
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import Options
from maquette.core.types import Camera, Frame, Observation
from maquette.perception.people.observe import observe_people
from maquette.perception.people.schemes import JOINTS
from maquette.reconstruction.body_fit import method, solve, target
from maquette.reconstruction.body_fit.place import PlacedBody
from maquette.reconstruction.body_fit.skeleton import load_skeleton
from maquette.sources import photos
from maquette.synthesis.rendering.background import draw_background
from maquette.synthesis.rendering.light import draw_light
from maquette.synthesis.rendering.render import render
from maquette.synthesis.rendering.sensor import develop, draw_sensor
from maquette.synthesis.scenes.person_scene import PersonScene, draw_person_scene
from maquette.synthesis.types import Kind

SIZE, FILL = 512, 0.85  # pixels of a photograph, share of it that the person takes
SEED = 1871
DISTANCES = (2.0, 5.0)  # metres
PITCHES = (-12.0, 20.0)  # degrees by which the camera looks down
OTHERS = ("walk", "sit", "crouch", "dance")
SCHEME = "mediapipe33"
SHOULDERS, HIPS, KNEES, ANKLES = (slice(k, k + 2) for k in (11, 23, 25, 27))
RESULT = Path(__file__).parent / "results" / "standing.csv"
MEASURES = ("knees deg", "hips before ankles cm", "joints cm", "joints in the camera's axes cm")
VARIANTS: dict[str, Mapping[tuple[ModuleType, str], float]] = {
    "level camera": {(target, "STRETCHED"): 1e3, (solve, "LEVEL_SPREAD"): 1e-5},
    "orthographic camera": {(target, "FOCAL"): 1e6},
    "as it is (default)": {},
}


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture of somebody whose pose is known: (33, 3) metres in camera axes, and which way is up there (3,)."""

    image: NDArray
    points: NDArray
    up: NDArray


def photographed(number: int, stance: str) -> Photograph:
    """A synthetic person, whole, before a perspective camera."""
    rng = np.random.default_rng((SEED, 1, number))
    scene = draw_person_scene(rng, stance)
    camera = _camera(rng, scene)
    light = draw_light(rng, -camera.world_to_camera[2, :3])
    drawn = render(scene.surfaces, [], camera, light)
    sensor = draw_sensor(rng, SIZE)
    radiance = drawn.radiance + (1 - drawn.coverage[..., None]) * draw_background(rng, (SIZE, SIZE))
    image = develop(radiance, drawn.kind != Kind.BACKGROUND, sensor, rng)
    pose = camera.world_to_camera
    points = scene.keypoints[SCHEME].astype(float) @ pose[:3, :3].T + pose[:3, 3]
    return Photograph(image, points, pose[:3, 1])


def _camera(rng: np.random.Generator, scene: PersonScene) -> Camera:
    yaw, pitch, distance = 0.5 * rng.normal(), np.radians(rng.uniform(*PITCHES)), rng.uniform(*DISTANCES)
    forward = -np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    vertices = scene.vertices.astype(float)
    pose[:3, 3] = [0, 0, distance] - pose[:3, :3] @ (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    seen = vertices @ pose[:3, :3].T + pose[:3, 3]
    flat = seen[:, :2] / seen[:, 2:]
    low, high = flat.min(axis=0), flat.max(axis=0)
    focal = FILL * SIZE / float((high - low).max())
    centre = SIZE / 2 - focal * (low + high) / 2
    return Camera(np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]]), pose, (SIZE, SIZE))


def knee_angles(points: NDArray) -> NDArray:
    """(2,) degrees between thigh and shin of (33, 3) points; 180 is straight."""
    thigh, shin = points[HIPS] - points[KNEES], points[ANKLES] - points[KNEES]
    cosine = (thigh * shin).sum(axis=1) / np.linalg.norm(thigh, axis=1) / np.linalg.norm(shin, axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def hips_before_ankles(points: NDArray) -> float:
    """Metres, of (33, 3) points in a level frame whose z is towards the camera."""
    return float((points[HIPS].mean(axis=0) - points[ANKLES].mean(axis=0))[2])


def steepest_shin(points: NDArray) -> float:
    """Degrees from upright of the shin that is farther from it, y up."""
    shin = points[KNEES] - points[ANKLES]
    return float(np.degrees(np.arccos(np.clip(shin[:, 1] / np.linalg.norm(shin, axis=1), -1, 1))).max())


def levelled(points: NDArray, up: NDArray) -> NDArray:
    """(33, 3) points in camera axes, in a level frame (x right, y up, z towards the camera)."""
    right = np.cross(up, [0, 0, -1.0])
    right /= np.linalg.norm(right)
    return points @ np.stack([right, up, np.cross(right, up)]).T


def found_points(placement: PlacedBody, seen: Observation) -> tuple[NDArray, NDArray]:
    """The fitted body's (33, 3) points in camera axes, and which way is up there (3,)."""
    pose = placement.camera(0, seen).world_to_camera
    points = placement.skeleton.rig.keypoints_of(SCHEME, placement.vertices(0)).astype(float)
    return points @ pose[:3, :3].T + pose[:3, 3], pose[:3, 1]


def joint_error(found: NDArray, true: NDArray) -> float:
    """Metres, mean over the large joints, after the best move and scale."""
    found, true = (p[JOINTS] - p[JOINTS].mean(axis=0) for p in (found, true))
    return float(np.linalg.norm(found * (found * true).sum() / (found * found).sum() - true, axis=1).mean())


def scores(seen: Observation, truth: Photograph) -> tuple[float, ...]:
    """See MEASURES."""
    points, up = found_points(method.fitted([seen], load_skeleton(), Options()), seen)
    level, true = levelled(points, up), levelled(truth.points, truth.up)
    return (
        float(np.abs(knee_angles(points) - knee_angles(truth.points)).mean()),
        100 * abs(hips_before_ankles(level) - hips_before_ankles(true)),
        100 * joint_error(level, true),
        100 * joint_error(points, truth.points),
    )


def of_photo(path: Path) -> None:
    """Print how everybody in a photo stands, with each variant."""
    for seen in observe_people(photos.read(path)):
        for name, constants in VARIANTS.items():
            with changed(constants):
                placement = method.fitted([seen], load_skeleton(), Options())
                facts = method.facts(placement, [seen], Options().body)
            points, up = found_points(placement, seen)
            level = levelled(points, up)
            knees = "/".join(f"{angle:.0f}" for angle in knee_angles(points))
            print(
                f"{path.name} at {seen.box[0]:.0f}: {name:20} knees {knees}, hips before ankles "
                f"{hips_before_ankles(level):+.2f} m, shin {steepest_shin(level):.0f}, pitch "
                f"{np.degrees(placement.pitch[0]):+.0f}, key points {facts['keypoint_error_percent'][0]:.2f} %, "
                f"outline {facts['silhouette_iou'][0]:.3f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="*", type=Path, metavar="PHOTO")
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--others", type=int, default=8)
    given = parser.parse_args()
    for path in given.photos:
        of_photo(path)
    if given.photos:
        return
    rows: dict[tuple[str, str], list] = {}
    stances = ["stand"] * given.people + [OTHERS[k % len(OTHERS)] for k in range(given.others)]
    for number, stance in enumerate(stances):
        truth = photographed(number, stance)
        try:
            seen = max(observe_people(Frame(truth.image, origin=f"person {number}")), key=lambda o: o.mask.sum())
        except NothingFound as error:
            print(error)
            continue
        for name, constants in VARIANTS.items():
            with changed(constants):
                row = scores(seen, truth)
            rows.setdefault(("standing" if stance == "stand" else "others", name), []).append(row)
            print(number, stance, name, *(f"{value:.1f}" for value in row), flush=True)
    if not rows:
        raise SystemExit("nobody was found in the photographs: ask for more with --people")
    write(rows)


def write(rows: Mapping[tuple[str, str], list]) -> None:
    """Means and ratios to the level camera's, to RESULT."""
    RESULT.parent.mkdir(exist_ok=True)
    with RESULT.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(
            ["people", "variant", "count", *MEASURES, *(f"ratio of {name.rpartition(' ')[0]}" for name in MEASURES)]
        )
        for (kind, name), found in rows.items():
            mean = np.mean(found, axis=0)
            ratio = mean / np.mean(rows[kind, "level camera"], axis=0)
            print(kind, name, *(f"{value:.2f}" for value in (*mean, *ratio)))
            out.writerow([kind, name, len(found), *(f"{v:.2f}" for v in mean), *(f"{v:.2f}" for v in ratio)])


if __name__ == "__main__":
    main()
