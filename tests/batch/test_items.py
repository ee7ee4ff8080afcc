"""Rows of a manifest: what they name, what they set, and names that stay the same."""

from __future__ import annotations

import re

import pytest

from maquette.batch.items import BadRow, Item, check_columns, item_of, known_columns
from maquette.core.errors import BadInput
from maquette.core.options import options_from


def made(row, subject="face"):
    return item_of(row, 1, subject, lambda text: f"/home/{text}")


def test_text_of_a_table_becomes_the_options_own_types():
    row = {"photo": "a.jpg", "texture_size": "512", "together": "yes", "height": "180.5", "hair": "none", "end": ""}
    item = made(row)
    assert item.options == {"texture_size": 512, "together": True, "height": 180.5, "hair": "none"}
    assert (item.sources, item.subject, item.clip) == (("/home/a.jpg",), "face", False)
    options_from(**item.options)


def test_several_photos_of_a_row_are_one_subject():
    assert made({"photos": "a.jpg | b.jpg"}) == made({"photos": ["a.jpg", "b.jpg"]})
    item = made({"photos": "a.jpg|b.jpg"})
    assert item.sources == ("/home/a.jpg", "/home/b.jpg") and item.options == {"together": True}
    assert made({"photos": "a.jpg|b.jpg", "together": "no"}).options == {"together": False}


@pytest.mark.parametrize("name,clip", [("a.mp4", True), ("A.MOV", True), ("a.jpg", False), ("mp4", False)])
def test_a_clip_is_known_by_its_name(name, clip):
    assert made({"source": name}).clip == clip


@pytest.mark.parametrize(
    "row,reason",
    [
        ({"photo": "", "seed": "3"}, "names no file"),
        ({"photo": "a\0.jpg"}, "names no file"),
        ({"photo": "a.jpg", "subject": "ghost"}, "subject 'ghost': wanted face, person, pet"),
        ({"photo": "a.jpg", "texture_size": "12"}, "texture size 12: wanted 256"),
        ({"photo": "a.jpg", "texture_size": "big"}, "texture size 'big': wanted a whole number"),
        ({"photo": "a.jpg", "hair": "mohawk"}, "hair 'mohawk': wanted auto"),
    ],
)
def test_a_row_that_is_no_work_says_why_and_raises_nothing(row, reason):
    bad = made(row)
    assert isinstance(bad, BadRow) and reason in bad.reason and bad.number == 1


def test_a_name_is_the_rows_alone_whatever_it_is_called_in_it():
    item = made({"photo": "a.jpg", "seed": 3})
    assert item.key == made({"seed": "3", "photo": "a.jpg"}).key and re.fullmatch(r"a-[0-9a-f]{12}", item.key)
    others = [{"photo": "b/a.jpg", "seed": 3}, {"photo": "a.jpg", "seed": 4}, {"photo": "a.jpg"}]
    assert len({item.key, *(made(row).key for row in others), made({"photo": "a.jpg", "seed": 3}, "pet").key}) == 5
    assert item.folder.split("/")[1] == item.key[-12:-10] and item.folder.endswith(item.key)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "", "con\x00", "x" * 300, "\udcff", "a\nb", "C:\\x"])
def test_a_name_stays_a_name(name):
    for row in ({"photo": "a.jpg", "name": name}, {"photo": name.replace("\0", "") + ".jpg"}):
        item = made(row)
        assert re.fullmatch(r"results/[0-9a-f]{2}/[^/\\]{1,80}", item.folder) and "\n" not in item.folder
        assert ".." not in item.folder.split("/")
        item.key.encode()


def test_an_item_travels_as_text():
    item = made({"photos": ["ä.jpg", "b.jpg"], "seed": 3, "end": 2.5})
    assert Item.from_json(item.to_json()) == item and "\n" not in item.to_json()


def test_columns_that_mean_nothing_are_refused_before_any_work():
    check_columns(["photo", "subject", "name", "kind", "reason", *known_columns()], "m.csv")
    with pytest.raises(BadInput, match=r"m.csv: column 'colour' means nothing"):
        check_columns(["photo", "colour"], "m.csv")
    with pytest.raises(BadInput, match=r"m.csv: has no column that names a file: wanted photo"):
        check_columns(["subject"], "m.csv")
