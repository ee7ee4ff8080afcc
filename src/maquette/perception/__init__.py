"""Row 2: frames to observations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maquette.perception.observe import observe
    from maquette.perception.quality import measure

__all__ = ["measure", "observe"]
_HOMES = {"measure": "quality", "observe": "observe"}


def __getattr__(name: str) -> Any:
    """Resolve the public functions on first use: cv2 is slow to load."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
