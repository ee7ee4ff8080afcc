"""The measures of `imagespace` as losses with gradients, for training on clips that have no true shapes.

Silhouette: one less the soft intersection over union of the rendered mesh and a person mask. Normals: one less the mean
cosine against predicted ones. A surface that is a field and not a mesh has a silhouette too: the greatest occupancy
along each pixel's ray.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from maquette.core.types import Camera
from maquette.geometry.rendering.soft_rasterize import SOFTNESS, coverage, project_with, soft_normals, soft_silhouette

NORMAL_WEIGHT = 0.5  # of the normal terms beside the silhouette's; both lie in 0-1 once the fit is near


def soft_iou(silhouette: Tensor, mask: Tensor) -> Tensor:
    """Scalar in 0-1: intersection over union of two pictures of coverage in 0-1; 1 if both are empty.

    Args:
        silhouette, mask: any one shape.

    Example:
        >>> soft_iou(torch.tensor([1.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 0.5])).item()
        0.4000000059604645
    """
    # Least and greatest, not product and sum: a soft picture overlaps itself wholly.
    both, union = torch.minimum(silhouette, mask).sum(), torch.maximum(silhouette, mask).sum()
    return torch.where(union > 0, both / union.clamp(min=1e-9), torch.ones_like(union))


def softened(mask: Tensor, softness: float = SOFTNESS) -> Tensor:
    """(H, W) in 0-1: a mask with the rim that `soft_silhouette` gives a surface of the same outline.

    Args:
        mask: (H, W) in 0-1, inside from 0.5 on.
        softness: pixels.
    """
    inside = np.asarray(mask.detach().cpu()) > 0.5
    if inside.all() or not inside.any():
        return torch.as_tensor(inside, dtype=torch.float32, device=mask.device)
    # From pixel centres to the border halfway to the nearest pixel of the other side.
    signed = np.where(inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside))
    return coverage(torch.as_tensor(signed, dtype=torch.float32, device=mask.device), softness)


def cosine_loss(normals: Tensor, target: Tensor, hit: Tensor) -> Tensor:
    """Scalar in 0-2: one less the mean cosine of (H, W, 3) unit normals where both are known; 0 where none is.

    Args:
        normals, target: (H, W, 3) in one frame; a target shorter than 0.5 is unknown.
        hit: (H, W) bool, where `normals` is known.
    """
    known = hit & (target.norm(dim=2) > 0.5)
    if not known.any():
        return normals.sum() * 0
    return 1 - torch.nn.functional.cosine_similarity(normals[known], target[known], dim=1).mean()


def imagespace_loss(
    vertices: Tensor,
    faces: Tensor,
    camera: Camera,
    mask: Tensor,
    normals: Tensor | None = None,
    back: Tensor | None = None,
    softness: float = SOFTNESS,
) -> Tensor:
    """How badly a mesh fits its picture: 1 - IoU + 0.5 (1 - cosine) for each normal map; 0 is a perfect fit.

    The pull reaches as far as the silhouettes overlap: start from a rough fit, or with a larger softness.

    Args:
        vertices: (V, 3) metres, world; the gradient flows to them. faces: (F, 3) int64, anticlockwise from outside.
        camera: for the pixels of the mask.
        mask: (H, W) in 0-1, the person.
        normals, back: (H, W, 3) right, up, to the camera, zero where unknown: of the nearest surface and of the
            farthest, both in the pixels and axes of `camera`; None leaves a term out.
        softness: pixels over which the outline is blurred to either side.

    Returns:
        A scalar in 0-3.
    """
    size = (mask.shape[1], mask.shape[0])
    silhouette = soft_silhouette(project_with(camera, vertices), faces, size, softness)
    loss = 1 - soft_iou(silhouette, softened(mask, softness).to(vertices.dtype))
    for target, behind in ((normals, False), (back, True)):
        if target is not None:
            rendered, hit = soft_normals(vertices, faces, camera, size, behind)
            loss = loss + NORMAL_WEIGHT * cosine_loss(rendered, target.to(vertices.dtype), hit & (mask > 0.5))
    return loss


def silhouette_of_field(
    field: Callable[[Tensor], Tensor], columns: Tensor, depths: Tensor, chunk: int = 1 << 18
) -> Tensor:
    """The greatest occupancy along each pixel's ray: the silhouette of an implicit surface.

    The whole ray is searched without a gradient; then each column's one winner is asked again with one. That is the
    gradient of the maximum itself, at the memory of one point per column.

    Args:
        field: (N, 3) points -> (N,) occupancy in 0-1.
        columns: (P, 2) x and y of the pixels, in the field's frame; depths: (D,) z of the samples.
        chunk: points asked at once.

    Returns:
        (P,) in 0-1, to be compared with the mask by `soft_iou`.

    Example:
        >>> ball = lambda p: torch.sigmoid(20 * (0.5 - p.norm(dim=1)))
        >>> silhouette_of_field(ball, torch.tensor([[0.0, 0.0], [0.9, 0.0]]), torch.linspace(-1, 1, 33)) > 0.5
        tensor([ True, False])
    """
    count = len(depths)
    with torch.no_grad():
        best = []
        for some in columns.split(max(1, chunk // count)):
            points = torch.cat([some.repeat_interleave(count, dim=0), depths.repeat(len(some))[:, None]], dim=1)
            best.append(field(points).reshape(len(some), count).argmax(dim=1))
        depth = depths[torch.cat(best)] if best else depths[:0]
    return field(torch.cat([columns, depth[:, None]], dim=1))
