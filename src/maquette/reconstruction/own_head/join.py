"""Head and body made one mesh at the neck, in the rest pose: the old head cut off, the new neck widened to the rim."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.geometry.mesh import boundary_loops
from maquette.geometry.surfaces.cut import CutSurface, cut_off, patched, ring_around, zipped
from maquette.morphable.model import MorphableModel
from maquette.morphable.rig import Rig

GAP_M = 0.008  # between the head's rim and the cut below it
REACH_M = 0.25  # from the neck's axis: what is above the cut and nearer is the old head
ARM = ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
ARM_SHARE = 0.5  # of the bones' pull: a hand at the head stays
HEAD, HEAD_SHARE = ("head", "eye", "neck03"), 0.3
TOUCHED, NECK_M = 0.05, 0.14  # share of an arm in what touched one; metres from the neck's axis to where no neck is
BLEND_M = 0.05  # up the neck: so far its shape follows the body's rim
FARTHEST_M = 0.012  # that the neck's rim is moved: hair and hoods are wider than any neck
SPREAD = 0.35  # radians around the neck over which the rim of the body is evened out


@dataclass(frozen=True, eq=False)
class NeckPlane:
    """The plane of a head's rim.

    Attributes:
        centre: (3,) metres. axes: (3, 3) rows right, front, up; up is towards the head.
    """

    centre: NDArray
    axes: NDArray

    def places(self, points: NDArray) -> NDArray:
        """(V, 3) right, front, up of points (V, 3), metres."""
        return (points - self.centre) @ self.axes.T


def rim_of(model: MorphableModel) -> NDArray:
    """(R,) the vertices of a head's rim at the neck, in the order of its faces' edges."""
    closed = np.concatenate([model.parts["skin"], model.parts["mouth"]])
    return boundary_loops(model.faces[closed])[0]


def neck_plane(rim: NDArray) -> NeckPlane:
    """The plane of a rim (R, 3), metres, in a frame whose y points up."""
    centre = rim.mean(axis=0)
    up = np.linalg.svd(rim - centre)[2][2]
    up = up * (np.sign(up[1]) or 1.0)
    right = np.cross(up, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return NeckPlane(centre, np.stack([right, np.cross(up, right) * -1, up]))


@dataclass(frozen=True, eq=False)
class JoinedNeck:
    """Head, body and the strip between them.

    Attributes:
        vertices: (V, 3) metres, at rest: those of the head, then those of the body that is left.
        body: what is left of the body's surface, its rims closed but the neck's.
        strip: (S, 3) faces between the two, into `around`.
        around: (R + 1 + L + 1,) vertices: the head's rim, its first again, the body's rim, its first again.
        turn: (R + 1 + L + 1,) how far around the neck each of these lies, 0-1. plane: of the head's rim.
    """

    vertices: NDArray
    body: CutSurface
    strip: NDArray
    around: NDArray
    turn: NDArray
    plane: NeckPlane


def join(body: Mesh, weight: NDArray, rig: Rig, head: NDArray, model: MorphableModel) -> JoinedNeck | None:
    """Join a head to a body; None where the body has no neck that could be cut.

    Args:
        body: surface at rest, metres, with uvs. weight: (V, B) how far its vertices follow the bones of `rig`.
        head: (H, 3) metres, at rest, without expression, vertices of `model`.
    """
    ring = rim_of(model)
    plane = neck_plane(head[ring])
    left = without_head(body, weight, rig, plane)
    if left is None:
        return None
    inner = plane.places(left.mesh.vertices.astype(float))
    loop, others = ring_around(left.mesh.faces, inner[:, :2])
    if loop is None:
        return None
    assert left.mesh.uv_faces is not None, "bodies are textured before"
    faces, uv_faces = patched(left.mesh.faces, left.mesh.uv_faces, others)
    left = CutSurface(_with_faces(left.mesh, faces, uv_faces), left.blend)
    upper_angle = _angles(plane.places(head[ring]))
    loop = loop[::-1]
    lower_angle = _angles(inner[loop])
    start = int(np.abs(_turn(lower_angle - upper_angle[0])).argmin())
    loop, lower_angle = np.roll(loop, -start), _angles(inner[np.roll(loop, -start)])
    lower_angle += upper_angle[0] + float(_turn(lower_angle[0] - upper_angle[0])) - lower_angle[0]
    shaped = widened(head, model, plane, ring, inner[loop])
    around = np.concatenate([ring, ring[:1], loop + len(head), loop[:1] + len(head)])
    turn = np.concatenate([_share(upper_angle, upper_angle[0]), _share(lower_angle, upper_angle[0])])
    vertices = np.concatenate([shaped, left.mesh.vertices.astype(float)])
    return JoinedNeck(vertices, left, zipped(upper_angle, lower_angle), around, turn, plane)


def _share(angle: NDArray, start: float) -> NDArray:
    """(R + 1,) angles (R,) along a rim, and the first again after a turn, as shares of a turn from `start`."""
    sign = np.sign(angle[-1] - angle[0]) or 1.0
    out: NDArray = np.append(sign * (angle - start), sign * (angle[0] - start) + 2 * np.pi) / (2 * np.pi)
    return np.clip(out, 0, 1)


def without_head(body: Mesh, weight: NDArray, rig: Rig, plane: NeckPlane) -> CutSurface | None:
    """What is left of a body's surface below the neck's cut; None where that is nothing."""
    places = plane.places(body.vertices.astype(float))
    height = places[:, 2] + GAP_M
    arms = np.array([name.startswith(ARM) for name in rig.bones])
    heads = np.array([name.startswith(HEAD) for name in rig.bones])
    pulled, aside = weight[:, arms].sum(axis=1), np.linalg.norm(places[:, :2], axis=1)
    old = (aside < REACH_M) | (weight[:, heads].sum(axis=1) > HEAD_SHARE)
    gone = (height > 0) & old & (pulled <= ARM_SHARE)
    if gone.all() or not gone.any():
        return None
    # Between head and a hand that touched it faces are as long as an arm at rest: they go as a whole, uncut.
    torn = (pulled > TOUCHED) & (aside > NECK_M)
    return cut_off(body, np.where(torn & ~gone, np.maximum(height, GAP_M), height), gone)


def widened(head: NDArray, model: MorphableModel, plane: NeckPlane, ring: NDArray, rim: NDArray) -> NDArray:
    """(H, 3) the head, its neck shifted so that its rim lies over the body's, less and less up the neck.

    Args:
        rim: (L, 3) the body's rim, places in the plane.
    """
    own = plane.places(head[ring])
    angle, target = angles(rim), rim + np.array([0, 0, GAP_M])
    skin = np.unique(model.faces[model.parts["skin"]])
    places = plane.places(head[skin])
    share = np.clip(1 - np.clip(places[:, 2], 0, None) / BLEND_M, 0, 1)
    share = share * share * (3 - 2 * share)
    near = skin[share > 0]
    at = angles(places[share > 0])
    shift = around(at, angle, target) - around(at, angles(own), own)
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= np.minimum(1, FARTHEST_M / np.maximum(length, 1e-9))
    out = head.astype(float).copy()
    out[near] += share[share > 0, None] * shift @ plane.axes
    return out


def around(angle: NDArray, known: NDArray, values: NDArray, spread: float = SPREAD) -> NDArray:
    """(N, K) values (L, K), known at angles (L,), as means around angles (N,), over `spread` radians."""
    apart = _turn(angle[:, None] - known)
    weight = np.exp(-((apart / spread) ** 2)) + 1e-12 / (1 + apart**2)
    out: NDArray = weight @ values / weight.sum(axis=1, keepdims=True)
    return out


def angles(places: NDArray) -> NDArray:
    """(N,) how far around the neck places (N, 3) lie, radians."""
    out: NDArray = np.arctan2(places[:, 1], places[:, 0])
    return out


def _turn(angle: NDArray) -> NDArray:
    """Angles within half a turn of zero."""
    out: NDArray = (angle + np.pi) % (2 * np.pi) - np.pi
    return out


def _angles(places: NDArray) -> NDArray:
    """(R,) continuous angles along a rim (R, 3) around the neck's axis."""
    out: NDArray = np.unwrap(angles(places))
    return out


def _with_faces(mesh: Mesh, faces: NDArray, uv_faces: NDArray) -> Mesh:
    return replace(mesh, faces=faces.astype(np.int32), uv_faces=uv_faces.astype(np.int32))
