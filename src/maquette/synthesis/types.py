"""What a scene that does not exist is made of: surfaces and strands. Metres, canonical world frame, linear RGB."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from numpy.typing import NDArray


class Kind(IntEnum):
    """What a pixel shows; the value in the label image."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2
    EYES = 3
    MOUTH = 4
    CLOTHES = 5
    GLASSES = 6
    OCCLUDER = 7
    BEARD = 8
    BROWS = 9  # and lashes


@dataclass(frozen=True, eq=False)
class SceneSurface:
    """A mesh and how it reflects light.

    Attributes:
        vertices: (V, 3) float32 metres.
        faces: (F, 3) int32, anticlockwise from outside.
        kind: what its pixels are labelled.
        albedo: (H, W, 3) float32 linear RGB texture (needs uvs), (V, 3) per vertex, or (3,) flat.
        uvs: (T, 2) float32 in 0-1, v up, or None.
        uv_faces: (F, 3) int32 into uvs, or None.
        displacement: (H, W) float32 metres along the normal in the same charts, or None: bends the shading normal.
        roughness: 0-1, or (H, W) float32 in the same charts.
        specular: reflectance at normal incidence; skin 0.028, plastic 0.04.
        alpha: opacity 0-1; below 1 the surface is blended over what lies behind it (lenses).
        two_sided: seen from both sides (cloth), else its back is culled.
    """

    vertices: NDArray
    faces: NDArray
    kind: Kind
    albedo: NDArray
    uvs: NDArray | None = None
    uv_faces: NDArray | None = None
    displacement: NDArray | None = None
    roughness: float | NDArray = 0.5
    specular: float = 0.04
    alpha: float = 1.0
    two_sided: bool = False

    def __post_init__(self) -> None:
        if self.albedo.ndim == 3 and (self.uvs is None or self.uv_faces is None):
            raise ValueError("SceneSurface: an albedo texture (H, W, 3) needs uvs and uv_faces")


@dataclass(frozen=True, eq=False)
class Strands:
    """Hairs, drawn as ribbons that face the camera.

    Attributes:
        points: (N, S, 3) float32 metres, root to tip, the same S for all.
        radius: (N, S) float32 metres; a strand stands for a tuft, so 0.3 to 1.5 mm.
        albedo: (N, S, 3) float32 linear RGB.
        kind: what their pixels are labelled.
    """

    points: NDArray
    radius: NDArray
    albedo: NDArray
    kind: Kind = field(default=Kind.HAIR, kw_only=True)


@dataclass(frozen=True, eq=False)
class SkinMaps:
    """The appearance of one head in the charts of the head model.

    Attributes:
        albedo: (S, S, 3) float32 linear RGB; row 0 is v = 1.
        displacement: (S, S) float32 metres along the normal: wrinkles, folds, pores.
        roughness: (S, S) float32 in 0-1.
        monk: 1-10, the skin tone on the Monk scale (1 lightest).
        hair_color: (3,) float32 linear RGB, shared by brows, beard and hair.
    """

    albedo: NDArray
    displacement: NDArray
    roughness: NDArray
    monk: int
    hair_color: NDArray


@dataclass(frozen=True, eq=False)
class Identity:
    """Who somebody is.

    Attributes:
        coefficients: (K,) float32 of the head model's identity basis, standard deviations.
        age: years.
        gender: 0 female to 1 male.
        ancestry: (3,) float32 african, asian, caucasian; sums to 1.
        weight: 0 thin to 1 heavy.
        scale: size of the head against the model's, an adult's; a child of five has about 0.85.
    """

    coefficients: NDArray
    age: float
    gender: float
    ancestry: NDArray
    weight: float = 0.5
    scale: float = 1.0
