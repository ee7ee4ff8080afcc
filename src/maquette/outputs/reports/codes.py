"""codes.json: what a network read of a face, by the names of its method, and the landmarks that follow from it."""

from __future__ import annotations

import json

import numpy as np

from maquette.outputs.asset import Asset

PREFIX = "code_"  # of a reconstruction's parameters
UNITS = {
    "pose": "axis-angle of the head and of the jaw, radians",
    "cam": "scale, shift across and up: x = scale (X + shift), -1 to 1 over the crop",
    "light": "nine harmonics of red, green, blue",
    "landmarks2d": "x right, y down, -1 to 1 over the crop; the jaw line as it is seen",
    "landmarks2d_photo": "pixels of the full photo",
    "landmarks3d": "x, y, depth (smaller is nearer) over the crop, and 1 where it faces the camera",
    "landmarks3d_photo": "pixels of the full photo, depth in the same unit, and 1 where it faces the camera",
    "landmarks3d_world": "metres; y up, the face looks along +z, origin midway between the eyeballs",
}


def write_codes(asset: Asset) -> bytes:
    """JSON: `codes` by name, `landmarks` by name, and `units` of those that have any."""
    parameters = asset.result.reconstruction.parameters

    def listed(prefix: str, removed: str) -> dict[str, list]:
        named = {name.removeprefix(removed): parameters[name] for name in parameters if name.startswith(prefix)}
        return {name: np.round(np.asarray(value, float), 7).tolist() for name, value in named.items()}

    held = {"codes": listed(PREFIX, PREFIX), "landmarks": listed("landmarks", "")}
    names = {name for part in held.values() for name in part}
    units = {name: unit for name, unit in UNITS.items() if name in names}
    return json.dumps({"units": units, **held}, separators=(",", ":")).encode("utf-8")
