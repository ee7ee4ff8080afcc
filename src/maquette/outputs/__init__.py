"""Row 7: a finished reconstruction -> files.

`save` and `WRITERS` are looked up on first use, so that `outputs.result_folder` needs no writer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maquette.outputs.writers import WRITERS, save

__all__ = ["WRITERS", "save"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from maquette.outputs import writers

    return getattr(writers, name)
