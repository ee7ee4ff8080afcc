"""head.ply, person.ply: the mesh as in the photo with one colour per vertex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh, Part
from maquette.outputs.asset import VERSION, Asset
from maquette.outputs.shaded_mesh import part_normals


def vertex_colors(mesh: Mesh) -> NDArray:
    """(V, 3) uint8 sRGB: the mesh's own colours, or its texture at each vertex, or grey."""
    if mesh.vertex_colors is not None:
        return mesh.vertex_colors
    if mesh.texture is None or mesh.uvs is None or mesh.uv_faces is None:
        return np.full((len(mesh.vertices), 3), 190, np.uint8)
    uv_of = np.zeros(len(mesh.vertices), int)
    uv_of[mesh.faces.ravel()] = mesh.uv_faces.ravel()
    return sample(mesh.texture, mesh.uvs[uv_of])


def sample(texture: NDArray, uvs: NDArray) -> NDArray:
    """(N, C) uint8: a (H, W, C) texture at (N, 2) uvs, v up, averaged over 3 x 3 texels against noise."""
    import cv2

    height, width = texture.shape[:2]
    smooth = cv2.blur(texture, (3, 3))
    x = (uvs[:, 0] * width - 0.5).astype(np.float32)
    y = ((1 - uvs[:, 1]) * height - 0.5).astype(np.float32)
    strip = 16384  # cv2.remap takes no side longer than 32767
    parts = [
        cv2.remap(smooth, x[i : i + strip, None], y[i : i + strip, None], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        for i in range(0, len(x), strip)
    ]
    return np.concatenate(parts)[:, 0]


def shown_faces(part: Part) -> NDArray:
    """(n,) indices of the triangles of a part that are opaque on average over their corners and middle."""
    mesh = part.mesh
    assert mesh.uvs is not None and mesh.uv_faces is not None and mesh.texture is not None, "checked when it was made"
    if mesh.texture.shape[2] < 4:
        return np.arange(len(mesh.faces))
    corners = mesh.uvs[mesh.uv_faces]
    points = np.concatenate([corners, corners.mean(axis=1, keepdims=True)], axis=1)
    opacity = sample(mesh.texture, points.reshape(-1, 2))[:, 3].reshape(-1, 4).mean(axis=1)
    return np.flatnonzero(opacity >= 255 * part.alpha_cutoff)


def write_ply(asset: Asset) -> bytes:
    """Binary little-endian PLY in metres, y up, facing +z: positions, normals, colours.

    Hair and other parts are joined to it, without the triangles that their textures cut out.
    """
    parts = asset.result.reconstruction.parts
    if not parts:
        return ply_bytes(asset.mesh, asset.normals)
    places, colours, normals = [asset.mesh.vertices], [vertex_colors(asset.mesh)], [asset.normals]
    faces = [asset.mesh.faces]
    for part in parts:
        faces.append(part.mesh.faces[shown_faces(part)] + np.int32(sum(len(known) for known in places)))
        places.append(asset.posed_part(part))
        colours.append(vertex_colors(part.mesh)[:, :3])
        normals.append(part_normals(part))
    whole = Mesh(np.concatenate(places), np.concatenate(faces), vertex_colors=np.concatenate(colours))
    return ply_bytes(whole, np.concatenate(normals))


def ply_bytes(mesh: Mesh, normals: NDArray) -> bytes:
    """Binary little-endian PLY of a mesh with (V, 3) unit normals and one colour per vertex."""
    vertex = np.zeros(len(mesh.vertices), [("p", "<f4", 3), ("n", "<f4", 3), ("c", "u1", 3)])
    vertex["p"], vertex["n"], vertex["c"] = mesh.vertices, normals, vertex_colors(mesh)
    face = np.zeros(len(mesh.faces), [("k", "u1"), ("i", "<i4", 3)])
    face["k"], face["i"] = 3, mesh.faces
    places = [f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz")]
    colours = [f"property uchar {name}\n" for name in ("red", "green", "blue")]
    header = "".join(
        [
            "ply\nformat binary_little_endian 1.0\n",
            f"comment maquette {VERSION}: metres, y up, facing +z\n",
            f"element vertex {len(vertex)}\n",
            *places,
            *colours,
            f"element face {len(face)}\nproperty list uchar int vertex_indices\nend_header\n",
        ]
    )
    return header.encode("ascii") + vertex.tobytes() + face.tobytes()
