"""Methods whose answers are known score what they must: the truth 0 mm, the average head its own error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.core.errors import BadInput, NothingFound
from maquette.core.options import options_from
from maquette.evaluation.benchmarks import synthetic
from maquette.evaluation.benchmarks.synthetic import (
    FRONTAL,
    Condition,
    Plan,
    compare_synthetic,
    evaluate_synthetic,
    sensor_for,
)
from maquette.evaluation.meshes import Shape
from maquette.evaluation.predict import average_head
from maquette.synthesis.scenes.face_sample import photograph_face
from maquette.synthesis.scenes.head_scene import draw_person, head_model

SIZE, PEOPLE = 96, 2
PROFILE, DARK = Condition("yaw", "yaw 60", yaw=60), Condition("exposure", "-3 EV", exposure=-3)


@pytest.fixture(scope="module")
def samples():
    """(person number, condition name) -> FaceSample, taken once for all tests."""
    taken: dict = {}
    return taken


@pytest.fixture
def run(monkeypatch, samples):
    """A function: evaluate a method given as `answer(sample, name) -> Prediction`; photographs are taken once."""
    shown: list = []

    def remembered(person, seed, size, overrides):
        key = (seed, overrides)
        if key not in samples:
            samples[key] = photograph_face(person, seed, size, overrides=overrides)
        shown.append(samples[key])
        return samples[key]

    def make(answer, conditions, names=None):
        class Stub:
            def __init__(self, options):
                pass

            def predict(self, photo, box):
                assert photo.is_file() and (box[2:] > box[:2]).all()
                return answer(shown[-1], photo.stem)

        def note(name, stage):
            if names is not None:
                names.append((name, stage))

        monkeypatch.setattr(synthetic, "Predictor", Stub)
        monkeypatch.setattr(synthetic, "photograph_face", remembered)
        monkeypatch.setattr(synthetic, "TEXTURE", 128)
        return evaluate_synthetic(PEOPLE, 3, SIZE, conditions, progress=note)

    return make


def truth_of(sample, _name=""):
    """The true head, turned, moved and shrunk, with the true landmarks."""
    model, who = head_model(), sample.person.identity
    vertices = 1000.0 * model.vertices(who.coefficients, np.zeros(len(model.expression_names)), who.scale)
    turned = 0.9 * vertices.astype(float)[:, [2, 0, 1]] + [5.0, -3.0, 2.0]
    shape = Shape(turned, model.faces, "truth")
    return replace(average_head(), head=shape, neutral=shape, pixels=sample.landmarks["ibug68"])


def average_of(sample, _name=""):
    """The average head, its landmarks 2 pixels to the right."""
    return replace(average_head(), pixels=sample.landmarks["ibug68"] + [2.0, 0, 0])


def test_the_truth_has_no_error_but_the_wrong_size(run):
    names: list = []
    table = run(truth_of, [PROFILE, DARK], names)
    for part in table.more[:2]:
        assert part.column("found") == [PEOPLE] * 2
        assert np.allclose(part.column("error mm"), 0, atol=1e-3) and np.allclose(part.column("NME %"), 0)
        assert min(part.column("metric mm")) > 1.0 and min(part.column("average head mm")) > 0.5
    assert ("001 yaw 60", "reconstruction") in names and len(names) == PEOPLE * 3 * 2


def test_the_average_head_scores_as_its_own_column(run):
    table = run(average_of, [PROFILE, DARK])
    rows = dict(zip(table.column("score"), table.column("value")))
    assert rows["frontal error mm"] == pytest.approx(rows["average head's error mm"], rel=1e-6)
    assert rows["frontal over average head"] == pytest.approx(1, rel=1e-6)
    assert rows["60 degrees over frontal"] == pytest.approx(1) and rows["-3 EV over 0 EV"] == pytest.approx(1)
    assert rows["photos without a head %"] == 0
    yaw, dark, tone = table.more
    assert yaw.column("condition") == ["frontal", "yaw 60"] and dark.column("condition") == ["frontal", "-3 EV"]
    # 2 pixels against a face of about 50.
    assert all(2 < value < 8 for value in yaw.column("NME %"))
    assert tone.column("n")[-1] == PEOPLE
    assert table.to_json() and "yaw 60" in table.to_markdown()


def test_photos_without_a_head_are_counted_and_left_out_of_both_sides(run):
    def answer(sample, name):
        if name == "001 yaw 60":
            raise NothingFound(f"{name}: no face found")
        return average_of(sample)

    table = run(answer, [PROFILE])
    row = dict(zip(table.more[0].columns, table.more[0].rows[1]))
    assert (row["n"], row["found"], row["found %"], row["people in both"]) == (2, 1, 50, 1)
    assert row["against frontal"] == pytest.approx(1)
    assert any("yaw 60: no head of 1 of 2 people (1)" in note for note in table.notes)
    assert dict(zip(table.column("score"), table.column("value")))["photos without a head %"] == 25


def test_nothing_found_anywhere_is_a_table_too(run):
    def blind(_sample, _name):
        raise NothingFound("no face")

    table = run(blind, [PROFILE])
    assert set(table.column("value")) == {None, 100.0} and table.more[0].column("found") == [0, 0]


def test_heads_of_other_triangles_are_refused(run, sphere):
    with pytest.raises(BadInput, match="another topology"):
        run(lambda sample, _name: replace(average_of(sample), neutral=sphere(90.0, 2)), [])


def test_conditions_change_only_what_they_say(run, samples):
    run(average_of, [PROFILE, DARK])
    taken = {(key[0][2], round(abs(key[1].yaw), 2), key[1].sensor.exposure): s for key, s in samples.items()}
    for number in range(PEOPLE):
        plain, turned, dark = (taken[number, yaw, ev] for yaw, ev in ((0, 0), (1.05, 0), (0, -3)))
        assert np.array_equal(plain.expression, turned.expression) and np.array_equal(plain.depth, dark.depth)
        assert plain.pose[0] == 0 and np.sign(turned.pose[0]) == (-1) ** number
        assert dark.image.mean() < 0.6 * plain.image.mean()


def test_the_sensor_of_a_condition():
    assert sensor_for(DARK, 200.0).gain == 8 and sensor_for(DARK, 200.0).exposure == -3
    assert sensor_for(Condition("width", "w", width=50), 200.0).shrink == 4
    assert sensor_for(Condition("width", "w", width=500), 200.0).shrink == 1
    assert sensor_for(Condition("blur", "b", blur=2), 200.0).defocus == 4
    assert sensor_for(FRONTAL, 200.0).shrink == 1


def test_the_same_person_in_another_tone_has_the_same_shape(monkeypatch):
    monkeypatch.setattr(synthetic, "TEXTURE", 128)
    person = draw_person((3, 1, 0), 128, split="test")
    light, dark = synthetic.painted(person, 2), synthetic.painted(person, 9)
    assert light.identity is dark.identity and light.hair is dark.hair
    assert abs(light.skin.monk - 2) <= 1 and abs(dark.skin.monk - 9) <= 1
    assert light.skin.albedo.mean() > 2 * dark.skin.albedo.mean()


def test_an_ablation_shows_everybody_the_same_photographs(run):
    run(average_of, [])  # the stub answers for both
    table = compare_synthetic({"a": options_from(), "b": options_from(seed=1)}, Plan(PEOPLE, 3, SIZE, [PROFILE]))
    assert table.column("a: error mm") == table.column("b: error mm") == pytest.approx(table.column("average head mm"))
    assert table.column("n") == [PEOPLE] * 2


def test_impossible_wishes_are_one_line():
    with pytest.raises(BadInput, match="1 person"):
        evaluate_synthetic(0)
    with pytest.raises(BadInput, match="nothing to compare"):
        compare_synthetic({})
    with pytest.raises(BadInput, match="two conditions of one name"):
        evaluate_synthetic(1, conditions=[PROFILE, replace(PROFILE, yaw=30)])
