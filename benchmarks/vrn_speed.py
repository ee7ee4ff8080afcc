"""One VRN forward pass beside that of the PyTorch port: python benchmarks/vrn_speed.py [--runs 9] [--threads 1 2]

The port (github.com/alexandru-dinu/3D-face-reconstruction with the upsampling it lacks) runs the same operations on the
same tensors as our modules one by one, in evaluation mode: `tests/reconstruction/vrn/test_network.py` compares the
numbers. With --port FILE.py, its src/model_vrn_unguided.py, the original itself is timed too. All have the same seeded
weights and take turns in one process; peak memory is of a fresh process each. "Prepared" ends with logits at a quarter
of the side, which is what the method uses; "to a volume" upsamples all of them and applies the sigmoid, as the port.
Processor seconds hardly depend on what else runs on the machine. Prints a table, writes results/vrn_speed.csv.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import resource
import subprocess
import sys
import types
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from timing import Work, side_by_side
from torch import Tensor, nn

from maquette.reconstruction.vrn.fast import prepared
from maquette.reconstruction.vrn.network import SIZES, VRN, VRNSize, upsampled

RESULTS = Path(__file__).parent / "results" / "vrn_speed.csv"
NETWORKS = {
    "unguided 192": (SIZES["unguided"], 192),
    "light 192": (SIZES["light"], 192),
    "small 96": (VRNSize(71, 128, 2, 1, 100), 96),
}
PORT, MODULES, VOLUME, LOGITS = "port", "modules one by one", "prepared, to a volume", "prepared"
PREPARING = "preparing, once"
FACTOR = 1.5  # wanted of "prepared"


@dataclass(frozen=True)
class Row:
    """One line; seconds are medians, `ratio` is how many times the first line's processor seconds."""

    network: str
    threads: int
    what: str
    wall_s: float
    cpu_s: float
    ratio: float
    wall_ratio: float
    peak_mb: float | None
    difference: float | None
    runs: int

    def __str__(self) -> str:
        peak = "" if self.peak_mb is None else f"{self.peak_mb:.0f} MB"
        apart = "" if self.difference is None else f"{self.difference:.1e}"
        return (
            f"{self.network:14s}{self.threads:2d}  {self.what:24s}{self.wall_s:8.3f}{self.cpu_s:8.3f}"
            f"{self.ratio:7.2f}x{self.wall_ratio:7.2f}x  {peak:9s}{apart}"
        )


def weighted(name: str) -> tuple[VRN, Tensor]:
    """A network with seeded weights near unit gain, stored statistics, and a picture."""
    size, side = NETWORKS[name]
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    network = VRN(size, "running").eval().requires_grad_(False)
    for key, value in network.state_dict().items():
        if key.endswith(("running_var", "weight")) and value.ndim == 1:
            value.uniform_(0.35, 0.85, generator=generator)
        elif value.ndim == 1:
            value.uniform_(-0.1, 0.1, generator=generator)
    return network, torch.rand(1, size.channels, side, side, generator=generator)


def original(file: Path, network: VRN) -> nn.Module:
    """The port itself with our weights; torch.legacy, which it imports and does not use, is gone."""
    sys.modules |= {name: types.ModuleType(name) for name in ("torch.legacy", "torch.legacy.nn")}
    for parent, child in ((torch, "torch.legacy"), (sys.modules["torch.legacy"], "torch.legacy.nn")):
        setattr(parent, child.rpartition(".")[2], sys.modules[child])
    spec = importlib.util.spec_from_file_location("port", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{file}: wanted the Python file of the port")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    port: nn.Sequential = module.vrn_unguided.eval().requires_grad_(False)
    port.load_state_dict(network.state_dict())
    head = port[-1]
    if not isinstance(head, nn.Sequential) or not isinstance(head[0], nn.Sequential):
        raise TypeError(f"{file}: wanted the port's last layers in a Sequential")
    head[0].insert(2, nn.UpsamplingBilinear2d(scale_factor=4))
    return port


def works(network: VRN, x: Tensor, port: Path | None) -> dict[str, Work]:
    """What is timed, the reference first."""
    side = x.shape[-1]
    coarse = prepared(network, side)
    found: dict[str, Work] = {}
    if port is not None and network.size == SIZES["unguided"]:
        module = original(port, network)
        found[PORT] = lambda: module(x)[0]
    found[MODULES] = lambda: network(x)
    found[VOLUME] = lambda: torch.sigmoid(upsampled(coarse(x)))
    found[LOGITS] = lambda: coarse(x)
    found[PREPARING] = lambda: prepared(network, side)
    return found


def once(name: str, what: str, port: Path | None) -> float:
    """Peak megabytes of this process after one pass; the original network is dropped where it may be."""
    network, x = weighted(name)
    if what in (VOLUME, LOGITS):
        coarse = prepared(network, x.shape[-1])
        del network
        logits = coarse(x)
        _ = torch.sigmoid(upsampled(logits)) if what == VOLUME else logits
    else:
        module = original(port, network) if port is not None and what == PORT else network
        del network
        module(x)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def peak(name: str, what: str, port: Path | None) -> float:
    """`once` in a fresh process."""
    command = [sys.executable, __file__, "--once", name, what, *(["--port", str(port)] if port else [])]
    # A process between: a child's peak memory begins with its parent's.
    done = subprocess.run(["/bin/sh", "-c", '"$@"; exit $?', "sh", *command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}, {what}: {done.stderr}")
    return float(done.stdout)


def rows_of(name: str, threads: int, runs: int, port: Path | None) -> list[Row]:
    """One network with one number of threads."""
    torch.set_num_threads(threads)
    network, x = weighted(name)
    these = works(network, x, port)
    wanted = network(x)
    if not wanted.std() > 0.01:
        raise RuntimeError(f"{name}: the occupancies are constant, their difference would prove nothing")
    apart = {what: (these[what]() - wanted).abs().max().item() for what in these if what in (PORT, VOLUME)}
    spent = side_by_side(these, runs)
    first = next(iter(spent.values()))
    rows = []
    for what, (wall, cpu) in spent.items():
        memory = peak(name, what, port) if what != PREPARING and threads == 1 else None
        ratio, wall_ratio = first[1] / cpu, first[0] / wall
        rows.append(Row(name, threads, what, wall, cpu, ratio, wall_ratio, memory, apart.get(what), runs))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9, help="of each, after one to warm up")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    parser.add_argument("--port", type=Path, help="src/model_vrn_unguided.py of the port")
    parser.add_argument("--where", default="", help="a remark on the machine, written into the CSV")
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    with torch.inference_mode():
        if chosen.once:
            torch.set_num_threads(1)
            name, what = chosen.once
            print(once(name, what, chosen.port))
            return
        model = torch.cpu.get_capabilities().get("cpu_name", "") if hasattr(torch.cpu, "get_capabilities") else ""
        where = f"{os.cpu_count()} cores {model}, load {os.getloadavg()[0]:.1f} at the start {chosen.where}".strip()
        print(f"torch {torch.__version__}, {where}\n{'':42s}{'wall s':>8s}{'cpu s':>8s}{'cpu':>8s}{'wall':>8s}")
        rows = []
        for name in chosen.networks:
            for threads in chosen.threads:
                more = rows_of(name, threads, chosen.runs, chosen.port)
                print(*more, sep="\n", flush=True)
                rows += more
    slow = [row for row in rows if row.what == LOGITS and row.ratio < FACTOR]
    print(f"goal {FACTOR}x: {'missed by ' + ', '.join(row.network for row in slow) if slow else 'reached'}")
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*asdict(rows[0]), "torch", "where"])
        writer.writeheader()
        for row in rows:
            shown = {k: float(f"{v:.3g}") if isinstance(v, float) else v for k, v in asdict(row).items()}
            writer.writerow({**shown, "torch": torch.__version__, "where": where})


if __name__ == "__main__":
    main()
