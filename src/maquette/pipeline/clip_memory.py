"""What a run has learned of a clip, kept until it is finished, so that a stopped run need not watch and fit again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.job import Job
from maquette.core.types import BodyPose, Camera, Mesh, Reconstruction
from maquette.outputs.reports.report import plain
from maquette.perception.tracking.sighting import Sighting
from maquette.perception.tracking.watch import Watched, watch
from maquette.pipeline.clip_store import Arrays, ClipStore, looking
from maquette.pipeline.clip_subject import ClipSubject
from maquette.sources.video import Clip

WATCHED, FITTED = ".watched.npz", ".fitted-{track}.npz"
TEXTS = ("notes", "flags")
STAGES = ("body", "perception", "video", "source", "texture")  # whose options change the meshes of frames
# Options among them that change no result of a clip: a run with others goes on.
NO_MATTER = ("resume", "min_face", "max_faces", "upscale", "device")


class Memory(ClipStore):
    """What is known of the people of a clip so far."""

    STAGES = ("body", *ClipStore.STAGES)
    NAMES = (WATCHED, FITTED.format(track="*"))

    @property
    def settings(self) -> dict[str, Any]:
        """Every option that the frames' meshes depend on, by name."""
        named = {name: value for stage in STAGES for name, value in asdict(getattr(self.options, stage)).items()}
        return {n: v for n, v in named.items() if n not in NO_MATTER} | {"method": self.options.fit.method}

    def watched(self, clip: Clip, say: Callable[[str], None]) -> Watched:
        """Who is in the clip: from an earlier run of the same clip and settings, or by watching it now.

        Raises:
            BadInput: the disk is full or the folder cannot be written.
        """
        stored = self.load(WATCHED, _watched_of)
        if stored is not None:
            return stored
        found = watch(clip, self.options.perception, looking(clip, say))
        self.save(WATCHED, _arrays_of_watched(found))
        return found

    def whole(self, subject: ClipSubject, job: Job) -> Reconstruction:
        """What the method makes of one person, likewise.

        Raises:
            BadInput: the disk is full or the folder cannot be written.
        """
        name = FITTED.format(track=subject.sightings[0].track)
        stored = self.load(name, reconstruction_of)
        if stored is not None:
            return stored
        count = len(subject.sightings)
        made = subject.reconstructed(lambda done: job.say(f"{subject.name} fitting, frame {done} of {count}"))
        self.save(name, arrays_of_reconstruction(made))
        return made


def _arrays_of_watched(watched: Watched) -> dict[str, Any]:
    arrays: dict[str, Any] = {"dropped": np.array(watched.dropped), "remarks": np.array(json.dumps(watched.notes))}
    arrays["empty"] = np.array(sorted(watched.empty.items()), float).reshape(-1, 2)
    sights = [one for track in watched.tracks.values() for one in track]
    for column in fields(Sighting):
        values = [getattr(one, column.name) for one in sights]
        if column.name == "mask":
            arrays["mask"] = np.frombuffer(b"".join(values), np.uint8)
            arrays["mask_bytes"] = np.array([len(value) for value in values])
        else:
            arrays[column.name] = np.array(json.dumps(values) if column.name in TEXTS else values)
    return arrays


def _watched_of(arrays: Arrays) -> Watched:
    ends = np.cumsum(arrays["mask_bytes"])
    masks = [arrays["mask"][end - size : end].tobytes() for end, size in zip(ends, arrays["mask_bytes"])]
    texts = {name: json.loads(str(arrays[name])) for name in TEXTS}
    watched = Watched(
        empty={int(f): float(t) for f, t in arrays["empty"]},
        dropped=int(arrays["dropped"]),
        notes=tuple(json.loads(str(arrays["remarks"]))),
    )
    for k, mask in enumerate(masks):
        row = {f.name: arrays[f.name][k] for f in fields(Sighting) if f.name not in ("mask", *TEXTS)}
        row |= {name: int(row[name]) for name in ("frame", "track")} | {n: float(row[n]) for n in ("time", "score")}
        row |= {name: tuple(int(side) for side in row[name]) for name in ("crop", "full")}
        row |= {name: tuple(texts[name][k]) for name in TEXTS} | {"mask": mask}
        watched.tracks.setdefault(row["track"], []).append(Sighting(**row))
    return watched


def _present(prefix: str, item: object) -> dict[str, NDArray]:
    """The arrays of a dataclass that are there, by prefixed name."""
    found = {f.name: getattr(item, f.name) for f in fields(item)}  # type: ignore[arg-type]  # any dataclass
    return {f"{prefix}.{name}": value for name, value in found.items() if isinstance(value, np.ndarray)}


def _under(prefix: str, arrays: Arrays) -> dict[str, NDArray]:
    return {key.removeprefix(f"{prefix}."): value for key, value in arrays.items() if key.startswith(f"{prefix}.")}


def arrays_of_reconstruction(whole: Reconstruction) -> dict[str, Any]:
    """All but the volume, which no frame needs."""
    facts = {"model": whole.model, "metric": whole.metric, "provenance": plain(dict(whole.provenance))}
    facts |= {"pose": None if whole.pose is None else whole.pose.model}
    facts |= {"projections": [camera.projection for camera in whole.cameras]}
    arrays: dict[str, Any] = {"facts": np.array(json.dumps(facts)), "scale": np.array(whole.scale)}
    arrays |= _present("own", whole) | _present("mesh", whole.shape)
    arrays |= {} if whole.pose is None else _present("pose", whole.pose)
    arrays |= {f"parameter.{name}": np.asarray(value) for name, value in whole.parameters.items()}
    arrays["intrinsics"] = np.stack([camera.intrinsics for camera in whole.cameras])
    arrays["world_to_camera"] = np.stack([camera.world_to_camera for camera in whole.cameras])
    arrays["sizes"] = np.array([camera.size for camera in whole.cameras])
    return arrays


def reconstruction_of(arrays: Arrays) -> Reconstruction:
    """The reconstruction of `arrays_of_reconstruction`."""
    facts, pose = json.loads(str(arrays["facts"])), _under("pose", arrays)
    columns = (arrays["intrinsics"], arrays["world_to_camera"], arrays["sizes"], facts["projections"])
    return Reconstruction(
        shape=Mesh(**_under("mesh", arrays)),
        cameras=tuple(
            Camera(intrinsics, matrix, (int(width), int(height)), projection)
            for intrinsics, matrix, (width, height), projection in zip(*columns, strict=True)
        ),
        **_under("own", arrays),  # type: ignore[arg-type]  # motion, identity, expression
        model=facts["model"],
        scale=float(arrays["scale"]),
        pose=BodyPose(facts["pose"], **pose) if pose else None,
        metric=facts["metric"],
        parameters=_under("parameter", arrays),
        provenance=facts["provenance"],
    )
