"""The content encoder, and the discriminator: both of spectrally normalised convolutions.

Yang et al. 2022, "Unsupervised Image-to-Image Translation with Generative Prior" (CVPR, arXiv 2204.03641). Written from
a description of the published networks, without their code.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import spectral_norm

SLOPE = 0.2  # of every leaky ReLU
HALF = 0.5**0.5  # keeps the variance of a sum of two
CONTENT = (64, 128, 256, 512, 512)  # channels after each halving of the content encoder
TRUNK = (64, 128, 256, 512, 512, 512, 512)  # before each halving of the discriminator, and after the last


class ContentBlock(nn.Module):
    """Convolution, instance normalisation without weights, leaky ReLU; reflected borders."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = spectral_norm(nn.Conv2d(before, after, 3, stride, padding=1, padding_mode="reflect"))

    def forward(self, x: Tensor) -> Tensor:
        """(N, after, H, W), or half as high and wide."""
        return functional.leaky_relu(functional.instance_norm(self.conv(x)), SLOPE)


class ContentEncoder(nn.Module):
    """(N, 3, S, S) RGB in -1 to 1 -> features from coarse to fine; the first is the content, one channel of S / 32.

    At 256 pixels: 1 x 8 x 8, 512 x 8 x 8, 512 x 16 x 16, 256 x 32 x 32, 128 x 64 x 64, 64 x 128 x 128.
    """

    def __init__(self) -> None:
        super().__init__()
        before = 3
        for number, after in enumerate(CONTENT, 1):
            inner = max(before, CONTENT[0])
            layer = nn.Sequential(ContentBlock(before, inner), ContentBlock(inner, after, stride=2))
            setattr(self, f"layer{number}", layer)
            before = after
        self.layer6 = nn.Sequential(ContentBlock(before, before), ContentBlock(before, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        """All features."""
        found = []
        for number in range(1, len(CONTENT) + 2):
            x = self.get_submodule(f"layer{number}")(x)
            found.append(x)
        return found[::-1]


class SpectralBlock(nn.Module):
    """A residual block of the discriminator, which makes pictures half as high and wide."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv_0 = spectral_norm(nn.Conv2d(before, before, 3, padding=1))
        self.conv_1 = spectral_norm(nn.Conv2d(before, after, 3, padding=1))
        self.conv_s = spectral_norm(nn.Conv2d(before, after, 1, bias=False)) if before != after else None

    def forward(self, x: Tensor) -> Tensor:
        """The sum of both ways, of unit variance."""
        beside = functional.avg_pool2d(x if self.conv_s is None else self.conv_s(x), 2)
        inner = functional.avg_pool2d(self.conv_0(functional.leaky_relu(x, SLOPE)), 2)
        return (beside + self.conv_1(functional.leaky_relu(inner, SLOPE))) * HALF


class GPDiscriminator(nn.Module):
    """(N, 3, 256, 256) in -1 to 1 -> (N,) logits that each is true, and (N, C), what it looks like.

    Attributes:
        style_layer: after how many parts of the trunk looks are taken; published 4 (512 channels), for people 5.
    """

    def __init__(self, style_layer: int = 4) -> None:
        super().__init__()
        self.style_layer = style_layer
        parts: list[nn.Module] = [spectral_norm(nn.Conv2d(3, TRUNK[0], 3, padding=1))]
        parts += [SpectralBlock(*pair) for pair in pairwise(TRUNK)]
        parts += [nn.LeakyReLU(SLOPE), spectral_norm(nn.Conv2d(TRUNK[-1], TRUNK[-1], 4)), nn.LeakyReLU(SLOPE)]
        self.model = nn.Sequential(*parts)
        self.linear = spectral_norm(nn.Conv2d(TRUNK[-1], 1, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and looks."""
        look = x
        for number, part in enumerate(self.model, 1):
            x = part(x)
            if number == self.style_layer:
                look = x.mean((2, 3))
        return self.linear(x).flatten(), look
