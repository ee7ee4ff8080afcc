"""A second device on a machine that has none: tensors that were sent there, and a fault for each that was forgotten.

Torch's unused device type "lazy" plays the accelerator: "cuda" and "mps" mean it inside `far_device`. A far tensor
computes on the CPU behind the scenes, but meets no tensor that stayed there (but for single numbers and indices, as on
CUDA), has no float64 (as on MPS) and does not become numpy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

FAR = torch.device("lazy", 0)
NAMES = ("cuda", "mps")
CROSSING = ("copy_", "_to_copy", "index", "index_put", "index_put_", "_index_put_impl_")


class FarTensor(torch.Tensor):
    """A tensor that says it lies on FAR."""

    near: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, near: torch.Tensor) -> FarTensor:
        layout = {"strides": near.stride(), "storage_offset": near.storage_offset(), "dtype": near.dtype}
        far = torch.Tensor._make_wrapper_subclass(cls, near.shape, device=FAR, **layout)
        far.near = near
        return far

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _computed(func, args, kwargs or {}, None)


def _is_far(value: Any) -> bool:
    return isinstance(value, FarTensor)


def _near(value: Any) -> Any:
    if isinstance(value, torch.device) and value.type == FAR.type:
        return torch.device("cpu")
    return value.near if _is_far(value) else value


def _far(value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    if value.dtype == torch.float64:
        raise RuntimeError("no float64 on this device")
    with torch.inference_mode(False):  # a view of a weight is none of inference
        return FarTensor(value)


def _computed(func: Any, args: tuple, kwargs: dict, work: Counter | None) -> Any:
    leaves = tree_leaves((args, kwargs))
    far, name = any(map(_is_far, leaves)), func.overloadpacket.__name__
    wanted = kwargs.get("device")
    there = far if wanted is None else torch.device(wanted).type == FAR.type
    if far and name not in CROSSING:
        stayed = [tuple(v.shape) for v in leaves if isinstance(v, torch.Tensor) and not _is_far(v) and v.dim()]
        if stayed:
            raise RuntimeError(f"{name}: tensors of shape {stayed} stayed on the CPU")
    if far and work is not None:
        work[name] += 1
    out = func(*tree_map(_near, args), **tree_map(_near, kwargs))
    if args and _is_far(args[0]) and out is args[0].near:
        return args[0]  # in place
    return tree_map(_far, out) if there else out


class _Dispatch(TorchDispatchMode):
    """Makes tensors on FAR, and counts what is computed there."""

    def __init__(self, work: Counter) -> None:
        super().__init__()
        self.work = work

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        with self:
            # In inference mode compound operations come here whole.
            made = func.decompose(*args, **kwargs or {})
        return _computed(func, args, kwargs or {}, self.work) if made is NotImplemented else made


class _Names(TorchFunctionMode):
    """Reads "cuda" and "mps" as FAR."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__) and _is_far(args[0]):
            # Torch sends rows of numbers to the device by a way that no mode sees.
            parts = args[1] if isinstance(args[1], tuple) else (args[1],)
            args = (args[0], tuple(torch.tensor(p) if isinstance(p, list | tuple) else p for p in parts), *args[2:])
        if func is torch.device:  # a name alone is no tensor; modules of torch are looked up by it
            return func(*args, **kwargs or {})
        if func is torch.Tensor.tolist and _is_far(args[0]):
            return args[0].near.tolist()
        if func is torch.Tensor.new_tensor and _is_far(args[0]):
            return torch.tensor(args[1], dtype=args[0].dtype).to(FAR)
        return func(*tree_map(_renamed, args), **tree_map(_renamed, kwargs or {}))


def _renamed(value: Any) -> Any:
    named = str(value) if isinstance(value, str | torch.device) else ""
    return FAR if named.partition(":")[0] in NAMES else value


@contextmanager
def far_device() -> Iterator[Counter]:
    """Inside, "cuda" and "mps" are there, in this thread and in pools of threads that are made in it.

    Returns:
        How often each operation was computed there.
    """
    work: Counter[str] = Counter()

    def enter() -> None:
        _Names().__enter__()
        _Dispatch(work).__enter__()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        patch.setattr(torch.backends.mps, "is_available", lambda: True)
        # In a build for CUDA, optimisers ask the driver whether a graph is being captured.
        for name in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check"):
            patch.setattr(torch.optim.Optimizer, name, lambda _: None, raising=False)
        for where in ("maquette.perception.faces.observe", "maquette.core.job"):
            patch.setattr(f"{where}.ThreadPoolExecutor", partial(ThreadPoolExecutor, initializer=enter))
        with _Names(), _Dispatch(work):
            yield work


def taught_there(recipe: Any, options: Any, size: int = 2) -> Counter:
    """One step, a validation and a picture of a recipe on the other device; returns the operations."""
    from maquette.training.datasets.feed import tensors

    with far_device() as work:
        torch.manual_seed(0)
        network = recipe.build_network(options).to("cuda")
        batch = {name: value.to("cuda") for name, value in tensors(recipe.batches(options, size, 0).batch(0)).items()}
        loss, measures = recipe.loss(network.train(), batch, options)
        loss.backward()
        torch.optim.AdamW([p for p in network.parameters() if p.grad is not None]).step()
        assert loss.device == FAR and all(getattr(m, "device", FAR) == FAR for m in measures.values())
        network.requires_grad_(False).eval()
        with torch.no_grad():
            scores, picture = recipe.validate(network, options), recipe.picture(network, batch)
        assert all(abs(float(score)) < 1e9 for score in scores.values()) and picture.ndim == 3
        tensors_out, _ = recipe.export(network)
        assert tensors_out
    return work
