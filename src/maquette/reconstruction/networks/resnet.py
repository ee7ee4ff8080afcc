"""ResNet-50 (He et al., CVPR 2016) without a classifier, its stride on the 3x3 convolutions or as Caffe had it.

Names of the parts are those of torchvision's files, so tensors have the same keys.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # narrow channels and blocks of ResNet-50
WIDER = 4  # times that a block's output is wider than its middle


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, plus the input, which is convolved where sizes differ.

    Args:
        stride: of the 3x3 one, or of the first one where `stride_first`.
    """

    def __init__(self, before: int, narrow: int, stride: int, stride_first: bool = False) -> None:
        super().__init__()
        after, (first, second) = WIDER * narrow, (stride, 1) if stride_first else (1, stride)
        self.conv1, self.bn1 = nn.Conv2d(before, narrow, 1, first, bias=False), nn.BatchNorm2d(narrow)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(narrow)
        self.conv3, self.bn3 = nn.Conv2d(narrow, after, 1, bias=False), nn.BatchNorm2d(after)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or before != after:
            convolution = nn.Conv2d(before, after, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    """A picture (N, 3, H, W) to 2048 means (N, 2048, 1, 1); no classifier."""

    def __init__(self, stride_first: bool = False) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(64)
        before = 64
        for index, (narrow, count) in enumerate(STAGES, 1):
            blocks = []
            for k in range(count):
                blocks.append(Bottleneck(before, narrow, 2 if k == 0 and index > 1 else 1, stride_first))
                before = WIDER * narrow
            setattr(self, f"layer{index}", nn.Sequential(*blocks))

    @property
    def stages(self) -> list[nn.Sequential]:
        """The four sequences of blocks."""
        return [self.get_submodule(f"layer{index}") for index in range(1, len(STAGES) + 1)]  # type: ignore[misc]

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.max_pool2d(x, 3, stride=2, padding=1)
        for stage in self.stages:
            x = stage(x)
        return x.mean((2, 3), keepdim=True)
