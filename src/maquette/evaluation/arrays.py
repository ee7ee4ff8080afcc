"""Arrays of .npz files, which other programs may have made or a broken copy have damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.files import READER_ERRORS


def read_npz(path: str | Path) -> dict[str, NDArray]:
    """All arrays of a .npz file; nothing in it is run.

    Raises:
        BadInput: it is not there, not a .npz, damaged, or holds pickled objects.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except READER_ERRORS as error:
        raise BadInput(f"{path}: not a readable .npz ({reason_of(error)}): make it again") from error


def reason_of(error: Exception) -> str:
    """The words of an error in one short line."""
    return " ".join(str(error).split())[:120]
