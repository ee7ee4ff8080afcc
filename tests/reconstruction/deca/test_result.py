"""From codes to a reconstruction: frame, units, mesh, maps, landmarks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from deca_by_seed import PHOTO, codes, deca, draw, golden, head, observed, some
from maquette.geometry.camera import project
from maquette.geometry.mesh import vertex_normals
from maquette.reconstruction.deca.align import aligned
from maquette.reconstruction.deca.codes import HeadCodes
from maquette.reconstruction.deca.head import OFFICIAL
from maquette.reconstruction.deca.head import project as project_head
from maquette.reconstruction.deca.result import (
    DecaView,
    charts_of,
    head_frame,
    one_identity,
    reconstruction_of,
    still_vertices,
)


@pytest.fixture(scope="module")
def found() -> HeadCodes:
    return HeadCodes(**codes(1))


def whole(ready, found, expression=None):
    """The reconstruction of heads that all stand in the same photo."""
    view = DecaView(observed().frame.size, observed().box)
    count = len(found)
    return reconstruction_of(ready, found, [aligned(observed())] * count, [view] * count, expression=expression)


@pytest.fixture(scope="module")
def made(found):
    return whole(deca(), found)


def test_the_mesh_is_the_unturned_head_in_metres(made, found):
    frame = head_frame(deca(), found, None)
    upright = deca().upright(found).shape
    np.testing.assert_allclose(made.shape.vertices, upright.vertices[0].numpy() - frame.origin, atol=1e-6)
    assert made.model is None and not made.metric and made.motion is None
    assert vertex_normals(made.shape.vertices.astype(float), made.shape.faces)[:, 2].mean() > 0.5


def test_a_measured_pupil_distance_sets_the_size(found):
    frame = head_frame(deca(), found, 0.07)
    decoder = head().decoder
    joints = decoder.joints(decoder.shaped(torch.cat((found.shape, 0 * found.exp), 1)))[0].numpy()
    assert np.linalg.norm(joints[3] - joints[4]) * frame.scale == pytest.approx(0.07, rel=1e-5)


def test_landmarks_lie_where_the_camera_sees_them(made):
    pixels, _ = project(made.cameras[0], made.parameters["landmarks3d_world"].astype(float))
    photo = made.parameters["landmarks3d_photo"]
    np.testing.assert_allclose(pixels + observed().box[:2], photo[:, :2], atol=2e-3)
    apart = np.linalg.norm(made.parameters["landmarks2d_photo"][17:] - photo[17:, :2], axis=1)
    assert apart.max() < 1e-3, "all but the jaw line are the same points"
    assert set(np.unique(photo[:, 3])) <= {0, 1}


def test_detail_is_the_published_dense_mesh_turned_upright(found):
    """The published function's vertices at all covered texels; theirs are turned, and not masked."""
    ready = deca(OFFICIAL)
    own = ready.decode(HeadCodes(**codes(2)))
    table = head().table
    normals = torch.nn.functional.normalize(table.draw(own.shape.normals), dim=1)
    dense = (table.draw(own.shape.vertices) + own.displacement * normals) * table.covered
    torch.testing.assert_close(some(dense[0].permute(1, 2, 0).contiguous()), golden("dense"), atol=1e-5, rtol=1e-4)


def test_detail_lies_on_the_surface_and_goes_beyond_its_seams(made):
    detail = made.parameters
    rows = np.round((1 - detail["detail_uvs"][:, 1]) * 256 - 0.5).astype(int)
    columns = np.round(detail["detail_uvs"][:, 0] * 256 - 0.5).astype(int)
    inside = head().table.covered.numpy()[rows, columns]
    plain = head().table.draw(torch.from_numpy(made.shape.vertices)[None])[0].permute(1, 2, 0).numpy()
    moved = np.linalg.norm(detail["detail_vertices"] - plain[rows, columns], axis=1)
    np.testing.assert_allclose(moved[inside], np.abs(detail["displacement"][rows, columns])[inside], atol=1e-6)
    assert (~inside).sum() > 300, "a rim of one texel"


def test_quirks_of_the_published_code_can_be_had(made, found):
    official = whole(deca(OFFICIAL), found)
    outside = head().mask[0, 0].numpy() == 0
    wanted = draw(found.latent)[0, 0].numpy() + head().fixed[0, 0].numpy()
    np.testing.assert_allclose(official.parameters["displacement"], wanted, atol=1e-7)
    assert not np.allclose(made.parameters["displacement"][outside], wanted[outside], atol=1e-5)


def test_charts_are_parted_where_the_texture_is():
    found = charts_of(head().files)
    assert len(found) == len(head().uv_triangles) and found.min() == 0


def test_another_expression_keeps_the_photos_own_for_its_texture(found):
    other = HeadCodes(**codes(3)).of(2)
    made = whole(deca(), found, other)
    plain = whole(deca(), found)
    np.testing.assert_allclose(made.motion[0], plain.shape.vertices, atol=1e-6)
    assert np.abs(made.shape.vertices - plain.shape.vertices).max() > 1e-3
    np.testing.assert_array_equal(made.parameters["code_exp"], other.exp.numpy())
    np.testing.assert_allclose(made.cameras[0].world_to_camera, plain.cameras[0].world_to_camera)


def test_what_the_report_says(made):
    facts = made.provenance
    assert set(facts["pose"][0]) == {"yaw", "pitch", "roll"} and facts["flame"]["licence"]
    assert facts["landmark_error_px"][0] < max(PHOTO)
    assert facts["pose"][0]["yaw"] == pytest.approx(float(codes(1)["pose"][0, 1]), abs=0.1)


def test_several_photos_have_one_identity_and_cameras_that_fit_it():
    several = HeadCodes(**codes(3))
    shared = one_identity(deca(), several)
    for name in ("shape", "tex", "detail"):
        assert torch.equal(getattr(shared, name)[0], getattr(shared, name)[2])
    assert torch.equal(shared.exp, several.exp) and torch.equal(shared.pose, several.pose)

    def apart(found: HeadCodes) -> float:
        marks = [project_head(head().shape(one).landmarks3d, one.cam) for one in (found, several)]
        return float((marks[0] - marks[1])[..., :2].abs().mean())

    unfitted = HeadCodes(**{**shared.named, "cam": several.cam})
    assert apart(shared) < apart(unfitted)
    alone = one_identity(deca(), several.of(slice(0, 1)))
    torch.testing.assert_close(alone.cam, several.cam[:1], atol=1e-4, rtol=1e-4)


def test_several_photos_are_one_mesh_that_moves():
    several = HeadCodes(**codes(3))
    made = whole(deca(), several)
    assert len(made.cameras) == 3 and made.motion.shape == (3, 900, 3)
    np.testing.assert_allclose(made.motion[0], made.shape.vertices, atol=1e-6)
    assert made.parameters["code_exp"].shape == (3, 50) and made.parameters["landmarks3d"].shape == (3, 68, 4)
    still = still_vertices(deca(), one_identity(deca(), several))
    np.testing.assert_allclose(np.ptp(made.motion[2], axis=0), np.ptp(still[2], axis=0), atol=1e-6)
    assert len(made.provenance["pose"]) == 3 and made.provenance["photos"] == 3
