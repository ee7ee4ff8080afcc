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
from maquette.evaluation.image_space.result_files import CAMERAS, PERSON_MESHES, cameras_of, read_arrays
from maquette.outputs.reports.manifest import JOURNAL, MANIFEST, read_manifest

PARAMETRIC, SURFACE = "parametric", "surface"
PER_PHOTO = ("box", "photo", *CAMERAS, "camera_projection")
SAME_TIME = 1e-3  # seconds


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
        remark: what the manifest says against the frame; lost: why there is nothing to render, "" if there is.
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
    remark: str = ""
    lost: str = ""
    skipped: bool = False

    @property
    def shown(self) -> str:
        """The picture in words: "photo.jpg" or "clip.mp4 12"."""
        return Path(self.picture).name + ("" if self.frame is None else f" {self.frame}")

    @property
    def number(self) -> int:
        """Of the frame in its clip; 0 for a photo."""
        return self.frame or 0

    @property
    def known_camera(self) -> Camera:
        """The camera of a view that is not lost. Raises BadInput where there is none."""
        if self.camera is None:
            raise BadInput(f"{self.folder}: {self.shown} has no camera")
        return self.camera


@dataclass(frozen=True, eq=False)
class StoredArrays:
    """A parameters.npz and the cameras in it."""

    arrays: dict[str, NDArray]
    cameras: tuple[Camera, ...]

    @classmethod
    def read(cls, path: Path) -> StoredArrays:
        """Raises BadInput if the file is damaged or lacks a camera."""
        arrays = read_arrays(path, PER_PHOTO, PER_PHOTO)
        return cls(arrays, cameras_of(arrays, path))

    @property
    def method(self) -> str:
        """Only a parametric mesh has a model."""
        return PARAMETRIC if str(self.arrays.get("model", "")) else SURFACE

    def row(self, frame: int | None, time: float) -> int | None:
        """Which row of the motion a frame is, by its number or else its time; None if it is not there."""
        if frame is not None and "frames" in self.arrays:
            rows = np.flatnonzero(self.arrays["frames"] == frame)
            return int(rows[0]) if len(rows) else None
        stored = self.arrays.get("times", self.arrays.get("time", np.empty(0)))
        times = np.nan_to_num(np.atleast_1d(stored), nan=np.inf)
        near = int(np.argmin(np.abs(times - time))) if len(times) else 0
        return near if len(times) and abs(times[near] - time) < SAME_TIME else None


def manifest_of(folder: Path) -> Path | None:
    """The manifest of the folder, or of one of the two above it; of a run that was stopped, its journal."""
    places = [place / name for place in (folder, *folder.resolve().parents[:2]) for name in (MANIFEST, JOURNAL)]
    return next((place for place in places if place.is_file()), None)


def photo_views(folder: Path, name: str, clip_path: str = "") -> Iterator[PersonView]:
    """One view per photo of a person's folder; of a clip of which no meshes were written, per frame of the texture.

    Args:
        clip_path: the clip, as its manifest has it.

    Raises:
        BadInput: parameters.npz is damaged or lacks the cameras, or there is no mesh file.
    """
    stored = StoredArrays.read(folder / "parameters.npz")
    arrays, method = stored.arrays, stored.method
    body = arrays if "rotations" in arrays else None
    clip = "frames" in arrays
    mesh = next((folder / file for file in PERSON_MESHES if (folder / file).is_file()), None)
    if mesh is None and not clip:
        raise BadInput(f"{folder}: holds neither {' nor '.join(PERSON_MESHES)}: run maquette person with --formats obj")
    for index, camera in enumerate(stored.cameras):
        photo, box = str(arrays["photo"][index]), arrays["box"][index].astype(float)
        row, frame, time, lost = index, None, None, ""
        if clip:
            time = float(arrays["time"][index])
            found = stored.row(None, time)
            row, frame = (found, int(arrays["frames"][found])) if found is not None else (0, 0)
            photo = clip_path or photo.rsplit(" frame ", 1)[0]
            lost = "" if found is not None and body is not None else "not among the frames of the motion"
        elif index and (method != PARAMETRIC or body is None):
            # The files wear the pose of the first photo alone.
            lost = "no mesh of its own"
        own = mesh if index == 0 and not clip else None
        yield PersonView(
            folder, name, photo, frame, time, 0, box, camera, method, own, body, row, lost=lost, skipped=bool(lost)
        )


def clip_views(manifest: Path, below: Path) -> list[PersonView]:
    """The views of a clip, by frame and track.

    Args:
        manifest: the file; below: only results inside this folder.

    Raises:
        BadInput: the manifest is damaged.
    """
    try:
        listed = read_manifest(manifest.parent)
        entries = [(entry, track) for entry in listed["frames"] for track in entry["tracks"]]
        numbers = sorted({int(track["track"]) for _, track in entries})
        clip = _Clip(manifest.parent.resolve(), str(listed["clip"]), str(listed.get("settings", {}).get("method", "")))
        stored: dict[Path, StoredArrays | None] = {}
        views = []
        for entry, track in entries:
            folder = clip.folder(track, numbers.index(int(track["track"])) + 1)
            if not folder.resolve().is_relative_to(below.resolve()):
                continue
            if folder not in stored:
                path = folder / "parameters.npz"
                stored[folder] = StoredArrays.read(path) if path.is_file() else None
            views.append(clip.view(entry, track, folder, stored[folder]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise BadInput(f"{manifest}: damaged ({type(error).__name__} {error}): run maquette video again") from error
    return sorted(views, key=lambda view: (view.number, view.track))


@dataclass(frozen=True)
class _Clip:
    """What a manifest says of the whole clip: its folder OUT, its path, and the method that was asked for, or ""."""

    root: Path
    path: str
    method: str

    def mesh(self, track: dict[str, Any]) -> Path | None:
        return self.root / track["mesh"] if track.get("mesh") else None

    def folder(self, track: dict[str, Any], number: int) -> Path:
        """The result's folder of a person."""
        mesh = self.mesh(track)
        if mesh is None:
            return self.root / Path(self.path).stem / f"person-{number}"
        return mesh.parent.parent if mesh.parent.name == "frames" else mesh.parent

    def view(
        self, entry: dict[str, Any], track: dict[str, Any], folder: Path, stored: StoredArrays | None
    ) -> PersonView:
        """One person in one frame."""
        number, time, status = int(entry["frame"]), float(entry["time"]), str(track["status"])
        row = None if stored is None else stored.row(number, time)
        box, camera = _stored_camera(track, stored, row)
        body = None
        if stored is not None and row is not None and "rotations" in stored.arrays:
            body = stored.arrays
        method, mesh = self._method(stored), self.mesh(track)
        reason, lost = str(track.get("reason") or ""), ""
        if status in ("skipped", "failed"):
            lost = f"{status}: {reason}" if reason else status
        elif camera is None or (mesh is None and (body is None or method == SURFACE)):
            lost = "no camera" if camera is None else "no mesh"
        elif mesh is not None and not mesh.is_file():
            lost = f"{mesh.name}: no such file"
        return PersonView(
            folder=folder,
            name=folder.relative_to(self.root).as_posix(),
            picture=self.path,
            frame=number,
            time=time,
            track=int(track["track"]),
            box=box,
            camera=camera,
            method=method,
            mesh=mesh,
            body=body,
            row=row or 0,
            remark=(reason or "flagged") if status == "flagged" else "",
            lost=lost,
            skipped=status == "skipped",
        )

    def _method(self, stored: StoredArrays | None) -> str:
        if self.method or stored is None:
            return PARAMETRIC if self.method == PARAMETRIC else SURFACE
        return stored.method


def _stored_camera(
    track: dict[str, Any], stored: StoredArrays | None, row: int | None
) -> tuple[NDArray, Camera | None]:
    """(4,) crop and camera of a person in a frame: the manifest's, else that of the frame's row, else None."""
    box = np.array(track.get("rect") or [0, 0, 1, 1], float)
    box[2:] += box[:2]
    listed = track.get("camera")
    if listed:
        intrinsics, pose = np.array(listed["intrinsics"], float), np.array(listed["world_to_camera"], float)
        size = int(listed["size"][0]), int(listed["size"][1])
        return box, Camera(intrinsics, pose, size, str(listed.get("projection", "orthographic")))
    if row is not None and stored is not None and row < len(stored.cameras) == len(stored.arrays["rotations"]):
        return stored.arrays["box"][row].astype(float), stored.cameras[row]
    return box, None
