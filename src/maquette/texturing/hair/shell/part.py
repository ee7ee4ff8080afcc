"""A shell as a part of the head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, label

from maquette.core.types import Mesh, Part
from maquette.texturing.hair.grow import ROUGHNESS, SPECULAR, HeadSeen
from maquette.texturing.hair.shell.colour import paint_shell
from maquette.texturing.hair.shell.covering import Covering
from maquette.texturing.hair.shell.form import Shell

HIDDEN_M = -0.010  # inside the edge: what lies farther under the skin is left out


def shell_part(shell: Shell, head: HeadSeen, covering: Covering) -> Part:
    """The mesh of a shell with its texture."""
    rows, columns = shell.reach.shape
    uv_faces = grid_triangles(_with_the_top(shell.edge > HIDDEN_M))
    texture = paint_shell(shell, head, covering, uv_faces)
    faces = uv_faces // (columns + 1) * columns + uv_faces % (columns + 1) % columns
    faces[faces < columns] = 0  # the first row is one point
    across, along = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(1, 0, rows))
    uvs = np.stack([across, along], axis=2).reshape(-1, 2).astype(np.float32)
    used, corners = np.unique(faces, return_inverse=True)
    used_uvs, uv_corners = np.unique(uv_faces, return_inverse=True)
    mesh = Mesh(
        shell.points.reshape(-1, 3)[used].astype(np.float32),
        corners.reshape(-1, 3).astype(np.int32),
        uvs[used_uvs],
        uv_corners.reshape(-1, 3).astype(np.int32),
        texture,
    )
    normals = shell_normals(shell.points).reshape(-1, 3)[used]
    return Part("hair", mesh, normals=normals, roughness=ROUGHNESS, specular=SPECULAR)


def _with_the_top(kept: NDArray) -> NDArray:
    """(R, C) bool: of a grid that closes around the head the piece that hangs together with its top, without holes."""
    twice = np.concatenate([kept, kept], axis=1)
    pieces = label(twice)[0]
    found = binary_fill_holes(np.isin(pieces, np.setdiff1d(pieces[0], [0])))
    columns = kept.shape[1]
    return np.asarray(found[:, :columns] | found[:, columns:])


def grid_triangles(kept: NDArray) -> NDArray:
    """(F, 3) int: triangles, anticlockwise from outside, of which one corner at least is kept, (R, C) bool.

    Corners count along rows of C + 1 points, the first of which comes again at the end.
    """
    rows, columns = kept.shape
    row, column = (index.ravel() for index in np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij"))
    first = row * (columns + 1) + column
    below = first + columns + 1
    upper, lower = np.stack([first, below, first + 1], axis=1), np.stack([first + 1, below, below + 1], axis=1)
    faces = np.concatenate([upper[row > 0], lower])  # the first row is one point
    closed = np.concatenate([kept, kept[:, :1]], axis=1).ravel()
    return faces[closed[faces].any(axis=1)]


def shell_normals(points: NDArray) -> NDArray:
    """(R, C, 3) float32 unit normals of a closed grid of points."""
    across = np.roll(points, -1, axis=1) - np.roll(points, 1, axis=1)
    across[0] = across[1]
    found = np.cross(np.gradient(points, axis=0), across)
    found[0] = found[0].mean(axis=0)
    return (found / np.maximum(np.linalg.norm(found, axis=2, keepdims=True), 1e-9)).astype(np.float32)
