"""HRN's networks beside the published modules: python benchmarks/hrn_speed.py --official FOLDER [--runs 5]

FOLDER is a checkout of github.com/youngLBW/HRN, whose models/networks.py, models/unet.py and pix2pix/networks.py run as
they are; without it our modules one by one stand for them (the tests compare their numbers). All have the same seeded
weights, see the published sides of pictures and take turns in one process. Processor seconds hardly depend on what else
the machine does; ratios are of those. Prints a table, writes results/hrn_speed.csv.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import sys
import types
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from timing import SpeedRow, side_by_side
from torch import Tensor, nn

from maquette.reconstruction.hrn.networks.fast import prepared
from maquette.reconstruction.hrn.networks.generator import MapGenerator
from maquette.reconstruction.hrn.networks.regressor import ReconNet
from maquette.reconstruction.hrn.networks.retouching import BlendNet

RESULTS = Path(__file__).parent / "results" / "hrn_speed.csv"
NETWORKS = {
    "coefficients": (ReconNet, (3, 224, 224)),
    "deformation": (lambda: MapGenerator(6, 3), (6, 64, 64)),
    "displacement": (lambda: MapGenerator(9, 1), (9, 256, 256)),
    "retouching": (BlendNet, (3, 512, 512)),
}
FACTOR = 1.3  # wanted
MISSING = ("torchsummary", "kornia", "kornia.geometry")  # what the published files import and these networks need not


def official(folder: Path) -> dict[str, nn.Module]:
    """The published modules, empty."""
    for name in MISSING:
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["torchsummary"].summary = sys.modules["kornia.geometry"].warp_affine = None  # type: ignore[attr-defined]

    def module(path: str) -> types.ModuleType:
        spec = importlib.util.spec_from_file_location(path.replace("/", "_"), folder / f"{path}.py")
        assert spec is not None and spec.loader is not None
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        return found

    regressor, generators, unet = (module(path) for path in ("models/networks", "pix2pix/networks", "models/unet"))
    norm = partial(nn.InstanceNorm2d, affine=False, track_running_stats=False)
    return {
        "coefficients": regressor.define_net_recon("resnet50"),
        "deformation": generators.ResnetGenerator(6, 3, 64, norm, True, 9),
        "displacement": generators.ResnetGenerator(9, 1, 64, norm, True, 9),
        "retouching": unet.UNet(3, 3),
    }


def seeded(network: nn.Module, seed: int = 7) -> nn.Module:
    """The network with random weights that keep a signal's size, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in network.state_dict().items():
            if value.ndim > 1:
                value.copy_(torch.randn(value.shape, generator=generator) * (1 / value[0].numel()) ** 0.5)
            elif key.endswith(("weight", "running_var")):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
    return network.eval()


def measured(name: str, theirs: nn.Module | None, threads: int, runs: int) -> SpeedRow:
    """One network."""
    make, shape = NETWORKS[name]
    network = seeded(make())
    if theirs is not None:
        theirs.load_state_dict(network.state_dict())
    other, run = (theirs or network).eval(), prepared(network, shape[-1])
    x: Tensor = torch.rand(1, *shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        apart = float((other(x) - run(x)).abs().max())
        spent = side_by_side({"theirs": lambda: other(x), "ours": lambda: run(x)}, runs)
    return SpeedRow(name, threads, *spent["theirs"], *spent["ours"], spent["theirs"][1] / spent["ours"][1], apart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, help="a checkout of youngLBW/HRN")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--networks", nargs="+", default=[*NETWORKS], choices=[*NETWORKS])
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    theirs = official(asked.official) if asked.official else {}
    print("network      thr  theirs wall   cpu   ours wall    cpu    ratio  difference")
    rows = []
    for threads in asked.threads:
        torch.set_num_threads(threads)
        for name in asked.networks:
            rows.append(measured(name, theirs.get(name), threads, asked.runs))
            print(rows[-1], flush=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    with asked.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    slow = [row.network for row in rows if row.ratio < FACTOR]
    print(f"at least {FACTOR} times: {'all' if not slow else 'not ' + ', '.join(slow)}")


if __name__ == "__main__":
    main()
