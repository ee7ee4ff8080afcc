"""A head that moves: drawn over the frames of its clip under the light it has there, and from the front, held still."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.motion import SIDES, HeadMotion
from maquette.core.types import Camera
from maquette.geometry.mesh import vertex_normals
from maquette.outputs.asset import Asset
from maquette.outputs.detail.folded_skin import FoldedSkin
from maquette.outputs.meshes.weld import split_seams
from maquette.outputs.pictures.studio import BRIGHTEST, SKIN, WET, Material, Studio
from maquette.outputs.pictures.views import Scene, backdrop, over, shaded_part
from maquette.outputs.shaded_mesh import ShadedMesh, openness, part_normals

FACE, FULL = 0.1, 0.9  # of the region "face", between which it fades over the clip
OPEN_JAW = 0.4  # weight at which the inside of the mouth is found to be dark
TEXTURE_SIDE = 768  # a panel of the film shows 450 of its rows
SAMPLES = 900  # vertices whose light is read
SHADE_RIDGE = 0.02  # of the samples' own weight: how far light is held to an even one
DIMMEST = 0.05
LIT = 0.25  # cosine of the steepest normals at which light is read
GRAZING = 0.08, 0.35  # cosines between which skin fades over the clip
TRIMMED = 2.5  # robust deviations beyond which a sample shows no skin
CONTRAST, SUPERSAMPLE = 0.55, 1.25


@dataclass(frozen=True, eq=False)
class _Piece:
    """One part of the mesh in a studio, and the vertices of the head that its own are."""

    shaded: ShadedMesh
    vertex_of: NDArray
    material: Material


@dataclass(frozen=True, eq=False)
class FrameView:
    """How a camera sees a head in one frame.

    Attributes:
        camera: its world are the head's axes, metres. turn: (3, 3) head to camera axes (y up, z to the viewer).
    """

    camera: Camera
    turn: NDArray


class MovingHead:
    """One textured head, moved as it moves in its clip.

    Args:
        asset: a head with a model, a texture and no finer mesh than it was fitted on.
    """

    def __init__(self, asset: Asset) -> None:
        assert asset.model is not None, "made for heads of a model"
        self.asset, self.model = asset, asset.model
        mesh = asset.mesh
        self.moves: NDArray = asset.scale * asset.units
        jaw = self.moves[list(self.model.expression_names).index("jawOpen")]
        opened = (asset.neutral + OPEN_JAW * jaw).astype(float)
        self.open = openness(opened, mesh.faces, vertex_normals(opened, mesh.faces))
        texture = mesh.texture
        if texture is not None and max(texture.shape) > TEXTURE_SIDE:
            texture = cv2.resize(texture, (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_AREA)
        self.texture = texture
        self.skin = FoldedSkin.of(asset, texture)
        self.fade = self._faded()
        self.solid = np.ones(len(asset.neutral), bool)
        self.solid[np.unique(mesh.faces[asset.part("skin")])] = False
        eyes = np.concatenate([asset.part(f"eye{side}") for side in SIDES]).astype(int)
        inside = [asset.part(name) for name in asset.part_names if name not in ("skin", "eyeLeft", "eyeRight")]
        skin = asset.part("skin")
        drawn = skin[self.model.regions["face"][mesh.faces[skin]].mean(axis=1) > FACE] if self._sized else skin
        mouth = np.concatenate(inside).astype(int) if inside else np.zeros(0, int)
        front = [self._piece(np.concatenate([drawn, mouth]), SKIN), self._piece(eyes, WET)]
        whole = [self._piece(np.concatenate([skin, mouth]), SKIN), self._piece(eyes, WET)]
        self.parts = asset.result.reconstruction.parts
        self._seams = [
            split_seams(part.mesh.faces, part.mesh.uv_faces)[1] for part in self.parts if part.mesh.uv_faces is not None
        ]
        further = [shaded_part(part, part.mesh.vertices) for part in self.parts]
        self._front, self._whole = front, whole
        self._over = Studio([(piece.shaded, piece.material) for piece in front], texture)
        self._still = Studio([*((piece.shaded, piece.material) for piece in whole), *further], texture)
        places = np.concatenate([asset.neutral, *(part.mesh.vertices for part in self.parts)])
        self._scene = Scene(self._still, places.min(axis=0).astype(float), places.max(axis=0).astype(float))
        self._samples = self._sampled()
        self._ground: NDArray | None = None

    @property
    def _sized(self) -> bool:
        return len(self.model.regions["face"]) == len(self.asset.mesh.vertices)

    def _faded(self) -> NDArray:
        """(V,) 0-1: how solid the head is over its clip: skin fades towards the hair, the ears and the neck."""
        solid = np.ones(len(self.asset.neutral))
        if self._sized:
            region = np.clip((self.model.regions["face"] - FACE) / (FULL - FACE), 0, 1)
            skin = np.unique(self.asset.mesh.faces[self.asset.part("skin")])
            solid[skin] = (region * region * (3 - 2 * region))[skin]
        return solid

    def _piece(self, faces: NDArray, material: Material) -> _Piece:
        mesh = self.asset.mesh
        assert mesh.uvs is not None and mesh.uv_faces is not None, "a textured head has both"
        corners, vertex_of, uv_of = split_seams(mesh.faces[faces], mesh.uv_faces[faces])
        normals = vertex_normals(self.asset.neutral.astype(float), mesh.faces)[vertex_of].astype(np.float32)
        light = self.open[vertex_of]
        return _Piece(
            ShadedMesh(self.asset.neutral[vertex_of], corners, normals, mesh.uvs[uv_of], light), vertex_of, material
        )

    def _sampled(self) -> tuple[NDArray, NDArray]:
        """Vertices of bare skin spread over the face, and their (S, 3) albedo, in the studio's gamma of 2."""
        mesh, region = self.asset.mesh, self.model.regions
        assert mesh.uvs is not None and mesh.uv_faces is not None and self.texture is not None, "a textured head"
        good = (region["face"] > 0.6) & (region["lips"] < 0.2) & (region["brows"] < 0.2) & (region["eyelids"] < 0.3)
        uv_of = np.zeros(len(mesh.vertices), int)
        uv_of[mesh.faces.ravel()] = mesh.uv_faces.ravel()
        on_skin = np.zeros(len(mesh.vertices), bool)
        on_skin[np.unique(mesh.faces[self.asset.part("skin")])] = True
        chosen = np.flatnonzero(good & on_skin)
        chosen = chosen[:: max(1, len(chosen) // SAMPLES)]
        height, width = self.texture.shape[:2]
        u, v = mesh.uvs[uv_of[chosen]].T
        blurred = cv2.GaussianBlur(self.texture, (0, 0), 4)
        texels = blurred[
            np.clip(((1 - v) * height).astype(int), 0, height - 1), np.clip((u * width).astype(int), 0, width - 1)
        ]
        return chosen, (texels / 255.0) ** 2

    def vertices(self, expression: NDArray, gaze: NDArray) -> NDArray:
        """(V, 3) float32 metres, head axes: an expression (E,) of fitted weights, and eyeballs turned by (2, 2)."""
        weights = self.asset.held(expression).astype(np.float32)
        posed = self.asset.neutral + np.tensordot(weights, self.moves, 1)
        for side, (yaw, pitch) in zip(SIDES, gaze):
            ball = self.model.part_vertices(f"eye{side}")
            rest = self.asset.neutral[ball]
            centre = (rest.min(axis=0) + rest.max(axis=0)) / 2
            posed[ball] = (rest - centre) @ eye_turn(float(yaw), float(pitch)).T + centre
        return np.asarray(posed, np.float32)

    def light(self, pixels: NDArray, points: NDArray, normals: NDArray, view: FrameView) -> NDArray:
        """(9, 3) what lights the head in a frame: see `HeadMotion.light`.

        Args:
            pixels: (H, W, 3) uint8, the camera's picture. points, normals: (V, 3) in head axes.
        """
        (chosen, albedo), camera, turn = self._samples, view.camera, view.turn
        placed = points[chosen] @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
        seen = placed @ camera.intrinsics.T
        at = seen[:, :2] / seen[:, 2:]
        around = normals[chosen] @ turn.T
        height, width = pixels.shape[:2]
        inside = (around[:, 2] > LIT) & (at > 1).all(axis=1) & (at[:, 0] < width - 2) & (at[:, 1] < height - 2)
        even = np.zeros((9, 3))
        even[0] = 1 / SH_0
        if inside.sum() < 40:
            return even
        x, y = at[inside].astype(int).T
        colours = (pixels[y, x] / 255.0) ** 2
        basis, share = harmonics(around[inside]), albedo[inside]
        found, weight = even, np.ones(len(basis))
        for _ in range(3):
            for channel in range(3):
                rows = basis * (share[:, channel] * weight)[:, None]
                ridge = SHADE_RIDGE * float((rows[:, 0] ** 2).sum()) * np.diag([0.02, *[1.0] * 3, *[3.0] * 5])
                found[:, channel] = np.linalg.solve(rows.T @ rows + ridge, rows.T @ (colours[:, channel] * weight))
            off = np.linalg.norm(basis @ found * share - colours, axis=1)
            weight = 1 / (1 + (off / (TRIMMED * 1.4826 * max(float(np.median(off)), 1e-4))) ** 2)
        return found

    def normals(self, vertices: NDArray) -> NDArray:
        """(V, 3) float64 unit normals of the head as it is."""
        return vertex_normals(vertices.astype(float), self.asset.mesh.faces)

    def folded(self, expression: NDArray, view: FrameView, light: NDArray) -> NDArray | None:
        """(S, S, 3) uint8: the texture with the folds of an expression (E,) of fitted weights, as light (9, 3) shows
        them; None where there are none.
        """
        if self.skin is None:
            return None
        mean = light.mean(axis=1)
        return self.skin.shaded(expression, lambda normals: harmonics(normals @ view.turn.T) @ mean)

    def repaint(self, texture: NDArray) -> None:
        """Draw with another texture, as large as that of `folded`."""
        self._over.repaint(texture)
        self._still.repaint(texture)

    def over(self, pixels: NDArray, vertices: NDArray, normals: NDArray, view: FrameView, light: NDArray) -> NDArray:
        """(H, W, 3) uint8: the picture of a camera with the face drawn over it.

        Args:
            vertices, normals: (V, 3) head axes, which are the camera's world.
            light: (9, 3), see `HeadMotion.light`.
        """
        around = normals @ view.turn.T
        shade = np.clip(harmonics(_towards(around)) @ light, DIMMEST, BRIGHTEST) * self.open[:, None]
        # What is seen at a grazing angle was never read, and jumps from frame to frame.
        fade = self.fade * np.clip((around[:, 2] - GRAZING[0]) / (GRAZING[1] - GRAZING[0]), 0, 1)
        for place, piece in enumerate(self._front):
            here = piece.vertex_of
            self._over.move(place, vertices[here], normals[here], shade[here], np.where(self.solid, 1.0, fade)[here])
        drawn = self._over.render(view.camera, "lit", supersample=1.0)
        return over(drawn, pixels)

    def still(self, vertices: NDArray, normals: NDArray, size: tuple[int, int]) -> NDArray:
        """(H, W, 3) uint8: the head from the front, held still, in the studio's light."""
        for place, piece in enumerate(self._whole):
            self._still.move(place, vertices[piece.vertex_of], normals[piece.vertex_of])
        moved = vertices - self.asset.neutral
        for place, (part, seam) in enumerate(zip(self.parts, self._seams), len(self._whole)):
            if part.anchors is not None:
                self._still.move(place, (part.mesh.vertices + part.follow(moved))[seam], part_normals(part)[seam])
        if self._ground is None or self._ground.shape[1::-1] != size:
            self._ground = backdrop(size)
        camera = self._scene.camera(0.0, 0.0, size)
        return over(self._still.render(camera, "texture", CONTRAST, SUPERSAMPLE), self._ground)

    def close(self) -> None:
        """Give the windows back."""
        self._over.close()
        self._still.close()


def _towards(normals: NDArray) -> NDArray:
    """(V, 3) unit normals, those that turn away from the camera turned back to where light was read."""
    turned = normals.copy()
    turned[:, 2] = np.maximum(turned[:, 2], LIT)
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


SH_0 = 0.5 * np.sqrt(1 / np.pi)


def harmonics(normals: NDArray) -> NDArray:
    """(N, 9) real spherical harmonics up to second order at unit vectors (N, 3), Ramamoorthi and Hanrahan 2001."""
    x, y, z = normals.T
    return np.stack(
        [
            np.full_like(x, 0.282095),
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3 * z * z - 1),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ],
        axis=1,
    )


def eye_turn(yaw: float, pitch: float) -> NDArray:
    """(3, 3) turn of an eyeball that looks to the subject's left by yaw and up by pitch, radians."""
    c, s = np.cos(yaw), np.sin(yaw)
    u, d = np.cos(pitch), np.sin(pitch)
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    about_x = np.array([[1, 0, 0], [0, u, d], [0, -d, u]])
    return about_y @ about_x


def frame_view(motion: HeadMotion, index: int) -> FrameView:
    """How the camera sees the head in a frame, in pixels of the full frame."""
    from maquette.outputs.meshes.motion import matrices

    turn = matrices(motion.rotations[index])
    flip = np.diag([1.0, -1.0, -1.0])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = flip @ turn, flip @ motion.translation[index]
    width, height = motion.size
    intrinsics = np.array([[motion.focal, 0, width / 2], [0, motion.focal, height / 2], [0, 0, 1.0]])
    return FrameView(Camera(intrinsics, pose, motion.size), turn)
