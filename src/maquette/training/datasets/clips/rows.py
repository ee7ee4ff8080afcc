"""What a motion network learns from one clip: the evidence of each frame and what was true, as shards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from maquette.core.files import whole_file
from maquette.core.motion import HeadMotion
from maquette.core.options import Options, SynthesisOptions
from maquette.core.types import Camera, Reconstruction
from maquette.reconstruction.face_fit.in_motion import INNER_LIPS, follow_head
from maquette.reconstruction.face_fit.state import INTERPUPILLARY_M, OPENCV
from maquette.synthesis.scenes.head_scene import head_model
from maquette.training.datasets.clips.filmed import FRAMES, FilmedClip, SeenClip, filmed, seen
from maquette.training.datasets.shards import FRACTIONS, WHOLE, Array, Layout, made_shards

PER_FILE = 4  # clips
LEAST = 24  # frames in which somebody must be seen
LAYOUT: Layout = {
    "evidence": (FRACTIONS, 2), "expression": (FRACTIONS, 2), "pose": (FRACTIONS, 2), "gap": (FRACTIONS, 3),
    "times": (FRACTIONS, 1), "count": (WHOLE, 1),
}  # fmt: skip


def row_of(raw: HeadMotion, clip: FilmedClip, whole: Reconstruction) -> dict[str, Array]:
    """The columns of LAYOUT, frames without the face left out and zeros behind the last one.

    Args:
        raw: of the frames in which somebody was seen, with evidence.
        whole: the head that was followed.
    """
    assert raw.evidence is not None and whole.identity is not None, "followed heads have both"
    shown = [clip.frames[int(number)] for number in raw.frames]
    columns: dict[str, Array] = {
        "evidence": raw.evidence.astype(np.float16),
        "expression": np.array([one.expression for one in shown], np.float32),
        "pose": pose_error(raw, [one.camera for one in shown]).astype(np.float32),
        "times": raw.times.astype(np.float32),
    }
    padded = {
        name: np.concatenate([v, np.zeros((FRAMES - len(v), *v.shape[1:]), v.dtype)]) for name, v in columns.items()
    }
    gaps = [lips_apart(whole.identity, whole.scale), lips_apart(clip.identity, clip.scale)]
    return padded | {"gap": np.array(gaps, np.float32), "count": np.array([len(raw)], np.int32)}


def pose_error(raw: HeadMotion, cameras: list[Camera]) -> NDArray:
    """(N, 6) by which the poses must be corrected: rotation vector in camera axes, radians; shift of the head's origin
    in the picture, right and up, over the eyes' distance; log of the depth. All about their medians over the clip: what
    stays is the shape's doing, and the head would no longer lie on its picture without it.
    """
    turns = np.array([OPENCV @ camera.world_to_camera[:3, :3] for camera in cameras])
    read = Rotation.from_quat(raw.rotations[:, [1, 2, 3, 0]])
    off = (Rotation.from_matrix(turns) * read.inv()).as_rotvec()
    place = np.array([OPENCV @ camera.world_to_camera[:3, 3] for camera in cameras])
    true_focal = cameras[0].intrinsics[0, 0]
    unit = raw.focal * INTERPUPILLARY_M / -raw.translation[:, 2]
    seen_at, true_at = (f * p[:, :2] / -p[:, 2:] for f, p in ((raw.focal, raw.translation), (true_focal, place)))
    depth = np.log(-place[:, 2] / true_focal) - np.log(-raw.translation[:, 2] / raw.focal)
    found = np.column_stack([off, (true_at - seen_at) / unit[:, None], depth])
    return np.asarray(found - np.median(found, axis=0))


def lips_apart(identity: NDArray, scale: float) -> NDArray:
    """(3, 3) millimetres from the upper to the lower inner lip of a head at rest, in three places."""
    model = head_model()
    vertices = model.vertices(identity, np.zeros(len(model.expression_names)), scale).astype(float)
    points = model.embeddings["mediapipe478"].points(vertices, model.faces)
    upper, lower = (list(side) for side in INNER_LIPS)
    return np.asarray(1000 * (points[lower] - points[upper]))


def example(options: SynthesisOptions, number: int) -> dict[str, Array] | None:
    """The row of the clip of this number; None where the face is seen in too few frames."""
    settings = Options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = filmed(options, number, folder)
        shown = seen(clip, folder, settings)
        return None if shown is None else followed(clip, shown)


def followed(clip: FilmedClip, shown: SeenClip) -> dict[str, Array] | None:
    """The same of a clip that was watched."""
    if len(shown.sightings) < LEAST:
        return None
    frames = ((one.shot, one.frame, one.time, one.observation(shown.size)) for one in shown.sightings)
    return row_of(follow_head(shown.head(), frames), clip, shown.whole)


def make_shard(folder: Path, options: SynthesisOptions, first: int, count: int) -> Path:
    """Write clips first to first + count of a data set as one file, by rename; one that exists is kept.

    Clips in which nobody is seen for long are left out.
    """
    from safetensors.numpy import save_file

    file = Path(folder) / options.split / f"{first:08d}.safetensors"
    if file.is_file():
        return file
    rows = [row for k in range(first, first + count) if (row := example(options, k)) is not None]
    if rows:
        with whole_file(file) as part:
            save_file({name: np.stack([row[name] for row in rows]) for name in LAYOUT}, part)
    return file


def make_shards(folder: Path, options: SynthesisOptions, per_file: int = PER_FILE, workers: int = 2) -> Iterator[Path]:
    """Write the whole data set with several processes; gives each file when it is done."""
    return made_shards(make_shard, folder, options, per_file, workers)
