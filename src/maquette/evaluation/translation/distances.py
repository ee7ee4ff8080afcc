"""Distances between two sets of pictures, from features of any network; and between two pictures, by LPIPS.

Frechet: Heusel et al. 2017 (NeurIPS), two Gaussians. Kernel: Binkowski et al. 2018 (ICLR), a cubic kernel, without bias
by the sets' sizes, which makes it the one to read where there are few pictures. With features of Inception v3 as
torch-fidelity computes them these are FID and KID; of the shipped pet features they are neither, and are said to be so.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput, ExtraMissing

INCEPTION_WIDTH = 2048


def frechet(first: NDArray, second: NDArray) -> float:
    """Squared Frechet distance of the Gaussians of two sets of features (N, D) and (M, D).

    Raises:
        ValueError: a set of fewer than two.

    Example:
        >>> spread = np.array([[0.0], [2.0]])
        >>> frechet(spread, spread + 3)
        9.0
    """
    first, second = (np.asarray(rows, float) for rows in (first, second))
    if min(len(first), len(second)) < 2:
        raise ValueError("wanted at least two pictures in each set")
    between = first.mean(0) - second.mean(0)
    # The trace of the root of a product is the sum of the singular values of the factors' product: no root is taken.
    a, b = ((rows - rows.mean(0)) / np.sqrt(len(rows) - 1) for rows in (first, second))
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(between @ between + (a * a).sum() + (b * b).sum() - 2 * shared)


def kernel(first: NDArray, second: NDArray) -> float:
    """Squared kernel distance of two sets of features (N, D) and (M, D); it may be a little below zero.

    Raises:
        ValueError: a set of fewer than two.
    """
    first, second = (np.asarray(rows, float) for rows in (first, second))
    n, m = len(first), len(second)
    if min(n, m) < 2:
        raise ValueError("wanted at least two pictures in each set")

    def cubic(a: NDArray, b: NDArray) -> NDArray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    own, theirs, both = cubic(first, first), cubic(second, second), cubic(first, second)
    inner = (own.sum() - np.trace(own)) / (n * (n - 1)) + (theirs.sum() - np.trace(theirs)) / (m * (m - 1))
    return float(inner - 2 * both.mean())


def pet_features(pictures: NDArray) -> NDArray:
    """(N, 1280) float32 of pictures (N, S, S, 3) uint8, by the network that ships."""
    import torch

    from maquette.perception.pets.features import SIDE
    from maquette.perception.pets.reader import load_features

    network, rows = load_features(), []
    with torch.inference_mode():
        for picture in pictures:
            tensor = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float()
            larger = torch.nn.functional.interpolate(tensor, size=SIDE, mode="bilinear", antialias=True)
            top = network.top(network.maps(larger)[-1])
            rows.append(torch.nn.functional.relu6(top).mean(dim=(2, 3))[0].numpy())
    return np.stack(rows)


def inception_features(weights: Path) -> Callable[[NDArray], NDArray]:
    """What gives (N, 2048) of pictures (N, S, S, 3) uint8: Inception v3 by torch-fidelity, with the user's weights.

    Args:
        weights: pt_inception-2015-12-05-6726825d.pth, which torch-fidelity's makers publish.

    Raises:
        ExtraMissing: torch-fidelity is not installed. BadInput: no such file.
    """
    import torch

    if not weights.is_file():
        raise BadInput(f"{weights}: no such file, wanted Inception's weights as torch-fidelity's makers publish them")
    try:
        library = import_module("torch_fidelity.feature_extractor_inceptionv3")
    except ImportError as error:
        raise ExtraMissing("FID needs the package torch-fidelity: run: pip install 'maquette[scores]'") from error
    try:
        network = library.FeatureExtractorInceptionV3("inception", [str(INCEPTION_WIDTH)], str(weights))
    except (RuntimeError, KeyError, OSError, ValueError) as error:
        raise BadInput(f"{weights}: not Inception's weights as torch-fidelity's makers publish them") from error

    def features(pictures: NDArray) -> NDArray:
        with torch.inference_mode():
            tensors = (torch.from_numpy(np.ascontiguousarray(one.transpose(2, 0, 1)))[None] for one in pictures)
            return np.concatenate([network(tensor)[0].numpy() for tensor in tensors])

    return features


def lpips_distance(weights: Path) -> Callable[[NDArray, NDArray], float]:
    """What gives the LPIPS (AlexNet, version 0.1; Zhang et al. 2018) of two pictures (S, S, 3) uint8, S at least 64.

    Args:
        weights: alexnet-owt-7be5be79.pth, which torchvision's makers publish; the linear layers are in lpips.

    Raises:
        ExtraMissing: lpips is not installed. BadInput: no such file, or another network.
    """
    import torch

    if not weights.is_file():
        raise BadInput(f"{weights}: no such file, wanted AlexNet's weights as torchvision's makers publish them")
    try:
        library = import_module("lpips")
    except ImportError as error:
        raise ExtraMissing("LPIPS needs the package lpips: run: pip install 'maquette[scores]'") from error
    network = library.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    names = [name for name in network.net.state_dict()]
    try:
        given = torch.load(weights, map_location="cpu", weights_only=True)
        trunk = {name: given["features." + name.split(".", 1)[1]] for name in names}
        network.net.load_state_dict(trunk)
    except (RuntimeError, KeyError, OSError, ValueError, TypeError) as error:
        raise BadInput(f"{weights}: not AlexNet's weights as torchvision's makers publish them") from error

    def distance(first: NDArray, second: NDArray) -> float:
        pair = [
            torch.from_numpy(np.ascontiguousarray(one.transpose(2, 0, 1)))[None] / 127.5 - 1 for one in (first, second)
        ]
        with torch.inference_mode():
            return float(network(*pair))

    return distance
