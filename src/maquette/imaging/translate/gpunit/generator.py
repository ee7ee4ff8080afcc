"""The generator of GP-UNIT: content at 8 pixels, up to 256 in an exemplar's style, with two gated ways past it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.imaging.translate.gpunit.content import SLOPE

STYLE = 256  # numbers of a style
WIDTHS = (1, 512, 512, 256, 128, 64, 64)  # channels before each layer and after the last
SKIPS = (1, 2)  # layers into which features of the content encoder come back
LAST = len(WIDTHS) - 2  # scale of the whole picture


class ExemplarEncoder(nn.Module):
    """An exemplar (N, 3, S, S) in -1 to 1 -> its style (N, 256)."""

    def __init__(self) -> None:
        super().__init__()
        convolutions: list[nn.Module] = [nn.Conv2d(3, 64, 7, padding=3, padding_mode="reflect"), nn.ReLU()]
        before = 64
        for after in (128, 256, 256, 256, 256):
            convolutions += [nn.Conv2d(before, after, 4, 2, padding=1, padding_mode="reflect"), nn.ReLU()]
            before = after
        self.model = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1))
        self.mlp = nn.Sequential(
            nn.Linear(before, 64), nn.ReLU(), nn.Linear(64, STYLE), nn.ReLU(), nn.Linear(STYLE, STYLE), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """The style."""
        return self.mlp(self.model(x).flatten(1))


class ExemplarNorm(nn.Module):
    """Instance normalisation whose scale and shift come from a style; it begins as 1 and 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.style = nn.Linear(STYLE, 2 * width)
        with torch.no_grad():
            self.style.bias[:width] = 1
            self.style.bias[width:] = 0

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(N, width, H, W)."""
        scale, shift = self.style(style)[:, :, None, None].chunk(2, 1)
        return scale * functional.instance_norm(x) + shift


class ExemplarBlock(nn.Module):
    """A residual block steered by a style."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(before, after, 3, padding=1)
        self.conv_1 = nn.Conv2d(after, after, 3, padding=1)
        self.norm_0, self.norm_1 = ExemplarNorm(before), ExemplarNorm(after)
        apart = before != after
        self.conv_s = nn.Conv2d(before, after, 1, bias=False) if apart else None
        self.norm_s = ExemplarNorm(before) if apart else None

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(N, after, H, W)."""
        beside = x
        if self.conv_s is not None and self.norm_s is not None:
            beside = self.conv_s(self.norm_s(x, style))
        inner = self.conv_0(functional.leaky_relu(self.norm_0(x, style), SLOPE))
        return beside + self.conv_1(functional.leaky_relu(self.norm_1(inner, style), SLOPE))


class GatedSkip(nn.Module):
    """What of the content encoder's finer features is brought back: a recurrent unit with a mask."""

    def __init__(self, state: int, features: int) -> None:
        super().__init__()
        self.trans = nn.Conv2d(state, features, 3, padding=1, padding_mode="reflect")
        for name in ("reset", "mask", "update"):
            setattr(self, name, nn.Conv2d(2 * features, features, 3, padding=1, padding_mode="reflect"))

    def forward(self, drawn: Tensor, seen: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features with what comes back, the next state, and the mask (0 to below 1), all (N, features, H, W).

        Args:
            drawn: (N, features, H, W) of the generator. seen: the same of the content encoder.
            state: (N, state, H / 2, W / 2) of the layer before.
        """
        state = functional.leaky_relu(self.trans(twice(state)), SLOPE)
        reset, mask, update = (self.get_submodule(name) for name in ("reset", "mask", "update"))
        both = torch.cat([state, seen], 1)
        state_kept, share = torch.sigmoid(reset(both)) * state, torch.tanh(functional.relu(mask(both)))
        back = update(torch.cat([state_kept, seen], 1))
        return (1 - share) * drawn + share * back, state_kept, share


class GPLayer(nn.Module):
    """One size of the generator."""

    def __init__(self, before: int, after: int, number: int, state: int) -> None:
        super().__init__()
        self.reslayer = ExemplarBlock(before, after)
        self.postlayer = ExemplarBlock(after, after) if number == 0 else None
        self.rgblayer = nn.Conv2d(after, 3, 7, padding=3)
        self.skiplayer = GatedSkip(state, after) if number in SKIPS else None


@dataclass(frozen=True, eq=False)
class GPDrawing:
    """What the generator makes.

    Attributes:
        picture: (N, 3, S, S) in -1 to 1. masks: of both skips, (N, 512, 16, 16) and (N, 256, 32, 32), as far as the
            picture's size reaches.
    """

    picture: Tensor
    masks: list[Tensor]


class GPGenerator(nn.Module):
    """Content features and an exemplar (N, 3, 256, 256) -> a picture in the exemplar's style."""

    def __init__(self) -> None:
        super().__init__()
        self.style_encoder = ExemplarEncoder()
        state, layers = 1, []
        for number, pair in enumerate(pairwise(WIDTHS)):
            layers.append(GPLayer(*pair, number, state))
            state = pair[1] if number in SKIPS else state
        self.model = nn.ModuleList(layers)

    def forward(
        self, content: list[Tensor], exemplar: Tensor, scale: int = LAST, drawn: bool = False, skips: bool = True
    ) -> GPDrawing:
        """The picture.

        Args:
            content: of `ContentEncoder`.
            exemplar: a picture, or where `drawn` its style (N, 256), of `StyleSampler`.
            scale: 0 to 5, 8 to 256 pixels; others raise ValueError.
            skips: whether the finer features come back; without them `content` needs its first only.
        """
        if not 0 <= scale <= LAST:
            raise ValueError(f"scale {scale}: wanted 0 to {LAST}")
        style = exemplar if drawn else self.style_encoder(exemplar)
        x = state = picture = content[0]
        masks = []
        for number, layer in enumerate(list(self.model)[: scale + 1]):
            assert isinstance(layer, GPLayer)
            x = layer.reslayer(x if number == 0 else twice(x), style)
            if layer.postlayer is not None:
                x = layer.postlayer(x, style)
            if number == scale:  # published: before the finer features come back, which then only give their mask
                picture = torch.tanh(layer.rgblayer(functional.leaky_relu(x, SLOPE)))
            if layer.skiplayer is not None and skips:
                x, state, mask = layer.skiplayer(x, content[number + 1], state)
                masks.append(mask)
        return GPDrawing(picture, masks)


class StyleSampler(nn.Module):
    """Normal numbers (N, 128) -> styles (N, 256), as the exemplars of one kind have them."""

    def __init__(self) -> None:
        super().__init__()
        self.lin1, self.bn1 = nn.Linear(128, 128, bias=False), nn.BatchNorm1d(128)
        self.lin2, self.bn2 = nn.Linear(128, 128, bias=False), nn.BatchNorm1d(128)
        self.lin_out = nn.Linear(128, STYLE, bias=False)

    def forward(self, latent: Tensor) -> Tensor:
        """Styles."""
        x = functional.relu(self.bn1(self.lin1(latent)))
        return self.lin_out(functional.relu(self.bn2(self.lin2(x))))


def twice(x: Tensor) -> Tensor:
    """Twice as high and wide, each pixel a square."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
