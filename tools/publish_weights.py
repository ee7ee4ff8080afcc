"""Publish a trained network: float16 safetensors, its entry in the zoo, a card, and golden tensors.

    python tools/publish_weights.py runs/a/best.ckpt NAME --folder perception/data

What is published are the averaged weights, rounded to float16; validation and golden tensors are of the rounded ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from maquette.core.errors import BadInput, MaquetteError
from maquette.training import checkpoint
from maquette.training.recipe import Recipe, load, load_given
from maquette.weights.store import PACKAGE, ZOO_FILE, sha256

MOST_BYTES = 8 * 2**20
MOST_GOLDEN_BYTES = 2**20
SEED = 20240501  # of the golden input
GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
ELSEWHERE = {"precision", "accelerator", "devices", "workers", "log_every"}  # of the loop; they do not make the weights


@dataclass(frozen=True)
class Places:
    """Where things are written.

    Attributes:
        folder: of the weights and their card, relative to the package.
        package: folder of the package.
        zoo: zoo.toml.
        golden: folder of the golden tensors.
    """

    folder: str = "weights/data"
    package: Path = PACKAGE
    zoo: Path = ZOO_FILE
    golden: Path = GOLDEN


def publish(
    file: Path, name: str, recipe: Recipe[Any, Any], places: Places, licence: str = "CC0-1.0", score: bool = True
) -> Path:
    """Publish one checkpoint under a name; an older file, entry or card of that name is replaced.

    Args:
        score: validate the rounded weights; False takes the scores of the training's last validation.

    Returns:
        The weights' file.

    Raises:
        BadInput: another recipe's checkpoint, a file over 8 MB, a weight that float16 cannot hold.
    """
    state = checkpoint.load(file)
    options = recipe.options(**state["options"])
    checkpoint.check_recipe(state, file, recipe, asdict(options))
    network = rounded(recipe, options, state["ema"])
    with torch.no_grad():
        tensors, own_facts = recipe.export(network)
        golden = example(recipe, options, network)
        measured = dict(recipe.validate(network, options)) if score else {}
    state["options"] = without_folders(state["options"], recipe.movable)
    tensors = {key: halved(key, tensor) for key, tensor in tensors.items()}
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    if size > MOST_BYTES:
        raise BadInput(f"{name}: {size} bytes in float16: wanted at most {MOST_BYTES}: make the network smaller")
    described = {**own_facts, "recipe": recipe.name, "options": state["options"], "step": state["step"]}
    described |= {"normalisation": recipe.normalisation, "commit": state["facts"]["commit"], "seed": SEED}
    weights = places.package / places.folder / f"{name}.safetensors"
    write(tensors, weights, described, MOST_BYTES)
    write(golden, places.golden / f"{name}.safetensors", described, MOST_GOLDEN_BYTES)
    row = {
        "path": f"{places.folder}/{name}.safetensors",
        "sha256": sha256(weights),
        "bytes": weights.stat().st_size,
        "licence": licence,
        "source": recipe.data,
        "made_by": training_command(recipe, state),
        "what": recipe.what,
        "commit": state["facts"]["commit"],
        "normalisation": recipe.normalisation,
        "score": shown(measured or state["scores"]),
    }
    places.zoo.write_text(with_entry(places.zoo.read_text(encoding="utf-8"), name, row), encoding="utf-8")
    count = sum(t.numel() for t in tensors.values())
    weights.with_suffix(".md").write_text(card(name, row, state, measured, count), encoding="utf-8")
    return weights


def without_folders(options: Mapping[str, Any], movable: Sequence[str]) -> dict[str, Any]:
    """The options with file names alone in place of paths, which say where things lay on one machine."""
    return {k: Path(v).name if k in movable and isinstance(v, str) else v for k, v in options.items()}


def rounded(recipe: Recipe[Any, Any], options: Any, averaged: Mapping[str, torch.Tensor]) -> torch.nn.Module:
    """The network in float32 whose weights are the averaged ones, rounded to float16; in evaluation mode."""
    network = recipe.build_network(options)
    network.load_state_dict({key: halved(key, t).to(t.dtype) for key, t in averaged.items()})
    return network.requires_grad_(False).eval()


def halved(key: str, tensor: torch.Tensor) -> torch.Tensor:
    """A tensor as it is stored: floats in float16, whole numbers as they are."""
    tensor = tensor.detach().cpu().contiguous()
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not torch.isfinite(half).all():
        worst = float(tensor.float().abs().max())
        raise BadInput(f"weight {key}: holds {worst:g}: wanted finite values up to 65504, which float16 can hold")
    return half


def example(recipe: Recipe[Any, Any], options: Any, network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A seeded call of the network: `input.0`, `input.1`, ... and what comes out, `output` or `output.NAME`."""
    inputs = recipe.example(options, np.random.default_rng(SEED))
    found = {f"input.{i}": tensor for i, tensor in enumerate(inputs)}
    return found | {key: tensor.contiguous() for key, tensor in flat("output", network(*inputs))}


def flat(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a nested output with dotted names."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(f"{name}.{key}", inner)
    elif isinstance(value, tuple | list):
        keys = getattr(value, "_fields", range(len(value)))
        for key, inner in zip(keys, value):
            yield from flat(f"{name}.{key}", inner)
    else:
        for field in fields(value):
            yield from flat(f"{name}.{field.name}", getattr(value, field.name))


def write(tensors: dict[str, torch.Tensor], file: Path, described: dict[str, Any], most: int) -> None:
    """Write safetensors, with JSON under "facts" in its metadata, beside its place and move it there if it is small."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(file.name + ".part")
    # Copies: tied weights share memory, which the format refuses. One key: the order of several is not fixed.
    save_file({key: t.clone() for key, t in tensors.items()}, beside, metadata={"facts": json.dumps(described)})
    size = beside.stat().st_size
    if size > most:
        beside.unlink()
        raise BadInput(f"{file}: {size} bytes: wanted at most {most}: make it smaller")
    beside.replace(file)


def training_command(recipe: Recipe[Any, Any], state: Mapping[str, Any]) -> str:
    """The command that trains the same weights: only flags that differ from the recipe's defaults."""
    usual = {**{f.name: f.default for f in fields(recipe.options)}, **asdict(recipe.loop)}
    words = ["maquette", "train", recipe.name]
    for key, value in (state["options"] | state["loop"]).items():
        if key in ELSEWHERE or key in recipe.movable or value == usual.get(key):
            continue
        dashed = key.replace("_", "-")
        words += [f"--{'' if value else 'no-'}{dashed}"] if isinstance(value, bool) else [f"--{dashed}", str(value)]
    return " ".join([*words, "-o", "OUT"])


def shown(scores: Mapping[str, float]) -> str:
    """Scores as text."""
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())


def with_entry(text: str, name: str, row: Mapping[str, Any]) -> str:
    """The zoo's text with this table, in the place of an older one of its name or at the end."""
    # JSON's strings and numbers are TOML's.
    table = f"[{name}]\n" + "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in row.items())
    begin = ("\n" + text).find(f"\n[{name}]\n")
    if begin < 0:
        return text.rstrip("\n") + "\n\n" + table
    end = text.find("\n[", begin + 1)
    return text[:begin] + table + (text[end:] if end >= 0 else "")


def card(name: str, row: Mapping[str, Any], state: Mapping[str, Any], measured: Mapping[str, float], count: int) -> str:
    """The card: what it is, what it was made from, how, how long, and what it scores."""
    facts, loop = state["facts"], state["loop"]
    lines = [
        f"# {name}: {row['what']}",
        f"**File.** `{row['path']}`: {row['bytes'] / 1e6:.2f} MB, {count:,} numbers in float16, "
        f"licence {row['licence']}.",
        f"**Data.** {row['source']}.",
        f"**Input.** {row['normalisation']}.",
        f"**Training.** Recipe `{state['recipe']}`, {state['step']:,} of {loop['steps']:,} steps of "
        f"{loop['batch_size'] * state['world']} examples, {duration(state['seconds'])} on {facts['device']}; "
        f"arithmetic {state['precision']}; torch {facts['torch']}, Python {facts['python']}, commit {facts['commit']}.",
        f"**Command.** `{row['made_by']}`",
        f"**Scores.** In training (float32): {shown(state['scores']) or 'not validated'}."
        + (f" This file (float16): {shown(measured)}." if measured else ""),
    ]
    table = ["| Option | Value |", "|---|---|", *(f"| {k} | {v} |" for k, v in (state["options"] | loop).items())]
    return "\n\n".join([*lines, "\n".join(table)]) + "\n"


def duration(seconds: float) -> str:
    """Seconds as hours and minutes."""
    hours, minutes = int(seconds // 3600), seconds % 3600 / 60
    return f"{hours} h {minutes:.0f} min" if hours else f"{minutes:.1f} min"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("name", help="of the entry and the files")
    parser.add_argument("--recipe", help="its row, or module:RECIPE; default: what the checkpoint says")
    parser.add_argument("--folder", default=Places.folder, help="of the weights, relative to the package")
    parser.add_argument("--licence", default="CC0-1.0", help="SPDX identifier")
    parser.add_argument("--skip-validation", action="store_true", help="take the scores that the training measured")
    wanted = parser.parse_args()
    try:
        # What a checkpoint says is a row of the table; only a person may name a module.
        recipe = load_given(wanted.recipe) if wanted.recipe else load(checkpoint.load(wanted.checkpoint)["recipe"])
        places, score = Places(folder=wanted.folder), not wanted.skip_validation
        file = publish(wanted.checkpoint, wanted.name, recipe, places, wanted.licence, score)
    except MaquetteError as error:
        print(f"publish_weights: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{file}: {file.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
