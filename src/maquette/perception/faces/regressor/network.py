"""A small residual network from an aligned crop to landmarks and coefficients, each with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

SIDE = 128  # pixels of the crop
LANDMARKS, MODES, UNITS = 478, 60, 52
LOWEST_LOG_SIGMA, HIGHEST_LOG_SIGMA = -6.0, 2.0


@dataclass(frozen=True, eq=False)
class RegressorOutput:
    """What the network says of N crops.

    Attributes:
        landmarks: (N, 478, 3): x, y in 0-1 of the crop, z in the same unit about their mean, smaller is nearer.
        log_sigma: (N, 478) natural logarithm of the error of x and y each, same unit.
        identity: (N, 60) coefficients; identity_log_sigma likewise.
        expression: (N, 52) weights; expression_log_sigma likewise.
        presence: (N,) logit that there is a face.
    """

    landmarks: Tensor
    log_sigma: Tensor
    identity: Tensor
    identity_log_sigma: Tensor
    expression: Tensor
    expression_log_sigma: Tensor
    presence: Tensor


class FaceRegressor(nn.Module):
    """Convolutions in the manner of He et al. 2016, a bottleneck that keeps where things are, and one linear layer.

    Landmarks with a Gaussian's width each follow Wood et al. 2022 (3D face reconstruction with dense landmarks, eq. 1).

    Args:
        widths: channels of the four stages, at 1/4, 1/8, 1/16 and 1/32 of the crop.
        depth: residual blocks per stage.
        hidden: length of the code from which everything is read.
    """

    edition = 1  # of the head whose coefficients it reads

    def __init__(self, widths: tuple[int, ...] = (24, 48, 112, 224), depth: int = 2, hidden: int = 288) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, widths[0], 2), _convolution(widths[0], widths[0], 2)]
        for before, width in zip((widths[0], *widths), widths):
            if width != before:
                layers.append(_convolution(before, width, 2))
            layers += [_Block(width) for _ in range(depth)]
        self.body = nn.Sequential(*layers)
        # 64 channels on a grid of 4 x 4 still know places; a mean over the picture would not.
        self.squeeze = _convolution(widths[-1], 64, 1, kernel=1)
        self.code = nn.Sequential(nn.Flatten(), nn.Linear(64 * 16, hidden), nn.GELU(), nn.Linear(hidden, hidden))
        self.read = nn.Linear(hidden, LANDMARKS * 4 + 2 * MODES + 2 * UNITS + 1)
        self.register_buffer("resting", torch.zeros(LANDMARKS, 3))
        with torch.no_grad():
            self.read.weight.mul_(0.1)
            self.read.bias.zero_()

    def forward(self, crops: Tensor) -> RegressorOutput:
        """Read crops (N, 3, 128, 128), each with mean 0 and variance 1 (`normalise`)."""
        # Channels last in memory: a processor convolves a fifth to a third faster.
        code = self.code(self.squeeze(self.body(crops.contiguous(memory_format=torch.channels_last))))
        points, sigma, identity, identity_sigma, units, units_sigma, presence = self.read(
            nn.functional.gelu(code)
        ).split([LANDMARKS * 3, LANDMARKS, MODES, MODES, UNITS, UNITS, 1], dim=1)
        return RegressorOutput(
            self.resting + 0.3 * points.unflatten(1, (LANDMARKS, 3)),
            _bounded(sigma - 3.5),
            identity,
            _bounded(identity_sigma),
            0.15 + 0.3 * units,
            _bounded(units_sigma - 1.5),
            presence[:, 0],
        )


def normalise(crops: Tensor) -> Tensor:
    """(N, 3, S, S) float32 in 0-255 to mean 0 and variance 1 of each crop: neither darkness nor haze matters."""
    centred = crops - crops.mean(dim=(1, 2, 3), keepdim=True)
    return centred / (centred.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + 2.0)


def _bounded(log_sigma: Tensor) -> Tensor:
    return log_sigma.clamp(LOWEST_LOG_SIGMA, HIGHEST_LOG_SIGMA)


def _convolution(before: int, after: int, stride: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width, 1)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(x + self.second(self.first(x)))
