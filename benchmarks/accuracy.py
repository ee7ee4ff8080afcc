"""How far heads are from scans, step by step of the fit: python benchmarks/accuracy.py FOLDER

FOLDER holds `scans/photos/<name>_<view>.png`, `scans/gt/<name>.npz` (`scan` (N, 3) and `lm` (468, 3), mm) and `faces/`.
Protocol after Feng et al. 2018: similarity alignment on landmarks, trimmed ICP, distance from the scan to the mesh
inside 1.2 * (outer eye distance + nose length) / 2 of the face's centre. Prints a table, writes results/accuracy.csv.
"""

from __future__ import annotations

import argparse
import csv
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from maquette import morphable
from maquette.core.options import FitOptions, PerceptionOptions, SourceOptions
from maquette.core.types import Observation, Reconstruction, Subject
from maquette.geometry.alignment import similarity
from maquette.perception.observers import OBSERVERS
from maquette.reconstruction.face_fit import method, registration
from maquette.reconstruction.face_fit.terms.landmarks import LandmarkTerm
from maquette.sources import photos
from maquette.weights.store import fetch

MODEL = morphable.load("maquette-head")
DEFAULTS = FitOptions()
EMBEDDING = MODEL.embeddings["mediapipe478"]
# Faces that can be near a scanned face; the back of the head only costs time.
FRONT = MODEL.faces[MODEL.mean[MODEL.faces][:, :, 2].min(axis=1) > -0.09]


def no_slide(model: morphable.MorphableModel, *_: object) -> np.ndarray:
    """Registration left out."""
    return np.zeros_like(model.mean)


def plain(term: LandmarkTerm) -> dict[str, np.ndarray]:
    """The landmark noise without its covariance between landmarks."""
    noise = dict(term.noise)
    return {**noise, "factor": np.zeros_like(noise["factor"]), "spread": 2 * noise["spread"]}


def steps() -> list[tuple[str, FitOptions, list]]:
    """The ablation: label, options and what is replaced."""
    term = method.landmark_term(fetch)
    still = (method, "slide", no_slide)
    flat = FitOptions(photometric=False, reader="landmarks")
    detector = FitOptions(reader="landmarks")
    return [
        ("landmarks, independent noise", flat, [still, (term, "noise", plain(term))]),
        ("landmarks, learned covariance", flat, [still]),
        ("+ shading", detector, [still]),
        ("+ registration along the view", detector, [(registration, "KEPT_NORMAL", 1.0)]),
        ("+ registration along the skin", detector, []),
        ("the network instead of the detector's landmarks", FitOptions(reader="network"), []),
        ("both (default)", FitOptions(), []),
    ]


def closest(vertices: np.ndarray, points: np.ndarray, candidates: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Nearest points on the front of the head among the triangles with the nearest centres, and distances."""
    triangles = vertices[FRONT]
    index = cKDTree(triangles.mean(axis=1)).query(points, k=candidates)[1]
    near = trimesh.triangles.closest_point(triangles[index.ravel()], np.repeat(points, candidates, axis=0))
    near = near.reshape(len(points), candidates, 3)
    distance = np.linalg.norm(near - points[:, None], axis=2)
    best = distance.argmin(axis=1)
    rows = np.arange(len(points))
    return near[rows, best], distance[rows, best]


def scan_error(vertices: np.ndarray, scan: np.ndarray, landmarks: np.ndarray) -> float:
    """Median scan-to-mesh distance, mm."""
    centre = landmarks[2] + 0.3 * (landmarks[168] - landmarks[2])
    eyes, nose = np.linalg.norm(landmarks[33] - landmarks[263]), np.linalg.norm(landmarks[168] - landmarks[2])
    face = scan[np.linalg.norm(scan - centre, axis=1) < 0.6 * (eyes + nose)]
    mine = EMBEDDING.points(vertices, MODEL.faces)[:468] * 1000.0
    good = ~np.isnan(landmarks).any(axis=1)
    for _ in range(5):
        laid = similarity(mine[good], landmarks[good])
        rest = np.linalg.norm(laid.apply(mine) - landmarks, axis=1)
        good = rest < max(12.0, 3 * np.nanmedian(rest))
    placed = laid.apply(1000.0 * vertices.astype(float))
    sample = face[:: max(1, len(face) // 1500)]
    for _ in range(25):
        near, distance = closest(placed, sample)
        inner = distance <= np.percentile(distance, 95)
        placed = similarity(near[inner], sample[inner]).apply(placed)
    return float(np.median(closest(placed, face)[1]))


def fitted(*faces: Observation, options: FitOptions = DEFAULTS) -> Reconstruction:
    """One head from one or several photos."""
    return method.fit(MODEL, method.landmark_term(fetch), list(faces), options)


def see(path: Path) -> Observation:
    """The largest face of a photo."""
    found = OBSERVERS[Subject.FACE](photos.read(path, SourceOptions()), PerceptionOptions())
    return max(found, key=lambda face: float(np.prod(face.box[2:] - face.box[:2])))


def measure(scans: dict, faces: dict, options: FitOptions) -> tuple[list[float], list[float], list[float]]:
    """Per scan photo the error, mm; per face photo the landmark error in % of the eye distance, and the expression."""
    errors = []
    for face, scan, landmarks in scans.values():
        errors.append(scan_error(fitted(face, options=options).shape.vertices, scan, landmarks))
    reprojection, units = [], []
    for face in faces.values():
        result = fitted(face, options=options)
        eyes = np.linalg.norm(face.landmarks[468] - face.landmarks[473])
        reprojection.append(100 * result.provenance["landmark_error_px"][0] / eyes)
        assert result.expression is not None, "the fit finds the expression"
        units.append(float(result.expression[0].sum()))
    return errors, reprojection, units


def people(scans: dict) -> list[tuple[list[Observation], np.ndarray, np.ndarray]]:
    """The photos of each scanned person, and the scan."""
    names = dict.fromkeys(view.split("_")[0] for view in scans)
    groups = [[value for view, value in scans.items() if view.startswith(name + "_")] for name in names]
    return [([face for face, _, _ in group], group[0][1], group[0][2]) for group in groups]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    scans = {}
    for path in sorted((folder / "scans" / "photos").glob("*.png")):
        truth = np.load(folder / "scans" / "gt" / f"{path.stem.split('_')[0]}.npz")
        scans[path.stem] = (see(path), truth["scan"], truth["lm"])
    faces = {path.stem: see(path) for path in sorted((folder / "faces").iterdir())}
    average = [scan_error(MODEL.mean, scan, landmarks) for _, scan, landmarks in scans.values()]
    rows = [["step", "scan mm", "against average", "photos better", "reprojection % of eye distance"]]
    rows.append(["average head", f"{np.mean(average):.3f}", "1.000", "", ""])
    details = {"average head": average}
    for label, options, replaced in steps():
        with ExitStack() as stack:
            for target, name, value in replaced:
                if name == "noise":
                    stack.enter_context(patch.dict(target.noise, value))
                else:
                    stack.enter_context(patch.object(target, name, value))
            errors, reprojection, _ = measure(scans, faces, options)
        details[label] = errors
        ratio = f"{np.mean(errors) / np.mean(average):.3f}"
        better = f"{sum(e < a for e, a in zip(errors, average))} of {len(errors)}"
        rows.append([label, f"{np.mean(errors):.3f}", ratio, better, f"{np.median(reprojection):.2f}"])
    together = [scan_error(fitted(*views).shape.vertices, scan, landmarks) for views, scan, landmarks in people(scans)]
    mean = np.mean(together)
    rows.append(["all photos of a person together", f"{mean:.3f}", f"{mean / np.mean(average):.3f}", "", ""])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)))
    target = Path(__file__).parent / "results" / "accuracy.csv"
    target.parent.mkdir(exist_ok=True)
    with target.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
        csv.writer(file).writerow(["photo", *details])
        csv.writer(file).writerows([view, *(f"{details[d][k]:.3f}" for d in details)] for k, view in enumerate(scans))


if __name__ == "__main__":
    main()
