"""Which texture a reconstruction gets: a head's, a person's or that of any surface."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maquette import texturing
from maquette.core.types import Mesh, Subject


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    names: list[str] = []
    for name in ("finish_head", "finish_person", "finish_pet", "finish_surface"):
        monkeypatch.setattr(texturing, name, lambda made, *_rest, which=name: names.append(which) or made)
    return names


@pytest.mark.parametrize(
    ("subject", "name", "wanted"),
    [
        (Subject.FACE, "maquette-head", "finish_head"),
        (Subject.FACE, None, "finish_surface"),
        (Subject.FACE, "a model of somebody else", "finish_surface"),
        (Subject.PERSON, None, "finish_person"),
        (Subject.PET, None, "finish_surface"),
        (Subject.PET, "maquette-pet-dog", "finish_pet"),
    ],
)
def test_what_is_known_of_the_mesh_decides(asked, photograph, reconstruct, subject, name, wanted):
    seen, camera = photograph(0.0)
    made = reconstruct([camera])
    plain = Mesh(made.shape.vertices, made.shape.faces)
    texturing.finish(replace(made, shape=plain, model=name), [replace(seen, subject=subject)])
    assert asked == [wanted]
