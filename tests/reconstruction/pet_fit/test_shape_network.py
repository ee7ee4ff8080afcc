"""The shape network."""

from __future__ import annotations

import torch

from maquette.reconstruction.pet_fit.shape_network import LOG_VARIANCE, MARK, OWN, PetShapeNetwork, mark_rows


def inputs(count=2):
    noise = torch.Generator().manual_seed(0)
    return [torch.randn(count, *shape, generator=noise) for shape in ((112, 10, 10), (320, 5, 5), (20, MARK))]


def test_it_says_of_each_species_what_it_says_of_one():
    shape, variance, turn, turn_variance, kinds = PetShapeNetwork()(*inputs())
    assert shape.shape == variance.shape == (2, 3, OWN) and turn.shape == turn_variance.shape == (2, 3)
    assert kinds.shape == (2, 3) and sum(p.numel() for p in PetShapeNetwork().parameters()) < 400_000


def test_before_it_learned_it_says_the_mean_and_its_whole_spread():
    shape, variance, turn, *_ = PetShapeNetwork().eval()(*inputs())
    assert not shape.any() and not variance.any() and not turn.any()


def test_what_it_says_of_its_error_stays_within_bounds():
    network = PetShapeNetwork().eval()
    torch.nn.init.constant_(network.spreads.weight, 100.0)
    variance = network(*inputs())[1]
    assert variance.min() >= LOG_VARIANCE[0] and variance.max() <= LOG_VARIANCE[1]


def test_landmarks_lead_straight_to_the_coefficients():
    network, (coarse, whole, marks) = PetShapeNetwork().eval(), inputs(1)
    torch.nn.init.normal_(network.straight.weight)
    first, second, both = (network(coarse, whole, m)[0] for m in (marks, 2 * marks, 3 * marks))
    assert torch.allclose(both - second, first, atol=1e-3)


def test_landmarks_are_rows_about_zero():
    rows = mark_rows(torch.full((1, 20, 2), 0.5), torch.full((1, 20), -7.0), torch.full((1, 20), 0.5))
    assert rows.shape == (1, 20, MARK) and not rows.any()
