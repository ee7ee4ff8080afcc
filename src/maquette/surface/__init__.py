"""Row 4: the texture: bake the photos onto the mesh, fill what they do not show, paint eyes and mouth."""

from __future__ import annotations

from maquette.surface.texture import finish

__all__ = ["finish"]
