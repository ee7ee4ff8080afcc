"""Method `pifuhd`: the body is fitted, the network says what is inside about it, and the surface is drawn from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from maquette.core.device import usable_device
from maquette.core.errors import NothingFound
from maquette.core.observations import in_motion
from maquette.core.options import BodyOptions, Options
from maquette.core.threads import computing
from maquette.core.types import Camera, Mesh, Observation, Reconstruction
from maquette.geometry.surfaces.lattice import Field, Grid, columns_of
from maquette.geometry.surfaces.octree import FastGrid, exact_grid, fast_grid
from maquette.morphable.posing import PosedBody, posed_body
from maquette.perception.people.crop import published_rect
from maquette.perception.people.schemes import convert
from maquette.perception.tracking.smooth import smooth_rects
from maquette.reconstruction.body_fit import method as body_method
from maquette.reconstruction.body_fit.place import PlacedBody, intersection_over_union, silhouette
from maquette.reconstruction.body_fit.skeleton import Skeleton, load_skeleton
from maquette.reconstruction.body_fit.target import full_frame
from maquette.reconstruction.methods import Fetch, FrameShape, Reconstructor
from maquette.reconstruction.pifuhd import published
from maquette.reconstruction.pifuhd.bodyfield import BodyField, Cube, cube_of, square_of
from maquette.reconstruction.pifuhd.conditioned import BodyPIFuHD
from maquette.reconstruction.pifuhd.network import PIFuHD
from maquette.reconstruction.pifuhd.shipped import load_any

SHIPPED = "pifuhd-small"
MARGIN = 0.02  # of half the cube: how far beyond the mask the surface may go
SCHEME = "mediapipe33"
MOUTH, EARS = [9, 10], [7, 8]  # "mediapipe33"
PLUG = 0.5  # of the way from the mouth to between the ears: where the middle of the mouth's inside is
HIPS = ("upperleg01.L", "upperleg01.R")


def build(fetch: Fetch, options: Options) -> Reconstructor:
    """A reconstructor for a person; the first photo is drawn, the others help the body. Of a clip each frame is drawn.

    Raises:
        BadInput: the file of `pifuhd_weights` is none of ours. WeightsMissing: a shipped file is not there.
    """
    given, device = options.body.pifuhd_weights, usable_device(options.perception.device)
    network = load_any(Path(given) if given else fetch(SHIPPED), device)
    return SurfaceReconstructor(network, load_skeleton(fetch).on(device), options)


@dataclass(frozen=True, eq=False)
class SurfaceReconstructor:
    """The method: of photos the surface, of a clip the moving body, about which each frame's surface is drawn."""

    network: BodyPIFuHD | PIFuHD
    skeleton: Skeleton
    options: Options

    def __call__(self, observations: Sequence[Observation]) -> Reconstruction:
        """See `methods.Reconstructor`; of a clip `parameters["squares"]` (N, 4) are the network's pictures."""
        placement = body_method.fitted(observations, self.skeleton, self.options)
        if not in_motion(observations):
            return assembled(self.network, placement, observations, self.options.body)
        whole = body_method.assembled(placement, observations, self.options.body)
        return replace(whole, parameters={"squares": steady_squares(whole, self.skeleton, observations)})

    def frame(self, whole: Reconstruction, index: int, observation: Observation) -> FrameShape:
        """The surface in one frame.

        Raises:
            NothingFound: the network finds nothing.
        """
        rect = whole.parameters["squares"][index]
        corner, step = full_frame(observation)
        square = np.append((rect[:2] - corner) / step, rect[2] / step)
        observed = ObservedBody(self.skeleton, posed_body(whole, self.skeleton.model, index), whole.cameras[index])
        drawn = reconstruct_surface(self.network, observed, observation, self.options.body, square)
        return FrameShape(Mesh(drawn.vertices, drawn.faces), rect)


@dataclass(frozen=True, eq=False)
class ObservedBody:
    """A fitted body as it stands in one observation: metres, world, and the camera of the observation's crop."""

    skeleton: Skeleton
    body: PosedBody
    camera: Camera

    @property
    def skin(self) -> NDArray:
        """(F, 3) closed faces."""
        return self.skeleton.model.faces[self.skeleton.model.parts["skin"]]

    @property
    def pelvis(self) -> NDArray:
        """(3,) metres, world: between the joints of the hips."""
        return self.body.joints[[self.skeleton.rig.bones.index(name) for name in HIPS]].mean(axis=0)

    def cube(self, observation: Observation, square: NDArray | None = None) -> Cube:
        """The cube about the body.

        Args:
            square: (3,) x, y, side of the network's picture in pixels of the crop; None for that of `square_of`.
        """
        square = square_of(observation, self.camera, self.body.vertices) if square is None else square
        return cube_of(self.camera, square, self.pelvis)


def observed_body(placement: PlacedBody, index: int, observation: Observation) -> ObservedBody:
    """The body in frame `index` of a placement."""
    return ObservedBody(placement.skeleton, PosedBody(*placement.posed(index)), placement.camera(index, observation))


def steady_squares(whole: Reconstruction, skeleton: Skeleton, observations: Sequence[Observation]) -> NDArray:
    """(N, 4) x, y, side, side in full-frame pixels: where the network looks, smoothed so that nothing trembles."""
    rects = []
    for index, seen in enumerate(observations):
        corner, step = full_frame(seen)
        vertices = posed_body(whole, skeleton.model, index).vertices
        x, y, side = step * square_of(seen, whole.cameras[index], vertices)
        rects.append([corner[0] + x, corner[1] + y, side, side])
    return smooth_rects(body_method.times_of(observations), np.array(rects))


@dataclass(frozen=True, eq=False)
class PersonSurface:
    """A surface as the network sees it in one frame.

    Attributes:
        vertices: (V, 3) float32 metres, world. faces: (F, 3) int32.
        cube: where it was sought. evaluations: points that the network was asked for.
        normals: (6, S, S) of front and back that it guessed.
    """

    vertices: NDArray
    faces: NDArray
    cube: Cube
    evaluations: int
    normals: NDArray


def reconstruct_surface(
    network: BodyPIFuHD | PIFuHD,
    observed: ObservedBody,
    observation: Observation,
    options: BodyOptions,
    square: NDArray | None = None,
) -> PersonSurface:
    """The surface about a fitted body.

    Args:
        square: (3,) x, y, side of the network's picture in pixels of the crop; None for that of `square_of`.

    Raises:
        NothingFound: the network says that nothing is inside.
    """
    cube = observed.cube(observation, square)
    if isinstance(network, PIFuHD):
        return _published(network, observation, cube, options)
    return _conditioned(network, observed, observation, cube, options)


@computing("pifuhd")
def _conditioned(
    network: BodyPIFuHD, observed: ObservedBody, observation: Observation, cube: Cube, options: BodyOptions
) -> PersonSurface:
    """The surface of the network that sees the body too."""
    vertices = observed.body.vertices
    field = BodyField(network, observation, cube, vertices, observed.skin)
    centre, radius = mouth_plug(observed.skeleton, vertices)
    field.distance = field.distance.with_ball(cube.to_cube(centre[None])[0], radius / cube.half)
    grid = searched(field, field.mask, options)
    points, faces = grid.surface()
    if not len(faces):
        raise NothingFound(
            f"{observation.frame.origin}: the network finds no surface inside the outline: try --method parametric"
        )
    world = cube.to_world(points).astype(np.float32)
    return PersonSurface(world, faces.astype(np.int32), cube, grid.evaluations, field.normals)


def mouth_plug(skeleton: Skeleton, vertices: NDArray) -> tuple[NDArray, float]:
    """Centre (3,) and radius in metres of a ball that fills the body's mouth without reaching its lips or cheeks.

    The body's skin goes on inside its mouth; coarse grids would make holes of that.
    """
    points = skeleton.rig.keypoints_of(SCHEME, vertices).astype(float)
    mouth, ears = points[MOUTH].mean(axis=0), points[EARS].mean(axis=0)
    return mouth + PLUG * (ears - mouth), PLUG * 0.94 * float(np.linalg.norm(ears - mouth))


@computing("published pifuhd")
def _published(network: PIFuHD, observation: Observation, cube: Cube, options: BodyOptions) -> PersonSurface:
    """The surface of a published network, on its own crop of the picture; depth 0 is put at the fitted pelvis."""
    places, sure = convert(observation.landmarks, observation.landmark_confidence, SCHEME, "body25")
    rect = published_rect(np.column_stack([places[:, :2], sure]))
    cube = replace(cube, corner=rect[:2], side=int(rect[2]))
    field = published.read(network, published.cut(observation.frame.pixels, rect))
    mask = cube.cut(np.ascontiguousarray(observation.mask, np.float32), network.size.side)
    found = published.surface(field, options.resolution, options.grid, mask)
    world = cube.to_world(found.vertices).astype(np.float32)
    normals = torch.cat((field.features.front, field.features.back), 1)[0].cpu().numpy()
    return PersonSurface(world, found.faces.astype(np.int32), cube, found.evaluations, normals)


def searched(field: Field, mask: NDArray, options: BodyOptions) -> Grid:
    """The grid of a field, searched as the options say, not farther than MARGIN beyond the mask.

    Raises:
        NothingFound: the mask is empty.
    """
    if not (mask > 0.5).any():
        raise NothingFound("the person's outline is empty: nothing to draw inside it")
    if options.grid == "exact":
        return exact_grid(field, options.resolution)
    columns = columns_of(mask, options.resolution, MARGIN)
    return fast_grid(field, options.resolution, FastGrid(columns=columns))


def assembled(
    network: BodyPIFuHD | PIFuHD, placement: PlacedBody, observations: Sequence[Observation], options: BodyOptions
) -> Reconstruction:
    """The reconstruction whose shape is the surface in the first observation."""
    seen = observations[0]
    drawn = reconstruct_surface(network, observed_body(placement, 0, seen), seen, options)
    shown = silhouette(drawn.vertices, drawn.faces, placement.camera(0, seen))
    body = body_method.assembled(placement, observations, options)
    facts = {
        "method": "pifuhd",
        "resolution": options.resolution,
        "grid": options.grid,
        "points_evaluated": drawn.evaluations,
        "body_silhouette_iou": body.provenance["silhouette_iou"],
        "silhouette_iou": [intersection_over_union(shown, seen.mask > 0.5)],
    }
    square = np.array([*drawn.cube.corner, drawn.cube.side], float)
    return replace(
        body,
        shape=Mesh(drawn.vertices, drawn.faces),
        model=None,
        parameters={"guessed_normals": np.round(127 * drawn.normals).astype(np.int8), "square": square},
        provenance={**body.provenance, **facts},
    )
