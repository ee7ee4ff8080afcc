"""The second pass over a clip of faces: every frame once, each head drawn over it, its files if they are wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.files import unwritable, write_whole
from maquette.core.job import Job, explained
from maquette.core.motion import HeadMotion
from maquette.core.options import Options, OutputOptions
from maquette.core.result import Result
from maquette.core.threads import computing
from maquette.core.types import Camera, Frame, Mesh
from maquette.geometry.camera import project
from maquette.geometry.mesh import vertex_normals
from maquette.outputs.asset import open_asset
from maquette.outputs.meshes.ply import ply_bytes, vertex_colors
from maquette.outputs.pictures.film import PANEL, Film, cut, window_camera
from maquette.outputs.pictures.maps import frame_depth
from maquette.outputs.pictures.moving_head import FrameView, MovingHead, frame_view
from maquette.outputs.reports.landmarks import visible
from maquette.outputs.reports.manifest import Manifest, Row
from maquette.outputs.result_folder import OutputFolder
from maquette.perception.tracking.face_sighting import FaceSightings
from maquette.perception.tracking.smooth import smooth
from maquette.sources.ahead import ahead
from maquette.sources.video import Clip, frames_at

AROUND = 2.5  # side of the film's window over the face's height
STEADY = 0.4  # seconds: width of the window's smoothing
DOUBTFUL = 0.15  # trust below which a frame is flagged


@dataclass(frozen=True, eq=False)
class Posed:
    """One head in one frame, before it is drawn: vertices (V, 3) metres in head axes, their normals, the camera of the
    full frame, the film's window of the frame and of the camera, light (9, 3), and the texture, None for the plain one.
    """

    vertices: NDArray
    normals: NDArray
    camera: Camera
    plain: NDArray
    near: FrameView
    light: NDArray
    texture: NDArray | None


@dataclass(eq=False)
class HeadDrawing:
    """One person on the way into the film and the frames' files.

    Attributes:
        result: textured, with its motion. sightings: in the same order. track: in the manifest.
        film: where it goes.
    """

    result: Result
    sightings: FaceSightings
    track: int
    film: Path

    def __post_init__(self) -> None:
        assert self.result.motion is not None, "made for heads that move"
        self.motion: HeadMotion = self.result.motion
        self.at = {int(number): index for index, number in enumerate(self.motion.frames)}
        self.boxes = self._windows()
        self.light = np.zeros((len(self.motion), 9, 3))
        self.steady: NDArray | None = None

    def open(self) -> None:
        """Open the windows and the film; whoever does closes them."""
        self.head = MovingHead(open_asset(self.result, OutputOptions(mesh="light")))
        self.writer = Film(self.film, (3 * PANEL, PANEL))

    def _windows(self) -> NDArray:
        """(N, 4) the square around the face in each frame, hardly moving."""
        rects = self.sightings.boxes()
        middle = smooth(self.motion.times, (rects[:, :2] + rects[:, 2:]) / 2, STEADY)
        half = AROUND / 2 * smooth(self.motion.times, np.ptp(rects.reshape(-1, 2, 2), axis=1).max(axis=1), 2 * STEADY)
        return np.concatenate([middle - half[:, None], middle + half[:, None]], axis=1)

    def posed(self, index: int, frame: Frame) -> Posed:
        """The head as it is in one frame; frames come in the order of time."""
        view = frame_view(self.motion, index)
        vertices = self.head.vertices(self.motion.expression[index], self.motion.gaze[index])
        normals = self.head.normals(vertices)
        light = self.head.light(frame.pixels, vertices, normals, view)
        self.light[index] = light
        # Light changes slowly; its reading does not quite.
        self.steady = light if self.steady is None else 0.7 * self.steady + 0.3 * light
        box = self.boxes[index]
        near = replace(view, camera=window_camera(view.camera, box))
        texture = self.head.folded(self.motion.expression[index], near, self.steady)
        return Posed(vertices, normals, view.camera, cut(frame.pixels, box), near, self.steady, texture)

    def draw(self, index: int, one: Posed) -> None:
        """Add one frame to the film."""
        if one.texture is not None:
            self.head.repaint(one.texture)
        drawn = self.head.over(one.plain, one.vertices, one.normals, one.near, one.light)
        still = self.head.still(one.vertices, one.normals, (PANEL, PANEL))
        self.writer.add(np.hstack([one.plain, drawn, still]), float(self.motion.times[index]))

    def close(self) -> None:
        """Finish the film, and give the windows back."""
        try:
            self.writer.close()
        finally:
            self.head.close()

    def finished(self) -> Result:
        """The result with its film and its light."""
        return replace(self.result, film=self.film, motion=replace(self.motion, light=self.light))


@dataclass(frozen=True, eq=False)
class FaceDrawing:
    """All people of a clip on their way into OUT."""

    clip: Clip
    options: Options
    folder: OutputFolder
    job: Job
    manifest: Manifest
    people: list[HeadDrawing]

    @computing("face clip")
    def all_frames(self) -> None:
        """Draw everybody, in the order of the clip.

        Raises:
            BadInput: the disk is full or OUT cannot be written.
        """
        numbers = sorted({number for one in self.people for number in one.at})
        opened: list[HeadDrawing] = []
        try:
            for one in self.people:
                one.open()
                opened.append(one)
            for done, heads in enumerate(ahead(self._posed(ahead(frames_at(self.clip, numbers)))), 1):
                if done % 50 == 1:
                    self.folder.check_space()
                for one, index, posed in heads:
                    self._one(one, index, posed)
                self.job.say(f"drawing, frame {done} of {len(numbers)}")
        finally:
            for one in opened:
                one.close()

    def _posed(self, frames: Iterable[tuple[int, Frame]]) -> Iterator[list[tuple[HeadDrawing, int, Posed | Exception]]]:
        """Everybody who is in each frame; it is for a second thread."""
        for number, frame in frames:
            yield [(one, one.at[number], _tried(one, one.at[number], frame)) for one in self.people if number in one.at]

    def _one(self, one: HeadDrawing, index: int, posed: Posed | Exception) -> None:
        number, time = int(one.motion.frames[index]), float(one.motion.times[index])
        rect = one.sightings[index].rect
        try:
            if isinstance(posed, Exception):
                raise posed
            one.draw(index, posed)
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever goes wrong in one frame leaves the others
            reason = str(explained(error, f"{self.job.photos[0]}, frame {number}"))
            self.manifest.add(number, time, Row(one.track, "failed", reason, rect))
            return
        trust = float(one.motion.trust[index])
        scores = {"reprojection_px": float(one.motion.reprojection[index]), "trust": trust}
        way = self.options.video.blurred if trust < DOUBTFUL else ""
        if way in ("", "mark"):
            mesh = self._files(one, number, posed.vertices, posed.camera)
        else:
            mesh = None if way == "skip" else self._stand_in(one, index)
        status = {"": "done", "skip": "skipped"}.get(way, "flagged")
        why = "hardly seen: blurred, covered or turned away" if way else ""
        self.manifest.add(number, time, Row(one.track, status, why, rect, posed.camera, mesh, scores))

    def _stand_in(self, one: HeadDrawing, index: int) -> str | None:
        """The mesh of the nearest frame that is seen well, relative to OUT."""
        seen = np.flatnonzero(one.motion.trust >= DOUBTFUL)
        if self.options.video.meshes is not True or not len(seen):
            return None
        nearest = seen[np.abs(one.motion.times[seen] - one.motion.times[index]).argmin()]
        return (self._home(one) / f"{int(one.motion.frames[nearest]):06d}.ply").as_posix()

    def _home(self, one: HeadDrawing) -> Path:
        """Of the frames' files, relative to OUT."""
        return Path(self.job.name) / one.result.name / "frames"

    def _files(self, one: HeadDrawing, number: int, vertices: NDArray, camera: Camera) -> str | None:
        """The frame's mesh, depth and landmarks, as far as they are wanted; the mesh relative to OUT."""
        video = self.options.video
        meshes = video.meshes is True
        if not (meshes or video.depth):
            return None
        home = self._home(one)
        self.folder.refuse_links(self.folder.path / home)
        faces = one.result.reconstruction.shape.faces
        if video.depth:
            self._write(home / f"{number:06d}_depth.png", frame_depth(vertices, faces, camera))
        if not meshes:
            return None
        coloured = Mesh(vertices, faces, vertex_colors=vertex_colors(one.result.reconstruction.shape))
        normals = vertex_normals(vertices.astype(float), faces)
        self._write(home / f"{number:06d}.ply", ply_bytes(coloured, normals))
        self._write(home / f"{number:06d}.json", landmark_json(one, vertices, camera))
        return (home / f"{number:06d}.ply").as_posix()

    def _write(self, name: Path, data: bytes) -> None:
        path = self.folder.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
        except OSError as error:
            raise BadInput(unwritable(error, path.parent, "make room, or choose another folder")) from error


def _tried(one: HeadDrawing, index: int, frame: Frame) -> Posed | Exception:
    try:
        return one.posed(index, frame)
    except Exception as error:  # noqa: BLE001  the frame's turn comes
        return error


def landmark_json(one: HeadDrawing, vertices: NDArray, camera: Camera) -> bytes:
    """Landmarks of one frame: world in metres (head axes), pixels of the full frame, whether the head hides them."""
    faces = one.result.reconstruction.shape.faces
    normals = vertex_normals(vertices.astype(float), faces)
    rotation, shift = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    schemes = {}
    for scheme, embedding in one.head.model.embeddings.items():
        points = embedding.points(vertices, faces)
        pixels, _ = project(camera, points.astype(float))
        seen = visible(vertices.astype(float), faces, points, embedding.points(normals, faces), -rotation.T @ shift)
        schemes[scheme] = {
            "world": np.round(points.astype(float), 6).tolist(),
            "pixels": np.round(pixels, 3).tolist(),
            "visible": seen.tolist(),
        }
    return json.dumps({"schemes": schemes}, separators=(",", ":")).encode()
