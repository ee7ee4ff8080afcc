"""Who is still there and has no result is counted, who left or was left out on purpose is not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from maquette.core.errors import NothingFound
from maquette.evaluation.temporal import vanished as module

WATCHED = range(20)


def view(number: int, lost: str = "", name: str = "person-1", left: float = 100, skipped: bool = False):
    box = np.array([left, 50, left + 60, 210.0])
    return SimpleNamespace(name=name, number=number, box=box, lost=lost, skipped=skipped)


def somebody(left: float):
    """An observation of somebody who fills the box."""
    return SimpleNamespace(box=np.array([left, 50, left + 60, 210.0]), mask=np.ones((160, 60), np.float32))


@pytest.fixture(autouse=True)
def pictures(monkeypatch):
    monkeypatch.setattr(module.video, "frames_at", lambda _, numbers: ((n, n) for n in numbers))


def test_who_is_still_there_is_counted():
    views = [view(number) for number in range(10)]
    assert module.vanished(views, WATCHED, None, lambda _: [somebody(105)]) == {"person-1": 10}
    assert module.vanished(views, WATCHED, None, lambda frame: [somebody(105)] if frame < 15 else []) == {"person-1": 5}


def test_who_left_and_who_has_a_result_is_not():
    def nobody(frame):
        raise NothingFound("nobody")

    views = [view(number) for number in range(10)]
    for observe in (nobody, lambda _: [somebody(400)]):
        assert module.vanished(views, WATCHED, None, observe) == {"person-1": 0}
    other = [view(number, name="person-2", left=110) for number in WATCHED]
    assert module.vanished(views + other, WATCHED, None, lambda _: [somebody(105)])["person-1"] == 0


def test_frames_before_the_first_and_those_left_out_on_purpose_do_not_count():
    views = [view(number) for number in range(10, 15)]
    views += [view(number, lost="skipped", skipped=True) for number in range(15, 20)]
    assert module.vanished(views, WATCHED, None, lambda _: [somebody(105)]) == {"person-1": 0}
    failed = [view(0), view(19), *(view(number, lost="failed") for number in range(1, 19))]
    assert module.vanished(failed, WATCHED, None, lambda _: [somebody(105)]) == {"person-1": 18}
