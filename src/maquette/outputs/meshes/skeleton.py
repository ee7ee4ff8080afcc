"""The skeleton inside a GLB: joints, skin weights, animation.

A joint's node stands at its bone's head with the axes of the world, as `Rig.transforms` means turns; so the inverse
bind matrix is a plain shift (glTF 2.0, 3.7.3.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.morphable.rig import Rig
from maquette.outputs.meshes.gltf import Builder
from maquette.outputs.meshes.motion import Motion

LIMBS = {
    "Shoulder": "clavicle",
    "UpperArm": "upperarm01",
    "LowerArm": "lowerarm01",
    "Hand": "wrist",
    "UpperLeg": "upperleg01",
    "LowerLeg": "lowerleg01",
    "Foot": "foot",
    "Eye": "eye",
    **{f"Thumb{joint}": f"finger1-{k}" for k, joint in enumerate(("Metacarpal", "Proximal", "Distal"), 1)},
    **{
        f"{finger}{joint}": f"finger{number}-{k}"
        for number, finger in enumerate(("Index", "Middle", "Ring", "Little"), 2)
        for k, joint in enumerate(("Proximal", "Intermediate", "Distal"), 1)
    },
}
TRUNK = {"hips": "root", "spine": "spine05", "chest": "spine03", "upperChest": "spine01", "neck": "neck01"}
STILL_TURN, STILL_STEP_M, STILL_WEIGHT = 1e-4, 1e-5, 1e-3  # radians, metres: what moves less gets no channel


def humanoid(rig: Rig) -> dict[str, str]:
    """The bones of a humanoid, as VRM 1.0 names them -> the bone's node; only those that there are.

    Unity and Mixamo know the same ones: "leftUpperArm" is mixamorig:LeftArm.
    """
    known = TRUNK | {"head": "head"}
    known |= {
        f"{side}{name}": f"{bone}.{side[0].upper()}" for side in ("left", "right") for name, bone in LIMBS.items()
    }
    return {name: bone for name, bone in known.items() if bone in rig.bones}


def joint_nodes(rig: Rig, joints: NDArray, motion: Motion, first: int) -> list[dict]:
    """One node per bone, posed as in the first frame.

    Args:
        joints: (B, 3) metres, rest pose.
        first: index that the first of them will have among the file's nodes.
    """
    nodes = []
    for bone, (name, parent) in enumerate(zip(rig.bones, rig.parents)):
        away = joints[bone] + motion.translation[0] if parent < 0 else joints[bone] - joints[parent]
        children = (np.flatnonzero(rig.parents == bone) + first).tolist()
        node = {"name": name, "translation": away.tolist(), "rotation": xyzw(motion.rotations[0, bone]).tolist()}
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def xyzw(quaternions: NDArray) -> NDArray:
    """Quaternions wxyz in the order of glTF."""
    return quaternions[..., [1, 2, 3, 0]]


def skin(builder: Builder, rig: Rig, joints: NDArray, first: int) -> dict:
    """The glTF skin whose joints are the nodes from `first` on."""
    binds = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    binds[:, 3, :3] = -joints  # transposed: glTF stores columns
    root = int(np.flatnonzero(rig.parents < 0)[0])
    return {
        "name": "skeleton",
        "joints": list(range(first, first + len(joints))),
        "skeleton": first + root,
        "inverseBindMatrices": builder.dense(binds.reshape(-1, 16), None),
    }


def animation(builder: Builder, rig: Rig, joints: NDArray, motion: Motion, nodes: tuple[int, int]) -> dict | None:
    """The clip as glTF animation; bones that keep still have no channel. None where nothing moves.

    Args:
        nodes: index of the node with the mesh, and of the first bone's node.
    """
    mesh_node, first = nodes
    samplers: list[dict] = []
    channels: list[dict] = []
    moving: list[tuple[int, str, NDArray]] = []
    cosine = np.abs(np.sum(motion.rotations * motion.rotations[:1], axis=-1)).min(axis=0)
    turning = 2 * np.arccos(np.clip(cosine, 0, 1)) > STILL_TURN
    moving += [(first + bone, "rotation", xyzw(motion.rotations[:, bone])) for bone in np.flatnonzero(turning).tolist()]
    if np.ptp(motion.translation, axis=0).max() > STILL_STEP_M:
        root = int(np.flatnonzero(rig.parents < 0)[0])
        moving.append((first + root, "translation", joints[root] + motion.translation))
    if motion.expression.size and np.ptp(motion.expression, axis=0).max() > STILL_WEIGHT:
        moving.append((mesh_node, "weights", motion.expression.ravel()))
    if not moving:
        return None
    times = builder.dense((motion.times - motion.times[0]).astype(np.float32), None)
    for node, path, values in moving:
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
        output = builder.dense(values.astype(np.float32), None)
        samplers.append({"input": times, "output": output, "interpolation": "LINEAR"})
    return {"name": "clip", "channels": channels, "samplers": samplers}
