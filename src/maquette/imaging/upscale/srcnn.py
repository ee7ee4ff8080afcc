"""SRCNN: three convolutions on the bicubic enlargement.

Dong et al. 2016, "Image Super-Resolution Using Deep Convolutional Networks" (TPAMI, arXiv 1501.00092): f1 = 9, n1 = 64,
n2 = 32, f3 = 5, and f2 = 1 ("9-1-5", 8,129 numbers with biases) or 5 ("9-5-5", 57,281; their most accurate).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate

KERNELS = {"9-1-5": (9, 1, 5), "9-5-5": (9, 5, 5)}
SPREAD = 1e-3  # standard deviation of the last layer's first weights, as in the paper


class SRCNN(nn.Module):
    """(N, 1, H, W) luma in 0-1 -> (N, 1, H * factor, W * factor) luma, about 0-1, not clipped.

    Attributes:
        factor: 2 or 4 (any whole number works).
        layout: a name of `KERNELS`.
        residual: whether the network adds to the bicubic enlargement (Kim et al. 2016, VDSR, section 3.2) instead of
            drawing the picture itself.
        reach: pixels of the small picture around a place that decide on its result.
    """

    def __init__(self, factor: int, layout: str = "9-5-5", residual: bool = False) -> None:
        """Draw the weights: He et al. 2015 for the layers with ReLU; the last one nearly zero, or zero if residual."""
        super().__init__()
        self.factor, self.layout, self.residual = factor, layout, residual
        kernels = KERNELS[layout]
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(wide, out, kernel, padding=kernel // 2)
            for wide, out, kernel in zip((1, 64, 32), (64, 32, 1), kernels)
        )
        # Two more for the bicubic kernel's own reach.
        self.reach = -(-sum(kernel // 2 for kernel in kernels) // factor) + 2
        for conv in (self.conv1, self.conv2):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        nn.init.normal_(self.conv3.weight, std=0.0 if residual else SPREAD)
        for conv in (self.conv1, self.conv2, self.conv3):
            if conv.bias is not None:
                nn.init.zeros_(conv.bias)

    def forward(self, luma: Tensor) -> Tensor:
        """The large luma."""
        large = interpolate(luma, scale_factor=self.factor, mode="bicubic", align_corners=False)
        features = self.conv2(self.conv1(large).relu()).relu()
        return self.conv3(features) + large if self.residual else self.conv3(features)

    def facts(self) -> dict[str, str]:
        """What `networks.build` needs to make the same network again."""
        sizes = {"network": "srcnn", "factor": str(self.factor), "layout": self.layout}
        return {**sizes, "residual": "yes" if self.residual else "no"}
