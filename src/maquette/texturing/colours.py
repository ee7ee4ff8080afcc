"""One colour per vertex from photos: where each photo sees the vertex, how squarely, and what no photo shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Mesh, Observation
from maquette.geometry.mesh import adjacency, face_areas, vertex_normals
from maquette.geometry.raycast import RayCaster
from maquette.texturing.images import blurred, image_at, smoothstep
from maquette.texturing.light import SHARPNESS, gains
from maquette.texturing.projection import (
    VERTICES,
    facing_weight,
    pixels_of,
    sample_photo,
    view_directions,
    visible,
    within_picture,
    without_covering,
)
from maquette.texturing.surface_fill import DEFAULT_SKIN

MASK_RIM = 0.012  # of the crop's longer side: the person's outline that is not believed
NEIGHBOURS = 12  # seen vertices whose colours an unseen one takes first
SPREADING = 60  # rounds in which unseen vertices take the mean of their neighbours
SEEN = 0.5  # weight from which a vertex counts as seen and others take its colour
MOST_PIXELS_PER_EDGE = 1.3  # a photo finer than this against the mesh is shrunk first: no aliasing


@dataclass(frozen=True, eq=False)
class VertexColours:
    """Colours of a mesh's vertices.

    Attributes:
        colours: (V, 3) uint8 sRGB.
        seen: (V,) float32 0-1: how well the best photo shows the vertex; 0 = invented.
    """

    colours: NDArray
    seen: NDArray

    @property
    def share(self) -> float:
        """Share of the vertices that a photo shows, 0-1."""
        return float((self.seen >= SEEN).mean()) if len(self.seen) else 0.0

    def area_share(self, mesh: Mesh) -> float:
        """Share of the surface that a photo shows, 0-1: where flat parts have few vertices it differs from `share`."""
        areas = face_areas(mesh.vertices.astype(float), mesh.faces)
        return float((areas * (self.seen >= SEEN)[mesh.faces].mean(axis=1)).sum() / max(areas.sum(), 1e-30))


def photo_colours(mesh: Mesh, observations: Sequence[Observation], cameras: Sequence[Camera]) -> VertexColours:
    """Colours of the vertices: photos are brought to one light, then blended by how squarely each sees the vertex.

    What no photo sees continues what is seen, spread over the surface; the order of the photos does not matter.

    Args:
        mesh: metres, world.
        observations, cameras: one camera per observation, for its crop's pixels.
    """
    vertices = mesh.vertices.astype(float)
    normals = vertex_normals(vertices, mesh.faces)
    rays = RayCaster(vertices, mesh.faces)
    views = [_view(without_covering(o), c, mesh, normals, rays) for o, c in zip(observations, cameras, strict=True)]
    seen = np.max([view.trust for view in views], axis=0, initial=0.0) if views else np.zeros(len(vertices))
    if seen.max(initial=0.0) < SEEN:
        return VertexColours(np.tile(np.rint(DEFAULT_SKIN).astype(np.uint8), (len(vertices), 1)), np.zeros_like(seen))
    factors = gains([view.colours for view in views], [view.trust for view in views])
    shares = np.stack([(view.trust * view.cosine) ** SHARPNESS for view in views]) + 1e-9
    shares /= shares.sum(axis=0)
    found = sum(share[:, None] * view.colours * factor for share, view, factor in zip(shares, views, factors))
    filled = _continued(found, seen, vertices, mesh.faces)
    return VertexColours(np.clip(np.rint(filled), 0, 255).astype(np.uint8), seen.astype(np.float32))


@dataclass(frozen=True, eq=False)
class _VertexView:
    """One photo: its (V, 3) float32 colours at the vertices, and (V,) float32 0-1 how far to believe them and how
    squarely they are seen."""

    colours: NDArray
    trust: NDArray
    cosine: NDArray


def _view(observation: Observation, camera: Camera, mesh: Mesh, normals: NDArray, rays: RayCaster) -> _VertexView:
    vertices, faces = mesh.vertices.astype(float), mesh.faces
    pixels = pixels_of(camera, vertices)[0].astype(np.float32)
    toward, eye = view_directions(camera, vertices)
    cosine = (normals * toward).sum(axis=1)
    size = observation.frame.size
    weight = facing_weight(cosine, VERTICES) * within_picture(pixels, size)
    rim = MASK_RIM * max(size)
    mask = blurred(cv2.erode(observation.shown, np.ones((2 * round(rim / 2) + 1,) * 2, np.uint8)), rim / 2)
    weight *= smoothstep(image_at(mask, pixels), 0.4, 0.8)
    facing = weight > 0
    weight[facing] *= visible(rays, vertices[facing], normals[facing], eye, VERTICES)
    edges = np.linalg.norm(np.diff(pixels[faces[:, :2]][weight[faces[:, 0]] > 0], axis=1), axis=2)
    edge = float(np.median(edges)) if edges.size else 1.0
    colours = sample_photo(observation.frame.pixels, pixels, edge / MOST_PIXELS_PER_EDGE).astype(np.float32)
    return _VertexView(colours, weight.astype(np.float32), np.clip(cosine, 0, 1).astype(np.float32))


def _continued(found: NDArray, seen: NDArray, vertices: NDArray, faces: NDArray) -> NDArray:
    """(V, 3) float: unseen vertices take the colours of the nearest seen ones, then their neighbours' mean."""
    from scipy.spatial import cKDTree

    sure = np.flatnonzero(seen >= SEEN)
    doubtful = np.flatnonzero(seen < 1)
    if len(doubtful) == 0:
        return found
    count = min(NEIGHBOURS, len(sure))
    found_near = cKDTree(vertices[sure]).query(vertices[doubtful], count)
    distance, near = (np.reshape(values, (-1, count)) for values in found_near)
    pull = 1 / (distance + 0.1 * distance.mean() + 1e-9)
    guess = found.copy()
    guess[doubtful] = (pull[..., None] * found[sure[near]]).sum(axis=1) / pull.sum(axis=1, keepdims=True)
    mixed = seen[:, None] * found + (1 - seen[:, None]) * guess
    links = adjacency(faces, len(vertices))
    degree = np.maximum(np.asarray(links.sum(axis=1)), 1)
    for _ in range(SPREADING):
        mixed[doubtful] = (seen[:, None] * found + (1 - seen[:, None]) * (links @ mixed) / degree)[doubtful]
    return mixed
