"""The small PIFuHD tuned to one's own clip, of which nobody knows the true shapes: by outlines alone.

Each frame's person is found and the body fitted once, as `maquette video` does it. Then the field's silhouette, the
greatest occupancy along each pixel's ray, is pulled towards the mask; what the outline does not show is held where the
starting weights had it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn
from torch.nn import functional

from maquette.core.errors import NothingFound
from maquette.core.observations import Observations
from maquette.core.options import Options, VideoOptions
from maquette.core.types import Observation
from maquette.evaluation.image_space.loss import silhouette_of_field, soft_iou
from maquette.geometry.surfaces.distance import DistanceGrid
from maquette.perception.tracking.sighting import Sighting
from maquette.perception.tracking.watch import watch
from maquette.reconstruction.body_fit.method import fitted
from maquette.reconstruction.body_fit.place import PlacedBody
from maquette.reconstruction.body_fit.skeleton import load_skeleton
from maquette.reconstruction.pifuhd.bodyfield import network_inputs
from maquette.reconstruction.pifuhd.conditioned import FARTHEST, BodyPIFuHD
from maquette.reconstruction.pifuhd.method import observed_body
from maquette.sources.video import frames_at, open_clip
from maquette.training import weights_file
from maquette.training.datasets.shards import Array, shuffled
from maquette.training.recipe import Batch

COLUMNS, DEPTHS = 384, 48  # pixels whose rays are followed in a step, and samples of each ray
DEEP = 0.75  # model space: rays are followed from -DEEP to DEEP; arms reach no farther
RIM = 10 / 256  # of the picture's side: half of the pixels lie as near to the mask's border
HELD, NEAR = 4096, 0.04  # points per frame that are held, and their spread about the body, model space
HOLD = 1.0  # of what is held beside the silhouette's loss
LATTICE = 64  # pixels on a side that validation looks at
MOST_VALIDATED = 6  # frames


class ClipFrames:
    """Batches of frames.

    Args:
        views: of `views`.
    """

    def __init__(self, views: Sequence[dict[str, Array]], batch_size: int, seed: int) -> None:
        self.views, self.batch_size, self.seed = list(views), batch_size, seed

    def __len__(self) -> int:
        return len(self.views)

    def batch(self, number: int) -> dict[str, Array]:
        """picture (N, 4, S, S), body (N, 8, S, S), volume (N, R, R, R) distances to the body; columns (N, P, 2) with
        wanted (N, P) of the mask, depths (N, D); points (N, Q, 3) with held (N, Q) and distance (N, Q)."""
        rng = np.random.default_rng([self.seed, number])
        chosen = shuffled(len(self), self.batch_size, self.seed, number)
        made = [self._one(self.views[k], rng) for k in chosen]
        return {name: np.stack([row[name] for row in made]) for name in made[0]}

    def _one(self, view: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        side = view["picture"].shape[1]
        rim = view["rim"]
        near = rim[rng.integers(len(rim), size=COLUMNS // 2)] + rng.integers(-1, 2, (COLUMNS // 2, 2))
        pixels = np.concatenate([near, rng.integers(0, side, (COLUMNS - len(near), 2))]).clip(0, side - 1)
        some = rng.choice(len(view["points"]), min(len(view["points"]), HELD // 4), replace=False)
        line = np.linspace(-DEEP, DEEP, DEPTHS) + rng.uniform(-DEEP, DEEP) / DEPTHS
        return {
            **{name: view[name].astype(np.float32) for name in ("picture", "body", "volume")},
            "columns": centres(pixels, side),
            "wanted": view["picture"][3, pixels[:, 0], pixels[:, 1]].astype(np.float32),
            "depths": line.astype(np.float32),
            **{name: view[name][some] for name in ("points", "held", "distance")},
        }


def centres(pixels: Array, side: int) -> Array:
    """(P, 2) float32 x, y in model space of pixels (P, 2) row, column."""
    return ((pixels[:, ::-1] + 0.5) * 2 / side - 1).astype(np.float32) * np.array([1, -1], np.float32)


def views(
    placement: PlacedBody, observations: Sequence[Observation | None], network: BodyPIFuHD, seed: int = 0
) -> Iterator[dict[str, Array]]:
    """What is kept of each frame of one person, in float16 where pictures are large; frames that are None are left out.

    Args:
        network: with the starting weights, which say what is held.
    """
    for index, seen in enumerate(observations):
        if seen is None or not (seen.mask > 0.5).any():
            continue
        standing = observed_body(placement, index, seen)
        cube, faces = standing.cube(seen), standing.skin
        placed = cube.to_cube(standing.body.vertices.astype(float))
        pictures = network_inputs(seen, cube, placed, faces, network.size.side)
        picture, body_maps = (array.transpose(2, 0, 1).astype(np.float32) for array in pictures)
        rng = np.random.default_rng([seed, index])
        points = placed[rng.choice(np.unique(faces), HELD)] + NEAR * rng.normal(size=(HELD, 3))
        points = points.clip(-1, 1).astype(np.float32)
        grid = DistanceGrid.of(placed, faces, FARTHEST)
        distance = grid(points)
        parts = (torch.from_numpy(array)[None] for array in (picture, body_maps, points, distance))
        with torch.no_grad():
            held = torch.sigmoid(network(*parts)[0])[0].numpy()
        yield {
            "picture": picture.astype(np.float16),
            "body": body_maps.astype(np.float16),
            "volume": grid.values.astype(np.float16),
            "rim": rim(picture[3]),
            "points": points,
            "held": held,
            "distance": distance,
        }


def rim(mask: Array) -> Array:
    """(M, 2) row, column of the pixels near the border of a mask (S, S) in 0-1; all pixels where it has none."""
    inside = mask > 0.5
    if inside.all() or not inside.any():
        return np.argwhere(np.ones_like(inside))
    away = np.maximum(distance_transform_edt(inside), distance_transform_edt(~inside))
    return np.argwhere(away <= max(2.0, RIM * len(mask)))


@lru_cache(maxsize=1)
def clip_views(video: str, every: int, most: int, start: Path) -> tuple[dict[str, Array], ...]:
    """The frames of a clip with everybody in them, each person as a frame of its own.

    Args:
        every: take every n-th frame; at most `most` of them.
        start: file of the starting weights.

    Raises:
        BadInput: the clip or the weights cannot be read. NothingFound: nobody is in it.
    """
    network = BodyPIFuHD().eval()
    weights_file.load_into(network, start)
    options = Options(video=VideoOptions(every=every, max_frames=most))
    clip = open_clip(Path(video), options.video, options.source)
    seen = watch(clip, options.perception)
    found: list[dict[str, Array]] = []
    for sightings in seen.tracks.values():
        placement = fitted(without_pictures(sightings), load_skeleton(), options)
        pictures = dict(frames_at(clip, [one.frame for one in sightings]))
        # Frames that are blurred, crowded or posed oddly have bad outlines.
        good = [None if one.flags else one.observation(pictures.get(one.frame)) for one in sightings]
        found += views(placement, good, network)
    if not found:
        raise NothingFound(f"{video}: nobody is clearly seen in {seen.count} frames: wanted one person in view")
    return tuple(found)


def without_pictures(sightings: Sequence[Sighting]) -> Observations:
    """The observations of one person as a fit asks for them."""
    return Observations(len(sightings), lambda index: sightings[index].observation())


def distance_at(volume: Tensor, points: Tensor) -> Tensor:
    """(P,) distances at points (P, 3) from their values (R, R, R) on nodes evenly from -1 to 1, as `DistanceGrid`."""
    places = points.flip(-1)[None, None, None]
    found = functional.grid_sample(volume[None, None], places, padding_mode="border", align_corners=True)
    return found[0, 0, 0, 0]


@dataclass(eq=False)
class FrameField:
    """Occupancy in one frame, as `silhouette_of_field` asks for it.

    Attributes:
        picture: (1, 4, S, S), body: (1, 8, S, S), volume: (R, R, R).
        more: points (Q, 3) and their distances (Q,) that are asked for along with those that bring a gradient, so that
            the picture is seen once; `answer` (Q,) is what the network says there.
    """

    network: nn.Module
    picture: Tensor
    body: Tensor
    volume: Tensor
    more: tuple[Tensor, Tensor]
    answer: Tensor | None = None

    def __call__(self, points: Tensor) -> Tensor:
        """(P,) in 0-1 at points (P, 3)."""
        count, distance = len(points), distance_at(self.volume, points)
        if torch.is_grad_enabled():
            points, distance = (torch.cat(pair) for pair in zip((points, distance), self.more))
        found = self.ask(points, distance)
        self.answer = found[count:]
        return found[:count]

    def ask(self, points: Tensor, distance: Tensor) -> Tensor:
        """(P,) in 0-1 at points (P, 3) with distances (P,) to the body."""
        return torch.sigmoid(self.network(self.picture, self.body, points[None], distance[None])[0][0])


def field_of(network: nn.Module, frames: Batch, k: int) -> FrameField:
    """The field in frame k of a batch."""
    return FrameField(
        network,
        frames["picture"][k : k + 1],
        frames["body"][k : k + 1],
        frames["volume"][k],
        (frames["points"][k], frames["distance"][k]),
    )


def loss(network: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """One less the soft overlap of silhouette and mask, and how far the field moved where the outline shows nothing."""
    overlaps, moved = [], []
    for k in range(len(batch["picture"])):
        field = field_of(network, batch, k)
        silhouette = silhouette_of_field(field, batch["columns"][k], batch["depths"][k])
        overlaps.append(soft_iou(silhouette, batch["wanted"][k]))
        assert field.answer is not None, "the silhouette has asked"
        moved.append((field.answer - batch["held"][k]).abs().mean())
    overlap, far = torch.stack(overlaps).mean(), torch.stack(moved).mean()
    return 1 - overlap + HOLD * far, {"overlap": overlap.detach(), "moved": far.detach()}


@torch.no_grad()
def validate(network: nn.Module, frames: Sequence[dict[str, Array]]) -> dict[str, float]:
    """Overlap of silhouettes and masks on frames spread over the clip, on a lattice of pixels; how far points moved."""
    device = next(network.parameters()).device
    chosen = np.unique(np.linspace(0, len(frames) - 1, MOST_VALIDATED).astype(int))
    depths = torch.linspace(-DEEP, DEEP, DEPTHS, device=device)
    overlaps, moved = [], []
    for view in (frames[k] for k in chosen):
        side = view["picture"].shape[1]
        line = ((np.arange(LATTICE) + 0.5) * side / LATTICE).astype(int)
        pixels = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
        batch = {name: torch.from_numpy(np.asarray(v, np.float32)[None]).to(device) for name, v in view.items()}
        field = field_of(network, batch, 0)
        found = silhouette_of_field(field, torch.from_numpy(centres(pixels, side)).to(device), depths) > 0.5
        true = batch["picture"][0, 3, pixels[:, 0], pixels[:, 1]] > 0.5
        overlaps.append(float((found & true).sum() / (found | true).sum().clamp(min=1)))
        moved.append(float((field.ask(*field.more) - batch["held"][0]).abs().mean()))
    return {"score": 1 - float(np.mean(overlaps)), "iou": float(np.mean(overlaps)), "moved": float(np.mean(moved))}
