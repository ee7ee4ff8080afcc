"""The doors on real photographs, which are not part of the project: run with MAQUETTE_REAL_DATA."""

from __future__ import annotations

import json
import re

import cv2
import numpy as np
import pytest

from coverings import COLOURS, with_mask
from maquette import morphable
from maquette.cli.main import run
from maquette.geometry.alignment import similarity
from maquette.perception.faces.search import find_faces
from maquette.sources import photos
from maquette.texturing.head.layers import layers_of

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
MODEL = morphable.load("maquette-head")
QUICK = ["--texture-size", "256", "--no-turntable", "--no-overview", "--formats", "glb"]


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def test_a_group_beside_a_cat(real_data, tmp_path, capfd):
    """Two people left to right; the cat is told, and nothing of the libraries' chatter is seen."""
    cat = sorted((real_data / "pets").glob("cat*.jpg"))[0]
    assert run(["face", str(real_data / "group/two.jpg"), str(cat), "-o", str(tmp_path / "out"), *QUICK]) == 0
    err = capfd.readouterr().err.splitlines()
    assert len(err) == 1 and cat.name in err[0]
    done = summary(tmp_path / "out")["done"]
    assert [row["folder"] for row in done] == ["two/face-1", "two/face-2"]
    reports = [json.loads((tmp_path / "out" / row["folder"] / "report.json").read_text()) for row in done]
    lefts = [report["photo_facts"][0]["box"][0] for report in reports]
    assert lefts[0] < lefts[1]


def test_three_views_of_one_person(real_data, tmp_path):
    photos = sorted(str(path) for path in (real_data / "multiview").glob("*.jpg"))
    assert run(["face", *photos, "-o", str(tmp_path / "out"), "--together", "--pupil-distance", "62", *QUICK]) == 0
    report = json.loads((tmp_path / "out/together/face-1/report.json").read_text())
    assert len(report["photo_facts"]) == len(photos) == 3
    assert report["scale"]["source"] == "pupil distance"
    parameters = np.load(tmp_path / "out/together/face-1/parameters.npz", allow_pickle=False)
    assert {"identity", "expression"} <= set(parameters.files) and len(parameters["expression"]) == 3


def skin_chart(folder):
    """Of the skin's chart: (h, w, 3) colours, (h, w) confidence, (h, w) bool where plain skin is; and the layers."""
    texture, confidence = (cv2.imread(str(folder / name)) for name in ("texture.png", "texture_confidence.png"))
    layers = layers_of("maquette-head", texture.shape[0])
    rows = layers.skin_rows
    zones = {name: zone[:rows] for name, zone in layers.zones.items()}
    skin = (zones["hairline"] < 0.1) & (zones["inner"] + zones["edge"] < 0.05) & (layers.ambient[:rows] > 0.6)
    return texture[:rows, :, ::-1].astype(float), confidence[:rows, :, 0], skin, layers


def below_eyes(layers):
    """(h, w) bool of the skin chart: nose tip, mouth and chin."""
    height = layers.skin.spread(layers.model.mean)[: layers.skin_rows, :, 1]
    return (layers.zones["middle"][: layers.skin_rows] > 0.9) & (height < -0.055)


@pytest.mark.parametrize("name", ["05_mask_min.png", "05_mask_0129.jpg"])
def test_a_covered_face_is_skin_whatever_the_covering(real_data, tmp_path, name):
    """Turquoise and tartan: found, nothing of it on the skin, and what it covers is not called real."""
    assert run(["face", str(real_data / "reports" / name), "-o", str(tmp_path), *QUICK]) == 0
    colour, confidence, skin, layers = skin_chart(next(tmp_path.glob("*/face-1")))
    forehead = np.median(colour[(confidence > 200) & skin], axis=0)
    assert np.quantile(np.linalg.norm(colour - forehead, axis=2)[skin & (confidence < 30)], 0.9) < 70
    assert (colour[skin][:, 0] > colour[skin][:, 1]).mean() > 0.99  # red over green: skin, and no mask
    assert confidence[below_eyes(layers)].max() == 0
    report = json.loads((next(tmp_path.glob("*/face-1")) / "report.json").read_text())
    assert 0.1 < report["texture_real_share"]["face"] < 0.3
    assert any("covered" in note for note in report["warnings"])


@pytest.mark.parametrize("colour", COLOURS)
def test_masks_of_any_colour_give_the_same_skin(real_data, tmp_path, colour):
    """Drawn on a photo: neck and ears have the tone of the same face without a mask."""
    pixels = photos.read(real_data / "faces/hrn_00016.png").pixels
    face = max(find_faces(pixels), key=lambda one: one.size)
    made = {"bare": pixels, "masked": with_mask(pixels, face.landmarks, COLOURS[colour])[0]}
    tones = []
    for name, picture in made.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture[..., ::-1])
        assert run(["face", str(tmp_path / f"{name}.png"), "-o", str(tmp_path / "out"), *QUICK]) == 0
        chart, confidence, skin, _ = skin_chart(tmp_path / "out" / name / "face-1")
        tones.append(np.median(chart[skin & (confidence == 0)], axis=0))
    assert np.abs(tones[0] - tones[1]).max() < 25


def test_somebody_behind_takes_nothing_of_a_face(real_data, tmp_path):
    """As much of her texture is real as alone, and her hair is no beard of his."""
    both, alone = (str(real_data / "reports" / name) for name in ("10_behind.png", "10_front_alone.png"))
    assert run(["face", both, alone, "-o", str(tmp_path), *QUICK]) == 0
    hers, alone = tmp_path / "10_behind/face-2", tmp_path / "10_front_alone/face-1"
    shares = [json.loads((one / "report.json").read_text())["texture_real_share"]["face"] for one in (hers, alone)]
    assert abs(shares[0] - shares[1]) < 0.04 and shares[1] > 0.3
    sure = (skin_chart(hers)[1] > 200) & (skin_chart(alone)[1] > 200)
    assert np.median(np.abs(skin_chart(hers)[0] - skin_chart(alone)[0]).max(axis=2)[sure]) < 12
    colour, _, skin, layers = skin_chart(tmp_path / "10_behind/face-1")
    chin = skin & below_eyes(layers)
    tone = np.median(colour[skin], axis=0)
    assert np.quantile(np.linalg.norm(colour - tone, axis=2)[chin], 0.98) < 70


def test_a_crowd_says_how_many_were_left_out(real_data, tmp_path, capfd):
    """29 faces, of which the 16 largest are taken: on screen, in the summary and in JSON."""
    arguments = ["face", str(real_data / "reports/10_crowd.jpg"), "-o", str(tmp_path), *QUICK]
    assert run([*arguments, "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    words = re.compile(r"(\d+) more were found in the photo, and only the 16 largest taken: raise --max-faces")
    for done in (printed["done"], summary(tmp_path)["done"]):
        assert len(done) == 16
        found = [match for row in done for note in row["warnings"] if (match := words.match(note))]
        assert len(found) == 1 and 10 <= int(found[0][1]) <= 16
    assert run([*arguments, "--max-faces", "2"]) == 0
    assert re.search(r"2[0-9] more were found .* only the 2 largest taken: raise --max-faces", capfd.readouterr().out)


def test_another_person_among_several_photos_is_named(real_data, tmp_path, capfd):
    """Two photos of one man and one of another: the other's is named; without it nobody is."""
    him = sorted(str(path) for path in (real_data / "multiview").glob("*.jpg"))
    other = str(real_data / "faces/deca_exp_3.jpg")
    assert run(["face", *him[:2], other, "-o", str(tmp_path / "out"), "--together", *QUICK]) == 0
    (row,) = summary(tmp_path / "out")["done"]
    (warning,) = [text for text in row["warnings"] if "may be someone else" in text]
    assert warning.startswith(other) and "may be someone else" in " ".join(capfd.readouterr().out.split())
    assert run(["face", *him, "-o", str(tmp_path / "alone"), "--together", *QUICK]) == 0
    (row,) = summary(tmp_path / "alone")["done"]
    assert not any("someone else" in text for text in row["warnings"])


def test_a_selfie_gives_the_same_head_with_and_without_its_focal_length(real_data, tmp_path):
    """One picture from 0.3 m, drawn straight from the front: what the camera says may not turn or bend the head."""
    selfies = [real_data / f"reports/16_selfie_{name}.jpg" for name in ("exif", "noexif")]
    wanted = ["--formats", "obj", "--mesh", "light", *QUICK[:-2]]
    assert run(["face", *map(str, selfies), "-o", str(tmp_path / "out"), *wanted]) == 0
    heads, facts = [], []
    for photo in selfies:
        place = tmp_path / "out" / photo.stem / "face-1"
        lines = [line.split() for line in (place / "head.obj").read_text().splitlines()]
        vertices = np.array([line[1:4] for line in lines if line and line[0] == "v"], float)
        heads.append(vertices[MODEL.regions["face"] > 0.5])
        facts.append(json.loads((place / "report.json").read_text())["photo_facts"][0])
    assert facts[0]["distance_m"] == pytest.approx(0.31, abs=0.02)
    assert all(abs(one["pose_degrees"]["pitch"]) < 2.5 for one in facts), "4.4 degrees before"
    laid = similarity(heads[0], heads[1])
    away = np.linalg.norm(laid.apply(heads[0]) - heads[1], axis=1)
    assert 1000 * away.mean() < 0.35
