"""The options of the loop, shared by all recipes; each field's docstring is its help text and names its unit."""

from __future__ import annotations

from dataclasses import dataclass

from maquette.core.errors import BadInput

ACCELERATORS = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "32", "bf16-mixed")


@dataclass(frozen=True)
class LoopOptions:
    """How long, how fast and how carefully to learn."""

    steps: int = 10_000
    """Steps of the whole training; the cosine schedule ends there."""
    batch_size: int = 32
    """Examples per step on each device."""
    learning_rate: float = 1e-3
    """Learning rate of AdamW at its highest, after the warm-up."""
    final_rate: float = 0.01
    """Learning rate at the last step, as a share of the highest."""
    weight_decay: float = 0.05
    """Weight decay of AdamW; norms and biases are spared."""
    warmup: int = 500
    """Steps in which the learning rate rises from zero."""
    ema: float = 0.999
    """Decay per step of the averaged weights, which are validated and exported."""
    clip: float = 1.0
    """Largest norm of the gradient; longer ones are shortened. 0 leaves them."""
    precision: str = "auto"
    """Arithmetic: 32, bf16-mixed, or auto (bf16-mixed on a GPU, 32 elsewhere)."""
    accelerator: str = "auto"
    """Where to train: auto, cpu, cuda or mps."""
    devices: int = 1
    """Number of devices; several work by distributed data parallel."""
    workers: int = 1
    """Batches that are assembled at the same time, ahead of the step; 0 waits for each."""
    seed: int = 0
    """Seed of the weights, the order of the data and everything random."""
    log_every: int = 10
    """Steps between two writings of the log, which has a row for every step."""
    save_every: int = 500
    """Steps between two checkpoints."""
    picture_every: int = 500
    """Steps between two pictures of the result; 0 draws none."""
    validate_every: int = 1000
    """Steps between two validations; 0 validates only at the end."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "devices", "log_every", "save_every"):
            _at_least(name, getattr(self, name), 1)
        for name in ("warmup", "workers", "seed", "picture_every", "validate_every", "weight_decay", "clip"):
            _at_least(name, getattr(self, name), 0)
        for name, low, high in (("learning_rate", 0, 10), ("final_rate", 0, 1), ("ema", 0, 0.999999)):
            if not low <= getattr(self, name) <= high:
                raise BadInput(f"{name.replace('_', ' ')} {getattr(self, name):g}: wanted {low} to {high}")
        for name, known in (("precision", PRECISIONS), ("accelerator", ACCELERATORS)):
            if getattr(self, name) not in known:
                raise BadInput(f"{name} {getattr(self, name)!r}: wanted {', '.join(known)}")


def _at_least(name: str, value: float, low: int) -> None:
    if not value >= low:
        raise BadInput(f"{name.replace('_', ' ')} {value:g}: wanted at least {low}")
