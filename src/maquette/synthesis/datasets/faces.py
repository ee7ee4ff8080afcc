"""Photographs by number: the same options and number always give the same bytes on a processor."""

from __future__ import annotations

from functools import lru_cache

from maquette.core.device import usable_device
from maquette.core.options import SynthesisOptions
from maquette.synthesis.anatomy.population import SPLITS
from maquette.synthesis.scenes.face_sample import FaceSample, photograph_face
from maquette.synthesis.scenes.head_scene import SyntheticPerson, draw_person


class Faces:
    """Labelled photographs of heads, indexed; nothing is stored.

    Args:
        options: seed, size, how many photographs each person has, split.

    Example:
        >>> from maquette.core.options import SynthesisOptions
        >>> sample = Faces(SynthesisOptions(size=64))[3]
        >>> sample.image.shape, sample.landmarks["ibug68"].shape
        ((64, 64, 3), (68, 3))
    """

    def __init__(self, options: SynthesisOptions | None = None) -> None:
        self.options = options or SynthesisOptions()
        self._device = usable_device(self.options.device)
        self._person = lru_cache(maxsize=4)(self._draw)

    def _draw(self, number: int) -> SyntheticPerson:
        options = self.options
        return draw_person((options.seed, SPLITS.index(options.split), number), options.texture_size, options.split)

    def __len__(self) -> int:
        return self.options.count

    def __getitem__(self, index: int) -> FaceSample:
        """Photograph `index`.

        Raises:
            IndexError: the index is not below the count.
        """
        options = self.options
        if not 0 <= index < options.count:
            raise IndexError(f"photograph {index}: there are {options.count}")
        number, photo = divmod(index, options.photos_per_person)
        seed = (options.seed, SPLITS.index(options.split), number, photo + 1)
        return photograph_face(self._person(number), seed, options.size, options.supersample, self._device)
