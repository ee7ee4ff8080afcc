"""Method `pifuhd`: the body is fitted, the network says what is inside about it, and the surface is drawn from that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from maquette.core.errors import NothingFound
from maquette.core.options import BodyOptions, Options
from maquette.core.types import Mesh, Observation, Reconstruction
from maquette.geometry.surfaces.lattice import Field, Grid, columns_of
from maquette.geometry.surfaces.octree import FastGrid, exact_grid, fast_grid
from maquette.perception.people.crop import published_rect
from maquette.perception.people.schemes import convert
from maquette.reconstruction.body_fit import method as body_method
from maquette.reconstruction.body_fit.place import Placement, silhouette
from maquette.reconstruction.body_fit.skeleton import skeleton
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


def build(fetch: Callable[[str], Path], options: Options) -> Callable[[Sequence[Observation]], Reconstruction]:
    """A reconstructor for people; the first observation is drawn, the others help the body.

    Raises:
        BadInput: the file of `pifuhd_weights` is none of ours. WeightsMissing: the shipped file is not there.
    """
    given = options.body.pifuhd_weights
    network = load_any(Path(given) if given else fetch(SHIPPED))
    fetch("maquette-body")

    def reconstruct(observations: Sequence[Observation]) -> Reconstruction:
        placement = body_method.fit(observations, options.body)
        return assembled(network, placement, observations, options.body)

    return reconstruct


@dataclass(frozen=True, eq=False)
class Drawn:
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


def draw(
    network: BodyPIFuHD | PIFuHD,
    placement: Placement,
    index: int,
    observation: Observation,
    options: BodyOptions,
    square: NDArray | None = None,
) -> Drawn:
    """The surface in frame `index` of a fitted body.

    Args:
        square: (3,) x, y, side of the network's picture in pixels of the crop; None for that of `square_about`.

    Raises:
        NothingFound: the network says that nothing is inside.
    """
    cube, vertices, skin = about(placement, index, observation, square)
    if isinstance(network, PIFuHD):
        return _published(network, observation, cube, options)
    field = BodyField(network, observation, cube, vertices, skin)
    centre, radius = mouth_plug(vertices)
    field.distance = field.distance.with_ball(cube.to_cube(centre[None])[0], radius / cube.half)
    grid = searched(field, field.mask, options)
    points, faces = grid.surface()
    if not len(faces):
        raise NothingFound(
            f"{observation.frame.origin}: the network finds no surface inside the outline: try --method parametric"
        )
    world = cube.to_world(points).astype(np.float32)
    return Drawn(world, faces.astype(np.int32), cube, grid.evaluations, field.normals)


def about(
    placement: Placement, index: int, observation: Observation, square: NDArray | None = None
) -> tuple[Cube, NDArray, NDArray]:
    """The cube about frame `index` of a fitted body; the body (V, 3) metres, world, and its skin's (F, 3) faces."""
    model = skeleton().model
    vertices, joints = placement.posed(index)
    skin = model.faces[model.parts["skin"]]
    pelvis = joints[[model.rig.bones.index(name) for name in HIPS]].mean(axis=0)
    camera = placement.camera(index, observation)
    square = square_of(observation, camera, vertices) if square is None else square
    return cube_of(camera, square, pelvis), vertices, skin


def mouth_plug(vertices: NDArray) -> tuple[NDArray, float]:
    """Centre (3,) and radius in metres of a ball that fills the body's mouth without reaching its lips or cheeks.

    The body's skin goes on inside its mouth; coarse grids would make holes of that.
    """
    points = skeleton().model.rig.keypoints_of(SCHEME, vertices).astype(float)
    mouth, ears = points[MOUTH].mean(axis=0), points[EARS].mean(axis=0)
    return mouth + PLUG * (ears - mouth), PLUG * 0.94 * float(np.linalg.norm(ears - mouth))


def square_about(placement: Placement, index: int, observation: Observation) -> NDArray:
    """(3,) x, y, side in pixels of the crop, about the person in frame `index`."""
    return square_of(observation, placement.camera(index, observation), placement.vertices(index))


def _published(network: PIFuHD, observation: Observation, cube: Cube, options: BodyOptions) -> Drawn:
    """The surface of a published network, on its own crop of the picture; depth 0 is put at the fitted pelvis."""
    places, sure = convert(observation.landmarks, observation.landmark_confidence, SCHEME, "body25")
    rect = published_rect(np.column_stack([places[:, :2], sure]))
    cube = replace(cube, corner=rect[:2], side=int(rect[2]))
    field = published.read(network, published.cut(observation.frame.pixels, rect))
    mask = cube.cut(np.ascontiguousarray(observation.mask, np.float32), network.size.side)
    found = published.surface(field, options.resolution, options.grid, mask)
    world = cube.to_world(found.vertices).astype(np.float32)
    normals = torch.cat((field.features.front, field.features.back), 1)[0].cpu().numpy()
    return Drawn(world, found.faces.astype(np.int32), cube, found.evaluations, normals)


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
    network: BodyPIFuHD | PIFuHD, placement: Placement, observations: Sequence[Observation], options: BodyOptions
) -> Reconstruction:
    """The reconstruction whose shape is the surface in the first observation."""
    drawn = draw(network, placement, 0, observations[0], options)
    camera = placement.camera(0, observations[0])
    mask = observations[0].mask > 0.5
    shown = silhouette(drawn.vertices, drawn.faces, camera)
    facts = dict(body_method.facts(placement, observations, options))
    facts["body_silhouette_iou"] = facts.pop("silhouette_iou")
    facts["silhouette_iou"] = [float((shown & mask).sum() / max((shown | mask).sum(), 1))]
    return Reconstruction(
        shape=Mesh(drawn.vertices, drawn.faces),
        cameras=tuple(placement.camera(k, seen) for k, seen in enumerate(observations)),
        parameters=body_method.parameters(placement, observations)
        | {"guessed_normals": np.round(127 * drawn.normals).astype(np.int8), "square": told_square(drawn.cube)},
        scale="relative" if options.height is None else "metric",
        provenance={
            "method": "pifuhd",
            "body_model": skeleton().model.name,
            "resolution": options.resolution,
            "grid": options.grid,
            "points_evaluated": drawn.evaluations,
        }
        | facts,
    )


def told_square(cube: Cube) -> NDArray:
    """(3,) x, y, side of the network's picture in pixels of the crop."""
    return np.array([*cube.corner, cube.side], float)
