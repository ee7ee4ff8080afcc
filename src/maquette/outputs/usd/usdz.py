"""head.usdz, person.usdz, pet.usdz: the GLB as a USD stage with skeleton and blend shapes, packed with its pictures.

Every node is a joint, so that eyes turn and bones bend by the same means; a mesh without skin follows its node alone.
The stage follows UsdSkel and UsdPreviewSurface (https://openusd.org) and Apple's limits for USDZ: metres, y up.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import ExtraMissing
from maquette.outputs.asset import Asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.gltf_file import GltfFile
from maquette.outputs.usd.materials import define_materials

ALWAYS = 946_684_800  # seconds: the first of January 2000
RATE = 60.0  # time codes a second; samples lie between them where the clip's times do
CLIP = "clip"


def write_usdz(asset: Asset) -> bytes:
    """The result for iPhone, iPad, Vision Pro and USD programs: units as blend shapes, eyes and bones as joints.

    Raises:
        ExtraMissing: usd-core is not installed; the message names the pip extra.
    """
    return usdz(asset.made.get(f"{asset.stem}.glb") or write_glb(asset), asset.stem)


def usdz(glb: bytes, stem: str) -> bytes:
    """A GLB of ours as USDZ.

    Args:
        glb: what `write_glb` gives.
        stem: name of the root: head, person or pet.

    Raises:
        ExtraMissing: usd-core is not installed.
    """
    if find_spec("pxr") is None:
        raise ExtraMissing(f"{stem}.usdz: usd-core is not installed; run: pip install 'maquette[usd]'")
    from pxr import Sdf, Usd, UsdGeom, UsdSkel, UsdUtils

    file = GltfFile.read(glb)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        stage = Usd.Stage.CreateNew(str(place / f"{stem}.usdc"))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        root = UsdSkel.Root.Define(stage, f"/{stem}")
        stage.SetDefaultPrim(root.GetPrim())
        materials = define_materials(stage, f"/{stem}/materials", file, place)
        joints = _joint_names(file)
        skeleton = UsdSkel.Skeleton.Define(stage, f"/{stem}/skeleton")
        skeleton.CreateJointsAttr([joints[node] for node in file.order])
        skeleton.CreateBindTransformsAttr([_matrix(m) for m in _binds(file)[file.order]])
        skeleton.CreateRestTransformsAttr([_matrix(file.local(node)) for node in file.order])
        _animate(stage, f"/{stem}/animation", file, joints)
        UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([f"/{stem}/animation"])
        for node, content in enumerate(file.nodes):
            if "mesh" in content:
                for number in range(len(file.document["meshes"][content["mesh"]]["primitives"])):
                    prim = _mesh(stage, f"/{stem}/{_name(content['name'])}_{number}", file, (node, number), materials)
                    UsdSkel.BindingAPI(prim).CreateSkeletonRel().SetTargets([f"/{stem}/skeleton"])
        stage.GetRootLayer().Save()
        for piece in place.iterdir():  # the package keeps their times: the same result gives the same bytes
            os.utime(piece, (ALWAYS, ALWAYS))
        out = place / f"{stem}.usdz"
        if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(place / f"{stem}.usdc")), str(out)):
            raise RuntimeError("usd-core could not pack the file")
        return out.read_bytes()


def _name(text: str) -> str:
    from pxr import Tf

    valid: str = Tf.MakeValidIdentifier(text)
    return valid


def _joint_names(file: GltfFile) -> dict[int, str]:
    """Node -> its path of joints."""
    names: dict[int, str] = {}
    for node in file.order:
        own, parent = _name(file.nodes[node]["name"]), file.parents[node]
        names[node] = own if parent < 0 else f"{names[parent]}/{own}"
    return names


def _binds(file: GltfFile) -> NDArray:
    """(N, 4, 4) where each node was when the meshes were bound to it."""
    binds = file.world.copy()
    for skin in file.document.get("skins", []):
        inverse = file.values(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        binds[skin["joints"]] = np.linalg.inv(inverse.astype(float))
    return binds


def _matrix(matrix: NDArray) -> Any:
    """USD multiplies rows from the left: its matrices are ours transposed."""
    from pxr import Gf

    return Gf.Matrix4d(*matrix.T.astype(float).ravel().tolist())


def _animate(stage: Any, path: str, file: GltfFile, joints: dict[int, str]) -> None:
    """The pose of all joints and the weights of all units: as in the photo, and of a clip over time."""
    from pxr import Gf, UsdSkel, Vt

    animation = UsdSkel.Animation.Define(stage, path)
    animation.CreateJointsAttr([joints[node] for node in file.order])
    turns, moves = animation.CreateRotationsAttr(), animation.CreateTranslationsAttr()
    animation.CreateScalesAttr(
        [Gf.Vec3h(*np.broadcast_to(file.nodes[n].get("scale", 1.0), 3).tolist()) for n in file.order]
    )
    still = np.array([file.nodes[node].get("rotation", [0, 0, 0, 1]) for node in file.order], float)
    places = np.array([file.nodes[node].get("translation", [0, 0, 0]) for node in file.order], float)

    def quaternions(xyzw: NDArray) -> Any:
        return Vt.QuatfArray([Gf.Quatf(w, x, y, z) for x, y, z, w in xyzw.tolist()])

    turns.Set(quaternions(still))
    moves.Set(Vt.Vec3fArray.FromNumpy(places.astype(np.float32)))
    moving = {node: file.track(CLIP, node, "rotation") for node in file.order}
    going = {node: file.track(CLIP, node, "translation") for node in file.order}
    times = next((track[0] for track in [*moving.values(), *going.values()] if track is not None), np.zeros(0))
    for frame, time in enumerate(times):
        turned, moved = still.copy(), places.copy()
        for row, node in enumerate(file.order):
            if (turn := moving[node]) is not None:
                turned[row] = turn[1][frame]
            if (move := going[node]) is not None:
                moved[row] = move[1][frame]
        turns.Set(quaternions(turned), float(time) * RATE)
        moves.Set(Vt.Vec3fArray.FromNumpy(moved.astype(np.float32)), float(time) * RATE)
    weighed = _weights(animation, file)
    last = max([float(t[-1]) for t in (times, weighed) if len(t)], default=0.0)
    if last:
        stage.SetTimeCodesPerSecond(RATE)
        stage.SetFramesPerSecond(RATE)
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode(last * RATE)


def _weights(animation: Any, file: GltfFile) -> NDArray:
    """Write the units' weights; returns the times of a clip's, (T,) seconds, or none."""
    from pxr import Vt

    meshes = file.document["meshes"]
    moved = [k for k, node in enumerate(file.nodes) if "mesh" in node and "weights" in meshes[node["mesh"]]]
    if not moved:
        return np.zeros(0)
    node, mesh = moved[0], meshes[file.nodes[moved[0]]["mesh"]]
    animation.CreateBlendShapesAttr([_name(name) for name in mesh["extras"]["targetNames"]])
    weights = animation.CreateBlendShapeWeightsAttr(Vt.FloatArray.FromNumpy(np.array(mesh["weights"], np.float32)))
    track = file.track(CLIP, node, "weights")
    if track is None:
        return np.zeros(0)
    for time, row in zip(*track):
        weights.Set(Vt.FloatArray.FromNumpy(row.astype(np.float32)), float(time) * RATE)
    return track[0]


def _mesh(stage: Any, path: str, file: GltfFile, which: tuple[int, int], materials: list[Any]) -> Any:
    """One primitive of a node's mesh as a USD mesh, bound to the skeleton; returns its prim."""
    from pxr import Sdf, UsdGeom, UsdShade, UsdSkel, Vt

    node, number = which
    content = file.document["meshes"][file.nodes[node]["mesh"]]
    primitive = content["primitives"][number]
    skin = file.nodes[node].get("skin")
    world = np.eye(4) if skin is not None else file.world[node]
    arrays = {name: file.values(index) for name, index in primitive["attributes"].items()}
    points = arrays["POSITION"] @ world[:3, :3].T + world[:3, 3]
    faces = file.values(primitive["indices"]).ravel()
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points.astype(np.float32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.astype(np.int32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(faces) // 3, 3, np.int32)))
    mesh.CreateSubdivisionSchemeAttr("none")
    mesh.CreateExtentAttr([points.min(axis=0).tolist(), points.max(axis=0).tolist()])
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy((arrays["NORMAL"] @ world[:3, :3].T).astype(np.float32)))
    mesh.SetNormalsInterpolation("vertex")
    extra = UsdGeom.PrimvarsAPI(mesh)
    if "TEXCOORD_0" in arrays:
        st = (arrays["TEXCOORD_0"] * [1, -1] + [0, 1]).astype(np.float32)
        extra.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "vertex").Set(Vt.Vec2fArray.FromNumpy(st))
    if "COLOR_0" in arrays:
        colours = arrays["COLOR_0"][:, :3].astype(np.float32)
        extra.CreatePrimvar("displayColor", Sdf.ValueTypeNames.Color3fArray, "vertex").Set(
            Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(colours))
        )
    material = file.document["materials"][primitive["material"]]
    mesh.CreateDoubleSidedAttr(bool(material.get("doubleSided", False)))
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(materials[primitive["material"]])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    rows = {joint: row for row, joint in enumerate(file.order)}
    _influences(binding, arrays, rows, [node] if skin is None else file.document["skins"][skin]["joints"])
    binding.CreateGeomBindTransformAttr(_matrix(np.eye(4)))
    names = content.get("extras", {}).get("targetNames", [])
    _blend_shapes(binding, path, [_name(name) for name in names], _targets(file, primitive, world))
    return mesh.GetPrim()


def _influences(binding: Any, arrays: dict[str, NDArray], rows: dict[int, int], joints: list[int]) -> None:
    """Which joints move which vertices: those of the skin, or all of one node."""
    from pxr import Vt

    if "JOINTS_0" not in arrays:
        binding.CreateJointIndicesPrimvar(True, 1).Set(Vt.IntArray([rows[joints[0]]]))
        binding.CreateJointWeightsPrimvar(True, 1).Set(Vt.FloatArray([1.0]))
        return
    index = np.array([rows[joint] for joint in joints], np.int32)[arrays["JOINTS_0"]]
    weights = arrays["WEIGHTS_0"].astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    binding.CreateJointIndicesPrimvar(False, 4).Set(Vt.IntArray.FromNumpy(index.ravel()))
    binding.CreateJointWeightsPrimvar(False, 4).Set(Vt.FloatArray.FromNumpy(weights.ravel()))


def _targets(file: GltfFile, primitive: dict[str, Any], world: NDArray) -> list[tuple[NDArray, NDArray]]:
    """Moves and turns, (V, 3) each, of a primitive's morph targets, in the world's axes."""
    found = []
    for target in primitive.get("targets", []):
        moves = file.values(target["POSITION"]) @ world[:3, :3].T
        turns = file.values(target["NORMAL"]) @ world[:3, :3].T if "NORMAL" in target else np.zeros_like(moves)
        found.append((moves, turns))
    return found


def _blend_shapes(binding: Any, path: str, names: list[str], targets: list[tuple[NDArray, NDArray]]) -> None:
    """One blend shape per unit that moves this mesh; each holds only the vertices that move."""
    from pxr import UsdSkel, Vt

    used, places = [], []
    for name, (moves, turns) in zip(names, targets):
        touched = np.flatnonzero(moves.any(axis=1) | turns.any(axis=1)).astype(np.int32)
        if not len(touched):
            continue
        shape = UsdSkel.BlendShape.Define(binding.GetPrim().GetStage(), f"{path}/{name}")
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(touched))
        shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(moves[touched].astype(np.float32)))
        shape.CreateNormalOffsetsAttr(Vt.Vec3fArray.FromNumpy(turns[touched].astype(np.float32)))
        used.append(name)
        places.append(f"{path}/{name}")
    if used:
        binding.CreateBlendShapesAttr(used)
        binding.CreateBlendShapeTargetsRel().SetTargets(places)
