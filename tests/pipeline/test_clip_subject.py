"""One person through a clip: the frames the texture is from, what a method is given, a mesh per frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from clips import write_clip
from dolls import seen as doll
from drawn import RED, TETRAHEDRON, observe, picture, placement, standing
from maquette.core.errors import InternalError
from maquette.core.options import Options, VideoOptions
from maquette.core.types import Camera, Frame, Mesh, Reconstruction, Subject
from maquette.perception.tracking.sighting import sighted
from maquette.pipeline import clip_subject
from maquette.pipeline.clip_subject import ClipSubject, enlarged, key_frames, only
from maquette.reconstruction.body_fit import method as body
from maquette.reconstruction.methods import CLIP, ONE, FrameShape, Method
from maquette.sources.video import open_clip
from maquette.texturing.frames import Paint

WHOLE = Method("whole", (Subject.PERSON,), (CLIP,), (), "nowhere:build", "Nobody 2026")
EACH = replace(WHOLE, name="each", views=(ONE,))


def sights(count, **odd):
    """Sightings of somebody; `odd`: k3=("flag",)."""
    one = sighted(observe(Frame(picture((RED, 60)), 0.0, "drawn"))[0], 0)
    return [replace(one, frame=2 * k, time=k / 12.5, flags=odd.get(f"k{k}", ())) for k in range(count)]


@pytest.fixture
def subject(tmp_path):
    """subject(method, reconstructor, count) -> one who walks through a real clip of 12 frames."""

    def build(method, reconstructor, count=6):
        clip = open_clip(write_clip(tmp_path / "walk.mp4", standing(12)), VideoOptions())
        return ClipSubject("person-1", clip, tuple(sights(count)), method, reconstructor)

    return build


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 100])
def test_key_frames_begin_with_the_first_and_spread(count):
    chosen = key_frames(sights(count))
    assert chosen[0] == 0 and chosen == sorted(set(chosen)) and len(chosen) == min(count, 6)
    assert chosen[-1] >= 0.79 * (count - 1)


def test_key_frames_are_clear_ones():
    flagged = {f"k{k}": ("blurred",) for k in range(1, 60) if k != 33}
    assert 33 in key_frames(sights(60, **flagged))


def moving(count):
    place = placement(count)
    frames = [one.observation() for one in sights(count)]
    return body.assembled(place, frames, Options().body)


def test_only_some_frames():
    part = only(moving(9), [0, 4, 8])
    np.testing.assert_allclose(part.pose.translation[:, 0], [0, 0.08, 0.16], atol=1e-9)
    assert len(part.cameras) == len(part.expression) == len(part.pose) == 3


@pytest.mark.parametrize("pictures", [True, False])
def test_a_method_for_clips_gets_every_frame_with_its_time(subject, pictures):
    given = {}

    def reconstructor(observations):
        given["seen"], given["keys"] = observations[:], observations.key_frames
        observations.report(3)
        return moving(len(observations))

    said = []
    made = subject(replace(WHOLE, pictures=pictures), reconstructor).reconstructed(said.append)
    assert [one.frame.time for one in given["seen"]] == pytest.approx([k / 12.5 for k in range(6)]) and said == [3]
    assert all(one.frame.pixels.any() == pictures for one in given["seen"])
    assert all(one.frame.pixels.any() for one in given["keys"].values()), "key frames have pictures in any case"
    assert made.pose.frames.tolist() == [2 * k for k in range(6)] and len(made.cameras) == 6


def test_a_method_that_forgets_frames_is_named(subject):
    with pytest.raises(InternalError, match="whole.*camera for each of 6"):
        subject(WHOLE, lambda _observations: moving(4)).reconstructed(lambda _done: None)


def test_a_method_for_photos_gets_the_first_frame_alone(subject):
    given = []

    def reconstructor(observations):
        given.append(list(observations))
        return Reconstruction(TETRAHEDRON, (Camera(np.eye(3), np.eye(4), (8, 8)),))

    subject(EACH, reconstructor).reconstructed(lambda _done: None)
    assert len(given) == 1 and len(given[0]) == 1 and given[0][0].frame.pixels.any()


def test_the_motion_of_all_frames_and_the_texture_of_some(subject, monkeypatch):
    monkeypatch.setattr(clip_subject.texturing, "finish", lambda shape, _seen, _options: shape)
    made, seen = subject(WHOLE, None, 6).textured(moving(6), Options())
    assert [one.frame.origin for one in seen] == [f"frame {2 * k}" for k in range(6)]
    assert len(made.pose) == len(made.expression) == 6 and len(made.cameras) == len(seen)


def test_the_camera_of_a_crop_kept_small_is_that_of_the_crop():
    place, one = doll()
    small = sighted(one, 0).observation()
    assert small.frame.size != one.frame.size
    again = enlarged(place.camera(0, small), one.frame.size)
    np.testing.assert_allclose(again.intrinsics, place.camera(0, one).intrinsics, rtol=1e-12)
    assert again.size == one.frame.size


def painted(place):
    model = place.skeleton.model
    return Paint(model.faces, np.full((len(model.mean), 3), 99, np.uint8))


def test_a_mesh_of_the_body_has_its_colours_and_overlap(subject):
    place, one = doll()
    whole = body.assembled(place, [one], Options().body)
    made = subject(WHOLE, lambda _observations: whole).frame_mesh(whole, painted(place), 0, one)
    assert (made.mesh.vertex_colors == 99).all() and made.overlap > 0.97
    np.testing.assert_allclose(made.mesh.vertices, place.vertices(0), atol=1e-6)
    moved = body.assembled(replace(place, spot=place.spot + np.array([60, 0])), [one], Options().body)
    assert subject(WHOLE, None).frame_mesh(moved, painted(place), 0, one).overlap < 0.5


def test_a_drawn_surface_is_one_piece_coloured_from_the_frame(subject):
    place, one = doll()
    whole = body.assembled(place, [one], Options().body)
    ball, crumb = (trimesh.creation.icosphere(2, r).apply_translation([0, 0.9, z]) for r, z in ((0.3, 0), (0.02, 2)))
    both = trimesh.util.concatenate([ball, crumb])

    class Drawer:
        def __call__(self, observations):
            return whole

        def frame(self, whole, index, observation):
            return FrameShape(Mesh(np.float32(both.vertices), np.int32(both.faces)), np.array([1.0, 2, 3, 4]))

    made = subject(WHOLE, Drawer()).frame_mesh(whole, painted(place), 0, one)
    assert len(made.mesh.faces) == len(ball.faces) and made.mesh.vertex_colors.dtype == np.uint8
    assert made.rect.tolist() == [1, 2, 3, 4]
