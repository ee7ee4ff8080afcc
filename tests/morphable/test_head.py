"""The shipped head keeps its promises: topology, symmetry, layout, landmarks, and units that do as they are called."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from maquette import morphable
from maquette.geometry.mesh import boundary_loops, face_normals, vertex_normals

MODEL = morphable.load("maquette-head")
MM = 1000.0
FLIP = np.array([-1, 1, 1])
PARTS = {"skin", "mouth", "teeth", "tongue", "eyeLeft", "eyeRight"}
# developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation
APPLE = [
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
]
# MediaPipe's canonical face: nose tip, chin, mouth corners, eye corners from the subject's right to left.
NOSE_TIP, ABOVE_THE_TIP, CHIN, MOUTH, EYES = 1, 4, 152, (61, 291), (33, 133, 362, 263)
LIDS = {"Left": (386, 374), "Right": (159, 145)}  # middle of the upper and of the lower lid
BROWS = {"Left": (334, 300), "Right": (105, 70)}  # middle and outer end
LIPS = (13, 14)  # inner rim of the upper and lower lip
IRISES = {"Right": slice(468, 473), "Left": slice(473, 478)}


def faces_of(*parts: str) -> np.ndarray:
    return MODEL.faces[np.concatenate([MODEL.parts[p] for p in parts])]


def solid(part: str, vertices: np.ndarray = MODEL.mean) -> trimesh.Trimesh:
    return trimesh.Trimesh(vertices, faces_of(part), process=False)


def places(scheme: str = "mediapipe478", vertices: np.ndarray = MODEL.mean) -> np.ndarray:
    """(N, 3) landmarks in millimetres."""
    return MODEL.embeddings[scheme].points(vertices.astype(float), MODEL.faces) * MM


def unit(name: str) -> np.ndarray:
    """(V, 3) displacement in metres of one expression unit at weight 1."""
    return MODEL.expression_basis[MODEL.expression_names.index(name)]


def moves(name: str) -> np.ndarray:
    """(478, 3) how one unit moves the landmarks, millimetres."""
    return places(vertices=MODEL.mean + unit(name)) - places()


def chart_areas(part: str) -> np.ndarray:
    """(n,) signed areas in the texture, whose whole is 1."""
    a, b, c = (MODEL.uvs[MODEL.uv_faces[MODEL.parts[part], k]].astype(float) for k in range(3))
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])


def test_it_has_exactly_apples_units():
    assert len(APPLE) == 52
    assert sorted(MODEL.expression_names) == sorted(APPLE)


def test_sizes_agree_and_numbers_are_finite():
    count, triangles = len(MODEL.mean), len(MODEL.faces)
    assert 4000 < count < 8000 and 8000 < triangles < 14000
    assert MODEL.mean.shape == (count, 3) and MODEL.mean.dtype == np.float32
    assert MODEL.identity_basis.shape[1:] == (count, 3) and len(MODEL.identity_basis) >= 80
    assert MODEL.expression_basis.shape == (52, count, 3)
    assert MODEL.uv_faces.shape == MODEL.faces.shape == (triangles, 3)
    assert np.array_equal(np.unique(MODEL.faces), np.arange(count)), "every vertex is used"
    assert MODEL.uv_faces.min() >= 0 and MODEL.uv_faces.max() < len(MODEL.uvs)
    for values in (MODEL.mean, MODEL.identity_basis, MODEL.expression_basis, MODEL.uvs):
        assert np.isfinite(values).all()
    for name, mask in MODEL.regions.items():
        assert mask.shape == (count,) and mask.min() >= 0 and 0.9 < mask.max() <= 1, name
    assert face_normals(MODEL.mean, MODEL.faces).any(axis=1).all(), "no triangle without area"


def test_it_is_as_large_as_a_head():
    width, height, depth = np.ptp(MODEL.mean[MODEL.part_vertices("skin")], axis=0)
    assert 0.13 < width < 0.20 and 0.20 < height < 0.35 and 0.17 < depth < 0.25
    assert 0.058 < np.linalg.norm(MODEL.eye_centre(MODEL.mean, "Left") - MODEL.eye_centre(MODEL.mean, "Right")) < 0.066


def test_parts_partition_the_faces():
    assert set(MODEL.parts) == PARTS
    assert np.array_equal(np.sort(np.concatenate(list(MODEL.parts.values()))), np.arange(len(MODEL.faces)))


def test_parts_share_no_vertices_except_at_the_lips():
    for one in PARTS:
        for other in PARTS - {one}:
            shared = np.intersect1d(MODEL.part_vertices(one), MODEL.part_vertices(other))
            if {one, other} == {"skin", "mouth"}:
                lips = places()[list(LIPS)].mean(axis=0) / MM
                assert len(shared) and np.linalg.norm(MODEL.mean[shared] - lips, axis=1).max() < 0.04
            else:
                assert not len(shared), f"{one} and {other}"


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_eyeballs_are_closed(side):
    ball = solid(f"eye{side}")
    assert ball.is_watertight and ball.is_winding_consistent and ball.volume > 0
    radius = (ball.volume * 3 / 4 / np.pi) ** (1 / 3)
    assert np.ptp(MODEL.mean[MODEL.part_vertices(f"eye{side}")], axis=0) == pytest.approx(2 * radius, rel=0.1)


def test_the_origin_is_midway_between_the_eyeballs():
    left, right = (MODEL.eye_centre(MODEL.mean, side) for side in ("Left", "Right"))
    assert left[0] > 0, "the subject's left is +x"
    assert np.allclose(left * FLIP, right, atol=1e-6)
    assert np.abs(left + right).max() / 2 < 1e-4


def test_skin_and_mouth_are_one_sheet_that_ends_at_the_neck():
    sheet = faces_of("skin", "mouth")
    edges = np.concatenate([sheet[:, [0, 1]], sheet[:, [1, 2]], sheet[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges), "consistent winding: each directed edge once"
    assert len(np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)[0]) * 2 - len(edges) == len(rim(sheet))
    mesh = trimesh.Trimesh(MODEL.mean, sheet, process=False)
    mesh.remove_unreferenced_vertices()
    assert mesh.body_count == 1
    assert mesh.euler_number == 1, "a disc: no handles"
    assert MODEL.mean[rim(sheet), 1].max() < places()[CHIN, 1] / MM, "the rim is below the chin"


def rim(sheet: np.ndarray) -> np.ndarray:
    """(n,) vertices of the only boundary loop."""
    loops = boundary_loops(sheet)
    assert len(loops) == 1
    return loops[0]


def test_faces_look_outwards():
    skin = faces_of("skin")
    outwards = MODEL.mean[skin].mean(axis=1) - [0, -0.02, -0.07]
    area = face_normals(MODEL.mean, skin)
    facing = np.einsum("nd,nd->n", area, outwards) > 0
    weight = np.linalg.norm(area, axis=1)
    assert weight[facing].sum() > 0.85 * weight.sum()
    assert trimesh.Trimesh(MODEL.mean, faces_of("skin", "mouth"), process=False).volume > 0.003  # cubic metres
    assert solid("tongue").volume > 0


def test_mirror_is_an_involution_of_the_mean():
    assert np.array_equal(MODEL.mirror[MODEL.mirror], np.arange(len(MODEL.mean)))
    assert np.allclose(MODEL.mean[MODEL.mirror] * FLIP, MODEL.mean, atol=1e-6)
    for part in PARTS:
        twin = {"eyeLeft": "eyeRight", "eyeRight": "eyeLeft"}.get(part, part)
        assert np.array_equal(np.sort(MODEL.mirror[MODEL.part_vertices(part)]), MODEL.part_vertices(twin)), part


def test_identity_modes_are_principal_components_per_standard_deviation():
    """Weighted on the face as tools/build_head.py does, modes are uncorrelated and ordered by their variance.

    Not exactly: nostrils, ears and the inside of the mouth were shaped afterwards, so that weights keep their meaning.
    """
    assert "per standard deviation" in morphable.MorphableModel.__doc__
    weight = np.sqrt(0.15 + MODEL.regions["face"])[None, :, None]
    flat = (MODEL.identity_basis * weight).reshape(len(MODEL.identity_basis), -1)
    gram = flat @ flat.T
    variance = np.diag(gram)
    assert (np.diff(variance) <= 0.1 * variance[:-1]).all()
    assert np.abs(gram / np.sqrt(np.outer(variance, variance)) - np.eye(len(gram))).max() < 0.1
    spread = np.sqrt((MODEL.identity_basis**2).sum(axis=(0, 2)))[MODEL.regions["face"] > 0.5]
    assert 0.002 < spread.mean() < 0.008, "people's faces differ by millimetres from point to point"


def test_vertices_scale_and_add():
    rng = np.random.default_rng(0)
    identity, expression = rng.normal(size=80), rng.random(52)
    whole = MODEL.vertices(identity, expression, 1.1)
    loop = MODEL.mean.astype(float).copy()
    held = MODEL.held(expression, identity)
    for weight, mode in [*zip(identity, MODEL.identity_basis), *zip(held, MODEL.expression_basis)]:
        loop += weight * mode
    assert whole.dtype == np.float32
    assert np.allclose(whole, 1.1 * loop, atol=1e-6)


def test_the_texture_is_for_the_face():
    assert MODEL.uvs.min() >= 0 and MODEL.uvs.max() <= 1
    for part in ("skin", "mouth", "teeth"):
        assert chart_areas(part).min() > 0, f"{part}: a flipped triangle"
    face = MODEL.regions["face"][faces_of("skin")].mean(axis=1) > 0.5
    assert chart_areas("skin")[face].sum() >= 0.5


def test_charts_do_not_overlap():
    """Painted triangle by triangle, no texel of one part belongs to another one."""
    import cv2

    size, owner = 512, np.zeros((512, 512), np.uint8)
    for number, part in enumerate(("skin", "teeth", "tongue", "eyeLeft", "eyeRight"), start=1):
        mine = np.zeros_like(owner)
        parts = ("skin", "mouth") if part == "skin" else (part,)
        index = np.concatenate([MODEL.parts[p] for p in parts])
        for corners in np.rint(MODEL.uvs[MODEL.uv_faces[index]] * size * 16 - 8).astype(np.int32):
            cv2.fillConvexPoly(mine, corners, 1, shift=4)
        assert not owner[mine > 0].any(), f"{part} covers part {owner[mine > 0].max()}"
        owner[mine > 0] = number


def test_the_skin_chart_is_symmetric():
    uv = np.zeros((len(MODEL.mean), 2))
    uv[MODEL.faces] = MODEL.uvs[MODEL.uv_faces]
    sheet = np.unique(faces_of("skin", "mouth"))
    assert np.allclose(uv[MODEL.mirror[sheet]], uv[sheet] * [-1, 1] + [1, 0], atol=1e-5)


@pytest.mark.parametrize("scheme, count", [("mediapipe478", 478), ("ibug68", 68)])
def test_embeddings_lie_on_triangles(scheme, count):
    embedding = MODEL.embeddings[scheme]
    assert embedding.faces.shape == (count,) and embedding.barycentric.shape == (count, 3)
    assert embedding.barycentric.min() >= 0
    assert np.allclose(embedding.barycentric.sum(axis=1), 1, atol=1e-6)
    assert embedding.faces.min() >= 0 and embedding.faces.max() < len(MODEL.faces)


def test_landmarks_lie_where_they_are_called():
    points = places()
    middle = np.flatnonzero(np.abs(points[:, 0]) < 2)
    assert middle[points[middle, 2].argmax()] in (NOSE_TIP, ABOVE_THE_TIP)
    assert points[:, 1].argmin() == CHIN
    assert (np.diff(points[list(EYES), 0]) > 5).all(), "eye corners from the subject's right to the left"
    assert 40 < points[MOUTH[1], 0] - points[MOUTH[0], 0] < 60
    assert points[NOSE_TIP, 1] > points[LIPS[0], 1] > points[LIPS[1], 1] > points[CHIN, 1]
    for upper, lower in LIDS.values():
        assert 3 < points[upper, 1] - points[lower, 1] < 16


def test_iris_landmarks_lie_on_the_eyeballs():
    embedding = MODEL.embeddings["mediapipe478"]
    for side, iris in IRISES.items():
        assert np.isin(embedding.faces[iris], MODEL.parts[f"eye{side}"]).all()
        points = places()[iris]
        assert np.linalg.norm(points[0] - points[1:].mean(axis=0)) < 3, "the first is the centre"
        assert 4 < np.linalg.norm(points[1:] - points[0], axis=1).mean() < 7
    assert np.isin(embedding.faces[:468], np.concatenate([MODEL.parts["skin"], MODEL.parts["mouth"]])).all()


def test_landmarks_are_symmetric():
    twin = MODEL.landmark_mirror
    assert np.array_equal(twin[twin], np.arange(478))
    assert np.abs(places()[twin] * FLIP - places()).max() < 0.8
    # iBUG: jaw, brows, bridge, nostrils, eyes, outer and inner lips, each numbered along the picture
    order = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    order += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    order += [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)]
    points = places("ibug68")
    assert np.abs(points[order] * FLIP - points).max() < 0.8
    assert points[:9, 0].tolist() == sorted(points[:9, 0]), "the jaw begins at the subject's right"


def test_the_jaw_opens_downwards():
    moved = moves("jawOpen")
    assert moved[CHIN, 1] < -10
    assert moved[LIPS[1], 1] < -10 and np.abs(moved[LIPS[0]]).max() < 3
    assert np.abs(moved[list(EYES)]).max() < 0.5
    assert unit("jawOpen")[MODEL.part_vertices("tongue"), 1].mean() < -0.01, "the tongue goes along"


@pytest.mark.parametrize("side, sign", [("Left", 1), ("Right", -1)])
def test_one_sided_units_move_their_side(side, sign):
    """+x is the subject's left; the sockets behind the eyeballs, which nobody sees, may follow a little."""
    skin = np.flatnonzero(MODEL.regions["face"] > 0.5)
    for name in ("eyeBlink", "browDown", "browOuterUp", "cheekSquint", "eyeSquint", "eyeWide"):
        moving = skin[np.linalg.norm(unit(name + side)[skin], axis=1) > 1.5e-3]
        assert len(moving) > 5 and (MODEL.mean[moving, 0] * sign > -1e-4).all(), name
    for name in ("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthPress", "mouthUpperUp", "noseSneer"):
        strength = (unit(name + side) ** 2).sum(axis=1)
        assert strength[MODEL.mean[:, 0] * sign > 0].sum() > 0.75 * strength.sum(), name


@pytest.mark.parametrize("side, other", [("Left", "Right"), ("Right", "Left")])
def test_a_blink_closes_one_eye(side, other):
    closed = places(vertices=MODEL.mean + unit(f"eyeBlink{side}"))

    def gap(points: np.ndarray, eye: str) -> float:
        return points[LIDS[eye][0], 1] - points[LIDS[eye][1], 1]

    assert gap(closed, side) < 0.35 * gap(places(), side)
    assert gap(closed, other) == pytest.approx(gap(places(), other), abs=0.01)
    assert gap(places(vertices=MODEL.mean + unit(f"eyeWide{side}")), side) > 1.1 * gap(places(), side)
    assert not unit(f"eyeBlink{side}")[MODEL.part_vertices("skin")][:, 1].max() > 0.008


@pytest.mark.parametrize("side, corner", [("Left", MOUTH[1]), ("Right", MOUTH[0])])
def test_mouth_and_brows_go_where_they_are_called(side, corner):
    sign = 1 if side == "Left" else -1
    assert moves(f"mouthSmile{side}")[corner, 1] > 4 and sign * moves(f"mouthSmile{side}")[corner, 0] > 2
    assert moves(f"mouthFrown{side}")[corner, 1] < -2
    assert sign * moves(f"mouthStretch{side}")[corner, 0] > 2
    assert moves(f"browOuterUp{side}")[list(BROWS[side]), 1].max() > 2
    assert moves(f"browDown{side}")[list(BROWS[side]), 1].min() < -1
    assert sign * moves(f"mouth{side}")[list(MOUTH), 0].mean() > 3
    assert sign * moves(f"jaw{side}")[CHIN, 0] > 3


def test_both_sided_units_go_where_they_are_called():
    pucker = moves("mouthPucker")
    assert pucker[MOUTH[0], 0] > 2 and pucker[MOUTH[1], 0] < -2 and pucker[LIPS[0], 2] > 0
    assert moves("jawForward")[CHIN, 2] > 4
    assert moves("browInnerUp")[[107, 336], 1].min() > 2
    outwards = (unit("cheekPuff") * vertex_normals(MODEL.mean, MODEL.faces)).sum(axis=1)[MODEL.part_vertices("skin")]
    assert outwards.max() > 0.004 and outwards[np.abs(outwards) > 1e-3].mean() > 0.001
    tongue = MODEL.part_vertices("tongue")
    assert unit("tongueOut")[tongue, 2].max() > 0.015
    shut = places(vertices=MODEL.mean + unit("jawOpen") + unit("mouthClose"))
    assert abs(shut[LIPS[0], 1] - shut[LIPS[1], 1]) < 6


@pytest.mark.parametrize("name, mirrored", [(n, n.replace("Left", "Right")) for n in APPLE if n.endswith("Left")])
def test_left_and_right_units_are_mirror_images(name, mirrored):
    difference = unit(name)[MODEL.mirror] * FLIP - unit(mirrored)
    assert np.abs(difference).max() < 0.15 * np.abs(unit(name)).max()


@pytest.mark.parametrize("side, out", [("Left", 1), ("Right", -1)])
@pytest.mark.parametrize("look, gaze", [("Down", (0, -1)), ("Up", (0, 1)), ("In", (-1, 0)), ("Out", (1, 0))])
def test_gaze_turns_one_eyeball_nearly_rigidly(side, out, look, gaze):
    ball = MODEL.part_vertices(f"eye{side}")
    start = MODEL.mean[ball].astype(float)
    end = start + unit(f"eyeLook{look}{side}")[ball]
    u, _, vt = np.linalg.svd((start - start.mean(0)).T @ (end - end.mean(0)))
    turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    assert np.linalg.norm(end - end.mean(0) - (start - start.mean(0)) @ turn, axis=1).max() < 4e-4  # metres
    assert np.linalg.norm((end - start).mean(axis=0)) < 2.5e-3, "it stays in its socket"
    forward = np.array([0, 0, 1]) @ turn
    wanted = np.array(gaze) * [out, 1]
    assert forward[:2] @ wanted > np.sin(np.radians(8)) and abs(forward[:2] @ wanted[::-1]) < 0.05
    other = MODEL.part_vertices("eyeRight" if side == "Left" else "eyeLeft")
    assert not unit(f"eyeLook{look}{side}")[other].any()
