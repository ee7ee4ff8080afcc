"""What HRN is trained and fitted by: photo, landmarks, contour, smoothness, priors, adversaries.

Formulas and weights are those of the published options and of its fitter for several views.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from maquette.reconstruction.hrn.coefficients import Coefficients
from maquette.reconstruction.hrn.face_model import SIDE

EPSILON = 1e-6  # under the root of the photo's distance
NOSE, MOUTH = slice(28, 31), slice(60, 68)  # of 68 landmarks
MARKED = 20.0  # weight of these landmarks
INSIDE = 0.01  # share of the crop by which a point may lie inside the contour and still be drawn to it


@dataclass(frozen=True)
class LossWeights:
    """How much each loss counts; the defaults are for several views.

    Attributes:
        photo: of the finest and of the middle level each. landmarks: squares of crop pixels. contour: shares.
        prior: of coefficients; identity, expression, albedo: of these. light: of coloured light.
        smooth, even: of the deformation: total variation, and the spread of it.
        relief: size of the displacement; relief_smooth, relief_even: as above.
    """

    photo: float = 1.92
    landmarks: float = 1.6e-4
    contour: float = 20.0
    prior: float = 3e-4
    identity: float = 1.0
    expression: float = 0.8
    albedo: float = 0.017
    light: float = 10.0
    smooth: float = 1e3
    even: float = 1e4
    relief: float = 1.0
    relief_smooth: float = 1e4
    relief_even: float = 1e4


@dataclass(frozen=True)
class ScanWeights:
    """How much a scan counts beside the photo; only that of the adversaries is published, 1 each.

    Attributes:
        surface: distances to it at either level, decimetres. normals: 1 less the cosine, at either level.
        maps: distances to the maps that meet it, decimetres.
    """

    surface: float = 20.0
    normals: float = 5.0
    maps: float = 10.0


SCANS = ScanWeights()
SEVERAL_VIEWS = LossWeights()
TRAINING = LossWeights(landmarks=1.6e-3, smooth=5e3, relief=10.0)  # what else it was trained with is not published


def photo_loss(drawn: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """Mean distance of colours where the mask is 1.

    Args:
        drawn, photo: (N, 3, ...). mask: (N, 1, ...).

    Example:
        >>> black = torch.zeros(1, 3, 4, 4)
        >>> round(photo_loss(black, black, torch.ones(1, 1, 4, 4)).item(), 6)
        0.001
    """
    apart = (EPSILON + (drawn - photo).square().sum(1, keepdim=True)).sqrt() * mask
    return apart.sum() / mask.sum().clamp(min=1)


def landmark_weights() -> Tensor:
    """(68,): nose and inner mouth count more.

    Example:
        >>> landmark_weights().sum().item()
        277.0
    """
    weights = torch.ones(68)
    weights[NOSE] = weights[MOUTH] = MARKED
    return weights


def landmark_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Weighted mean of squared distances of landmarks (N, 68, 2)."""
    return ((found - wanted).square().sum(-1) * landmark_weights().to(found)).mean()


def prior_loss(found: Coefficients, weights: LossWeights) -> Tensor:
    """Squares of coefficients, per face."""
    parts = ((found.identity, weights.identity), (found.expression, weights.expression), (found.albedo, weights.albedo))
    return sum((weight * part.square().sum() for part, weight in parts), found.identity.new_zeros(())) / len(
        found.identity
    )


def light_loss(light: Tensor) -> Tensor:
    """How coloured the light is: variance of each harmonic over red, green and blue; (N, 27)."""
    bands = light.view(-1, 3, 9)
    return (bands - bands.mean(1, keepdim=True)).square().mean()


def reflectance_loss(albedo: Tensor, skin: Tensor) -> Tensor:
    """Variance of the albedo (N, V, 3) at vertices where skin (V,) is 1."""
    weight = skin.view(1, -1, 1).to(albedo)
    mean = (weight * albedo).sum(1, keepdim=True) / weight.sum()
    return ((albedo - mean) * weight).square().sum() / (len(albedo) * weight.sum())


def feature_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """1 less the cosine of unit features (N, D) of a recognition network."""
    return (1 - (found * wanted).sum(-1)).mean()


def smooth_loss(maps: Tensor) -> Tensor:
    """Total variation of maps (N, C, H, W): twice the mean square of steps down and across."""
    down, across = maps.diff(dim=2).square(), maps.diff(dim=3).square()
    return 2 * (down.mean() + across.mean())


def even_loss(maps: Tensor) -> Tensor:
    """How uneven the steps of maps (N, C, H, W) are: squares of steps against their mean, summed over a map."""
    steps = (maps.diff(dim=2).square(), maps.diff(dim=3).square())
    return 2 * sum(((step - step.mean()).square().sum() for step in steps), maps.new_zeros(())) / len(maps)


def contour_edges(mask: Tensor) -> tuple[Tensor, Tensor]:
    """(N, H) each: in every row of masks (N, 1, H, W) the column behind the first pixel above a half, and the last.

    A row without any has 0 and W - 1.
    """
    inside = mask[:, 0] > 0.5
    width = inside.shape[-1]
    some = inside.any(-1)
    numbers = inside.to(torch.int8)
    first, last = numbers.argmax(-1) + 1, width - 1 - numbers.flip(-1).argmax(-1)
    zero, most = torch.zeros_like(first), torch.full_like(last, width - 1)
    return torch.where(some, first, zero), torch.where(some, last, most)


def outside_contour(points: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """(N, V): how far points lie outside the face's mask, shares of the crop; less than 0 inside.

    Args:
        points: (N, V, 2) pixels of the crop, y up. left, right: (N, 224), see `contour_edges`.
    """
    row = SIDE - 1 - points[..., 1].detach().ceil().long().clamp(0, SIDE - 1)
    to_left, to_right = ((edge.gather(1, row) - points[..., 0]) / SIDE for edge in (left, right))
    return to_left * to_right / torch.maximum(to_left.abs(), to_right.abs())


def contour_loss(points: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """How far points lie outside the mask, see `outside_contour`; inside by more than INSIDE all count INSIDE."""
    return (functional.relu(outside_contour(points, left, right) + INSIDE) - INSIDE).abs().mean()


def masked_mean(values: Tensor, known: Tensor) -> Tensor:
    """Mean of maps (N, C, H, W) where `known` (N, 1, H, W) is 1; 0 where it is nowhere."""
    return (values * known).sum() / (known.sum() * values.shape[1]).clamp(min=1)


def surface_loss(moved: Tensor, facing: Tensor, gap: Tensor, known: Tensor) -> Tensor:
    """Mean distance of texels to a scan's planes, decimetres.

    Args:
        moved: (N, 3, H, W) by how much each texel has left the undeformed face. facing: (N, 3, H, W) normals of the
            scan, gap: (N, 1, H, W) from the undeformed face to it along these. known: (N, 1, H, W).
    """
    return masked_mean(((moved * facing).sum(1, keepdim=True) - gap).abs(), known)


def normal_loss(found: Tensor, facing: Tensor, known: Tensor) -> Tensor:
    """1 less the mean cosine between normals (N, 3, H, W) of any length and a scan's, where it is known."""
    return masked_mean(1 - (functional.normalize(found, dim=1) * facing).sum(1, keepdim=True), known)


def blend_target(texture: Tensor, retouched: Tensor) -> Tensor:
    """What the network that undoes retouching is taught: m of T0 = (1 - 2m) T^2 + 2m T, a half where none fits.

    Args:
        texture, retouched: T and T0, 0-1, of one shape.

    Example:
        >>> found = blend_target(torch.tensor([0.5, 0.5, 0.5]), torch.tensor([0.4, 0.501, 0.9]))
        >>> [round(value, 3) for value in found.tolist()]
        [0.3, 0.5, 0.5]
    """
    layer = (texture**2 - retouched + 1e-10) / (2 * texture**2 - 2 * texture + 2e-10)
    unlike = ((retouched - texture).abs() >= 1 / 255) & (layer >= 0) & (layer <= 1)
    return torch.where(unlike, layer, 0.5)


def adversarial_loss(scores: Tensor, true: bool) -> Tensor:
    """Least squares of a discriminator's scores against 1 (true) or 0 (drawn)."""
    return (scores - float(true)).square().mean()
