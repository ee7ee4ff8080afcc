"""person.vrm: the rigged body as a VRM 1.0 avatar, at rest in a T, with expressions and a gaze.

The GLB with the extension VRMC_vrm (https://github.com/vrm-c/vrm-specification, 1.0) and without what avatars must not
have: the photo's pose and expression, and animations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.morphable.rig import Rig
from maquette.outputs.animation.visemes import VISEMES
from maquette.outputs.animation.visemes import both as _both
from maquette.outputs.asset import VERSION, Asset
from maquette.outputs.avatar.t_pose import TPose, bring_into_t, t_pose
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.gltf import container
from maquette.outputs.meshes.gltf_file import GltfFile
from maquette.outputs.meshes.skeleton import humanoid

EXTENSION = "VRMC_vrm"
LICENCE = "https://vrm.dev/licenses/1.0/"
NEEDED = {
    "hips", "spine", "head",
    *(f"{side}{bone}" for side in ("left", "right")
      for bone in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")),
}  # fmt: skip


PRESETS: dict[str, dict[str, float]] = {  # VRM's expressions -> weights of ARKit's units
    "happy": _both("mouthSmile", 0.9) | _both("cheekSquint", 0.6) | _both("eyeSquint", 0.3),
    "angry": _both("browDown") | _both("noseSneer", 0.5) | _both("mouthFrown", 0.4) | _both("mouthPress", 0.4),
    "sad": {"browInnerUp": 0.9, "mouthShrugLower": 0.3} | _both("mouthFrown", 0.8) | _both("eyeSquint", 0.2),
    "relaxed": _both("mouthSmile", 0.3) | _both("eyeSquint", 0.3) | _both("eyeBlink", 0.15),
    "surprised": {"browInnerUp": 0.8, "jawOpen": 0.35} | _both("browOuterUp", 0.8) | _both("eyeWide", 0.8),
    "aa": VISEMES["aa"],
    "ih": VISEMES["ih"],
    "ou": VISEMES["ou"],
    "ee": VISEMES["E"],
    "oh": VISEMES["oh"],
    "blink": _both("eyeBlink"),
    "blinkLeft": {"eyeBlinkLeft": 1.0},
    "blinkRight": {"eyeBlinkRight": 1.0},
    "lookUp": _both("eyeLookUp"),
    "lookDown": _both("eyeLookDown"),
    "lookLeft": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    "lookRight": {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
}
REACH = {"Inner": (90.0, 8.0), "Outer": (90.0, 12.0), "Down": (90.0, 10.0), "Up": (90.0, 10.0)}  # degrees in, out


def write_vrm(asset: Asset) -> bytes:
    """The body as an avatar: VRM 1.0, metres, y up, facing +z.

    Its licence is VRM's narrowest, since a photo's rights are somebody's: for the author alone, no redistribution.

    Raises:
        BadInput: it has no skeleton, or not all bones that an avatar needs.
    """
    if asset.bones is None:
        raise BadInput(f"{asset.stem}.vrm: only persons have the skeleton of an avatar: leave vrm out of --formats")
    file = GltfFile.read(asset.made.get(f"{asset.stem}.glb") or write_glb(asset))
    document, rig = file.document, asset.bones.rig
    nodes = {node["name"]: place for place, node in enumerate(document["nodes"])}
    bones = {name: {"node": nodes[bone]} for name, bone in humanoid(rig).items()}
    if missing := sorted(NEEDED - bones.keys()):
        raise BadInput(f"{asset.stem}.vrm: its skeleton lacks {missing[0]}: leave vrm out of --formats")
    pose = t_pose(rig, asset.bones.joints.astype(float))
    blob = bring_into_t(file, pose)
    _at_rest(document, rig, pose)
    document["extensionsUsed"] = sorted({*document.get("extensionsUsed", []), EXTENSION})
    document["extensions"] = {
        EXTENSION: {
            "specVersion": "1.0",
            "meta": _meta(asset),
            "humanoid": {"humanBones": bones},
            "expressions": _expressions(document),
            "lookAt": _look_at(rig, pose.moved),
        }
    }
    return container(document, blob)


def _at_rest(document: dict[str, Any], rig: Rig, pose: TPose) -> None:
    """Stand every joint where it is in the T, without a turn, and clear the face; changes the document."""
    document.pop("animations", None)
    by_name = {node["name"]: node for node in document["nodes"]}
    for bone, (name, parent) in enumerate(zip(rig.bones, rig.parents)):
        by_name[name].pop("rotation", None)
        by_name[name]["translation"] = (pose.moved[bone] - (pose.moved[parent] if parent >= 0 else 0.0)).tolist()
    for mesh in document["meshes"]:
        if "weights" in mesh:
            mesh["weights"] = [0.0] * len(mesh["weights"])


def _meta(asset: Asset) -> dict[str, Any]:
    model = asset.model or asset.body
    made_of = model.licence if model else {}
    return {
        "name": f"{asset.result.source} {asset.result.name}",
        "version": VERSION,
        "authors": ["made from a photograph with maquette"],
        "thirdPartyLicenses": "; ".join(f"{name}: {text}" for name, text in made_of.items()),
        "licenseUrl": LICENCE,
        "avatarPermission": "onlyAuthor",
        "allowExcessivelyViolentUsage": False,
        "allowExcessivelySexualUsage": False,
        "commercialUsage": "personalNonProfit",
        "allowPoliticalOrReligiousUsage": False,
        "allowAntisocialOrHateUsage": False,
        "creditNotation": "required",
        "allowRedistribution": False,
        "modification": "prohibited",
    }


def _expressions(document: Mapping[str, Any]) -> dict[str, Any]:
    """VRM's own expressions as far as the meshes have what they are made of, and each unit by its own name."""
    places: dict[str, list[tuple[int, int]]] = {}
    for number, node in enumerate(document["nodes"]):
        mesh = document["meshes"][node["mesh"]] if "mesh" in node else {}
        for index, name in enumerate(mesh.get("extras", {}).get("targetNames", [])):
            places.setdefault(name, []).append((number, index))

    def made(weights: Mapping[str, float]) -> dict[str, Any]:
        return {
            "isBinary": False,
            "morphTargetBinds": [
                {"node": node, "index": index, "weight": weight}
                for unit, weight in weights.items()
                for node, index in places.get(unit, [])
            ],
        }

    presets = {name: made(weights) for name, weights in PRESETS.items() if set(weights) <= places.keys()}
    return {"preset": presets, "custom": {unit: made({unit: 1.0}) for unit in places}}


def _look_at(rig: Rig, joints: NDArray) -> dict[str, Any]:
    """How the eyes follow: by their bones where there are any, else by the units of the gaze."""
    names = humanoid(rig)
    by_bones = {"leftEye", "rightEye"} <= names.keys()
    head = joints[rig.bones.index(names["head"])]
    eyes = [joints[rig.bones.index(names[eye])] for eye in ("leftEye", "rightEye")] if by_bones else [head]
    maps = {
        f"rangeMap{'Horizontal' if way in ('Inner', 'Outer') else 'Vertical'}{way}": {
            "inputMaxValue": most, "outputScale": turn if by_bones else 1.0,
        }
        for way, (most, turn) in REACH.items()
    }  # fmt: skip
    offset = np.mean(eyes, axis=0) - head
    return {"type": "bone" if by_bones else "expression", "offsetFromHeadBone": offset.round(5).tolist(), **maps}
