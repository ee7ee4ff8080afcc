"""What DECA is trained by: landmarks, photo, priors, detail; formulas and weights of the published configuration.

Landmarks lie in -1 to 1 over the crop. Priors are sums over the batch, as published, so they grow with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

EYES = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper and lower lids
LIPS = ((61, 67), (62, 66), (63, 65))
FACE_PATCH = slice(50, 206)  # texels of 256 in which detail is compared
AWAY = 0.05  # of a texel's depth of normal, from which it counts as seen
ERODED = 5  # texels by which what is seen is taken in before both halves are compared


@dataclass(frozen=True)
class DecaWeights:
    """How much each loss counts.

    Attributes:
        landmarks, eyes, lips, photo, identity: see the functions below.
        shape, expression, albedo: of half the sum of squares. light: of coloured light.
        detail: distance of colours in the texture; mrf: of patches, times `detail`.
        relief: mean size of the displacement; relief_smooth: of the shading; relief_even: of both halves.
    """

    landmarks: float = 1.0
    eyes: float = 1.0
    lips: float = 0.5
    photo: float = 2.0
    identity: float = 0.2
    shape: float = 1e-4
    expression: float = 1e-4
    albedo: float = 1e-4
    light: float = 1.0
    detail: float = 2.0
    mrf: float = 0.05
    relief: float = 0.005
    relief_smooth: float = 0.005
    relief_even: float = 0.005


PUBLISHED = DecaWeights()
PRETRAIN = DecaWeights(photo=0.0, identity=0.0, albedo=0.0, light=0.0)


def landmark_weights() -> Tensor:
    """(68,): corners and tips count more.

    Example:
        >>> landmark_weights().sum().item()
        94.0
    """
    weights = torch.ones(68)
    weights[[5, 6, 10, 11]] = 2
    weights[27:36] = 1.5
    weights[[30, 31, 35]] = 3
    weights[48:68] = 1.5
    weights[[48, 54]] = 3
    return weights


def landmark_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Weighted mean distance along each axis of landmarks (N, 68, 2).

    Example:
        >>> zero = torch.zeros(1, 68, 2)
        >>> round(landmark_loss(zero, zero + torch.tensor([0.3, 0.0])).item(), 4)
        0.15
    """
    weights = landmark_weights().to(found)
    apart = (found - wanted).abs().sum(-1) @ weights
    return apart.mean() / (2 * weights.sum())


def opening_loss(found: Tensor, wanted: Tensor, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    """Mean difference of how far pairs of landmarks (N, 68, 2) are apart."""
    first, second = (list(side) for side in zip(*pairs))

    def apart(marks: Tensor) -> Tensor:
        squares = (marks[:, first] - marks[:, second]).square().sum(-1)
        # At zero a root has no gradient.
        return torch.where(squares > 0, squares, 1e-12).sqrt() * (squares > 0)

    return (apart(found) - apart(wanted)).abs().mean()


def colour_loss(drawn: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    """Mean difference of colours (N, 3, H, W), those outside the mask (N, 1, H, W) counted as none."""
    return (mask * (drawn - photo).abs()).mean()


def prior_loss(coefficients: Tensor) -> Tensor:
    """Half the sum of squares of coefficients (N, K)."""
    return coefficients.square().sum() / 2


def light_loss(light: Tensor) -> Tensor:
    """Mean square of how far the colours of light (N, 9, 3) lie from its grey."""
    return (light - light.mean(2, keepdim=True)).square().mean()


def smooth_loss(maps: Tensor) -> Tensor:
    """Mean squares of differences of maps (N, C, H, W) between neighbours inside the edge, both ways added."""
    across = maps[:, :, 1:-1, 1:] - maps[:, :, 1:-1, :-1]
    down = maps[:, :, 1:, 1:-1] - maps[:, :, :-1, 1:-1]
    return down.square().mean() + across.square().mean()


def symmetry_loss(displacement: Tensor, seen: Tensor) -> Tensor:
    """Sum of how far a displacement (N, 1, S, S) lies from the other half's where it is not seen, (N, 1, S, S)."""
    edged = functional.pad(seen, [ERODED // 2] * 4)  # beyond the edge nothing is seen
    taken_in = -functional.max_pool2d(-edged, ERODED, stride=1)
    return ((1 - taken_in) * (displacement - displacement.flip(-1).detach()).abs()).sum()


def face_patch(maps: Tensor) -> Tensor:
    """(N, C, 256, 256): the face in maps (N, C, 256, 256), enlarged."""
    return functional.interpolate(maps[:, :, FACE_PATCH, FACE_PATCH], maps.shape[2:], mode="bilinear")


def relative_distances(found: Tensor, wanted: Tensor) -> Tensor:
    """(N,) how badly features (N, C, H, W) match the distribution of others (ID-MRF; Wang et al., NeurIPS 2018).

    Both become directions about the others' mean. For each place the best of the others should be far better than all
    of them; features of places without any, as behind a mask, count as at right angles to all.
    """
    mean = wanted.mean(1, keepdim=True)
    a, b = (functional.normalize(part - mean, dim=1, eps=1e-12).flatten(2) for part in (found, wanted))
    apart = (1 - torch.einsum("ncp,ncq->nqp", a, b)) / 2
    relative = apart / (apart.amin(1, keepdim=True) + 1e-5)
    near = torch.exp((1 - relative) / 0.5)
    shares = near / near.sum(1, keepdim=True)
    return -shares.amax(2).mean(1).log()
