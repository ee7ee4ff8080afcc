"""ESPCN: convolutions on the small picture, whose last channels are shuffled into the pixels of the large one.

Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network" (CVPR, arXiv 1609.05158): layout "tanh3", f1 = 5, n1 = 64, f2 = 3, n2 = 32, f3 = 3, tanh. Layout "relu4", with
one more layer of 64 and ReLU, is that of the checkpoints of Menezes 2019: 58,212 numbers for factor 2, 61,680 for 4.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate

LAYOUTS = {"relu4": ((5, 64), (3, 64), (3, 32)), "tanh3": ((5, 64), (3, 32))}  # kernel, channels; the last layer is 3


class ESPCN(nn.Module):
    """(N, 1, H, W) luma in 0-1 -> (N, 1, H * factor, W * factor) luma, about 0-1, not clipped.

    Attributes:
        factor: 2 or 4 (any whole number works).
        layout: a name of `LAYOUTS`.
        residual: whether the network adds to the bicubic enlargement (Kim et al. 2016, VDSR, section 3.2) instead of
            drawing the picture itself; it has no weights of its own.
        reach: pixels of the small picture around a place that decide on its result.
    """

    def __init__(self, factor: int, layout: str = "relu4", residual: bool = False) -> None:
        """Draw the weights: orthogonal; in a residual network the last layer is zero, so it starts as bicubic."""
        super().__init__()
        self.factor, self.layout, self.residual = factor, layout, residual
        rows, channels = (*LAYOUTS[layout], (3, factor**2)), 1
        for number, (kernel, wide) in enumerate(rows, 1):
            setattr(self, f"conv{number}", nn.Conv2d(channels, wide, kernel, padding=kernel // 2))
            channels = wide
        self.reach = sum(kernel // 2 for kernel, _ in rows)
        self.depth = len(rows)
        self.activation = nn.Tanh() if layout == "tanh3" else nn.ReLU()
        gain = nn.init.calculate_gain("tanh" if layout == "tanh3" else "relu")
        for number in range(1, self.depth):
            nn.init.orthogonal_(self._conv(number).weight, gain)
        last = self._conv(self.depth)
        if residual:
            nn.init.zeros_(last.weight)
            if last.bias is not None:
                nn.init.zeros_(last.bias)
        else:
            nn.init.orthogonal_(last.weight)

    def _conv(self, number: int) -> nn.Conv2d:
        return getattr(self, f"conv{number}")

    def forward(self, luma: Tensor) -> Tensor:
        """The large luma."""
        features = luma
        for number in range(1, self.depth):
            features = self.activation(self._conv(number)(features))
        large = nn.functional.pixel_shuffle(self._conv(self.depth)(features), self.factor)
        if self.residual:
            large = large + interpolate(luma, scale_factor=self.factor, mode="bicubic", align_corners=False)
        return large

    def facts(self) -> dict[str, str]:
        """What `networks.build` needs to make the same network again."""
        sizes = {"network": "espcn", "factor": str(self.factor), "layout": self.layout}
        return {**sizes, "residual": "yes" if self.residual else "no"}
