"""One person of a clip: what a method makes of all frames, the textured result, and the mesh of every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from maquette import texturing
from maquette.core.errors import InternalError
from maquette.core.job import Job
from maquette.core.observations import Observations
from maquette.core.options import Options
from maquette.core.result import Result
from maquette.core.types import Camera, Frame, Mesh, Observation, Reconstruction
from maquette.morphable import known
from maquette.morphable.posing import posed_body
from maquette.perception.tracking.sighting import Sighting
from maquette.reconstruction import methods
from maquette.reconstruction.body_fit.place import intersection_over_union, silhouette
from maquette.sources.video import Clip, frames_at
from maquette.texturing.frames import Paint, coloured_frame

TEXTURED = 6  # frames that the texture is taken from


@dataclass(frozen=True, eq=False)
class FrameMesh:
    """A person in one frame.

    Attributes:
        mesh: with a colour per vertex, metres, world. camera: of the observation's crop.
        rect: (4,) x, y, width, height in full-frame pixels that was looked at.
        overlap: intersection over union of the mesh's silhouette with the mask.
    """

    mesh: Mesh
    camera: Camera
    rect: NDArray
    overlap: float


@dataclass(frozen=True, eq=False)
class ClipSubject:
    """One person of a clip, and the method that reconstructs them.

    Attributes:
        name: "person-1", ... sightings: in the order of time.
    """

    name: str
    clip: Clip
    sightings: tuple[Sighting, ...]
    method: methods.Method
    reconstructor: methods.Reconstructor

    @property
    def whole_clip(self) -> bool:
        """Whether the method takes the clip as a whole; else it is asked for each frame by itself."""
        return methods.CLIP in self.method.views

    def reconstructed(self, progress: Callable[[int], None]) -> Reconstruction:
        """What the method makes of the whole clip: N cameras, and the motion; or of its first frame alone."""
        shown = self.shown()
        if not self.whole_clip:
            return self.reconstructor(list(shown.values()))
        pictures = _Pictures(self.clip, [one.frame for one in self.sightings]) if self.method.pictures else None

        def make(index: int) -> Observation:
            one = self.sightings[index]
            return one.observation(None if pictures is None else pictures.frame(one.frame))

        made = self.reconstructor(Observations(len(self.sightings), make, shown, progress))
        if len(made.cameras) != len(self.sightings):
            raise InternalError(
                f"method {self.method.name}: wanted a camera for each of {len(self.sightings)} frames, "
                f"got {len(made.cameras)}"
            )
        cameras = tuple(enlarged(camera, one.crop) for camera, one in zip(made.cameras, self.sightings))
        numbers = np.array([one.frame for one in self.sightings], np.int64)
        pose = None if made.pose is None else replace(made.pose, frames=numbers)
        return replace(made, cameras=cameras, pose=pose)

    def shown(self) -> dict[int, Observation]:
        """Index -> observation, with its picture, of the sightings that the texture is taken from: the first, and
        clear ones spread over the clip; as far as they can be decoded."""
        chosen = key_frames(self.sightings) if self.whole_clip else [0]
        pictures: dict[int, Frame] = dict(frames_at(self.clip, sorted(self.sightings[k].frame for k in chosen)))
        found = {k: pictures.get(self.sightings[k].frame) for k in chosen}
        return {k: self.sightings[k].observation(picture) for k, picture in found.items() if picture is not None}

    def textured(self, whole: Reconstruction, options: Options) -> tuple[Reconstruction, list[Observation]]:
        """The textured result, which holds the whole motion, and the observations its texture was taken from."""
        shown = self.shown()
        seen = list(shown.values())
        shape = only(whole, list(shown)) if self.whole_clip else whole
        done = texturing.finish(shape, seen, options.texture)
        return replace(done, expression=whole.expression, pose=whole.pose), seen

    def result(self, whole: Reconstruction, notes: Sequence[str], options: Options, job: Job) -> Result:
        """The textured result with its report.

        Args:
            notes: what is odd about the clip.
        """
        job.say(f"{self.name} texture")
        made, seen = self.textured(whole, options)
        flagged, count = sum(bool(one.flags) for one in self.sightings), len(self.sightings)
        warnings = [f"{flagged} of {count} frames are flagged: see manifest.json"] if flagged else []
        found = job.result(self.name, made, seen, options.fit.seed, [*warnings, *notes])
        return replace(found, report={**found.report, "frames": count})

    def frame_mesh(self, whole: Reconstruction, paint: Paint | None, index: int, observation: Observation) -> FrameMesh:
        """The mesh of one frame.

        Args:
            paint: colours of the textured result, or None.
            observation: of this frame, with its picture.

        Raises:
            NothingFound: the method finds nothing in it.
        """
        posed = self._posed(whole, index)
        if not self.whole_clip:
            made = self.reconstructor([observation])
            drawn, camera = methods.FrameShape(made.shape), made.cameras[0]
        else:
            camera = whole.cameras[index]
            if isinstance(self.reconstructor, methods.FrameReconstructor):
                drawn = self.reconstructor.frame(whole, index, observation)
            else:
                drawn = methods.FrameShape(Mesh(posed, whole.shape.faces))
        mesh = coloured_frame(drawn.mesh, observation, camera, paint, posed if self.whole_clip else None)
        shown = silhouette(mesh.vertices, mesh.faces, camera)
        rect = self.sightings[index].rect if drawn.rect is None else drawn.rect
        return FrameMesh(mesh, camera, rect, intersection_over_union(shown, observation.mask > 0.5))

    def _posed(self, whole: Reconstruction, index: int) -> NDArray:
        """(V, 3) float32 metres, world: the whole's own mesh as it is in a frame, or the body inside it."""
        if whole.motion is not None:
            return whole.motion[index]
        body = None if whole.pose is None else known(whole.pose.model)
        return whole.shape.vertices if body is None else posed_body(whole, body, index).vertices


def key_frames(sightings: Sequence[Sighting]) -> list[int]:
    """Indices of the first sighting, and of clear ones spread over the clip."""
    chosen = [0]
    for part in np.array_split(np.arange(1, len(sightings)), TEXTURED - 1):
        if len(part):
            chosen.append(int(max(part, key=lambda k: sightings[k].score - len(sightings[k].flags))))
    return chosen


def enlarged(camera: Camera, size: tuple[int, int]) -> Camera:
    """The camera of a crop that was kept smaller, for its true size: widths decide, heights were rounded."""
    grown = np.diag([size[0] / camera.size[0]] * 2 + [1.0])
    return camera if camera.size == size else replace(camera, intrinsics=grown @ camera.intrinsics, size=size)


def only(whole: Reconstruction, chosen: Sequence[int]) -> Reconstruction:
    """The reconstruction in some of its frames; the first must stay the first, for the world is made from it."""
    index, pose = list(chosen), whole.pose
    return replace(
        whole,
        cameras=tuple(whole.cameras[k] for k in index),
        motion=None if whole.motion is None else whole.motion[index],
        expression=None if whole.expression is None else whole.expression[index],
        pose=None
        if pose is None
        else replace(
            pose,
            rotations=pose.rotations[index],
            translation=pose.translation[index],
            times=pose.times[index],
            frames=None if pose.frames is None else pose.frames[index],
        ),
    )


@dataclass
class _Pictures:
    """Some frames of a clip by their numbers; asked for in rising order, each is decoded once."""

    clip: Clip
    numbers: list[int]
    _coming: Iterator[tuple[int, Frame]] = field(default_factory=lambda: iter(()))
    _last: tuple[int, Frame] | None = None

    def frame(self, number: int) -> Frame | None:
        """The frame of that number; None if it cannot be decoded."""
        if self._last is None or number < self._last[0]:
            self._coming, self._last = frames_at(self.clip, [n for n in self.numbers if n >= number]), None
        while self._last is None or self._last[0] < number:
            self._last = next(self._coming, None)
            if self._last is None:
                return None
        return self._last[1] if self._last[0] == number else None
