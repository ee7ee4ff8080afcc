"""Results of `maquette person` and `maquette video` read back: which mesh belongs to which picture and camera.

A photo's result lies in a folder person-N: mesh files and parameters.npz with camera, crop and path of each photo. A
clip's lies in such a folder too, with frames/*.ply, and in manifest.json of the folder above: frame, track, crop,
camera and mesh. Its parameters.npz holds the motion of all frames, and cameras of those that the texture is from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.types import Camera
from maquette.evaluation.image_space.face_result import cameras_of
from maquette.outputs.reports.manifest import JOURNAL, MANIFEST, read_manifest

PARAMETRIC, SURFACE = "parametric", "surface"
MESHES = ("person.obj", "person.ply")  # in the pose of the photo, metres; glb is at rest, stl in millimetres
PER_PHOTO = ("box", "photo", "camera_intrinsics", "camera_world_to_camera", "camera_size", "camera_projection")
SAME_TIME = 1e-3  # seconds
Stored = tuple[dict[str, NDArray], tuple[Camera, ...]]  # arrays of a parameters.npz and the cameras in it


@dataclass(frozen=True, eq=False)
class PersonView:
    """One mesh and the picture that it was made from.

    Attributes:
        folder: the result's folder, person-N; name: it, relative to what is evaluated.
        picture: path of the photo or clip as it was given; frame: number in the clip, None for a photo.
        time: seconds in the clip; track: which person.
        box: (4,) x0, y0, x1, y1 in pixels of the whole picture: what the camera's picture shows.
        camera: None where there is no result for the frame.
        method: "parametric" or "surface".
        mesh: file, or None: the body posed from the parameters.
        body: arrays of parameters.npz that pose the fitted body, or None; row: which of its N frames.
        told: what the manifest remarks; lost: why there is nothing to render, "" if there is.
        skipped: whether the frame was left out on purpose.
    """

    folder: Path
    name: str
    picture: str
    frame: int | None
    time: float | None
    track: int
    box: NDArray
    camera: Camera | None
    method: str
    mesh: Path | None
    body: Mapping[str, NDArray] | None = None
    row: int = 0
    told: str = ""
    lost: str = ""
    skipped: bool = False

    @property
    def shown(self) -> str:
        """The picture in words: "photo.jpg" or "clip.mp4 12"."""
        return Path(self.picture).name + ("" if self.frame is None else f" {self.frame}")


def person_folders(folder: Path) -> list[Path]:
    """Folders of people under OUT, OUT/<photo> or OUT/<photo>/person-1 that hold parameters.npz, sorted."""
    found = [path.parent for depth in ("", "*/", "*/*/") for path in sorted(folder.glob(f"{depth}parameters.npz"))]
    return [path for path in found if is_person(path)]


def is_person(folder: Path) -> bool:
    """Whether a folder holds the result of a person, not of a face."""
    return folder.resolve().name.startswith("person-") or any((folder / name).is_file() for name in MESHES)


def manifest_of(folder: Path) -> Path | None:
    """The manifest of the folder, or of one of the two above it; of a run that was stopped, its journal."""
    places = [place / name for place in (folder, *folder.resolve().parents[:2]) for name in (MANIFEST, JOURNAL)]
    return next((place for place in places if place.is_file()), None)


def photo_views(folder: Path, name: str, clip_path: str = "") -> Iterator[PersonView]:
    """One view per photo of a person's folder; of a clip of which no meshes were written, per frame of the texture.

    Args:
        clip_path: the clip, as its manifest tells it.

    Raises:
        BadInput: parameters.npz is damaged or lacks the cameras, or there is no mesh file.
    """
    path = folder / "parameters.npz"
    arrays = _arrays(path)
    method, body = _method(arrays), arrays if "rotations" in arrays else None
    clip = "frames" in arrays
    mesh = next((folder / file for file in MESHES if (folder / file).is_file()), None)
    if mesh is None and not clip:
        raise BadInput(f"{folder}: holds neither {' nor '.join(MESHES)}: run maquette person with --formats obj")
    for index, (camera, photo) in enumerate(zip(cameras_of(arrays, path), arrays["photo"])):
        box, time = arrays["box"][index].astype(float), None
        row, frame, lost = index, None, ""
        if clip:
            time = float(arrays["time"][index])
            found = _row(arrays, None, time)
            row, frame = (found, int(arrays["frames"][found])) if found is not None else (0, 0)
            photo = clip_path or str(photo).rsplit(" frame ", 1)[0]
            lost = "" if found is not None and body is not None else "not among the frames of the motion"
        elif index and (method != PARAMETRIC or body is None):
            # The files wear the pose of the first photo alone.
            lost = "no mesh of its own"
        own = mesh if index == 0 and not clip else None
        yield PersonView(
            folder, name, str(photo), frame, time, 0, box, camera, method, own, body, row, lost=lost, skipped=bool(lost)
        )


def clip_views(manifest: Path, below: Path) -> list[PersonView]:
    """The views of a clip, by frame and track.

    Args:
        manifest: the file; below: only results inside this folder.

    Raises:
        BadInput: the manifest is damaged.
    """
    try:
        told = read_manifest(manifest.parent)
        entries = [(entry, track) for entry in told["frames"] for track in entry["tracks"]]
        clip, tracks = str(told["clip"]), sorted({int(track["track"]) for _, track in entries})
        root = manifest.parent.resolve()
        stored: dict[Path, Stored | None] = {}
        views = []
        for entry, track in entries:
            mesh = root / track["mesh"] if track.get("mesh") else None
            folder = _folder(root, Path(clip).stem, mesh, tracks.index(int(track["track"])) + 1)
            if not folder.resolve().is_relative_to(below.resolve()):
                continue
            if folder not in stored:
                path = folder / "parameters.npz"
                arrays = _arrays(path) if path.is_file() else None
                stored[folder] = None if arrays is None else (arrays, cameras_of(arrays, path))
            name = folder.relative_to(root).as_posix()
            views.append(_clip_view(told, entry, track, (folder, name, clip, mesh), stored[folder]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{manifest}: damaged ({type(error).__name__} {error}): run maquette video again") from error
    return sorted(views, key=lambda view: (view.frame, view.track))


def _arrays(path: Path) -> dict[str, NDArray]:
    """All arrays of parameters.npz; BadInput if it is damaged or lacks a camera."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    # zipfile and numpy raise whatever the damage leads them to.
    except Exception as error:
        raise BadInput(
            f"{path}: cannot be read ({' '.join(str(error).split())[:100]}): make the result again"
        ) from error
    for name in PER_PHOTO:
        if name not in arrays:
            raise BadInput(f"{path}: lacks {name}, holds {', '.join(sorted(arrays))}: make it with maquette person")
        if arrays[name].dtype.kind == "f" and not np.isfinite(arrays[name]).all():
            raise BadInput(f"{path}: {name} holds NaN or infinity: make the result again")
    if len({len(np.atleast_1d(arrays[name])) for name in PER_PHOTO}) > 1:
        raise BadInput(f"{path}: wanted as many of {', '.join(PER_PHOTO)}: make the result again")
    return arrays


def _method(arrays: Mapping[str, NDArray]) -> str:
    return PARAMETRIC if str(arrays.get("model", "")) else SURFACE


def _row(arrays: Mapping[str, NDArray], frame: int | None, time: float) -> int | None:
    """Which row of the motion a frame is, by its number or else its time; None if it is not there."""
    if frame is not None and "frames" in arrays:
        rows = np.flatnonzero(arrays["frames"] == frame)
        return int(rows[0]) if len(rows) else None
    times = np.nan_to_num(np.atleast_1d(arrays.get("times", arrays.get("time", np.empty(0)))), nan=np.inf)
    near = int(np.argmin(np.abs(times - time))) if len(times) else 0
    return near if len(times) and abs(times[near] - time) < SAME_TIME else None


def _folder(root: Path, stem: str, mesh: Path | None, number: int) -> Path:
    if mesh is None:
        return root / stem / f"person-{number}"
    return mesh.parent.parent if mesh.parent.name == "frames" else mesh.parent


def _clip_view(
    told: dict[str, Any],
    entry: dict[str, Any],
    track: dict[str, Any],
    place: tuple[Path, str, str, Path | None],
    stored: Stored | None,
) -> PersonView:
    folder, name, clip, mesh = place
    arrays, cameras = stored or (None, ())
    number, time, status = int(entry["frame"]), float(entry["time"]), str(track["status"])
    row = None if arrays is None else _row(arrays, number, time)
    box = np.array(track.get("rect") or [0, 0, 1, 1], float)
    box[2:] += box[:2]
    camera = None
    if track.get("camera"):
        said = track["camera"]
        camera = Camera(
            np.array(said["intrinsics"], float),
            np.array(said["world_to_camera"], float),
            (int(said["size"][0]), int(said["size"][1])),
            str(said.get("projection", "orthographic")),
        )
    elif row is not None and arrays is not None and row < len(cameras) == len(arrays["rotations"]):
        camera, box = cameras[row], arrays["box"][row].astype(float)
    body = arrays if arrays is not None and row is not None and "rotations" in arrays else None
    settings = str(told.get("settings", {}).get("method", ""))
    known = PARAMETRIC if settings == PARAMETRIC else SURFACE
    method = known if settings or arrays is None else _method(arrays)
    reason, lost = str(track.get("reason") or ""), ""
    if status in ("skipped", "failed"):
        lost = f"{status}: {reason}" if reason else status
    elif camera is None or (mesh is None and (body is None or method == SURFACE)):
        lost = "no camera" if camera is None else "no mesh"
    elif mesh is not None and not mesh.is_file():
        lost = f"{mesh.name}: no such file"
    flagged = (reason or "flagged") if status == "flagged" else ""
    return PersonView(
        folder, name, clip, number, time, int(track["track"]), box, camera, method, mesh, body, row or 0,
        flagged, lost, status == "skipped",
    )  # fmt: skip
