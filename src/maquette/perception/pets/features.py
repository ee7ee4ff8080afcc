"""EfficientNet-Lite0 (Tan and Le 2019; Google's Lite variant), which has learned to see on real photographs.

Written from the shapes of the published graph. Weights are read from `pet-features` in the zoo and stay as they are:
what it makes of a picture at its several strides is what the landmark network reads, and of its 1000 classes of
ImageNet the first 398, which are animals, are kept: 118 breeds of dogs, five kinds of cats, wolves, foxes, great cats.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDE = 224  # pixels of the picture that it learned on
# (expansion, channels, kernel, stride, blocks) of its stages
STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)
# Of the classes, which are of a species; wild are wolves, foxes, great cats and bears.
CLASSES_OF = {
    "cat": tuple(range(281, 286)),
    "dog": tuple(range(151, 269)),
    "wild": (*range(269, 281), *range(286, 298)),
}
STEM, TOP, CLASSES = 32, 1280, 398
READ = (1, 2, 4, 6)  # stages whose results are features: strides 4, 8, 16, 32
WIDTHS = tuple(STAGES[k][1] for k in READ)


class PetFeatures(nn.Module):
    """The network without its batch norms, which the published file holds within the convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _SameConvolution(3, STEM, 3, 2)
        stages, before = [], STEM
        for expansion, width, kernel, stride, count in STAGES:
            blocks = []
            for k in range(count):
                blocks.append(_InvertedBlock(before, width, expansion, kernel, stride if k == 0 else 1))
                before = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.top = nn.Conv2d(before, TOP, 1)
        self.classes = nn.Linear(TOP, CLASSES)

    def forward(self, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features and classes of pictures.

        Args:
            pictures: (N, 3, S, S) RGB in 0-255; S a multiple of 32.

        Returns:
            features: (N, C, S / s, S / s) for each C in `WIDTHS`, strides s of 4, 8, 16, 32.
            classes: (N, 398) logits of ImageNet's animals.
        """
        kept = self.maps(pictures)
        pooled = nn.functional.relu6(self.top(kept[-1])).mean(dim=(2, 3))
        return kept, self.classes(pooled)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """The features alone."""
        x = ((pictures.float() - 127) / 128).contiguous(memory_format=torch.channels_last)
        x = nn.functional.relu6(self.stem(x))
        kept = []
        for k, stage in enumerate(self.stages):
            x = stage(x)
            if k in READ:
                kept.append(x)
        return kept


class _SameConvolution(nn.Conv2d):
    """A convolution whose padding is TensorFlow's: with a stride, more of it at the right and the bottom."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, 0 if stride > 1 else kernel // 2, groups=groups)
        first = (kernel - stride) // 2
        self.edges = (first, kernel - stride - first) * 2 if stride > 1 else None

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input if self.edges is None else nn.functional.pad(input, self.edges))


class _InvertedBlock(nn.Module):
    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = nn.Conv2d(before, wide, 1) if expansion > 1 else None
        self.depthwise = _SameConvolution(wide, wide, kernel, stride, wide)
        self.project = nn.Conv2d(wide, after, 1)
        self.adds = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else nn.functional.relu6(self.expand(x))
        narrow = self.project(nn.functional.relu6(self.depthwise(wide)))
        return x + narrow if self.adds else narrow
