"""The second pass over a clip: a mesh per person and frame, written as it is drawn, and its row in the manifest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maquette.core.errors import BadInput, NothingFound
from maquette.core.files import link_on_the_way, sweep, unwritable, write_whole
from maquette.core.job import Job, explained
from maquette.core.options import Options
from maquette.core.result import Failure
from maquette.core.types import Frame, Mesh, Reconstruction
from maquette.geometry.mesh import vertex_normals
from maquette.outputs.meshes.ply import ply_bytes, vertex_colors
from maquette.outputs.pictures.maps import frame_depth
from maquette.outputs.reports.manifest import Manifest, Row, read_manifest
from maquette.outputs.result_folder import OutputFolder
from maquette.perception.tracking.sighting import Sighting
from maquette.pipeline.clip_subject import ClipSubject, FrameMesh
from maquette.sources.video import Clip, frames, frames_at
from maquette.texturing.frames import Paint

FRAME = re.compile(r"[0-9]{6,}\.ply")  # see `Drawing`
BLURRED = "blurred"  # how the flag of a blurred frame begins


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A person whose frames are drawn: the whole of the clip, and the colours of the textured result."""

    subject: ClipSubject
    whole: Reconstruction
    paint: Paint | None

    @property
    def track(self) -> int:
        return self.subject.sightings[0].track


@dataclass(eq=False)
class Drawing:
    """The frames of a clip on their way into OUT."""

    clip: Clip
    options: Options
    folder: OutputFolder
    job: Job
    manifest: Manifest
    people: list[_Drawn] = field(default_factory=list)

    def add(self, subject: ClipSubject, whole: Reconstruction, textured: Mesh) -> None:
        """Draw this person too, coloured from the textured mesh."""
        colours = vertex_colors(textured)
        paint = None if colours is None else Paint(textured.faces, colours)
        self.people.append(_Drawn(subject, whole, paint))

    def all_frames(self) -> Iterator[Failure]:
        """Draw everybody, in the order of the clip, or only note them if so asked; a Failure if frames gave no mesh.

        Raises:
            BadInput: the disk is full or OUT cannot be written.
        """
        if self.options.video.meshes is False:
            self._note_only()
            return
        plan: dict[int, list[tuple[_Drawn, int]]] = {}
        for one in self.people:
            for index, sighting in enumerate(one.subject.sightings):
                if not self.manifest.is_done(sighting.frame, one.track):
                    plan.setdefault(sighting.frame, []).append((one, index))
        for one in self.people:
            self.folder.refuse_links(self.folder.path / self._file(one, 0).parent)
        failed = 0
        for done, (number, picture) in enumerate(_pictures(self.clip, plan), 1):
            self.folder.check_space()
            for one, index in plan.get(number, []):
                row = self._stand_in(one, index) or self._row(one, index, picture)
                self.manifest.add(number, one.subject.sightings[index].time, row)
                failed += row.status == "failed"
            self.job.say(f"drawing, frame {done} of {len(plan)}")
        if failed:
            total, path = sum(len(one.subject.sightings) for one in self.people), self.job.photos[0]
            error = NothingFound(f"{path}: {failed} of {total} meshes could not be made: see manifest.json")
            yield Failure(self.job.name, path, error)

    def _note_only(self) -> None:
        """Note everybody in every frame without drawing them: where they are, and the camera that shows them there."""
        for one in self.people:
            cameras = one.whole.cameras if one.subject.whole_clip else ()
            for index, here in enumerate(one.subject.sightings):
                status, reason = "flagged" if here.flags else "done", "; ".join(here.flags)
                camera = cameras[index] if index < len(cameras) else None
                self.manifest.add(here.frame, here.time, Row(here.track, status, reason, here.rect, camera))

    def _file(self, one: _Drawn, frame: int) -> Path:
        """Of a frame's mesh, relative to OUT."""
        return Path(self.job.name) / one.subject.name / "frames" / f"{frame:06d}.ply"

    def _stand_in(self, one: _Drawn, index: int) -> Row | None:
        """The row of a blurred frame that is not to be drawn; None where it is."""
        sightings, way = one.subject.sightings, self.options.video.blurred
        here = sightings[index]
        if way == "mark" or not _blurred(here):
            return None
        reason = "; ".join(here.flags)
        sharp = [other for other in sightings if not _blurred(other)]
        if way == "skip" or not sharp:
            return Row(here.track, "skipped", reason, here.rect)
        nearest = min(sharp, key=lambda other: abs(other.time - here.time))
        mesh = self._file(one, nearest.frame).as_posix()
        return Row(here.track, "flagged", f"{reason}; frame {nearest.frame} stands in", here.rect, None, mesh)

    def _row(self, one: _Drawn, index: int, picture: Frame) -> Row:
        """Draw one person in one frame, write the mesh, and say how it went."""
        here = one.subject.sightings[index]
        try:
            made = one.subject.frame_mesh(one.whole, one.paint, index, here.observation(picture))
        except (ImportError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever a method raises costs this frame alone
            reason = explained(error, f"{self.job.photos[0]}, frame {here.frame}")
            return Row(here.track, "failed", str(reason), here.rect)
        file = self._file(one, here.frame)
        write_mesh(self.folder.path / file, made)
        if self.options.video.depth:
            path = self.folder.path / file.with_name(f"{file.stem}_depth.png")
            data = frame_depth(made.mesh.vertices, made.mesh.faces, made.camera)
            kept(path, lambda: write_whole(path, data))
        status, scores = "flagged" if here.flags else "done", {"silhouette_iou": made.overlap}
        return Row(here.track, status, "; ".join(here.flags), made.rect, made.camera, file.as_posix(), scores)


def _blurred(one: Sighting) -> bool:
    return any(flag.startswith(BLURRED) for flag in one.flags)


def _pictures(clip: Clip, plan: Mapping[int, object]) -> Iterator[tuple[int, Frame]]:
    """The frames of the plan; a clip of which little is left is not decoded whole."""
    wanted = sorted(plan)
    if not wanted:
        return iter(())
    whole = clip.selected
    if whole is not None and len(wanted) < 0.5 * len(whole):
        return frames_at(clip, wanted)
    return ((index, frame) for index, frame in frames(clip) if index in plan)


def write_mesh(path: Path, made: FrameMesh) -> None:
    """One frame's mesh as PLY, whole or not at all.

    Raises:
        BadInput: the disk is full or the folder cannot be written.
    """
    data = ply_bytes(made.mesh, vertex_normals(made.mesh.vertices.astype(float), made.mesh.faces))
    kept(path, lambda: write_whole(path, data))


def kept(path: Path, write: Callable[[], None]) -> None:
    """Write a file of the run in a folder that may not be there yet.

    Raises:
        BadInput: the disk is full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write()
    except OSError as error:
        why = unwritable(error, path.parent, "make room, or choose another folder")
        raise BadInput(f"{why}; the same command goes on from there") from error


def swept(out: Path, home: Path) -> None:
    """Remove the frames' meshes of earlier runs in a clip's folder that this one does not know.

    Nothing but plain files in plain folders is touched.

    Args:
        home: the clip's folder in `out`.
    """
    rows = read_manifest(out)["frames"]
    known = {out / track["mesh"] for frame in rows for track in frame["tracks"] if track.get("mesh")}
    for folder in home.glob("person-*/frames"):
        if link_on_the_way(out, folder) is not None or not folder.is_dir():
            continue
        for path in folder.glob("*.ply"):
            if FRAME.fullmatch(path.name) and path not in known and path.is_file() and not path.is_symlink():
                path.unlink()
        sweep(folder)
        if not any(folder.iterdir()):
            folder.rmdir()
    sweep(home)
