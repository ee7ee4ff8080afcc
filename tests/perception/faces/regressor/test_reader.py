"""The face network on real and on synthetic faces; no real photograph but the one that scikit-image carries."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from maquette.core.types import Frame
from maquette.perception.faces.observe import observe
from maquette.perception.faces.regressor import reader, rescue
from maquette.perception.faces.regressor.align import face_square
from maquette.perception.square import Square


@pytest.fixture(scope="module")
def astronaut():
    return observe(Frame(data.astronaut(), origin="astronaut"))[0]


def test_network_and_detector_agree_on_a_clear_photograph(astronaut):
    reading = astronaut.reading
    assert reading.landmarks.shape == (478, 3) and reading.sigma.shape == (478,)
    assert not reading.alone and reading.disagreement < 0.05
    assert reading.presence > 0.9


def test_it_reads_the_image_and_not_the_place(astronaut):
    """A crop placed beside the face, turned and too large, settles on the same landmarks."""
    pixels = astronaut.frame.pixels
    face = face_square(astronaut.landmarks)
    off = Square(face.centre + 0.08 * face.side, face.side * 1.15, face.roll + 0.15)
    found = reader.read(pixels, off, settle=2)
    apart = np.linalg.norm(found.landmarks[:, :2] - astronaut.reading.landmarks[:, :2], axis=1).mean()
    assert apart < 0.025 * face.side


def test_uncertainty_grows_where_a_face_is_covered(astronaut):
    pixels = astronaut.frame.pixels.copy()
    face = face_square(astronaut.landmarks)
    low = (face.centre + np.array([-0.6, 0.05]) * face.side).astype(int)
    pixels[low[1] :, low[0] : low[0] + int(1.2 * face.side)] = 90
    covered = reader.read(pixels, face)
    mouth, brow = [13, 14, 61, 291], [105, 334, 107, 336]
    ratio = covered.sigma[mouth].mean() / astronaut.reading.sigma[mouth].mean()
    assert ratio > 1.2
    assert ratio > covered.sigma[brow].mean() / astronaut.reading.sigma[brow].mean()


def test_darkness_hardly_matters(astronaut):
    dark = (astronaut.frame.pixels * 0.25).astype(np.uint8)
    face = face_square(astronaut.landmarks)
    found = reader.read(dark, face)
    apart = np.linalg.norm(found.landmarks[:, :2] - astronaut.reading.landmarks[:, :2], axis=1).mean()
    assert apart < 0.015 * face.side


@pytest.mark.parametrize("picture", ["cat", "coffee", "brick", "grass", "gravel", "rocket", "camera", "coins"])
def test_no_face_is_read_where_there_is_none(picture):
    try:
        pixels = getattr(data, picture)()
    except Exception as error:  # noqa: BLE001  scikit-image fetches some of its pictures; what fails without network varies
        pytest.skip(str(error))
    pixels = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
    side = min(pixels.shape[:2])
    reading = reader.read(np.ascontiguousarray(pixels), Square(np.array([side, side]) / 2, side * 0.5, 0.0), settle=1)
    assert not rescue.believable(reading)


def test_the_shipped_weights_give_their_golden_tensors():
    import torch
    from safetensors.torch import load_file

    golden = load_file(Path(__file__).parents[3] / "golden" / "face-regressor.safetensors")
    with torch.inference_mode():
        found = reader.load_regressor()(golden["input.0"])
    for name in ("landmarks", "log_sigma", "identity", "expression", "presence"):
        assert torch.allclose(getattr(found, name), golden[f"output.{name}"], atol=1e-4), name


@pytest.fixture(scope="module")
def profile():
    """Somebody who does not exist and nobody trained with, from the side."""
    from maquette.synthesis.rendering.sensor import Sensor
    from maquette.synthesis.scenes.face_sample import Overrides, photograph_face
    from maquette.synthesis.scenes.head_scene import draw_person

    person = draw_person((901, 1, 3), split="test")
    return photograph_face(person, (901, 1, 3, 1), 320, overrides=Overrides(yaw=np.radians(85), sensor=Sensor(jpeg=90)))


def test_a_profile_is_read_by_the_network_alone(profile):
    from maquette.core.options import Options
    from maquette.reconstruction import methods
    from maquette.weights.store import fetch

    seen = observe(Frame(profile.image, origin="profile"))
    assert len(seen) == 1 and seen[0].reading.alone
    assert any("profile" in note for note in seen[0].notes)
    scale = (seen[0].box[2] - seen[0].box[0]) / seen[0].frame.size[0]
    found = seen[0].landmarks[:, :2] * scale + seen[0].box[:2]
    true = profile.landmarks["mediapipe478"][:, :2]
    shown = profile.visible["mediapipe478"]
    assert np.linalg.norm(found - true, axis=1)[shown].mean() < 0.05 * np.ptp(true, axis=0).max()
    head = methods.load(methods.find("parametric"), fetch, Options())(seen)
    assert np.degrees(head.provenance["pose"][0]["yaw"]) == pytest.approx(-85, abs=15)  # turned to its right
