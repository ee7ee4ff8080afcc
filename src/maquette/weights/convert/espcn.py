"""The published ESPCN checkpoints of Menezes 2019 (github.com/angelomenezes/3DFaceReconstruction, MIT) to safetensors.

They are whole modules of the class `model_super_resolution.Net` in PyTorch's format before 1.6, read by `legacy`. What
comes out is what `maquette upscale --weights` takes.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.weights.convert import legacy
from maquette.weights.convert.pytorch import Converted, save_arrays

NET = "model_super_resolution Net"
CLASSES = frozenset(
    (
        NET,
        "torch.nn.modules.conv Conv2d",
        "torch.nn.modules.activation ReLU",
        "torch.nn.modules.pixelshuffle PixelShuffle",
    )
)
SHAPES = ((64, 1, 5, 5), (64, 64, 3, 3), (32, 64, 3, 3))  # of the first three weights
SOURCE = "github.com/angelomenezes/3DFaceReconstruction, MIT"


def read(path: str | Path) -> dict[str, NDArray[Any]]:
    """`conv1.weight` to `conv4.bias`, float32.

    Raises:
        BadInput: not such a checkpoint; nothing in the file is executed.
    """
    path = Path(path)
    net, tensor = legacy.read(path, CLASSES)
    modules = net.state.get("_modules")
    if net.kind != NET or not isinstance(modules, dict):
        raise BadInput(f"{path}: holds {net.kind}: wanted a network of the class model_super_resolution.Net")
    found: dict[str, NDArray[Any]] = {}
    for name, module in modules.items():
        parameters = module.state.get("_parameters") if isinstance(module, legacy.PickledObject) else None
        for part, view in (parameters if isinstance(parameters, dict) else {}).items():
            if isinstance(view, legacy.StoredTensor):
                found[f"{name}.{part}"] = tensor(view)
    shapes = {name: array.shape for name, array in found.items()}
    last = shapes.get("conv4.weight", (0,))
    factor = math.isqrt(last[0])
    wanted: dict[str, tuple[int, ...]] = {
        f"conv{k}.weight": shape for k, shape in enumerate((*SHAPES, (factor**2, 32, 3, 3)), 1)
    }
    wanted |= {name.replace("weight", "bias"): shape[:1] for name, shape in wanted.items()}
    if shapes != wanted or factor not in (2, 4):
        wrong = sorted(set(shapes.items()) ^ set(wanted.items()), key=str)[:1]
        raise BadInput(f"{path}: is another network {wrong}: wanted the four layers of ESPCN for factor 2 or 4")
    if not all(np.isfinite(array).all() for array in found.values()):
        raise BadInput(f"{path}: holds numbers that are not finite")
    return found


def convert(path: str | Path, out: str | Path) -> Converted:
    """Write the checkpoint as safetensors, by rename.

    Args:
        path: super_res_model_epoch_*.pth.
        out: the file to write.

    Raises:
        BadInput: not such a checkpoint, or `out` cannot be written.
    """
    tensors, out = read(path), Path(out)
    factor = str(math.isqrt(len(tensors["conv4.bias"])))
    facts = {"network": "espcn", "factor": factor, "layout": "relu4", "residual": "no", "source": SOURCE}
    save_arrays(tensors, {"facts": json.dumps(facts)}, out)
    return Converted(out, sum(array.size for array in tensors.values()), {"factor": int(factor)})
