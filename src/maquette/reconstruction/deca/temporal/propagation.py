"""Features passed along a clip, back and forth twice, aligned by flow (BasicVSR++; Chan et al., CVPR 2022).

Each pass goes through the frames; at each, the features of the two frames before it are fetched by a deformable
convolution that begins with the optical flow, and refined together with what earlier passes left there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.reconstruction.deca.temporal.deform import DeformableConvolution
from maquette.reconstruction.deca.temporal.flow import warped

CHANNELS, BLOCKS = 64, 5
PASSES = ("backward_1", "forward_1", "backward_2", "forward_2")
GROUPS, TAPS = 16, 9  # of the deformable convolution
FARTHEST = 10.0  # pixels that an offset may lie from the flow
SLOPE = 0.1


class NormedBlock(nn.Module):
    """Two convolutions with one normalisation between them, added to their input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.bn = nn.BatchNorm2d(CHANNELS)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(functional.relu(self.bn(self.conv1(x))))


class RefiningBlocks(nn.Module):
    """A convolution to 64 channels and five blocks."""

    def __init__(self, before: int) -> None:
        super().__init__()
        blocks = nn.Sequential(*(NormedBlock() for _ in range(BLOCKS)))
        self.main = nn.Sequential(nn.Conv2d(before, CHANNELS, 3, padding=1), nn.LeakyReLU(SLOPE), blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


class FlowGuidedAlignment(DeformableConvolution):
    """Features of two frames fetched to a third, at offsets near the flow; untrained it is the flow alone."""

    def __init__(self) -> None:
        super().__init__(2 * CHANNELS, CHANNELS, GROUPS)
        widths = (3 * CHANNELS + 4, CHANNELS, CHANNELS, CHANNELS)
        parts: list[nn.Module] = []
        for before in widths[:-1]:
            parts += [nn.Conv2d(before, CHANNELS, 3, padding=1), nn.LeakyReLU(SLOPE)]
        last = nn.Conv2d(CHANNELS, 3 * TAPS * GROUPS, 3, padding=1)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        self.conv_offset = nn.Sequential(*parts, last)

    def align(self, features: Tensor, condition: Tensor, flows: Sequence[Tensor]) -> Tensor:
        """(N, 64, H, W).

        Args:
            features: (N, 128, H, W) of the frame before and of the one before that, where they are.
            condition: (N, 192, H, W). flows: two (N, 2, H, W) to these frames.
        """
        drawn = self.conv_offset(torch.cat((condition, *flows), 1))
        return self(features, *guided(drawn, flows))


def guided(drawn: Tensor, flows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Offsets and mask of what the network drew (N, 432, H, W): half of the groups follow each flow."""
    third = drawn.shape[1] // 3
    residual = FARTHEST * drawn[:, : 2 * third].tanh()
    halves = residual.view(len(drawn), 2, third // 2, 2, *drawn.shape[2:])
    along = torch.stack([flow.flip(1) for flow in flows], 1)[:, :, None]
    return (halves + along).view_as(residual), drawn[:, 2 * third :].sigmoid()


class SecondOrderPropagation(nn.Module):
    """Four passes and what is made of their features."""

    def __init__(self) -> None:
        super().__init__()
        self.deform_align = nn.ModuleDict({name: FlowGuidedAlignment() for name in PASSES})
        self.backbone = nn.ModuleDict({name: RefiningBlocks((2 + i) * CHANNELS) for i, name in enumerate(PASSES)})
        self.fusion = RefiningBlocks((1 + len(PASSES)) * CHANNELS)

    def forward(self, spatial: Tensor, forwards: Tensor, backwards: Tensor, mirrored: bool = False) -> Tensor:
        """(N, T, 64, H, W).

        Args:
            spatial: (N, T, 64, H, W) of each frame alone.
            forwards: (N, T - 1, 2, H, W) flow from each frame but the first to the one before it; backwards: from each
                but the last to the one after it.
            mirrored: passes begin forwards instead of backwards, which a reversed clip needs for a reversed result.
        """
        frames = list(spatial.unbind(1))
        kept: list[list[Tensor]] = [frames]
        for name in PASSES:
            back = name.startswith("backward") != mirrored
            order = range(len(frames) - 1, -1, -1) if back else range(len(frames))
            flows = backwards.unbind(1) if back else (None, *forwards.unbind(1))
            made = self.one_pass(name, [[part[k] for part in kept] for k in order], [flows[k] for k in order[1:]])
            kept.append(made[::-1] if back else made)
        return torch.stack([self.fusion(torch.cat(each, 1)) for each in zip(*kept)], 1)

    def one_pass(self, name: str, given: Sequence[list[Tensor]], flows: Sequence[Tensor | None]) -> list[Tensor]:
        """Features of the frames in the order of a pass.

        Args:
            given: of each frame its own features and those of earlier passes.
            flows: from each frame but the first to the one that the pass saw before it.
        """
        aligner, body = self.deform_align[name], self.backbone[name]
        assert isinstance(aligner, FlowGuidedAlignment)
        made: list[Tensor] = []
        for step, parts in enumerate(given):
            carried = torch.zeros_like(parts[0])
            if step:
                first = flows[step - 1]
                assert first is not None, "only the first frame of a pass has no flow"
                before, second, earlier = made[-1], torch.zeros_like(first), torch.zeros_like(carried)
                seen_earlier = torch.zeros_like(carried)
                if step > 1:
                    previous, earlier = flows[step - 2], made[-2]
                    assert previous is not None
                    second = first + warped(previous, first)
                    seen_earlier = warped(earlier, second)
                condition = torch.cat((warped(before, first), parts[0], seen_earlier), 1)
                carried = aligner.align(torch.cat((before, earlier), 1), condition, (first, second))
            made.append(carried + body(torch.cat((*parts, carried), 1)))
        return made
