"""Where the detector's landmarks lie on the head, and how wrong they are: python tools/calibrate_landmarks.py FOLDER

FOLDER comes from tools/photograph_heads.py. The real detector runs on every photograph; its landmarks are cast back on
the known head and averaged there (barycentric embedding of the 478 MediaPipe landmarks and, through them, of the 68
iBUG ones). What remains is the detector's error: its mean and covariance by yaw are written as the fit's noise model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import refresh_zoo
import trimesh
from safetensors import safe_open
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parent))

from maquette.core.types import Camera
from maquette.evaluation.meshes import Shape
from maquette.evaluation.shapes import ClosestPoints
from maquette.geometry.camera import pixel_rays, project
from maquette.geometry.raycast import RayCaster
from maquette.morphable import Embedding, MorphableModel, load
from maquette.perception.copies import Search, search_copy
from maquette.perception.faces import detect
from maquette.perception.faces.search import faces_in
from maquette.reconstruction.face_fit.state import INTERPUPILLARY_M, FaceView
from maquette.reconstruction.face_fit.terms.landmarks import bias_terms
from maquette.weights.store import zoo

HEAD_FILE = zoo()["maquette-head"].file
Truth = dict[str, np.ndarray]
STEEPEST = 1.15  # radians of yaw beyond which the detector sees nothing
PORTRAIT_M = 0.9  # where the given mean error was learned, about
RANK = 40  # directions of correlated landmark error that are kept
# iBUG 68 as single MediaPipe landmarks: jaw, brows, nose, eyes, outer and inner lips.
IBUG = (
    *(127, 234, 93, 132, 58, 172, 136, 150, 152, 379, 365, 397, 288, 361, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)


def detect_all(folder: Path, count: int) -> tuple[Truth, np.ndarray, np.ndarray]:
    """Truth, indices of photographs in which a face was found, and (N, 478, 3) landmarks in pixels."""
    cache = folder / "found.npz"
    truth = dict(np.load(folder / "truth.npz"))
    if not cache.exists():
        found, points = [], []
        for k in np.flatnonzero(np.abs(truth["yaw"]) < STEEPEST)[:count]:
            photo = cv2.imread(str(folder / f"{k}.jpg"))[..., ::-1]
            copy = search_copy(np.ascontiguousarray(photo))
            faces = faces_in(copy.pixels, Search(copy, 1, detect.SURE), [])
            if faces:
                found.append(k)
                points.append(max(faces, key=lambda face: face.width).landmarks)
        np.savez(cache, found=np.array(found), points=np.array(points))
    data = np.load(cache)
    return truth, data["found"], data["points"]


def embed(model: MorphableModel, truth: Truth, found: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(478,) faces and (478, 3) barycentric: the median place over nearly frontal photographs."""
    total: list[list[np.ndarray]] = [[] for _ in range(points.shape[1])]
    skin = np.concatenate([model.parts["skin"], model.parts["mouth"]])
    eyes = np.concatenate([model.parts["eyeLeft"], model.parts["eyeRight"]])
    hiding = [model.expression_names.index(n) for n in ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen")]
    for k, pixels in zip(found, points):
        if abs(truth["yaw"][k]) > 0.45 or truth["expression"][k][hiding].max() > 0.3:
            continue
        vertices = model.vertices(truth["identity"][k], truth["expression"][k])
        size = np.full(2, 512)
        camera = Camera(truth["intrinsics"][k], truth["world_to_camera"][k], tuple(size))
        faces, barycentric, _ = RayCaster(vertices, model.faces).first_hits(*pixel_rays(camera, pixels[:, :2]))
        template = np.einsum("nk,nkd->nd", barycentric, model.mean[model.faces[faces]])
        for j in np.flatnonzero(faces >= 0):
            if np.isin(faces[j], eyes) == (j >= 468):
                total[j].append(template[j])
    places = np.array([np.median(t, axis=0) for t in total])
    twin = mirror_landmarks(places)
    places = (places + places[twin] * [-1, 1, 1]) / 2
    out_faces, out_points = np.empty(len(places), int), np.empty_like(places)
    for select, part in ((slice(0, 468), skin), (slice(468, 478), eyes)):
        surface = ClosestPoints(Shape(model.mean, model.faces[part]))
        out_points[select], _, index = surface.query(places[select])
        out_faces[select] = part[index]
    barycentric = trimesh.triangles.points_to_barycentric(model.mean[model.faces[out_faces]].astype(float), out_points)
    spread = 1000 * np.median([np.std(t, axis=0) for t in total])
    print("embedding from", len(total[0]), "photographs; spread of a place, mm:", spread)
    return out_faces, np.clip(barycentric, 0, 1) / np.clip(barycentric, 0, 1).sum(1, keepdims=True)


def mirror_landmarks(places: np.ndarray) -> np.ndarray:
    """(N,) the landmark on the other side, by nearest mirrored place, one to one."""
    from scipy.optimize import linear_sum_assignment

    cost = np.linalg.norm(places[:, None] - places[None] * [-1, 1, 1], axis=2)
    iris = np.arange(len(places)) >= 468
    cost[iris[:, None] != iris[None]] = 1.0
    return linear_sum_assignment(cost)[1]


def noise(
    model: MorphableModel, embedding: Embedding, truth: Truth, found: np.ndarray, points: np.ndarray, twin: np.ndarray
) -> dict[str, np.ndarray]:
    """The detector's error in units of the face's size, as a function of yaw and of the camera's distance.

    bias: (7, 478, 3) coefficients of `bias_terms`; factor: (RANK, 478, 3); spread: (478, 3), and growth: how all of it
    grows with |sin(yaw)|. Pictures are mirrored too, so that left and right agree.
    """
    errors, turns, near = [], [], []
    for k, pixels in zip(found, points):
        vertices = model.vertices(truth["identity"][k], truth["expression"][k])
        K, world_to_camera = truth["intrinsics"][k], truth["world_to_camera"][k]
        view = FaceView(world_to_camera[:3, :3], world_to_camera[:3, 3], K[0, 0], K[:2, 2], truth["expression"][k])
        true_pixels, depth = project(view.camera((512, 512)), embedding.points(vertices, model.faces))
        depth = (depth - depth.mean()) * view.focal / view.translation[2]
        seen = np.concatenate([pixels[:, :2], pixels[:, 2:] - pixels[:, 2].mean()], axis=1)
        r = (seen - np.concatenate([true_pixels, depth[:, None]], axis=1)) / view.unit()
        s = np.sin(view.yaw_pitch_roll()[0])
        errors += [r, r[twin] * [-1, 1, 1]]
        turns += [s, -s]
        near += [view.nearness()] * 2
    residuals, sines, nearness = np.array(errors), np.array(turns), np.array(near)
    size = np.median(np.abs(residuals[:, :, :2]).max(axis=2), axis=1)
    keep = size < 0.25
    residuals, sines, nearness = residuals[keep], sines[keep], nearness[keep]
    basis = bias_terms(sines, nearness).T
    bias = np.linalg.lstsq(basis, residuals.reshape(len(residuals), -1), rcond=None)[0]
    rest = residuals.reshape(len(residuals), -1) - basis @ bias
    energy = np.sqrt((rest**2).mean(axis=1))
    growth = np.polyfit(np.abs(sines), energy, 2)
    rest = rest / (np.polyval(growth, np.abs(sines)) / np.polyval(growth, 0))[:, None]
    _, singular, directions = np.linalg.svd(rest / np.sqrt(len(rest)), full_matrices=False)
    factor = directions[:RANK] * singular[:RANK, None]
    spread = np.sqrt(np.maximum((rest**2).mean(axis=0) - (factor**2).sum(axis=0), 1e-6))
    front, side = (
        1000 * INTERPUPILLARY_M * energy[turned].mean() for turned in (np.abs(sines) < 0.2, np.abs(sines) > 0.87)
    )
    print(f"kept {keep.mean():.3f} of {len(keep)}; error at the front {front:.2f} mm, at 60 degrees {side:.2f} mm")
    shape = (-1, points.shape[1], 3)
    return {
        "bias": bias.reshape(shape).astype(np.float32),
        "factor": factor.reshape(shape).astype(np.float32),
        "spread": spread.reshape(shape[1:]).astype(np.float32),
        "growth": (growth / np.polyval(growth, 0)).astype(np.float32),
    }


def with_nearness(kept: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """(7, 478, 3) the mean error `kept` by yaw at a portrait's distance, and what changes it nearer or farther."""
    bias = learned.copy()
    bias[:4] = kept[:4]
    bias[:3] -= INTERPUPILLARY_M / PORTRAIT_M * learned[4:]
    return bias


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=900)
    parser.add_argument("--nearness-only", action="store_true", help="keep all but what nearness does")
    options = parser.parse_args()
    folder = options.folder
    model = load("maquette-head")
    truth, found, points = detect_all(folder, options.count)
    print(f"faces found in {len(found)} of {len(truth['yaw'])} photographs")
    embedding = model.embeddings["mediapipe478"]
    if not options.nearness_only:
        faces, barycentric = embed(model, truth, found, points)
        embedding = Embedding(faces.astype(np.int32), barycentric)
    twin = mirror_landmarks(embedding.points(model.mean, model.faces))
    learned = noise(model, embedding, truth, found, points, twin)
    if options.nearness_only:
        learned = {"bias": with_nearness(model.landmark_noise["bias"], learned["bias"])}
    with safe_open(HEAD_FILE, framework="numpy") as file:
        names, metadata = file.keys(), file.metadata()
        tensors = {name: file.get_tensor(name) for name in names}
    for scheme, chosen in (("mediapipe478", slice(None)), ("ibug68", list(IBUG))):
        tensors[f"landmark_faces.{scheme}"] = embedding.faces[chosen].astype(np.int32)
        tensors[f"barycentric.{scheme}"] = embedding.barycentric[chosen].astype(np.float32)
    tensors["landmark_mirror"] = twin.astype(np.int32)
    tensors.update({f"noise.{k}": v for k, v in learned.items()})
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, zoo()["maquette-head"].file, metadata)
    refresh_zoo.main()


if __name__ == "__main__":
    main()
