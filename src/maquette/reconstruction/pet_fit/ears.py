"""How a dog carries each ear: upright, tipped or hanging, by what the photos show and by its breed.

A linear model between upright and hanging ears is a half-folded one, so that each ear is one or the other. Breeds as
the network of ImageNet's classes names them, with the ears of the breed standards of the FCI and AKC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maquette.morphable import load
from maquette.morphable.pet import CARRIAGES, ear_model
from maquette.perception.pets.schemes import SCHEME
from maquette.reconstruction.methods import Fetch
from maquette.reconstruction.pet_fit.solve import HUBER, Solved, solve
from maquette.reconstruction.pet_fit.state import View, projected

EARS = {"left": (15, 16, 17), "right": (12, 13, 14)}  # landmarks
ROUNDS = 9  # of each further fit, from the first one
USUAL = {"upright": 0.4, "tipped": 0.2, "hanging": 0.4}  # of a dog of no breed
SURE = 0.9  # of a breed's own carriage: cropped ears and mongrels are the rest
WORTH = 4.0  # of the breed against the fit, for each ear: landmarks of flaps are the worst read
HANGING = frozenset("""
maltese dog, pekinese, shih-tzu, blenheim spaniel, japanese spaniel, rhodesian ridgeback, afghan hound, basset, beagle,
bloodhound, bluetick, black-and-tan coonhound, walker hound, english foxhound, redbone, otterhound, saluki, weimaraner,
bedlington terrier, sealyham terrier, dandie dinmont, tibetan terrier, lhasa, flat-coated retriever,
curly-coated retriever, golden retriever, labrador retriever, chesapeake bay retriever, german short-haired pointer,
vizsla, english setter, irish setter, gordon setter, brittany spaniel, clumber, english springer,
welsh springer spaniel, cocker spaniel, sussex spaniel, irish water spaniel, kuvasz, komondor, old english sheepdog,
rottweiler, greater swiss mountain dog, bernese mountain dog, appenzeller, entlebucher, bull mastiff, tibetan mastiff,
saint bernard, dalmatian, leonberg, newfoundland, great pyrenees, toy poodle, miniature poodle, standard poodle, briard,
bouvier des flandres, boxer, great dane, brabancon griffon
""".replace("\n", " ").strip().split(", "))  # fmt: skip
TIPPED = frozenset("""
borzoi, irish wolfhound, italian greyhound, whippet, scottish deerhound, staffordshire bullterrier,
american staffordshire terrier, border terrier, kerry blue terrier, irish terrier, norfolk terrier,
wire-haired fox terrier, lakeland terrier, airedale, miniature schnauzer, giant schnauzer, standard schnauzer,
soft-coated wheaten terrier, shetland sheepdog, collie, border collie, pug, affenpinscher
""".replace("\n", " ").strip().split(", "))  # fmt: skip


def carriage_shares(kinds: Mapping[str, float] | None) -> dict[str, float]:
    """How likely an ear of a dog is upright, tipped or hanging, by what breeds it is like.

    Args:
        kinds: breed -> share, as the network names them.

    Example:
        >>> max(carriage_shares({"beagle": 0.7, "basset, basset hound": 0.2}).items(), key=lambda item: item[1])[0]
        'hanging'
    """
    known = 0.0
    shares = dict.fromkeys(CARRIAGES, 0.0)
    for kind, share in (kinds or {}).items():
        name = kind.split(",")[0].strip().replace("_", " ").lower()
        own = "hanging" if name in HANGING else "tipped" if name in TIPPED else "upright"
        for carriage in CARRIAGES:
            shares[carriage] += share * (SURE if carriage == own else (1 - SURE) / 2)
        known += share
    rest = max(1 - known, 0.0)
    return {name: (shares[name] + rest * USUAL[name]) / (known + rest) for name in CARRIAGES}


def with_ears(
    made: Solved, views: tuple[View, ...], kinds: Mapping[str, float] | None, fetch: Fetch
) -> tuple[Solved, dict[str, str]]:
    """The dog fitted with the ears that explain photos and breed best.

    Args:
        made: fitted with upright ears.

    Returns:
        What is fitted, and how its ears are carried, "left" and "right".
    """
    prior = {name: -WORTH * float(np.log(share)) for name, share in carriage_shares(kinds).items()}
    tried = {("upright", "upright"): made}

    def fit(left: str, right: str) -> None:
        if (left, right) not in tried:
            start = replace(made.state, model=load(ear_model(left, right), fetch))
            tried[left, right] = solve(start, views, ROUNDS)

    for carriage in CARRIAGES[1:]:
        fit(carriage, carriage)
    alike = {name: tried[name, name] for name in CARRIAGES}
    left, right = (
        min(CARRIAGES, key=lambda name: _ear_error(alike[name], views, EARS[side]) + prior[name]) for side in EARS
    )
    fit(left, right)
    best = min(tried, key=lambda ears: tried[ears].energy + prior[ears[0]] + prior[ears[1]])
    return tried[best], dict(zip(EARS, best))


def _ear_error(made: Solved, views: tuple[View, ...], ear: tuple[int, ...]) -> float:
    """Half the squared distances of one ear's landmarks, in standard deviations, over all photos."""
    total, rows = 0.0, list(ear)
    for index, view in enumerate(views):
        vertices = made.state.vertices(index)
        points = made.state.model.embeddings[SCHEME].points(vertices, made.state.model.faces)[rows]
        pixels: NDArray = projected(points, made.state.poses[index], view)[0]
        away = np.linalg.norm(pixels - view.landmarks[rows], axis=1) / view.sigma[rows]
        total += float(np.where(away < HUBER, away**2, HUBER * (2 * away - HUBER)).sum()) / 2
    return total
