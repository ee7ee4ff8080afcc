"""The one loop: every recipe is trained by it.

A step depends on (recipe, options, seed, step) alone: its batch has the step's number, its learning rate and decay
are functions of the step, and torch's, numpy's and Python's generators are seeded anew from (seed, step) before it.
So a training that was killed and resumed from any checkpoint ends, on a CPU, with the same bits as one that was not.
"""

from __future__ import annotations

import copy
import math
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from maquette.core.errors import BadInput, MaquetteError
from maquette.core.process import refuse_forked
from maquette.training import checkpoint
from maquette.training.datasets.feed import feed, tensors
from maquette.training.facts import facts
from maquette.training.logs import SCORES, TRAIN, Logs
from maquette.training.optimise import adamw, average, average_decay, learning_rate, moving
from maquette.training.options import LoopOptions
from maquette.training.outputs import DataclassOutput, DictionaryOutput
from maquette.training.randomness import generators_kept, seed_everything
from maquette.training.recipe import AnyRecipe, Turn

Say: TypeAlias = Callable[[str], None]
State: TypeAlias = dict[str, Any]
Show: TypeAlias = Callable[[int, str], None]


def silent(*_: object) -> None:
    """Reports to nobody."""


class Stopped(MaquetteError):
    """Somebody stopped the training; its checkpoint is written."""

    exit_code = 130


def train(
    recipe: AnyRecipe,
    options: Any,
    loop: LoopOptions,
    out: Path,
    resume: bool = False,
    say: Say = silent,
    show: Show = silent,
) -> dict[str, Any]:
    """Train one network; leaves last.ckpt, best.ckpt, train.csv, scores.csv, pictures and TensorBoard's events.

    Args:
        options: of the recipe.
        out: folder, made if need be; holds one training.
        resume: go on from its last.ckpt.
        say: gets lines for people.
        show: gets the number of finished steps and a short text, after every writing of the log.

    Returns:
        The last scores by name.

    Raises:
        BadInput: no data, a loss that is not finite, a folder or checkpoint that does not fit; a fork.
        Stopped: by Ctrl-C or SIGTERM, after the running step was saved.
    """
    refuse_forked()
    with generators_kept():
        fabric = make_fabric(loop)
        fabric.launch()
        state = _prepare_folder(recipe, options, loop, out, resume)
        fabric.barrier()
        training = Training(fabric, recipe, options, loop, out, state)
        try:
            if training.rank == 0:
                training.logs = Logs(out, training.step, say)
            with _stoppable() as stop:
                training.run(stop, show)
        finally:
            if training.logs:
                training.logs.close()
    return training.scores


class Training:
    """The state of one training and its steps.

    Attributes:
        step: steps that are done.
        network: what the loss calls, wrapped by Fabric; `raw` is the module itself, `ema` its average.
        best: lowest score so far.
        scores: of the last validation.
        seconds: spent so far, over all resumes.
    """

    def __init__(
        self, fabric: Fabric, recipe: AnyRecipe, options: Any, loop: LoopOptions, out: Path, state: State | None
    ) -> None:
        """Build everything anew, or as the state of a checkpoint says."""
        self.fabric, self.recipe, self.options, self.loop, self.out = fabric, recipe, options, loop, out
        self.rank, self.world = fabric.global_rank, fabric.world_size
        self.batches = recipe.batches(options, loop.batch_size, loop.seed)
        if not len(self.batches):
            raise BadInput(f"recipe {recipe.name}: the data set is empty: wanted at least one example")
        seed_everything(loop.seed, -1, 0)
        self.raw = recipe.build_network(options)
        self.turns = recipe.turns_of(options)
        if len(self.turns) > 1 and self.world > 1:
            raise BadInput(f"recipe {recipe.name}: learns in turns, on one device: leave --devices away")
        self.optimizer = (recipe.optimizer or adamw)(self.raw, loop)
        opened = DictionaryOutput(self.raw)
        self._wrapped, self._stepper = fabric.setup(opened, self.optimizer)
        self.network = DataclassOutput(self._wrapped, opened)
        self.ema = copy.deepcopy(self.raw).requires_grad_(False).eval()
        self.step, self.best, self.seconds = 0, math.inf, 0.0
        self.scores: dict[str, float] = {}
        self.logs: Logs | None = None
        self._rows: list[tuple[int, dict[str, float | Tensor]]] = []
        self._summary = ""
        self._shown: dict[str, Tensor] | None = None
        self._facts = facts(fabric.device, self.world)
        self._precision = "bf16-mixed" if "bf16" in str(fabric.strategy.precision.precision) else "32"
        if state:
            self._restore(state)

    def run(self, stop: threading.Event, show: Show) -> None:
        """All steps that are left.

        Raises:
            Stopped: `stop` was set.
        """
        begun, before = perf_counter(), self.seconds
        first = self.step
        numbers = (step * self.world + self.rank for step in range(first, self.loop.steps))
        # A generator is closed by hand, so that the workers end before an error is reported.
        stream = feed(self.batches, numbers, self.loop.workers, self.recipe.processes)
        try:
            for batch in stream:
                self._optimise(self.fabric.to_device(batch))
                self.seconds = before + perf_counter() - begun
                done = self.step == self.loop.steps
                stopped = self._stop_agreed(stop.is_set())
                self._after(done, stopped)
                if not self._rows:
                    show(self.step, f"{(self.step - first) / (perf_counter() - begun):.1f} steps/s {self._summary}")
                if stopped and not done:
                    raise Stopped(
                        f"stopped after step {self.step} of {self.loop.steps}; {self.out / checkpoint.LAST} is "
                        "written: to go on, run the same command with --resume"
                    )
        finally:
            stream.close()

    def _optimise(self, batch: dict[str, Tensor]) -> None:
        """One step of the optimizer and of the average."""
        seed_everything(self.loop.seed, self.step, self.rank)
        rate = learning_rate(self.step, self.loop)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)
        self.network.train()
        turns = [self._turn(turn, batch) for turn in self.turns]
        average(self.ema, self.raw, average_decay(self.step, self.loop.ema))
        self.step += 1
        row = {**turns[0], "rate": rate}
        for more in turns[1:]:
            row |= {name: value for name, value in more.items() if name not in ("loss", "gradient")}
        # Tensors stay on the device until the log is written: asking for each value would make a GPU wait.
        self._rows.append((self.step, {k: v.detach() if isinstance(v, Tensor) else v for k, v in row.items()}))

    def _turn(self, turn: Turn, batch: dict[str, Tensor]) -> dict[str, float | Tensor]:
        """One loss and the step of what it moves."""
        with moving(self.raw, turn.moves):
            loss, measures = turn.loss(self.network, batch, self.options)
            self.fabric.backward(loss)
        clip = self.loop.clip or math.inf
        norm = self.fabric.clip_gradients(self._wrapped, self._stepper, max_norm=clip, error_if_nonfinite=False)
        self._stepper.step()
        self._stepper.zero_grad(set_to_none=True)
        assert norm is not None, "Fabric gives the norm where it clips by the norm"
        return {"loss": loss, "gradient": norm, **measures}

    def _after(self, done: bool, stopped: bool) -> None:
        """What is due after a step: log, picture, validation, checkpoint, in this order."""
        loop = self.loop
        draw, check, save = (
            every and self.step % every == 0 for every in (loop.picture_every, loop.validate_every, loop.save_every)
        )
        if not (draw or check or save or done or stopped or self.step % loop.log_every == 0):
            return
        self._write_rows()
        better = self._validate() if (check or done) else False
        if self.logs:
            if draw or (done and loop.picture_every):
                self._draw(self.logs)
            if better:
                checkpoint.save(self.state(), self.out / checkpoint.BEST)
            if save or done or stopped:
                checkpoint.save(self.state(), self.out / checkpoint.LAST)
                self.logs.flush()
        if check or save or done:
            self.fabric.barrier()

    def _write_rows(self) -> None:
        """Write the rows that wait.

        Raises:
            BadInput: a loss or gradient is not finite.
        """
        rows, self._rows = self._rows, []
        steps, names, values = [step for step, _ in rows], list(rows[0][1]), self._fetched(rows)
        if self.logs:
            self.logs.write(TRAIN, [(step, dict(zip(names, row.tolist()))) for step, row in zip(steps, values)])
        self._summary = f"loss {values[-1, 0]:.4g}"
        for step, row in zip(steps, values):
            wrong = [name for name, value in zip(names, row) if not np.isfinite(value)]
            if wrong:
                last = self.out / checkpoint.LAST
                kept = f"the last good checkpoint is {last}" if last.exists() else "no checkpoint was written yet"
                raise BadInput(
                    f"recipe {self.recipe.name}: {wrong[0]} is {row[names.index(wrong[0])]} at step {step}: {kept}: "
                    "lower --learning-rate, raise --warmup or look at the data"
                )

    def _fetched(self, rows: list[tuple[int, dict[str, float | Tensor]]]) -> NDArray[np.float32]:
        """(rows, values) float32, fetched from the device at once; means over the devices if there are several."""
        flat = [value for _, row in rows for value in row.values()]
        there = [v.reshape(()).to(self.fabric.device, torch.float32) for v in flat if isinstance(v, Tensor)]
        fetched = iter(torch.stack(there).tolist())
        floats = [next(fetched) if isinstance(v, Tensor) else float(v) for v in flat]
        values = torch.tensor(floats, dtype=torch.float32).reshape(len(rows), -1)
        if self.world > 1:
            values = self._over_devices(self.fabric.to_device(values), "mean").cpu()
        return values.numpy()

    def _validate(self) -> bool:
        """Score the average on the first device; whether it is the best so far."""
        if self.logs is None:
            return False
        with torch.no_grad():
            self.scores = {name: float(v) for name, v in self.recipe.validate(self.ema, self.options).items()}
        score = self.scores["score"]
        if not math.isfinite(score):
            raise BadInput(f"recipe {self.recipe.name}: the score is {score} at step {self.step}: look at {TRAIN}")
        self.logs.write(SCORES, [(self.step, self.scores)])
        better = score < self.best
        self.best = min(score, self.best)
        return better

    def _draw(self, logs: Logs) -> None:
        if self._shown is None:
            # Always the same batch, so that two pictures differ by the learning alone.
            self._shown = tensors(self.batches.batch(0))
        with torch.no_grad():
            logs.picture(self.step, self.recipe.picture(self.ema, self.fabric.to_device(self._shown)))

    def _stop_agreed(self, stop: bool) -> bool:
        """Whether any device is to stop; asked of the others only when the log is due."""
        if self.world == 1:
            return stop
        if self.step % self.loop.log_every:
            return False
        asked = torch.tensor(float(stop), device=self.fabric.device)
        return bool(self._over_devices(asked, "sum") > 0)

    def _over_devices(self, value: Tensor, how: str) -> Tensor:
        """The mean or sum of a tensor over the devices."""
        reduced = self.fabric.all_reduce(value, reduce_op=how)
        assert isinstance(reduced, Tensor), "one tensor in, one out"
        return reduced

    def state(self) -> State:
        """Everything that a resume, or a publication, needs; tensors, numbers and text."""
        return {
            "recipe": self.recipe.name,
            "options": asdict(self.options),
            "loop": asdict(self.loop),
            "step": self.step,
            "world": self.world,
            "precision": self._precision,
            "network": self.raw.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "scores": self.scores,
            "seconds": self.seconds,
            "facts": self._facts,
        }

    def _restore(self, state: State) -> None:
        self.raw.load_state_dict(state["network"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.best, self.scores = state["step"], state["best"], dict(state["scores"])
        self.seconds = state["seconds"]


def make_fabric(loop: LoopOptions) -> Fabric:
    """The devices and the arithmetic that the options ask for.

    Raises:
        BadInput: the accelerator is not there, or fewer devices than wanted.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    kind = next(k for k, is_there in there.items() if is_there) if loop.accelerator == "auto" else loop.accelerator
    if not there[kind]:
        raise BadInput(f"accelerator {kind}: there is none here: take --accelerator cpu")
    count = {"cuda": torch.cuda.device_count(), "mps": 1, "cpu": loop.devices}[kind]
    if loop.devices > count:
        raise BadInput(f"devices {loop.devices}: wanted at most the {count} of {kind} that are here")
    mixed = kind == "cuda" if loop.precision == "auto" else loop.precision == "bf16-mixed"
    if kind == "cuda":
        torch.set_float32_matmul_precision("high")
    return Fabric(
        accelerator=kind,
        devices=loop.devices,
        precision="bf16-mixed" if mixed else "32-true",
        strategy="ddp" if loop.devices > 1 else "auto",
    )


def _prepare_folder(recipe: AnyRecipe, options: Any, loop: LoopOptions, out: Path, resume: bool) -> State | None:
    """Check the folder, and read its checkpoint if one is to be resumed."""
    last = out / checkpoint.LAST
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".probe-{random.getrandbits(32):08x}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        why = "it is a file" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror or error
        raise BadInput(f"{out}: cannot be written ({why}): choose another folder with --out") from error
    if not resume:
        if last.exists():
            raise BadInput(f"{out}: holds a training already: go on with --resume, or choose another folder with --out")
        return None
    state = checkpoint.load(last)
    checkpoint.check_recipe(state, last, recipe, asdict(options))
    for name in ("seed", "batch_size"):
        if state["loop"][name] != getattr(loop, name):
            raise BadInput(
                f"checkpoint {last}: was trained with {name.replace('_', ' ')} {state['loop'][name]}, not "
                f"{getattr(loop, name)}: leave the flag away, or choose another folder"
            )
    return state


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that a step is finished first; a second Ctrl-C stops at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
