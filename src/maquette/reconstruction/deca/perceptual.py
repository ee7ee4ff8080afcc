"""Networks that DECA's training compares pictures by: of faces (identity), of patches (detail); the user's own files.

`resnet50_ft_weight.pkl` (VGGFace2; non-commercial) is a pickle of arrays, read by a list of what it may hold;
`vgg19-dcbb9e9d.pth` is torchvision's. Without them these losses are left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from maquette.core.errors import BadInput
from maquette.reconstruction.deca.losses import relative_distances
from maquette.reconstruction.networks.resnet import ResNet50
from maquette.weights.convert import pickles, pytorch
from maquette.weights.convert.pytorch import COUNTER

MEAN_BGR = (91.4953, 103.8827, 131.0912)
MARGIN = 10  # pixels of the crop that are cut off before a face is compared
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
FIRST, SECOND = 12, 21  # layers after which patches are compared: relu3_1 and relu4_1
VGG = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512)  # channels up to relu4_1; 0 halves the size


class FaceFeatures(ResNet50):
    """A face to 2048 numbers, as the Caffe network of VGGFace2 gives them."""

    def __init__(self) -> None:
        super().__init__(stride_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.max_pool2d(x, 3, stride=2, ceil_mode=True)
        for stage in self.stages:
            x = stage(x)
        return functional.avg_pool2d(x, 7, stride=1).flatten(1)

    def unlike(self, drawn: Tensor, photo: Tensor) -> Tensor:
        """Mean of one minus the cosine between faces (N, 3, 224, 224) RGB in 0-1."""
        found = [self(_as_learned(picture)) for picture in (drawn, photo)]
        return (1 - functional.cosine_similarity(*found)).mean()


def _as_learned(picture: Tensor) -> Tensor:
    """Crops as the published loss hands them over: doubled and one less after the mean is taken off."""
    bgr = picture.flip(1) * 255 - picture.new_tensor(MEAN_BGR)[:, None, None]
    inner = bgr[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
    return functional.interpolate(2 * inner - 1, picture.shape[2:], mode="bilinear")


def face_features(path: str | Path) -> FaceFeatures:
    """The network of a file.

    Raises:
        BadInput: no such file, anything in it that is no array, another network.
    """
    path = Path(path)
    held = pickles.load(path)
    if not isinstance(held, dict):
        raise BadInput(f"{path}: wanted named arrays, got {type(held).__name__}")
    named = {key: value for key, value in held.items() if not str(key).startswith("fc.")}
    tensors = {str(key): torch.from_numpy(np.asarray(value)).float() for key, value in named.items()}
    return _filled(FaceFeatures(), tensors, path, "VGGFace2 network")  # type: ignore[return-value]


class PatchFeatures(nn.Module):
    """VGG-19 as far as it is needed, with torchvision's keys."""

    def __init__(self) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = 3
        for width in VGG:
            if width:
                parts += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            else:
                parts.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 256, H / 4, W / 4) and (N, 512, H / 8, W / 8) of (N, 3, H, W) RGB in 0-1."""
        x = (x - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(SPREAD)[:, None, None]
        first = self.features[:FIRST](x)
        return first, self.features[FIRST:SECOND](first)

    def unlike(self, drawn: Tensor, photo: Tensor) -> Tensor:
        """Sum over the batch of how badly patches match, see `losses.relative_distances`; the finer ones twice."""
        coarse, fine = (relative_distances(*pair) for pair in zip(self(drawn), self(photo)))
        return (coarse + 2 * fine).sum()


def patch_features(path: str | Path) -> PatchFeatures:
    """The network of a file of torchvision.

    Raises:
        BadInput: no such file, or another network.
    """
    path, network = Path(path), PatchFeatures()
    held = pytorch.load(path)
    if not isinstance(held, dict):
        raise BadInput(f"{path}: wanted named tensors, got {type(held).__name__}")
    return _filled(network, {k: held[k] for k in network.state_dict() if k in held}, path, "VGG-19")  # type: ignore[return-value]


def _filled(network: nn.Module, tensors: dict[str, Tensor], path: Path, what: str) -> nn.Module:
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items() if not key.endswith(COUNTER)}
    pytorch.compare(tensors, expected, path, what)
    pytorch.check_numbers(tensors, path)
    network.load_state_dict(tensors, strict=False)
    return network.requires_grad_(False).eval()
