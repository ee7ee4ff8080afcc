"""scene.glb: everybody of one photo in one world, upright on one floor, where its one camera shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.result import Result
from maquette.geometry.camera import project
from maquette.outputs.meshes.gltf import container, opened

FOCAL = 1.2  # of a photo's longer side, where neither file nor method says
STAND_M = 1.5  # height of a camera of which nothing is known
LISTS = ("bufferViews", "accessors", "images", "samplers", "textures", "materials", "meshes", "skins", "animations",
         "nodes")  # fmt: skip
# Where a number of a glTF document points to: its key -> the list; the tables of attributes hold accessors.
POINTS = {"bufferView": "bufferViews", "source": "images", "sampler": "samplers", "material": "materials",
          "mesh": "meshes", "skin": "skins", "children": "nodes", "joints": "nodes", "skeleton": "nodes",
          "node": "nodes", "indices": "accessors", "inverseBindMatrices": "accessors", "input": "accessors",
          "output": "accessors"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a person stands in the world of the photo: its camera stands over the origin and looks along -z.

    Attributes:
        yaw: radians about y from the person's own world; shift: (3,) metres, added after.
        focal: pixels of the whole photo. size: (width, height) of it. height: metres of the camera over the floor.
        pitch: radians by which it looks down.
    """

    yaw: float
    shift: NDArray
    focal: float
    size: tuple[int, int]
    height: float
    pitch: float


def standing_of(result: Result) -> Standing | None:
    """Where the person of a photo stands; None where the result is no such person."""
    made, seen = result.reconstruction, result.observations
    if made.pose is None or len(seen) != 1 or seen[0].frame.time is not None or min(seen[0].full_size) < 1:
        return None
    camera, one = made.cameras[0], seen[0]
    step = float(one.box[2] - one.box[0]) / one.frame.size[0]
    middle = made.shape.vertices.mean(axis=0).astype(float)
    pixel, depth = project(camera, middle)
    turn, move = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    near = camera.projection == "perspective"
    said = one.frame.focal * step if one.frame.focal else FOCAL * max(one.full_size)
    focal = float(camera.intrinsics[0, 0]) * step if near else said
    away = float(depth) if near else focal / (float(camera.intrinsics[0, 0]) * step)
    ray = middle + turn.T @ move if near else turn[2]
    aside = (one.box[0] + float(pixel[0]) * step - one.full_size[0] / 2) / focal
    yaw = float(np.arctan2(aside, -1.0) - np.arctan2(ray[0], ray[2]))
    level = turned(yaw) @ middle
    place = np.array([away * aside, 0.0, -away]) - level * [1, 0, 1]
    height = float((-turn.T @ move)[1]) if near else STAND_M
    return Standing(yaw, place, focal, one.full_size, height, float(-np.arcsin(np.clip(turn[2, 1], -1, 1))))


def turned(yaw: float) -> NDArray:
    """(3, 3) the turn about y."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def scene_glb(people: Mapping[str, tuple[bytes, Standing]]) -> bytes:
    """One file of several: name -> the GLB of a person, and where they stand; the world's origin is between them."""
    whole: dict[str, Any] = {"asset": {"version": "2.0", "generator": "maquette"}, "scene": 0, "nodes": []}
    blob, roots = b"", []
    places = [one for _, one in people.values()]
    centre = np.mean([one.shift for one in places], axis=0) * [1, 0, 1]
    for name, (data, one) in people.items():
        document, binary = opened(data)
        blob += b"\0" * (-len(blob) % 4)
        first = {key: len(whole.get(key, ())) for key in LISTS}
        own = shifted(document, first, len(blob))
        blob += binary
        for node in own.get("nodes", ()):
            node["name"] = f"{name} {node.get('name', 'node')}"
        for key in LISTS:
            whole.setdefault(key, []).extend(own.get(key, ()))
        whole["extensionsUsed"] = sorted({*whole.get("extensionsUsed", ()), *own.get("extensionsUsed", ())})
        whole["asset"].setdefault("extras", {})[name] = document["asset"].get("extras", {})
        tops = own["scenes"][own.get("scene", 0)]["nodes"]
        # Skinned meshes follow their joints wherever their own node is, and have to lie at the top.
        loose = [k for k in tops if "skin" in whole["nodes"][k]]
        half = one.yaw / 2
        whole["nodes"].append(
            {
                "name": name,
                "children": [k for k in tops if k not in loose],
                "rotation": [0.0, float(np.sin(half)), 0.0, float(np.cos(half))],
                "translation": [float(x) for x in one.shift - centre],
            }
        )
        roots += [len(whole["nodes"]) - 1, *loose]
    roots.append(_add_camera(whole, places, centre))
    whole["scenes"] = [{"name": "photo", "nodes": roots}]
    whole["buffers"] = [{"byteLength": len(blob)}]
    return container({key: value for key, value in whole.items() if value != []}, blob)


def shifted(document: dict[str, Any], first: Mapping[str, int], start: int) -> dict[str, Any]:
    """A document whose numbers count from `first` on in each list, and whose bytes begin at `start`."""
    out: dict[str, Any] = _moved(document, first, "")
    for view in out.get("bufferViews", ()):
        view["byteOffset"] = view.get("byteOffset", 0) + start
    for scene in out.get("scenes", ()):
        scene["nodes"] = [k + first["nodes"] for k in scene["nodes"]]
    for motion in out.get("animations", ()):  # whose samplers are its own
        for channel in motion["channels"]:
            channel["sampler"] -= first["samplers"]
    return out


def _moved(value: Any, first: Mapping[str, int], key: str) -> Any:
    if isinstance(value, dict):
        if key in ("attributes", "targets"):
            return {name: k + first["accessors"] for name, k in value.items()}
        if key.endswith("Texture") and "index" in value:
            return {**_moved({**value, "index": 0}, first, ""), "index": value["index"] + first["textures"]}
        return {name: item if name == "extras" else _moved(item, first, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, first, key) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and key in POINTS:
        return value + first[POINTS[key]]
    return value


def _add_camera(whole: dict[str, Any], places: Sequence[Standing], centre: NDArray) -> int:
    """The number of the node with the photo's camera."""
    width, height = places[0].size
    names = ("focal", "height", "pitch")
    focal, above, pitch = (float(np.median([getattr(one, name) for one in places])) for name in names)
    lens = {"yfov": float(2 * np.arctan(height / 2 / focal)), "aspectRatio": width / height, "znear": 0.05}
    whole["cameras"] = [{"type": "perspective", "perspective": lens}]
    whole["nodes"].append(
        {
            "name": "camera",
            "camera": 0,
            "rotation": [float(-np.sin(pitch / 2)), 0.0, 0.0, float(np.cos(pitch / 2))],
            "translation": [float(-centre[0]), above, float(-centre[2])],
        }
    )
    return len(whole["nodes"]) - 1
