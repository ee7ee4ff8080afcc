"""Finished results with levels of detail, made without a photo or weights."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import deca_by_seed
from hrn_by_seed import hrn, observed
from maquette.core.result import Result
from maquette.core.types import Observation, Reconstruction
from maquette.reconstruction.deca.method import reconstruct as reconstruct_deca
from maquette.reconstruction.hrn.method import reconstruct
from maquette.reconstruction.hrn.sampling import MENDED


@cache
def detailed_result() -> Result:
    """The twin of the Basel model with detail of stand-in networks, and a texture of two colours."""
    seen = observed()
    return _finished(reconstruct(hrn(MENDED), [seen], None), seen)


@cache
def coded_result() -> Result:
    """The twin of FLAME with codes and detail of stand-in networks, and a texture of two colours."""
    seen = deca_by_seed.observed()
    return _finished(reconstruct_deca(deca_by_seed.deca(), [seen], None), seen)


def _finished(made: Reconstruction, seen: Observation) -> Result:
    texture = np.zeros((64, 64, 3), np.uint8)
    texture[:32], texture[32:] = (200, 150, 120), (120, 90, 70)
    shape = replace(made.shape, texture=texture, texture_confidence=np.full((64, 64), 255, np.uint8))
    return Result("face-1", "someone", replace(made, shape=shape), (seen,), {"photos": ["someone.jpg"]})


@pytest.fixture(scope="session")
def detailed_face() -> Result:
    """See `detailed_result`."""
    return detailed_result()


@pytest.fixture(scope="session")
def coded_face() -> Result:
    """See `coded_result`."""
    return coded_result()
