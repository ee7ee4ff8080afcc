"""One person of a clip: the motion, the textured result, and a mesh for every frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from maquette import texturing
from maquette.core.options import Options
from maquette.core.types import Camera, Frame, Mesh, Observation, Reconstruction
from maquette.outputs.meshes.motion import unit
from maquette.outputs.meshes.ply import vertex_colors
from maquette.perception.tracking.sighting import Sighting
from maquette.perception.tracking.smooth import smooth, smooth_rects
from maquette.reconstruction.body_fit import method as body
from maquette.reconstruction.body_fit.fit import fit_clip
from maquette.reconstruction.body_fit.place import Placement, place, silhouette
from maquette.reconstruction.body_fit.skeleton import skeleton
from maquette.reconstruction.body_fit.target import full_frame
from maquette.reconstruction.pifuhd import method as pifuhd
from maquette.texturing.cleaning import clean_surface
from maquette.texturing.colours import VertexColours, photo_colours
from maquette.texturing.pyramid import smoothstep

TEXTURED = 6  # frames that the texture is taken from


def moving(
    sightings: Sequence[Sighting], options: Options, progress: Callable[[int], None] = lambda done: None
) -> Placement:
    """The body through all its sightings: one shape, poses smoothed in time.

    Args:
        progress: called with the number of frames that are fitted.
    """

    def observed(first: int, last: int) -> list[Observation]:
        return [one.observation() for one in sightings[first:last]]

    state, centre, size = fit_clip(len(sightings), observed, progress)
    found = place(state, centre, size, body.metres(options.body))
    return steadied(found, np.array([one.time for one in sightings]), options.video.smoothing)


def steadied(placement: Placement, times: NDArray, width: float) -> Placement:
    """Turns, steps and cameras smoothed without lag; `width` is the Gaussian's standard deviation in seconds."""
    if width <= 0 or len(times) < 3:
        return placement
    # Neighbours on one half-sphere: q and -q turn alike. The order of a quaternion's numbers does not matter here.
    turns = unit(Rotation.from_matrix(placement.rotations.reshape(-1, 3, 3)).as_quat().reshape(len(times), -1, 4))
    calm = smooth(times, turns, width).reshape(-1, 4)
    rotations = Rotation.from_quat(calm).as_matrix().reshape(placement.rotations.shape)
    root = smooth(times, placement.root, width)
    return replace(
        placement,
        rotations=rotations,
        root=root,
        translation=placement.translation - placement.root + root,
        pixels_per_metre=np.exp(smooth(times, np.log(placement.pixels_per_metre), width)),
        spot=smooth(times, placement.spot, width),
    )


def key_frames(sightings: Sequence[Sighting]) -> list[int]:
    """Places of the sightings that the texture is taken from: the first, and clear ones spread over the clip."""
    chosen = [0]
    for part in np.array_split(np.arange(1, len(sightings)), TEXTURED - 1):
        if len(part):
            chosen.append(int(max(part, key=lambda k: sightings[k].score - len(sightings[k].flags))))
    return chosen


def only(placement: Placement, chosen: Sequence[int]) -> Placement:
    """The placement in some of its frames; the first must stay the first, for the world hangs on it."""
    index = list(chosen)
    names = ("rotations", "translation", "root", "pixels_per_metre", "spot")
    return replace(placement, **{name: getattr(placement, name)[index] for name in names})


def finished(
    placement: Placement, sightings: Sequence[Sighting], pictures: dict[int, Frame], options: Options
) -> tuple[Reconstruction, list[Observation]]:
    """The textured body whose parameters hold the whole motion, and the observations its texture was taken from.

    Args:
        pictures: frame number -> picture, of the key frames.
    """
    chosen = [k for k in key_frames(sightings) if sightings[k].frame in pictures]
    seen = [sightings[k].observation(pictures[sightings[k].frame]) for k in chosen]
    textured = texturing.finish(body.assembled(only(placement, chosen), seen, options.body), seen, options.texture)
    # Of a long clip not even the masks are unpacked at once.
    motion = body.parameters(placement, ()) | {
        "times": np.array([one.time for one in sightings]),
        "frames": np.array([one.frame for one in sightings]),
    }
    return replace(textured, parameters=motion), seen


@dataclass(frozen=True, eq=False)
class FrameMesh:
    """A person in one frame: the mesh with a colour per vertex, its camera, and how well it fits the mask."""

    mesh: Mesh
    camera: Camera
    overlap: float


class Meshes:
    """Makes the mesh of each frame: the posed body, or with a network the surface that it sees.

    Args:
        textured: the finished body; its texture colours the meshes.
        network: of method pifuhd, or None.
    """

    def __init__(self, placement: Placement, textured: Reconstruction, options: Options, network: object = None):
        self.placement, self.options, self.network = placement, options, network
        self.colours = vertex_colors(textured.shape) if isinstance(textured.shape, Mesh) else None
        self.squares: NDArray | None = None

    def steady(self, sightings: Sequence[Sighting]) -> None:
        """Take the network's squares from all sightings, smoothed in time, so that its pictures do not tremble."""
        if self.network is None:
            return
        rects = []
        for index, one in enumerate(sightings):
            seen = one.observation()
            corner, step = full_frame(seen)
            x, y, side = step * pifuhd.square_about(self.placement, index, seen)
            rects.append([corner[0] + x, corner[1] + y, side, side])
        self.squares = smooth_rects(np.array([one.time for one in sightings]), np.array(rects))

    def square(self, index: int, observation: Observation) -> NDArray | None:
        """(3,) x, y, side of the network's picture in pixels of the observation's crop, if `steady` was called."""
        if self.squares is None:
            return None
        corner, step = full_frame(observation)
        return np.append((self.squares[index, :2] - corner) / step, self.squares[index, 2] / step)

    def of(self, index: int, observation: Observation) -> FrameMesh:
        """The mesh in the placement's frame `index`, seen in the observation.

        Raises:
            NothingFound: the network finds nothing.
        """
        camera = self.placement.camera(index, observation)
        if self.network is None:
            model = skeleton().model
            mesh = Mesh(self.placement.vertices(index), model.faces, vertex_colors=self.colours)
        else:
            square = self.square(index, observation)
            drawn = pifuhd.draw(self.network, self.placement, index, observation, self.options.body, square)
            body = self.placement.vertices(index)
            mesh = clean_surface(Mesh(drawn.vertices, drawn.faces), body).mesh
            mesh = replace(mesh, vertex_colors=self._coloured(mesh, body, photo_colours(mesh, [observation], [camera])))
        shown, mask = silhouette(mesh.vertices, mesh.faces, camera), observation.mask > 0.5
        return FrameMesh(mesh, camera, float((shown & mask).sum() / max((shown | mask).sum(), 1)))

    def _coloured(self, mesh: Mesh, body: NDArray, found: VertexColours) -> NDArray:
        """(V, 3) uint8: the photo where it shows the mesh, elsewhere the textured body's nearest colour."""
        if self.colours is None:
            return found.colours
        _, nearest = cKDTree(body).query(mesh.vertices)
        seen = smoothstep(found.seen, 0.1, 0.5)[:, None]
        return np.rint(seen * found.colours + (1 - seen) * self.colours[nearest]).astype(np.uint8)
