"""DECA's networks beside the published modules: python benchmarks/deca_speed.py --official FOLDER [--runs 5]

FOLDER is a checkout of github.com/yfeng95/DECA, whose decalib/models/encoders.py and decoders.py run as they are, with
our ResNet's state where they ask torchvision for one; without it our modules one by one stand for them (the tests
compare their numbers). The temporal encoder is compared with its own modules one by one, clips of one and of five
frames. All have the same seeded weights, see the published sides of pictures and take turns in one process. Processor
seconds hardly depend on what else the machine does; ratios are of those. Differences are shares of the largest
number. Prints a table, writes results/deca_speed.csv.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import sys
import types
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from timing import SpeedRow, side_by_side
from torch import Tensor, nn

from maquette.reconstruction.deca.networks import fast
from maquette.reconstruction.deca.networks.encoder import COARSE, DETAIL, CodeEncoder
from maquette.reconstruction.deca.networks.generator import LATENT, DetailGenerator
from maquette.reconstruction.deca.temporal import fast as temporal_fast
from maquette.reconstruction.deca.temporal.encoder import TemporalEncoder
from maquette.reconstruction.networks.resnet import ResNet50

RESULTS = Path(__file__).parent / "results" / "deca_speed.csv"
Run = Callable[[Tensor], Tensor]


def official(folder: Path) -> list[nn.Module]:
    """The published encoders and the generator, empty."""
    models = types.ModuleType("torchvision.models")
    models.resnet50 = lambda **_: ResNet50()  # type: ignore[attr-defined]
    vision = types.ModuleType("torchvision")
    vision.models = models  # type: ignore[attr-defined]
    package = types.ModuleType("published")
    package.__path__ = [str(folder / "decalib/models")]
    sys.modules |= {"torchvision": vision, "torchvision.models": models, "published": package}
    encoders, decoders = (importlib.import_module(f"published.{name}") for name in ("encoders", "decoders"))
    return [
        encoders.ResnetEncoder(COARSE),
        encoders.ResnetEncoder(DETAIL),
        decoders.Generator(LATENT, 1, 0.01, "bilinear"),
    ]


def seeded(network: nn.Module, seed: int = 7) -> nn.Module:
    """The network with random weights that keep a signal's size, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in network.state_dict().items():
            if key.endswith((".mean", ".std")):
                continue
            if value.ndim > 1:
                value.copy_(torch.randn(value.shape, generator=generator) * (1 / value[0].numel()) ** 0.5)
            elif key.endswith(("weight", "running_var")):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
    return network.eval()


def forward(networks: list[Run]) -> Run:
    """A crop to displacement: both encoders and the generator, as one face takes them."""

    def run(x: Tensor) -> Tensor:
        coarse, detail = networks[0](x), networks[1](x)
        return networks[2](torch.cat((coarse[:, 203:206], coarse[:, 150:200], detail), 1))

    return run


def cases(folder: Path | None) -> dict[str, tuple[Run, Run, Tensor]]:
    """Theirs, ours and what they see, by name."""
    ours = [seeded(network, 7 + k) for k, network in enumerate((CodeEncoder(COARSE), CodeEncoder(DETAIL)))]
    ours.append(seeded(DetailGenerator(), 9))
    theirs = ours
    if folder is not None:
        theirs = official(folder)
        for one, other in zip(theirs, ours):
            one.load_state_dict(other.state_dict())
            one.eval()
    quick = [fast.prepared(network) for network in ours]
    temporal = seeded(TemporalEncoder(COARSE))
    clip = temporal_fast.prepared(temporal)  # type: ignore[arg-type]
    picture = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    latent = torch.rand(1, LATENT, generator=torch.Generator().manual_seed(2))
    frames = torch.rand(1, 5, 3, 224, 224, generator=torch.Generator().manual_seed(3))
    return {
        "encoder": (theirs[0], quick[0], picture),
        "displacement": (theirs[2], quick[2], latent),
        "forward": (forward([*theirs]), forward([*quick]), picture),
        "temporal 1": (temporal, clip, frames[:, :1]),
        "temporal 5": (temporal, clip, frames),
    }


def measured(name: str, theirs: Run, ours: Run, x: Tensor, threads: int, runs: int) -> SpeedRow:
    """One network."""
    with torch.no_grad():
        wanted = theirs(x)
        apart = float((wanted - ours(x)).abs().max() / wanted.abs().max())
        spent = side_by_side({"theirs": lambda: theirs(x), "ours": lambda: ours(x)}, runs)
    return SpeedRow(name, threads, *spent["theirs"], *spent["ours"], spent["theirs"][1] / spent["ours"][1], apart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, help="a checkout of yfeng95/DECA")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    print("network          thr  theirs wall   cpu   ours wall    cpu    ratio  difference")
    rows = []
    for threads in asked.threads:
        torch.set_num_threads(threads)
        for name, case in cases(asked.official).items():
            runs = asked.runs if name != "temporal 5" else max(1, asked.runs // 2)
            rows.append(measured(name, *case, threads, runs))
            print(rows[-1], flush=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    with asked.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


if __name__ == "__main__":
    main()
