"""What no photo shows of a person: a shirt's back is like its front, a head's back is hair, the rest goes on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Mesh
from maquette.texturing.head.fill import MIRROR_CONFIDENCE
from maquette.texturing.images import smoothstep
from maquette.texturing.person.guide import BodyGuide
from maquette.texturing.person.hair import unlike_skin
from maquette.texturing.projection import PointColours
from maquette.texturing.surface_fill import DEFAULT_SKIN, Filled, along_view, membrane_over

# How firmly the fill holds to what is guessed, against 1 for what is seen.
THROUGH, TWIN, HAIR, SKIN = 0.6, 0.6, 0.3, 0.05
HAIR_BAND = (0.0, 0.3)  # behind the hairline, distances between the ears
ENOUGH = 12  # vertices whose colours make a colour of hair or skin
SEEN = 0.5
HAIRY = 0.15  # of what shows behind the hairline: so much unlike skin is hair
DARKEST, GREY = 45.0, 10.0  # 8-bit: skin is lighter, and but for grey photos redder than blue
DARK = 0.4  # of the skin: hair that no photo shows


def fill(guide: BodyGuide, mesh: Mesh, toward: NDArray, seen: PointColours, through: PointColours) -> Filled:
    """Colours for every vertex of a person.

    Args:
        guide: of the mesh's vertices.
        mesh: metres, world.
        toward: (N, 3) unit: from the person to each camera, world.
        seen, through: what the photos show at the vertices, and what they show through the body.
    """
    colours, trust = seen.colours, seen.trust
    behind = np.full(len(trust), -1.0) if guide.head is None else guide.head.hairy(mesh.vertices.astype(float))
    skin = _skin(colours, trust, guide, behind)
    hair = guide.hair if guide.hair is not None else _hair(colours, trust * (guide.share > 0.6), behind, skin)
    total, weight = colours * trust[:, None] ** 2, trust**2
    twin = np.where(guide.twin >= 0, trust[np.maximum(guide.twin, 0)], 0) ** 2
    unknown = (1 - trust) * (1 - through.trust)
    scalp = guide.share * smoothstep(behind, *HAIR_BAND)
    layers = [
        (through.colours, THROUGH * (1 - trust) * through.trust),
        (colours[np.maximum(guide.twin, 0)], TWIN * unknown * twin * (1 - scalp)),
        (hair, HAIR * (1 - trust) * scalp),
        (skin, SKIN * unknown * np.maximum(guide.share * (behind < 0), guide.hands)),
    ]
    for colour, share in layers:
        total = total + colour * share[:, None]
        weight = weight + share
    if not weight.any():
        return Filled(np.tile(skin, (len(trust), 1)).astype(np.float32), np.zeros(len(trust), np.float32), skin, hair)
    spread = membrane_over(along_view(mesh, toward), total, weight)
    guess = np.maximum(through.trust, 0.75 * twin * (1 - scalp)) * (1 - trust)
    return Filled(
        np.clip(spread, 0, 255).astype(np.float32), (MIRROR_CONFIDENCE * guess).astype(np.float32), skin, hair
    )


def _skin(colours: NDArray, trust: NDArray, guide: BodyGuide, behind: NDArray) -> NDArray:
    """(3,) the person's skin: of the face, else of the hands, else anybody's; gloves and shadows are none."""
    for part in ((guide.share > 0.8) * (behind < -0.2), guide.hands > 0.9):
        found = _typical(colours, trust * part)
        if found is not None and found.max() > DARKEST and (np.ptp(found) < GREY or found[0] > found[2]):
            return found
    return DEFAULT_SKIN


def _hair(colours: NDArray, trust: NDArray, behind: NDArray, skin: NDArray) -> NDArray:
    """(3,) the hair of a head by what is seen behind the hairline; the skin's where it is bald all over.

    A forehead reaches behind the model's hairline, and light lies on it: the median of all would be skin.
    """
    for least in (0.12, 0.0):
        zone = np.flatnonzero((trust > SEEN) & (behind > least))
        if len(zone) >= ENOUGH:
            unlike = unlike_skin(colours[zone], skin)
            return np.median(colours[zone[unlike] if unlike.sum() >= max(HAIRY * len(zone), ENOUGH) else zone], axis=0)
    return DARK * skin


def _typical(colours: NDArray, trust: NDArray) -> NDArray | None:
    """(3,) median of the colours that are seen; None if they are too few."""
    seen = trust > SEEN
    return np.median(colours[seen], axis=0) if seen.sum() >= ENOUGH else None
