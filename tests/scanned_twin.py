"""A scan of the twin's face: its surface with relief, in millimetres and in a frame of its own, with landmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from hrn_by_seed import coefficients, face, marks68, observed
from maquette.core.errors import NothingFound
from maquette.evaluation.benchmarks.scans import LANDMARKS, Scan
from maquette.perception.faces.topology import IBUG68
from maquette.reconstruction.hrn.coefficients import split
from maquette.reconstruction.hrn.face_model import posed
from maquette.reconstruction.hrn.sampling import at_uvs

FOUND = split(coefficients(1))
TURNED, SCALE, SHIFT = Rotation.from_euler("xyz", [0.3, -0.5, 0.2]).as_matrix(), 104.0, np.array([20.0, -60.0, 310.0])


def relief(height: float) -> torch.Tensor:
    """(1, 3, 64, 64) decimetres: waves of that height towards the viewer."""
    along = torch.linspace(0, 2 * torch.pi, 64)
    waves = torch.sin(2 * along)[:, None] * torch.sin(along)
    return height * torch.stack((0.2 * waves, 0.2 * waves.T, waves))[None]


def surface(height: float = 0.04) -> tuple[np.ndarray, np.ndarray]:
    """(P, 3) points and (68, 3) landmarks of the face with relief, posed, decimetres."""
    model = face()
    shape = model.shape(FOUND.identity, FOUND.expression) + at_uvs(relief(height), model.uvs)
    points = posed(shape, FOUND)
    return model.table.at(points)[0].double().numpy(), points[0, model.landmarks].double().numpy()


def to_scan(points: np.ndarray) -> np.ndarray:
    """Decimetres of the photo's camera to the scan's own millimetres."""
    return SCALE * points @ TURNED.T + SHIFT


def scan(height: float = 0.04, name: str = "a") -> Scan:
    """The scan as it is read."""
    points, marks = surface(height)
    landmarks = np.full((LANDMARKS, 3), np.nan)
    landmarks[list(IBUG68)] = to_scan(marks)
    return Scan(to_scan(points), landmarks, name)


def folder(place: Path, names: tuple[str, ...]) -> Path:
    """Scans with photos; a photo's first pixel says how many faces are seen in it, see `see`."""
    for inner in ("photos", "gt"):
        (place / inner).mkdir(parents=True)
    for number, name in enumerate(names):
        made = scan(0.03 + 0.01 * number, name)
        np.savez(place / "gt" / f"{name}.npz", scan=made.points, lm=made.landmarks)
        Image.fromarray(np.ones((8, 8, 3), np.uint8)).save(place / "photos" / f"{name}_+00_+00.png")
    return place


def see(frame, _options):
    """Stands for the detector of faces."""
    count = int(frame.pixels[0, 0, 0])
    if not count:
        raise NothingFound(f"{frame.origin}: no face found")
    return [observed(k) for k in range(min(count, len(marks68())))]
