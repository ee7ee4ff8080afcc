"""EfficientNet-Lite0 as we build it: the published graph's results, and what its classes are."""

from __future__ import annotations

import numpy as np
import torch

from maquette.perception.pets.features import CLASSES, CLASSES_OF, WIDTHS, PetFeatures
from maquette.perception.pets.reader import class_names, load_features

# Of the published graph in LiteRT, for `shaded()`: mean and spread of its results at the strides 4, 8, 16 and 32, and
# the logits of the classes 150, 285 and 397.
PUBLISHED = ((1.1416, 8.5015), (0.2013, 8.5158), (-0.2938, 5.7818), (-0.0509, 2.2483))
LOGITS = (0.857, -0.579, -1.839)


def shaded(side: int = 224) -> np.ndarray:
    """A picture that is easy to make again: (S, S, 3) uint8."""
    y, x = np.mgrid[0:side, 0:side]
    return np.stack([x % 256, (2 * y + x) % 256, ((x - 112) ** 2 + (y - 112) ** 2) // 64 % 256], axis=2).astype(
        np.uint8
    )


def test_it_answers_as_the_published_graph_does():
    with torch.inference_mode():
        maps, classes = load_features()(torch.from_numpy(shaded().transpose(2, 0, 1))[None])
    for found, (mean, spread) in zip(maps, PUBLISHED, strict=True):
        assert abs(float(found.mean()) - mean) < 0.004 * spread + 1e-3 and abs(float(found.std()) / spread - 1) < 0.004
    assert np.allclose(classes[0, [150, 285, 397]].numpy(), LOGITS, atol=0.03)


def test_features_have_their_strides_and_widths():
    network = PetFeatures().eval()
    with torch.inference_mode():
        maps, classes = network(torch.zeros(2, 3, 96, 64, dtype=torch.uint8))
    assert [m.shape for m in maps] == [(2, c, 96 // s, 64 // s) for c, s in zip(WIDTHS, (4, 8, 16, 32))]
    assert classes.shape == (2, CLASSES)


def test_classes_are_the_animals_they_are_taken_for():
    names = class_names()
    assert len(names) == CLASSES
    assert {"tabby", "Siamese cat"} <= {names[k] for k in CLASSES_OF["cat"]}
    assert {"Chihuahua", "Mexican hairless"} <= {names[k] for k in CLASSES_OF["dog"]}
    assert {"timber wolf", "red fox", "lion", "tiger", "cougar"} <= {names[k] for k in CLASSES_OF["wild"]}
    assert len({k for rows in CLASSES_OF.values() for k in rows}) == sum(map(len, CLASSES_OF.values()))
