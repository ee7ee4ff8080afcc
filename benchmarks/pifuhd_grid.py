"""From a field to a mesh file, ours beside the published PIFuHD: python benchmarks/pifuhd_grid.py --official FOLDER

FOLDER is a checkout of github.com/facebookresearch/pifuhd, whose lib/mesh_util.py and lib/sdf.py run as they are. Both
sides ask the same analytic person (capsules with fingers of 1.5 cm, softness 1 cm) for their points; the time the field
takes is counted out, so that what is left is the host's: grid, marching cubes, transform, and the mesh file (their OBJ
with colours, our PLY with colours and normals). Each run is a fresh process, so that peak memory is its own. Processor
seconds hardly depend on what else the machine does; ratios are of those.

Then the points themselves: the perceptrons of the published size with the same seeded random weights and features,
their query beside our `Field`, on points of the finest level. Prints tables, writes results/pifuhd_grid.csv.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from timing import side_by_side

from maquette.core.types import Mesh
from maquette.geometry.mesh import vertex_normals
from maquette.geometry.surfaces.lattice import Grid
from maquette.geometry.surfaces.octree import exact_grid, fast_grid
from maquette.outputs.meshes.ply import ply_bytes

if TYPE_CHECKING:
    import torch

RESULTS = Path(__file__).parent / "results" / "pifuhd_grid.csv"
OFFICIAL, EXACT, FAST = "official", "exact", "fast"
STAGES = ("grid", "surface", "file")
HOST_FACTOR, POINT_FACTOR, MOST_GB = 10, 2.5, 3.0  # asked for
LIMBS = [
    ((0, 0.62, 0.02), (0, 0.63, 0.02), 0.11),
    ((0, -0.05, 0), (0, 0.4, 0), 0.16),
    *(((s * 0.1, 0.42, 0), (s * 0.55, 0.1, 0.05), 0.05) for s in (-1, 1)),
    *(((s * 0.08, -0.1, 0), (s * 0.13, -0.78, 0), 0.075) for s in (-1, 1)),
    *(((0.55, 0.1, 0.05), (0.55 + a, 0.1 + b, 0.06), 0.0073) for a, b in ((0.09, 0), (0.075, -0.06), (0, -0.085))),
]


MeshArrays = tuple[np.ndarray, np.ndarray]  # vertices, faces


class Clock:
    """Wall and processor seconds of stages, without those of the field."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[name] = self.wall.get(name, 0) + time.perf_counter() - wall
        self.cpu[name] = self.cpu.get(name, 0) + time.process_time() - cpu


class AnalyticPerson:
    """The analytic field; counts points and its own time."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.points = clock, 0

    def __call__(self, points: np.ndarray) -> np.ndarray:
        with self.clock.stage("field"):
            self.points += len(points)
            x, y, z = points.T
            distance = np.full(len(points), 9, np.float32)
            for begin, end, radius in LIMBS:
                start = np.asarray(begin, np.float32)
                along = np.asarray(end, np.float32) - start
                t = (x - start[0]) * along[0] + (y - start[1]) * along[1] + (z - start[2]) * along[2]
                t = np.clip(t / (along @ along), np.float32(0), np.float32(1))
                squares = sum((p - s - t * a) ** 2 for p, s, a in zip((x, y, z), start, along))
                distance = np.minimum(distance, np.sqrt(squares) - np.float32(radius))
            return (1 / (1 + np.exp(np.clip(distance / np.float32(0.01), -80, 80)))).astype(np.float32)


def official_modules(folder: Path, *names: str) -> list[types.ModuleType]:
    """Modules of the checkout; what numpy took away since is given back to them."""
    sys.path.insert(0, str(folder))
    if "bool" not in np.__dict__:
        vars(np)["bool"] = bool
    return [importlib.import_module(name) for name in names]


def official_mesh(folder: Path, resolution: int, file: Path, clock: Clock, person: AnalyticPerson) -> MeshArrays:
    """Their reconstruction() and OBJ writer; a stub stands for the network."""
    import torch

    (mesh_util,) = official_modules(folder, "lib.mesh_util")
    cubes = mesh_util.measure.marching_cubes
    calib = torch.diag(torch.tensor([1.0, -1.0, 1.0, 1.0]))[None]
    since = {}

    class Stub:
        def query(self, samples: torch.Tensor, calibration: torch.Tensor) -> None:
            points = torch.bmm(calibration[:, :3, :3], samples)[0].T
            self.found = torch.from_numpy(person(points.numpy()))

        def get_preds(self) -> torch.Tensor:
            return self.found[None, None]

    def marching(*given: object) -> tuple[np.ndarray, ...]:
        since["grid"] = time.perf_counter(), time.process_time()
        return cubes(*given)

    vars(mesh_util)["measure"] = types.SimpleNamespace(marching_cubes=marching)
    begun = time.perf_counter(), time.process_time()
    vertices, faces, _, _ = mesh_util.reconstruction(
        Stub(), torch.device("cpu"), calib, resolution, None, None, use_octree=True, num_samples=50_000
    )
    ended = time.perf_counter(), time.process_time()
    for spent, start, grid, end in zip((clock.wall, clock.cpu), begun, since["grid"], ended):
        spent["grid"], spent["surface"] = grid - start - spent["field"], end - grid
    colours = np.full(vertices.shape, 0.5)
    with clock.stage("file"):
        mesh_util.save_obj_mesh_with_color(str(file), vertices, faces, colours)
    return vertices, faces


def our_mesh(what: str, resolution: int, file: Path, clock: Clock, person: AnalyticPerson) -> MeshArrays:
    """The same with ours."""
    build: Callable[[AnalyticPerson, int], Grid] = exact_grid if what == EXACT else fast_grid
    with clock.stage("grid"):
        grid = build(person, resolution)
    for spent in (clock.wall, clock.cpu):
        spent["grid"] -= spent["field"]
    with clock.stage("surface"):
        vertices, faces = grid.surface()
    with clock.stage("file"):
        colours = np.full(vertices.shape, 128, np.uint8)
        mesh = Mesh(vertices.astype(np.float32), faces.astype(np.int32), vertex_colors=colours)
        file.write_bytes(ply_bytes(mesh, vertex_normals(vertices, faces)))
    return vertices, faces


def once(what: str, resolution: int, folder: Path | None) -> dict:
    """One run in this process."""
    importlib.import_module("skimage.measure")  # importing is not what is measured

    clock = Clock()
    person = AnalyticPerson(clock)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "mesh"
        if what == OFFICIAL:
            if folder is None:
                raise ValueError("the official program: wanted --official FOLDER")
            official_modules(folder, "lib.mesh_util")
            vertices, _ = official_mesh(folder, resolution, file, clock, person)
        else:
            vertices, _ = our_mesh(what, resolution, file, clock, person)
        size = file.stat().st_size
    unit = 1e9 if sys.platform == "darwin" else 1e6
    row = {"resolution": resolution, "what": what, "points": person.points, "vertices": len(vertices)}
    row |= {f"{stage}_cpu_s": clock.cpu[stage] for stage in STAGES}
    row["host_cpu_s"] = sum(clock.cpu[stage] for stage in STAGES)
    row["host_wall_s"] = sum(clock.wall[stage] for stage in STAGES)
    row["field_cpu_s"] = clock.cpu["field"]
    row["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    row["file_mb"] = size / 1e6
    return row


def fresh(what: str, resolution: int, folder: Path | None) -> dict:
    """`once` in a fresh process; a shell between, since a child's peak memory begins with its parent's."""
    command = [sys.executable, __file__, "--once", what, str(resolution)]
    command += ["--official", str(folder)] if folder else []
    done = subprocess.run(["/bin/sh", "-c", '"$@"; exit $?', "sh", *command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{what} at {resolution}: ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def median_row(what: str, resolution: int, folder: Path | None, runs: int) -> dict:
    """Medians of several fresh processes."""
    rows = [fresh(what, resolution, folder) for _ in range(runs)]
    return {
        key: float(np.median([row[key] for row in rows])) if isinstance(value, float) else value
        for key, value in rows[0].items()
    }


def official_query(
    folder: Path, coarse_features: torch.Tensor, fine_features: torch.Tensor
) -> tuple[Callable[[np.ndarray], np.ndarray], dict[str, torch.Tensor]]:
    """Their networks with the published perceptrons and the smallest image filters, which are not asked; weights."""
    import torch

    (model,) = official_modules(folder, "lib.model")
    options = {"num_stack": 1, "hg_depth": 1, "norm": "group", "hg_down": "ave_pool", "mlp_norm": "none"}
    options |= {"use_front_normal": False, "use_back_normal": False, "train_full_pifu": False, "z_size": 200.0}
    options |= {"loadSize": 512}
    widths = {"mlp_dim": [257, 1024, 512, 256, 128, 1], "mlp_res_layers": [2, 3, 4], "hg_dim": 256, "merge_layer": 2}
    coarse = model.HGPIFuNetwNML(argparse.Namespace(**options, **widths)).eval()
    widths = {"mlp_dim": [272, 512, 256, 128, 1], "mlp_res_layers": [1, 2], "hg_dim": 16}
    fine = model.HGPIFuMRNet(argparse.Namespace(**options, **widths), coarse).eval()
    generator = torch.Generator().manual_seed(1)
    weights = {key: value for key, value in fine.state_dict().items() if "mlp.filters" in key}
    for value in weights.values():
        bound = value.shape[1] ** -0.5 if value.ndim > 1 else 0.1
        value.copy_((2 * torch.rand(value.shape, generator=generator) - 1) * 2 * bound)
    coarse.im_feat_list, fine.im_feat_list = [coarse_features], [fine_features]
    calib = torch.diag(torch.tensor([1.0, -1.0, 1.0, 1.0]))[None]

    def query(points: np.ndarray) -> np.ndarray:
        found = []
        for start in range(0, len(points), 50_000):
            fine.query(torch.from_numpy(points[start : start + 50_000]).T[None], calib)
            found.append(fine.get_preds()[0][0].numpy())
        return np.concatenate(found)

    return query, weights


def point_rows(folder: Path, runs: int) -> list[dict]:
    """Their query and our field on the same points."""
    import torch

    from maquette.reconstruction.pifuhd.field import Field
    from maquette.reconstruction.pifuhd.network import PIFuHD, PIFuHDFeatures

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(2)
    coarse = torch.randn((1, 256, 128, 128), generator=generator)
    fine = torch.randn((1, 16, 512, 512), generator=generator)
    asked: list[np.ndarray] = []
    person = AnalyticPerson(Clock())

    def remembered(points: np.ndarray) -> np.ndarray:
        asked.append(points)
        return person(points)

    fast_grid(remembered, 256)
    points = np.concatenate(asked)[-40_000:]
    query, weights = official_query(folder, coarse, fine)
    with torch.device("meta"):
        network = PIFuHD()
    network.netG.mlp.to_empty(device="cpu"), network.mlp.to_empty(device="cpu")
    own = {key: value for key, value in network.state_dict().items() if key in weights}
    if set(own) != set(weights):
        raise RuntimeError("the perceptrons have other names than the published ones")
    for key, value in weights.items():
        own[key].copy_(value)
    ours = PIFuHDFeatures(coarse, fine, torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
    works: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "official query": query,
        "our field, point by point": Field(network, ours, columns=False),
        "our field, by columns": Field(network, ours),
    }
    wanted = query(points)
    if wanted.std() < 0.01:
        raise RuntimeError("the occupancies are constant, their difference would prove nothing")
    apart = {what: float(np.abs(work(points) - wanted).max()) for what, work in works.items()}
    spent = side_by_side({what: partial(work, points) for what, work in works.items()}, runs)
    first = spent["official query"][1]
    return [
        {"what": what, "points": len(points), "difference": apart[what]}
        | {"host_wall_s": wall, "host_cpu_s": cpu, "cpu_ratio": first / cpu}
        for what, (wall, cpu) in spent.items()
    ]


def goals(rows: list[dict]) -> list[str]:
    """What was asked for, and whether it is reached, for each resolution."""
    lines = []
    for resolution in sorted({row["resolution"] for row in rows}):
        by = {row["what"]: row for row in rows if row["resolution"] == resolution}
        first = by.get(OFFICIAL, by[EXACT])
        for row in by.values():
            row["cpu_ratio"] = first["host_cpu_s"] / row["host_cpu_s"]
            row["points_ratio"] = by[EXACT]["points"] / row["points"]
        fast = by[FAST]
        lines.append(
            f"{resolution}: host {fast['cpu_ratio']:.1f}x (asked {HOST_FACTOR} of official), points "
            f"{fast['points_ratio']:.1f}x fewer (asked {POINT_FACTOR}), peak {fast['peak_gb']:.2f} GB (asked {MOST_GB})"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, help="a checkout of facebookresearch/pifuhd")
    parser.add_argument("--resolutions", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--runs", type=int, default=3, help="of ours; theirs runs once at 512: it takes 14 GB")
    parser.add_argument("--where", default="", help="a remark on the machine, written into the CSV")
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.once:
        print(json.dumps(once(chosen.once[0], int(chosen.once[1]), chosen.official)))
        return
    where = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start {chosen.where}".strip()
    rows = []
    for resolution in chosen.resolutions:
        for what in ([OFFICIAL] if chosen.official else []) + [EXACT, FAST]:
            runs = 1 if what == OFFICIAL and resolution >= 512 else chosen.runs
            rows.append(median_row(what, resolution, chosen.official, runs) | {"runs": runs})
            print(" ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{v}" for k, v in rows[-1].items()), flush=True)
    print(*goals(rows), sep="\n")
    if chosen.official:
        import torch

        with torch.no_grad():
            more = point_rows(chosen.official, chosen.runs)
        print(*more, sep="\n")
        rows += [row | {"runs": chosen.runs} for row in more]
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        names = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(file, [*names, "where"])
        writer.writeheader()
        for row in rows:
            shown = {k: float(f"{v:.3g}") if isinstance(v, float) else v for k, v in row.items()}
            writer.writerow({**shown, "where": where})


if __name__ == "__main__":
    main()
