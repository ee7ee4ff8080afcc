"""Files of a data set: their names, arrays packed to the same bytes each time, and writing by rename."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def stem(index: int) -> str:
    """The name of photograph `index`, without an ending.

    Example:
        >>> stem(7)
        '00007'
    """
    return f"{index:05d}"


def packed(arrays: Mapping[str, NDArray]) -> bytes:
    """What `np.savez_compressed` writes, packed less tightly in half the time; the same bytes for the same arrays."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, value in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asanyarray(value), allow_pickle=False)
            # An entry of its own date would make other bytes each time.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=1)
    return content.getvalue()
