"""How each kind of subject is looked for: one observer per `Subject`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from maquette.core.options import PerceptionOptions
from maquette.core.types import Frame, Observation, Subject
from maquette.perception.faces.enlarge import observe_enlarged
from maquette.perception.people.judgement import flags
from maquette.perception.people.observe import observe_people
from maquette.perception.pets.observe import observe_pets
from maquette.perception.pets.whole import observe_whole_pets


def observe_judged(frame: Frame, options: PerceptionOptions) -> list[Observation]:
    """Every person in a picture, with notes on what is wrong with it: blurred, cropped, crowded, an unusual pose.

    Raises:
        NothingFound: as `people.observe.observe_people`.
    """
    persons = observe_people(frame, options)
    return [
        replace(one, notes=one.notes + tuple(flags(one, persons[:place] + persons[place + 1 :]).values()))
        for place, one in enumerate(persons)
    ]


Observer = Callable[[Frame, PerceptionOptions], list[Observation]]
OBSERVERS: dict[Subject, Observer] = {
    Subject.FACE: observe_enlarged,
    Subject.PERSON: observe_judged,
    Subject.PET: observe_pets,
}
WHOLE: dict[Subject, Observer] = {Subject.PET: observe_whole_pets}  # for methods that want more than the face
