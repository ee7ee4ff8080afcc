"""The network of MVF-Net: one trunk for three views, a pose for each, one shape for all.

Wu et al. 2019, "MVF-Net: Multi-View 3D Face Morphable Model Regression" (CVPR, arXiv 1904.04473). Names and shapes of
the tensors are the published ones.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

VIEWS = 3  # front, left, right
SHAPE, EXPRESSION, POSE = 199, 29, 7  # numbers of the answer: shape and expression once, a pose for each view
OUTPUTS = SHAPE + EXPRESSION + VIEWS * POSE
# Channels of each convolution; a pooling follows where it says so.
TRUNK = ((64, True), (128, True), (256, False), (256, True), (512, True), (512, False), (512, True))


class MVFNet(nn.Module):
    """(N, 9, 224, 224) -> (N, 249): shape and expression (228), pose of the front, of the left, of the right.

    The input is three RGB crops in 0-1 behind each other: front, left, right.
    """

    def __init__(self) -> None:
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        before, pools = 3, 0
        for number, (after, pooled) in enumerate(TRUNK, 1):
            parts[f"conv{number}"] = nn.Conv2d(before, after, 3, padding=1)
            parts[f"bn{number}"] = nn.BatchNorm2d(after)
            parts[f"relu{number}"] = nn.ReLU()
            if pooled:
                pools += 1
                parts[f"pool{pools}"] = nn.MaxPool2d(2, ceil_mode=True)
            before = after
        self.layer1 = nn.Sequential(parts)
        self.fc_3dmm = _two_layers("fc1", "fc2", VIEWS * before, VIEWS * before // 2, SHAPE + EXPRESSION)
        self.fc_pose = _two_layers("fc3", "fc4", before, before // 2, POSE)

    def forward(self, views: Tensor) -> Tensor:
        """The 249 numbers."""
        count = len(views)
        features = self.layer1(views.reshape(count * VIEWS, 3, *views.shape[2:])).mean((2, 3))
        poses = self.fc_pose(features).reshape(count, VIEWS * POSE)
        return torch.cat([self.fc_3dmm(features.reshape(count, -1)), poses], 1)


def _two_layers(first: str, second: str, before: int, inner: int, after: int) -> nn.Sequential:
    layers = ((first, nn.Linear(before, inner)), ("relu", nn.ReLU()), (second, nn.Linear(inner, after)))
    return nn.Sequential(OrderedDict(layers))
