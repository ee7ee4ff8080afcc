"""What all writers draw from: one result, its model, and what is derived from them only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.motion import Skinning
from maquette.core.options import OutputOptions
from maquette.core.result import Result
from maquette.core.types import Camera, Mesh, Part, Reconstruction, Subject
from maquette.geometry.camera import resized
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.raycast import render_buffers
from maquette.geometry.surfaces.extract import Surface, surface_of
from maquette.morphable import known
from maquette.morphable.model import SIDES, MorphableModel
from maquette.morphable.posing import rig_of, same_half
from maquette.morphable.refined.dense import dense_model, dense_reconstruction, wrinkled_model
from maquette.morphable.refined.fine import fine_model, fine_reconstruction
from maquette.morphable.rig import Rig
from maquette.morphable.skinned import model_of
from maquette.outputs.mesh_bones import MeshBones, body_keypoints, bones_of
from maquette.outputs.meshes.motion import Motion, matrices
from maquette.outputs.pictures.views import Scene, set_scene, shaded_part
from maquette.texturing.colours import photo_colours

MAX_RAYS_SIDE = 768  # pixels; a larger crop is ray cast at this size and enlarged
EYES = ("eyeLeft", "eyeRight")
LID_MOVES_M = 0.003  # what a blink moves so far lies over the eyeball when it is shut
STEMS = {Subject.FACE: "head", Subject.PERSON: "person", Subject.PET: "pet"}
VERSION = version("maquette")


@dataclass(frozen=True, eq=False)
class Buffers:
    """What the first photo's camera sees of the mesh, possibly on a smaller grid than its crop.

    Attributes:
        face: (h, w) int, -1 for background.
        barycentric: (h, w, 3).
        depth: (h, w) metres along the camera's z axis, infinite for background.
    """

    face: NDArray
    barycentric: NDArray
    depth: NDArray


@dataclass(frozen=True, eq=False)
class Asset:
    """One result on its way into files.

    Attributes:
        result: what the pipeline made.
        model: the parametric model whose mesh it is, or None for a free-form mesh.
        body: the model with a rig that was fitted to a person, whether or not the mesh is its own, or None.
        coarse: the same as it was before the mesh was refined, or None if it was not.
        options: what to write.
        seconds: file -> seconds that making it took, as far as written.
        made: the main GLB and textures of parts once they are written, by name, for files that hold them.
    """

    result: Result
    model: MorphableModel | None = None
    options: OutputOptions = field(default_factory=OutputOptions)
    seconds: dict[str, float] = field(default_factory=dict)
    made: dict[str, bytes] = field(default_factory=dict)
    body: MorphableModel | None = None
    coarse: Asset | None = None

    @property
    def mesh(self) -> Mesh:
        """The textured mesh, showing the first photo's expression."""
        return self.result.reconstruction.shape

    @property
    def subject(self) -> Subject:
        """What the photos show."""
        return self.result.observations[0].subject

    @property
    def stem(self) -> str:
        """Name of the mesh files without their ending."""
        return STEMS[self.subject]

    @property
    def rig(self) -> Rig | None:
        """The skeleton inside the mesh, if it has one."""
        return None if self.model is None else self.model.rig

    @property
    def is_fine(self) -> bool:
        """Whether the mesh is a head that is written finer than it was fitted."""
        return self.options.mesh == "fine" and self.model is not None and self.rig is None

    @property
    def scale(self) -> float:
        """Size of this subject relative to the model's metres."""
        return self.result.reconstruction.scale

    @cached_property
    def expression(self) -> NDArray:
        """(E,) weights of the first photo's shape in `units`; empty without a model."""
        weights = self.result.reconstruction.expression
        if self.model is None or weights is None or not len(self.model.expression_names):
            return np.zeros(0)
        return self.held(weights[0])

    def held(self, weights: NDArray) -> NDArray:
        """(..., E) fitted weights of a model's units as weights of `units`."""
        assert self.model is not None, "asked of results with a model"
        return self.model.held(weights, self.identity) / self._reach

    @cached_property
    def units(self) -> NDArray:
        """(E, V, 3) float32 metres at weight 1, model size: the model's, but a blink shuts the eyes of this mesh.

        A lid that lies beside the model's must come down where the model's does, over the eyeball as it lies here.
        """
        assert self.model is not None, "asked of results with a model"
        model, units = self.model, self._reaching.copy()
        if self.rig is not None or not set(EYES) <= set(model.parts):
            return units
        beside = self.neutral / self.scale - model.vertices(self.identity, np.zeros_like(self.expression))
        for side in SIDES:
            blink = list(model.expression_names).index(f"eyeBlink{side}")
            lid = np.clip(np.linalg.norm(units[blink], axis=1) / LID_MOVES_M, 0, 1)[:, None]
            units[blink] -= lid * (beside - beside[model.part_vertices(f"eye{side}")].mean(axis=0))
        return units

    @cached_property
    def _reaching(self) -> NDArray:
        """(E, V, 3) float32: the model's units, with blinks that go as far as this identity's eyes are open."""
        assert self.model is not None, "asked of results with a model"
        units: NDArray = self.model.expression_basis * self._reach.astype(np.float32)[:, None, None]
        return units

    @cached_property
    def _reach(self) -> NDArray:
        """(E,) how much farther than the model's each unit goes at weight 1."""
        assert self.model is not None, "asked of results with a model"
        names, reach = list(self.model.expression_names), np.ones(len(self.model.expression_names))
        for side, wide in zip(SIDES, self.model.lid_reach(self.identity)):
            if f"eyeBlink{side}" in names:
                reach[names.index(f"eyeBlink{side}")] = wide
        return reach

    @property
    def identity(self) -> NDArray:
        """(K,) weights of the fitted model."""
        identity = self.result.reconstruction.identity
        assert identity is not None, "asked of results with a model"
        return identity

    @cached_property
    def neutral(self) -> NDArray:
        """(V, 3) float32 metres: the mesh without its expression, of a rigged body in the rest pose.

        What lies outside the model's space is kept in a head.
        """
        if self.model is None:
            return self.mesh.vertices
        if self.skinning is not None:
            return self.skinning.vertices
        if self.rig is not None:
            return self.rest(np.zeros_like(self.expression))
        moved = self.scale * np.tensordot(self.expression.astype(np.float32), self._reaching, 1)
        neutral = self.mesh.vertices - moved
        plain = self.model.vertices(self.identity, np.zeros_like(self.expression), self.scale)
        for part in EYES:  # eyes look straight ahead in the neutral head, whatever the gaze in the photo
            if part in self.model.parts:
                used = self.model.part_vertices(part)
                neutral[used] = plain[used] + (neutral[used] - plain[used]).mean(axis=0)
        return neutral.astype(np.float32)

    @property
    def fitted_body(self) -> MorphableModel:
        """The body; only of results that have one."""
        assert self.body is not None, "asked of results with a fitted body"
        return self.body

    @property
    def skeleton(self) -> Rig:
        """The skeleton of the fitted body; only of results that have one."""
        return rig_of(self.fitted_body)

    def rest(self, expression: NDArray) -> NDArray:
        """(V, 3) float32 metres: the fitted body in its rest pose with that expression, (E,)."""
        return self.fitted_body.vertices(self.identity, expression, self.scale)

    @property
    def skinning(self) -> Skinning | None:
        """How the mesh follows the bones of the fitted body, where it is not the body's own."""
        return self.result.reconstruction.skinning

    @cached_property
    def joints(self) -> NDArray:
        """(B, 3) float32 metres: where the bones of the fitted body begin in its rest pose."""
        return self.skeleton.joints(self.identity, self.scale)

    @cached_property
    def bones(self) -> MeshBones | None:
        """The bones of the mesh, if it has some."""
        if self.rig is None:
            return None
        if self.skinning is not None:
            return bones_of(self.skinning, self.rig, self.motion)
        return MeshBones(self.rig, self.joints, self.motion)

    @cached_property
    def motion(self) -> Motion:
        """The poses of the fitted body, one per observation; see `is_clip` for whether they follow each other."""
        pose, expression = self.result.reconstruction.pose, self.result.reconstruction.expression
        assert pose is not None and expression is not None, "asked of results with a fitted body"
        return Motion(np.nan_to_num(pose.times), same_half(pose.rotations), pose.translation, expression.astype(float))

    @cached_property
    def is_clip(self) -> bool:
        """Whether a fitted body moves over time: at least two poses at rising times."""
        pose = self.result.reconstruction.pose
        return self.body is not None and pose is not None and len(pose) > 1 and bool((np.diff(pose.times) > 0).all())

    def pose_of(self, index: int) -> int:
        """Which pose belongs to observation `index`.

        A long clip keeps few of its pictures; its observations are then found by their times.
        """
        seen = self.result.observations
        time = seen[index].frame.time
        if len(seen) == len(self.motion) or time is None or not self.is_clip:
            return index
        return int(np.abs(self.motion.times - time).argmin())

    def of_observation(self, values: Sequence[Any], index: int) -> Any:
        """The item that belongs to observation `index` in a list per observation or per pose; None if there is none."""
        place = index if len(values) == len(self.result.observations) or self.body is None else self.pose_of(index)
        return values[place] if place < len(values) else None

    def posed(self, index: int) -> NDArray:
        """(V, 3) float32 metres: the fitted body in its pose `index`."""
        motion = self.motion
        rest, turns = self.rest(motion.expression[index]), matrices(motion.rotations[index])
        return self.skeleton.pose(rest, self.joints, turns, motion.translation[index])[0]

    @cached_property
    def keypoints(self) -> dict[str, NDArray]:
        """Scheme -> (N, K, 3) float64 metres: the fitted body's key points in each pose; empty without a body."""
        if self.body is None:
            return {}
        return body_keypoints(self.fitted_body, self.scale, self.identity, self.joints, self.motion)

    @cached_property
    def normals(self) -> NDArray:
        """(V, 3) unit normals of the mesh."""
        return vertex_normals(self.mesh.vertices.astype(float), self.mesh.faces)

    def part(self, name: str) -> NDArray:
        """(n,) indices of the faces of a part; all faces are "skin" without a model."""
        if self.model is None:
            return np.arange(len(self.mesh.faces)) if name == "skin" else np.zeros(0, int)
        return np.asarray(self.model.parts.get(name, np.zeros(0, int)))

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of the parts that have faces."""
        return ("skin",) if self.model is None else tuple(sorted(self.model.parts))

    def vertices_in(self, index: int) -> NDArray:
        """(V, 3) metres: the mesh with the expression of photo `index`."""
        reconstruction = self.result.reconstruction
        if reconstruction.motion is not None:
            return reconstruction.motion[index]
        if index == 0 or self.model is None:
            return self.mesh.vertices
        if self.skinning is not None and self.bones is not None:
            bent = self.neutral + self._moves(self.motion.expression[index])
            return self.bones.posed(bent, self.bones.influences, index)
        if self.rig is not None:
            return self.posed(index)
        weights = reconstruction.expression
        assert weights is not None, "a mesh of a model has both"
        return self.model.vertices(self.identity, weights[index], self.scale)

    @cached_property
    def buffers(self) -> Buffers:
        """The first camera's view, at most MAX_RAYS_SIDE pixels wide and high."""
        camera = ray_camera(self.result.reconstruction.cameras[0])
        return Buffers(*render_buffers(camera, self.mesh.vertices, self.mesh.faces))

    @cached_property
    def scene(self) -> Scene:
        """The mesh in the photo studio."""
        eyes = np.concatenate([self.part(name) for name in EYES]).astype(int)
        further = [shaded_part(part, self.posed_part(part)) for part in self.result.reconstruction.parts]
        return set_scene(self.mesh, self.part("skin"), self.part("mouth"), eyes, further, self.part("teeth"))

    def posed_part(self, part: Part) -> NDArray:
        """(V, 3) float32 metres: hair or the like with the expression in the first photo."""
        if self.bones is not None:
            bent = part.mesh.vertices + part.follow(self._moves(self.expression))
            return self.bones.posed(bent, self.bones.of_part(part), 0)
        if part.anchors is None:
            return part.mesh.vertices
        return part.mesh.vertices + part.follow(self.mesh.vertices - self.neutral)

    def _moves(self, weights: NDArray) -> NDArray:
        """(V, 3) metres: what an expression (E,) moves."""
        return self.scale * np.tensordot(weights[: len(self.units)].astype(np.float32), self.units, 1)

    @property
    def has_volume(self) -> bool:
        """Whether the result has a volume whose surface is not the mesh already."""
        return self.result.reconstruction.volume is not None and self.model is not None

    def close(self) -> None:
        """Give the studio's window back, if it was opened."""
        if "scene" in self.__dict__:
            self.__dict__.pop("scene").studio.close()

    @cached_property
    def drawn(self) -> Drawn | None:
        """The coloured surface of the result's volume, made once for all its files.

        None without a volume, and where that surface is the mesh already.

        Raises:
            NothingFound: the volume has no surface.
        """
        result = self.result
        volume = result.reconstruction.volume
        if volume is None or not self.has_volume:
            return None
        surface = surface_of(volume)
        found = photo_colours(surface.mesh, result.observations, result.reconstruction.cameras)
        shape, whole = replace(surface.mesh, vertex_colors=found.colours), result.reconstruction
        bare = Reconstruction(shape, whole.cameras, scale=whole.scale, metric=whole.metric, provenance=whole.provenance)
        alone = Asset(replace(result, reconstruction=bare), None, self.options)
        return Drawn(alone, surface, found.share, found.area_share(shape))

    @cached_property
    def detailed(self) -> Asset | None:
        """The head with its displacement as shape, on many more triangles; None where there is no displacement."""
        plain = self.coarse or self
        if plain.mesh.displacement_map is None or plain.model is None:
            return None
        made = dense_reconstruction(plain.result.reconstruction, plain.model)
        model = wrinkled_model(dense_model(plain.model), made, made.shape)
        return Asset(replace(plain.result, reconstruction=made), model, self.options)


@dataclass(frozen=True, eq=False)
class Drawn:
    """The surface of a result's volume on its way into files.

    Attributes:
        asset: its mesh is that surface, with a colour per vertex; it has no model.
        surface: what there was to clean.
        photographed: share of the vertices that a photo shows, 0-1; the others' colours are continued from those.
        area_photographed: the same share of the surface.
    """

    asset: Asset
    surface: Surface
    photographed: float
    area_photographed: float


def kind_of_scale(made: Reconstruction) -> str:
    """How files call the size: "metric" or "relative"."""
    return "metric" if made.metric else "relative"


def ray_camera(camera: Camera) -> Camera:
    """The camera, its picture made smaller if it has more pixels than we want rays."""
    shrink = min(1.0, MAX_RAYS_SIDE / max(camera.size))
    width, height = (max(1, round(side * shrink)) for side in camera.size)
    return camera if shrink == 1.0 else resized(camera, (width, height))


def open_asset(result: Result, options: OutputOptions) -> Asset:
    """The asset of a result, with the models it names, as far as they are known here.

    With `mesh="fine"` a head is refined, and so is its model. Bodies and surfaces without a model are not.
    """
    made, model = result.reconstruction, known(result.reconstruction.model)
    body = None if made.pose is None else known(made.pose.model)
    if made.skinning is not None and body is not None:
        model = model_of(made.skinning, made.shape, body, made.scale)
    asset = Asset(result, model, options, body=body)
    if model is None or not asset.is_fine:
        return asset
    finer = replace(result, reconstruction=fine_reconstruction(made, model))
    return replace(asset, result=finer, model=fine_model(model), coarse=asset)
