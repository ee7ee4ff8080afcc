"""The types that carry everything.

Convention:
    World: right-handed, metres, y up, the subject faces +z, the subject's left is +x.
    Origin of a face: midway between the eyeball centres. Camera axes: OpenCV (x right, y down, z forward).
    Pixels: x right, y down; pixel (0, 0) is centred on (0.5, 0.5). Images: (H, W, 3) uint8 sRGB.
    Angles: radians. Quaternions: wxyz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from maquette.core.check import expect, expect_if
from maquette.core.motion import Skinning

Array = np.ndarray


class Subject(StrEnum):
    """What an observation shows."""

    FACE = "face"
    PERSON = "person"
    PET = "pet"

    @property
    def plural(self) -> str:
        """The word for several."""
        return {"face": "faces", "person": "people", "pet": "pets"}[self.value]


@dataclass(frozen=True, eq=False)
class Frame:
    """One upright sRGB picture.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB.
        time: seconds since the start of the clip, or None for a photo.
        origin: text for messages, usually the file name.
        focal: focal length in pixels of this frame if the file says it, else None.
    """

    pixels: Array
    time: float | None = None
    origin: str = ""
    focal: float | None = None

    def __post_init__(self) -> None:
        expect("Frame.pixels", self.pixels, ("H", "W", 3), np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole (or orthographic) camera.

    Attributes:
        intrinsics: (3, 3) float64 pixels; orthographic: pixels per metre, no division by depth.
        world_to_camera: (4, 4) float64 rigid transform, metres.
        size: (width, height) of its image in pixels.
        projection: "perspective" or "orthographic".
    """

    intrinsics: Array
    world_to_camera: Array
    size: tuple[int, int]
    projection: str = "perspective"

    def __post_init__(self) -> None:
        expect("Camera.intrinsics", self.intrinsics, (3, 3), np.float64)
        expect("Camera.world_to_camera", self.world_to_camera, (4, 4), np.float64)
        if self.projection not in ("perspective", "orthographic"):
            raise ValueError(f"Camera.projection: wanted perspective or orthographic, got {self.projection!r}")


@dataclass(frozen=True, eq=False)
class Reading:
    """What the face network reads in one observation, each value with its standard deviation.

    Attributes:
        landmarks: (478, 3) float64 like an observation's, crop pixels; `sigma` (478,) of x and y each, crop pixels.
        identity: (K,) coefficients of the shipped head; `identity_sigma` (K,).
        expression: (52,) weights; `expression_sigma` (52,).
        presence: 0-1, how sure it is that there is a face.
        disagreement: mean distance between its landmarks and the detector's, as share of the face's size; None where
            the detector found nothing and the network alone read the face.
        edition: of the head whose coefficients and weights it reads.
    """

    landmarks: Array
    sigma: Array
    identity: Array
    identity_sigma: Array
    expression: Array
    expression_sigma: Array
    presence: float
    disagreement: float | None = None
    edition: int = 1

    @property
    def alone(self) -> bool:
        """Whether nothing else has read the face."""
        return self.disagreement is None


@dataclass(frozen=True, eq=False)
class Observation:
    """One subject in one frame.

    Attributes:
        frame: the crop around the subject (its own pixel coordinates start at the crop's corner).
        box: (4,) float64 x0, y0, x1, y1 of the crop in pixels of the full frame.
        subject: what it is.
        landmarks: (N, 3) float64: x, y in crop pixels, z relative depth in crop pixels (smaller is nearer).
        landmark_scheme: "mediapipe478", "ibug68"; people: "mediapipe33", "body25", "coco17".
        landmark_confidence: (N,) float64 in 0-1.
        mask: (H, W) float32 in 0-1: the person or animal against the background.
        skin: (H, W) float32 in 0-1 or None: bare facial skin, without hair, glasses, hands.
        hair, beard, glasses: (H, W) float32 in 0-1 or None where nobody looked: the subject's own hair (without brows),
            beard with moustache, and spectacles (frames, temples, dark lenses).
        headwear: (H, W) float32 in 0-1 or None where nobody looked: a hat or a headscarf that the subject wears.
        landmark_sigma: (N,) float64 or None: standard deviation of x and y each, crop pixels.
        species, kinds: of an animal, else None: cat, dog, wild -> probability; the likeliest breeds and the like.
        confidence: 0-1, how sure the detector is. full_size: (width, height) of the full frame.
        camera: intrinsics for the crop if known beforehand (EXIF), else None.
        track: which subject this is when there are several frames.
        notes: plain-word remarks of the detector. reading: what the face network says, or None.
        shut_eyes: whether the subject's right and left eye are shut.
        expression_scores: (52,) float64 in 0-1 or None: what a network of its own says of the expression, in the order
            of `perception.models.results.BLENDSHAPES`.
        covered: (H, W) float32 in 0-1 or None: what hides the subject, a mask before the face or another person.
        landmarks_metric: (N, 3) float64 metres or None: the same landmarks in space as the detector guesses them, in
            camera axes (x right, y down, z away from the camera), origin midway between the hips.
    """

    frame: Frame
    box: Array
    subject: Subject
    landmarks: Array
    landmark_scheme: str
    landmark_confidence: Array
    mask: Array
    skin: Array | None = None
    confidence: float = 1.0
    camera: Camera | None = None
    track: int = 0
    full_size: tuple[int, int] = (0, 0)
    notes: tuple[str, ...] = ()
    reading: Reading | None = None
    shut_eyes: tuple[bool, bool] = (False, False)
    expression_scores: Array | None = None
    landmarks_metric: Array | None = None
    covered: Array | None = None
    hair: Array | None = None
    beard: Array | None = None
    glasses: Array | None = None
    headwear: Array | None = None
    landmark_sigma: Array | None = None
    species: Mapping[str, float] | None = None
    kinds: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        height, width = self.frame.pixels.shape[:2]
        expect("Observation.box", self.box, (4,), np.float64)
        expect("Observation.landmarks", self.landmarks, ("N", 3), np.float64)
        expect("Observation.landmark_confidence", self.landmark_confidence, (len(self.landmarks),), np.float64)
        expect("Observation.mask", self.mask, (height, width), np.float32)
        for name in ("skin", "covered", "hair", "beard", "glasses", "headwear"):
            expect_if(f"Observation.{name}", getattr(self, name), (height, width), np.float32)
        expect_if("Observation.landmark_sigma", self.landmark_sigma, (len(self.landmarks),), np.float64)
        expect_if("Observation.landmarks_metric", self.landmarks_metric, (len(self.landmarks), 3), np.float64)

    @property
    def shown(self) -> Array:
        """(H, W) float32 in 0-1: the person where nothing hides it; what a texture may take from the picture."""
        return self.mask if self.covered is None else self.mask * (1 - self.covered)


@dataclass(frozen=True, eq=False)
class Volume:
    """An occupancy grid with its surface at 0.5.

    Attributes:
        values: (X, Y, Z) float32 occupancy.
        grid_to_world: (4, 4) float64, voxel indices to metres.
        colors: (X, Y, Z, 3) uint8 or None.
    """

    values: Array
    grid_to_world: Array
    colors: Array | None = None

    def __post_init__(self) -> None:
        expect("Volume.values", self.values, ("X", "Y", "Z"), np.float32)
        expect("Volume.grid_to_world", self.grid_to_world, (4, 4), np.float64)


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh; what is absent is None.

    Attributes:
        vertices: (V, 3) float32 metres, world.
        faces: (F, 3) int32, anticlockwise seen from outside.
        uvs: (T, 2) float32 in 0-1, v up (glTF stores 1 - v), or None.
        uv_faces: (F, 3) int32 indices into uvs, or None.
        texture: (H, W, 3) uint8 sRGB, first row is v = 1, or None; of a `Part` also (H, W, 4), the last is opacity.
        texture_confidence: (H, W) uint8, 255 = seen in a photo, 0 = invented, or None.
        normal_map: (H, W, 3) uint8 tangent space: red along u, green along v, blue outwards, 128 is zero; or None.
        roughness_map: (H, W) uint8, 255 is as rough as can be, or None.
        displacement_map: (H, W) float32 metres along the normals, what the vertices are too coarse for, or None.
        vertex_colors: (V, 3) uint8 sRGB, or None.
    """

    vertices: Array
    faces: Array
    uvs: Array | None = None
    uv_faces: Array | None = None
    texture: Array | None = None
    texture_confidence: Array | None = None
    normal_map: Array | None = None
    roughness_map: Array | None = None
    displacement_map: Array | None = None
    vertex_colors: Array | None = None

    def __post_init__(self) -> None:
        expect("Mesh.vertices", self.vertices, ("V", 3), np.float32)
        expect("Mesh.faces", self.faces, ("F", 3), np.int32)
        if len(self.faces) and not 0 <= self.faces.min() <= self.faces.max() < len(self.vertices):
            raise ValueError(f"Mesh.faces: indices must lie in 0-{len(self.vertices) - 1}")
        if self.uvs is not None:
            if self.uv_faces is None:
                raise ValueError("Mesh.uv_faces: wanted with uvs")
            expect("Mesh.uvs", self.uvs, ("T", 2), np.float32)
            expect("Mesh.uv_faces", self.uv_faces, (len(self.faces), 3), np.int32)
        if self.texture is not None:
            channels = 4 if getattr(self.texture, "shape", ())[2:] == (4,) else 3
            expect("Mesh.texture", self.texture, ("H", "W", channels), np.uint8)
        expect_if("Mesh.texture_confidence", self.texture_confidence, ("H", "W"), np.uint8)
        expect_if("Mesh.normal_map", self.normal_map, ("H", "W", 3), np.uint8)
        expect_if("Mesh.roughness_map", self.roughness_map, ("H", "W"), np.uint8)
        expect_if("Mesh.displacement_map", self.displacement_map, ("H", "W"), np.float32)
        expect_if("Mesh.vertex_colors", self.vertex_colors, (len(self.vertices), 3), np.uint8)


PARTS = ("hair", "brows", "lashes", "beard", "glasses", "fur", "whiskers")  # also the names of their textures' files


@dataclass(frozen=True, eq=False)
class Part:
    """A further mesh of a head, with a material of its own.

    Attributes:
        name: one of PARTS.
        mesh: metres, world, on the neutral head of the result's own size; uvs, a texture (H, W, 3) or (H, W, 4).
        anchors: (V, 3) int32 vertices of the head that each vertex follows, or None: rigid to the head. Those of the
            head as it was fitted; a finer one begins with the same.
        weights: (V, 3) float32, rows sum to 1, or None.
        normals: (V, 3) float32 unit, by which it is lit, or None: those of its triangles.
        roughness, specular: of the material, 0-1; specular is the share of a dielectric's reflection.
        double_sided: whether its back faces are drawn.
        alpha_cutoff: opacity, 0-1, below which nothing is drawn.
        blended: whether opacity is mixed in where a format can: for what is finer than a pixel.
    """

    name: str
    mesh: Mesh
    anchors: Array | None = None
    weights: Array | None = None
    normals: Array | None = None
    roughness: float = 0.8
    specular: float = 1.0
    double_sided: bool = True
    alpha_cutoff: float = 0.35
    blended: bool = False

    def __post_init__(self) -> None:
        if self.name not in PARTS:
            raise ValueError(f"Part.name: wanted {', '.join(PARTS)}, got {self.name!r}")
        if self.mesh.uvs is None or self.mesh.texture is None:
            raise ValueError(f"Part.mesh: {self.name} wants uvs and a texture")
        count = len(self.mesh.vertices)
        if (self.anchors is None) != (self.weights is None):
            raise ValueError("Part.weights: wanted with anchors")
        if self.anchors is not None:
            expect("Part.anchors", self.anchors, (count, 3), np.int32)
            weights = expect("Part.weights", self.weights, (count, 3), np.float32)
            if np.abs(weights.sum(axis=1) - 1).max(initial=0) > 1e-3:
                raise ValueError("Part.weights: wanted rows that sum to 1")
        if self.normals is not None:
            expect("Part.normals", self.normals, (count, 3), np.float32)

    def follow(self, moves: Array) -> Array:
        """(..., V, 3) float32: how its vertices move when those of the head move by (..., W, 3)."""
        if self.anchors is None or self.weights is None:
            return np.zeros((*moves.shape[:-2], len(self.mesh.vertices), 3), np.float32)
        return np.einsum("...vkd,vk->...vd", moves[..., self.anchors, :], self.weights).astype(np.float32)


@dataclass(frozen=True, eq=False)
class BodyPose:
    """How a rigged body stands: once for a photo, once per frame of a clip.

    Attributes:
        model: name of the rigged body.
        rotations: (N, B, 4) float64 unit quaternions wxyz, see `morphable.rig.Rig.transforms`.
        translation: (N, 3) float64 metres, world, added last.
        times: (N,) float64 seconds since the start of the clip; nan for photos.
        frames: (N,) int64 numbers in the clip, or None for photos.
    """

    model: str
    rotations: Array
    translation: Array
    times: Array
    frames: Array | None = None

    def __post_init__(self) -> None:
        expect("BodyPose.rotations", self.rotations, ("N", "B", 4), np.float64)
        expect("BodyPose.translation", self.translation, (len(self), 3), np.float64)
        expect("BodyPose.times", self.times, (len(self),), np.float64, finite=False)
        if self.frames is not None:
            expect("BodyPose.frames", self.frames, (len(self),), np.int64)

    def __len__(self) -> int:
        return len(self.rotations)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """One subject in 3D.

    A method that maquette does not know needs `shape` and `cameras` alone. `identity`, `expression` and `scale` are
    those of `model`, whose mesh `shape` is, or of the body `pose.model` inside a free surface.

    Attributes:
        shape: mesh in the canonical world frame, as in the first observation.
        cameras: as solved, one per observation, for the pixels of that observation's crop.
        motion: (N, V, 3) float32 metres, the vertices per observation, or None.
        model: the parametric model whose topology the mesh has, or None.
        identity: (K,) weights, standard deviations, or None.
        expression: (N, E) weights of the units, 0-1, or None.
        scale: metres of the world per metre of the model.
        pose: of a rigged body, or None.
        metric: whether the size is measured; else it is that of an average subject.
        parameters: further named arrays, documented by the method, for parameters.npz.
        volume: the occupancy that the shape was drawn from, in that frame, or None.
        provenance: method and measured facts (JSON-able), for people to read; no code branches on it.
        parts: further meshes of a head, each name once: hair, brows, lashes, beard, glasses.
        skinning: how a mesh without a model follows the bones of the body of `pose`, or None.
    """

    shape: Mesh
    cameras: tuple[Camera, ...]
    motion: Array | None = None
    model: str | None = None
    identity: Array | None = None
    expression: Array | None = None
    scale: float = 1.0
    pose: BodyPose | None = None
    metric: bool = False
    parameters: Mapping[str, Array] = field(default_factory=dict)
    volume: Volume | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    skinning: Skinning | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.shape, Mesh):
            raise TypeError(f"Reconstruction.shape: wanted a Mesh, got {type(self.shape).__name__}")
        if self.identity is not None:
            expect("Reconstruction.identity", self.identity, ("K",), None)
        if self.expression is not None:
            expect("Reconstruction.expression", self.expression, ("N", "E"), None)
        if self.motion is not None:
            expect("Reconstruction.motion", self.motion, ("N", len(self.shape.vertices), 3), np.float32)
        if self.model is not None and (self.identity is None or self.expression is None):
            raise ValueError(f"Reconstruction: a mesh of {self.model} wants its identity and expression")
        self._check_parts()
        if not self.scale > 0:
            raise ValueError(f"Reconstruction.scale: wanted more than 0, got {self.scale!r}")

    def _check_parts(self) -> None:
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names):
            raise ValueError(f"Reconstruction.parts: wanted each name once, got {', '.join(names)}")
        count = len(self.shape.vertices)
        for part in self.parts:
            if part.anchors is not None and not 0 <= part.anchors.min() <= part.anchors.max() < count:
                raise ValueError(f"Reconstruction.parts: {part.name} follows vertices that the mesh lacks")
