"""The table of methods, and `upscaled`: one Frame to a larger one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from maquette.core.device import usable_device
from maquette.core.errors import BadInput
from maquette.core.types import Frame
from maquette.imaging.upscale.interpolation import enlarged
from maquette.imaging.upscale.networks import FACTORS

DEFAULT = "espcn"
SMALL_FACE = 96.0  # pixels; narrower faces are enlarged before they are reconstructed
TINY_FACE = 48.0  # pixels; narrower ones four times


@dataclass(frozen=True)
class UpscaleMethod:
    """One row.

    Attributes:
        name: what `--method` takes.
        what: one line for the user.
        learned: whether a network does it.
    """

    name: str
    what: str
    learned: bool = False


METHODS = {
    row.name: row
    for row in (
        UpscaleMethod("nearest", "every pixel becomes a square"),
        UpscaleMethod("bilinear", "straight lines between pixels"),
        UpscaleMethod("bicubic", "cubic curves between pixels, a = -0.75"),
        UpscaleMethod("lanczos", "windowed sinc of eight pixels"),
        UpscaleMethod("area", "by area; for whole factors the same as nearest"),
        UpscaleMethod("srcnn", "network on the bicubic enlargement, Dong et al. 2016", learned=True),
        UpscaleMethod("espcn", "network with sub-pixel convolution, Shi et al. 2016", learned=True),
    )
}


def upscaled(
    frame: Frame,
    factor: int,
    method: str = DEFAULT,
    weights: Path | None = None,
    compat: bool = False,
    device: str = "cpu",
) -> Frame:
    """The frame `factor` times as wide and high; its focal length in pixels grows with it.

    Args:
        factor: 2 or 4.
        method: a name of `METHODS`.
        weights: another network's file than the shipped one, as `maquette weights convert` or a training writes it.
        compat: treat luma and colour as the published code does (`luma.enlarged_as_published`); networks only.
        device: where networks run: auto, cpu, cuda or mps.

    Raises:
        BadInput: an unknown method or factor, weights of another network or factor, or for a method that has none.
        WeightsMissing: the shipped network is not there.

    Example:
        >>> import numpy as np
        >>> upscaled(Frame(np.zeros((2, 3, 3), np.uint8), focal=5.0), 4, "bicubic").size
        (12, 8)
    """
    check(factor, method)
    if not METHODS[method].learned:
        if weights is not None or compat:
            raise BadInput(f"method {method}: takes no weights and knows no other mode: wanted srcnn or espcn")
        pixels = enlarged(frame.pixels, factor, method)
    else:
        from maquette.imaging.upscale import luma, networks

        where = usable_device(device)
        network = networks.shipped(method, factor, where) if weights is None else networks.load(Path(weights), where)
        facts = network.facts()
        if (facts["network"], facts["factor"]) != (method, str(factor)):
            is_for = f"{facts['network']} for factor {facts['factor']}"
            raise BadInput(f"{weights}: is {is_for}: wanted {method} for {factor}")
        work = luma.enlarged_as_published if compat else luma.enlarged
        pixels = work(network, frame.pixels)
    return replace(frame, pixels=pixels, focal=None if frame.focal is None else frame.focal * factor)


def check(factor: int, method: str) -> None:
    """Raise BadInput for an unknown factor or method."""
    if method not in METHODS:
        raise BadInput(f"method {method!r}: wanted {', '.join(METHODS)}")
    if factor not in FACTORS:
        raise BadInput(f"factor {factor}: wanted {' or '.join(map(str, FACTORS))}")


def advised(face_width: float) -> int:
    """By how much to enlarge a photo with a face of this width in pixels: 1 (not at all), 2 or 4.

    Example:
        >>> [advised(width) for width in (200, 96, 95, 48, 30)]
        [1, 1, 2, 2, 4]
    """
    if face_width >= SMALL_FACE:
        return 1
    return 2 if face_width >= TINY_FACE else 4
