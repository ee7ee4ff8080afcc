"""The story of a clip: watch it, fit each person, texture them, draw every frame. Files appear as the work goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from maquette import outputs
from maquette.core.errors import NothingFound
from maquette.core.job import Progress, explained, silent
from maquette.core.options import Options
from maquette.core.result import Failure, Result
from maquette.core.types import Frame, Reconstruction, Subject
from maquette.geometry.mesh import vertex_normals
from maquette.outputs.meshes.ply import ply_bytes
from maquette.outputs.reports.manifest import Manifest, Row, clip_identity, read_manifest
from maquette.outputs.result_folder import OutputFolder
from maquette.perception.tracking.sighting import Sighting
from maquette.perception.tracking.watch import Watched, watch
from maquette.pipeline import working_file
from maquette.pipeline.clip_person import FrameMesh, Meshes, finished, key_frames, moving
from maquette.reconstruction import methods
from maquette.reconstruction.body_fit.place import Placement
from maquette.reconstruction.pifuhd import method as pifuhd
from maquette.reconstruction.pifuhd.shipped import load_any
from maquette.sources.naming import source_names
from maquette.sources.video import Clip, frames, frames_at, open_clip
from maquette.weights.store import fetch

BLURRED = "blurred"
# Options that change no result of a clip: the manifest does not tell of them, and a run with others goes on.
NO_MATTER = ("resume", "min_face", "max_faces", "upscale")


@dataclass
class Run:
    """One clip on its way into OUT.

    Attributes:
        path: the clip. options: of all stages. progress: called with the clip's name and what is being done.
    """

    path: Path
    options: Options
    folder: OutputFolder
    progress: Progress = silent

    @property
    def name(self) -> str:
        """Of the clip's folder in OUT."""
        return source_names([self.path])[0][0]

    @property
    def home(self) -> Path:
        """The clip's folder in OUT."""
        return self.folder.path / self.name

    def reconstruct(self) -> Iterator[dict[str, Any] | Failure]:
        """Rows of saved results, one per person, then failures: of people, and of frames that gave no mesh.

        Raises:
            BadInput: the clip cannot be read, OUT cannot be written. NothingFound: nobody is in it. WeightsMissing: the
                method lacks a file.
        """
        network = self._network()
        clip = open_clip(self.path, self.options.video, self.options.source)
        settings = self._settings()
        try:
            with Manifest(self.folder.path, self.path, clip.fps, settings, self.options.video.resume) as manifest:
                if manifest.told:
                    self.progress(self.name, manifest.told)
                yield from self._people(clip, manifest, network)
            self._sweep()
            working_file.forget(self.home)
        finally:
            if self.home.is_dir() and not any(self.home.iterdir()):
                self.home.rmdir()

    def _people(self, clip: Clip, manifest: Manifest, network: object) -> Iterator[dict[str, Any] | Failure]:
        """Everything between opening and closing the manifest."""
        watched, placements = self._watched(clip)
        for frame, time in watched.empty.items():
            manifest.add(frame, time)
        if not watched.tracks:
            working_file.forget(self.home)
            raise NothingFound(
                f"{self.path}: no person found in {watched.count} frames: wanted somebody in view, larger than "
                "--min-person, for more than a moment"
            )
        textured = {}
        for number, (track, sightings) in enumerate(watched.tracks.items(), 1):
            outcome = self._person(clip, number, sightings, (placements[track], watched.notes))
            if isinstance(outcome, Failure):
                yield outcome
                continue
            row, textured[track] = outcome
            yield row
        if self.options.video.meshes:
            failed = self._draw(clip, watched, placements, textured, (network, manifest))
            if failed:
                yield self._failure(
                    NothingFound(f"{self.path}: {failed[0]} of {failed[1]} meshes could not be made: see manifest.json")
                )

    def _failure(self, error: Exception, thing: str = "") -> Failure:
        return Failure(self.name, str(self.path), explained(error, thing or str(self.path)))

    def _network(self) -> object | None:
        """The network of method pifuhd; what is missing is told before any work."""
        method = methods.find(self.options.fit.method, Subject.PERSON)
        for name in method.weights:
            fetch(name)
        if method.name != "pifuhd":
            return None
        given = self.options.body.pifuhd_weights
        return load_any(Path(given) if given else fetch(pifuhd.SHIPPED))

    def _settings(self) -> dict[str, Any]:
        """Every option that the frames' meshes hang on, by name, so that a change can be told."""
        stages = ("body", "perception", "video", "source", "texture")
        told = {name: value for stage in stages for name, value in asdict(getattr(self.options, stage)).items()}
        return {n: v for n, v in told.items() if n not in NO_MATTER} | {"method": self.options.fit.method}

    def _watched(self, clip: Clip) -> tuple[Watched, dict[int, Placement]]:
        """Sightings and placements, from an earlier run if it was the same."""
        folder, options = self.home, self.options
        video = asdict(options.video)
        kept = {name: video[name] for name in ("every", "start", "end", "max_frames", "smoothing")}
        kept |= asdict(options.perception) | asdict(options.source) | {"height": options.body.height}
        key = json.dumps([clip_identity(self.path), kept], sort_keys=True)
        found = working_file.load(folder, key) if options.video.resume else None
        total = f" of {len(clip.selected)}" if clip.selected is not None else ""
        watched, placements = found or (
            watch(clip, options.perception, lambda n: self.progress(self.name, f"looking, frame {n}{total}")),
            {},
        )
        if found is None:
            working_file.save(folder, key, watched, placements)
        for number, (track, sightings) in enumerate(watched.tracks.items(), 1):
            if track not in placements:
                say = partial(self._told_fit, number, len(sightings))
                placements[track] = moving(sightings, options, say)
                working_file.save(folder, key, watched, placements)
        return watched, placements

    def _told_fit(self, number: int, total: int, done: int) -> None:
        self.progress(self.name, f"person-{number} fitting, frame {done} of {total}")

    def _person(
        self, clip: Clip, number: int, sightings: list[Sighting], known: tuple[Placement, tuple[str, ...]]
    ) -> Failure | tuple[dict[str, Any], Reconstruction]:
        """The summary's row and the textured body of one person, or a Failure.

        Args:
            known: where the body is in every frame, and what is odd about the clip.
        """
        name, (placement, notes) = f"person-{number}", known
        self.progress(self.name, f"{name} texture")
        try:
            wanted = [sightings[k].frame for k in key_frames(sightings)]
            pictures: dict[int, Frame] = dict(frames_at(clip, sorted(wanted)))
            shape, seen = finished(placement, sightings, pictures, self.options)
        except ImportError:
            raise
        except Exception as error:
            return self._failure(error, f"{self.path}, {name}")
        flagged = sum(bool(one.flags) for one in sightings)
        warnings = [f"{flagged} of {len(sightings)} frames are flagged: see manifest.json"] if flagged else []
        report = {
            "photos": [str(self.path)],
            "frames": len(sightings),
            "seed": self.options.fit.seed,
            "warnings": [*warnings, *notes],
            "seconds": {},
        }
        result = Result(name, self.name, shape, tuple(seen), report)
        self.progress(self.name, f"{name} writing")
        row = self.folder.attempt(result, partial(outputs.save, options=self.options.output))
        return row if isinstance(row, Failure) else (row, shape)

    def _draw(
        self,
        clip: Clip,
        watched: Watched,
        placements: Mapping[int, Placement],
        textured: Mapping[int, Any],
        tools: tuple[object | None, Manifest],
    ) -> tuple[int, int] | None:
        """A mesh per person and frame, in the order of the clip; how many of how many failed, if any did."""
        network, manifest = tools
        makers = {t: Meshes(placements[t], textured[t], self.options, network) for t in textured}
        for track, maker in makers.items():
            maker.steady(watched.tracks[track])
        numbers = {track: number for number, track in enumerate(watched.tracks, 1)}
        plan: dict[int, list[tuple[int, int]]] = {}
        for track in makers:
            for index, one in enumerate(watched.tracks[track]):
                if not manifest.is_done(one.frame, track):
                    plan.setdefault(one.frame, []).append((track, index))
        done = failed = 0
        for frame, picture in _pictures(clip, plan):
            self.folder.check_space()
            for track, index in plan.get(frame, []):
                one = watched.tracks[track][index]
                path = Path(self.name) / f"person-{numbers[track]}" / "frames"
                stand_in = self._stand_in(watched.tracks[track], index)
                row = stand_in(path) if stand_in else self._row(makers[track], path, (index, one), picture)
                manifest.add(frame, one.time, row)
                failed += row.status == "failed"
            done += 1
            self.progress(self.name, f"drawing, frame {done} of {len(plan)}")
        return (failed, sum(len(watched.tracks[track]) for track in makers)) if failed else None

    def _stand_in(self, sightings: Sequence[Sighting], index: int) -> Callable[[Path], Row] | None:
        """What is noted instead of drawing a blurred frame, given the folder of meshes; None where it is drawn."""
        one, way = sightings[index], self.options.video.blurred
        if way == "mark" or not _blurred(one):
            return None
        reason = "; ".join(one.flags)
        sharp = [other for other in sightings if not _blurred(other)]
        if way == "skip" or not sharp:
            return lambda folder: Row(one.track, "skipped", reason, one.rect)
        nearest = min(sharp, key=lambda other: abs(other.time - one.time))
        told = f"{reason}; frame {nearest.frame} stands in"
        return lambda folder: Row(one.track, "flagged", told, one.rect, None, _file(folder, nearest.frame).as_posix())

    def _row(self, maker: Meshes, folder: Path, sight: tuple[int, Sighting], picture: Frame) -> Row:
        """Draw one person in one frame, write the mesh, and say how it went."""
        index, one = sight
        try:
            made = maker.of(index, one.observation(picture))
        except (ImportError, MemoryError):
            raise
        except Exception as error:
            reason = explained(error, f"{self.path}, frame {one.frame}")
            return Row(one.track, "failed", str(reason), one.rect)
        file = _file(folder, one.frame)
        write_mesh(self.folder.path / file, made)
        status = "flagged" if one.flags else "done"
        scores = {"silhouette_iou": made.overlap}
        rect = one.rect if maker.squares is None else maker.squares[index]
        return Row(one.track, status, "; ".join(one.flags), rect, made.camera, file.as_posix(), scores)

    def _sweep(self) -> None:
        """Remove what earlier runs left that this one does not know: meshes of other frames, half-written files."""
        frames = read_manifest(self.folder.path)["frames"]
        known = {self.folder.path / track["mesh"] for frame in frames for track in frame["tracks"] if track["mesh"]}
        for path in self.home.glob("person-*/frames/*.ply"):
            if path.stem.isdigit() and path not in known:
                path.unlink()
        for path in self.home.glob("person-*/frames/.*.ply-*"):
            path.unlink()
        for path in self.home.glob("person-*/frames"):
            if not any(path.iterdir()):
                path.rmdir()
        for path in self.home.glob(".person-*-*"):
            shutil.rmtree(path, ignore_errors=True)


def _blurred(one: Sighting) -> bool:
    return any(flag.startswith(BLURRED) for flag in one.flags)


def _file(folder: Path, frame: int) -> Path:
    return folder / f"{frame:06d}.ply"


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
    with working_file.whole(path) as file:
        file.write(data)


def reconstruct_clip(
    path: str | Path, folder: OutputFolder, options: Options, progress: Progress = silent
) -> Iterator[dict[str, Any] | Failure]:
    """Every person of a clip: animated, textured bodies, and a mesh per frame; see `Run.reconstruct`."""
    return Run(Path(path), options, folder, progress).reconstruct()
