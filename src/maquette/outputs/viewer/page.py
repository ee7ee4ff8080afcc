"""view.html: one file with the model, the photo and all that a browser needs; nothing is loaded from elsewhere.

The script is three.js and ours, bundled by `tools/viewer`. Names and warnings come from unknown files: they enter
the page as JSON in which "<" is escaped, and the script shows them as text.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Subject
from maquette.outputs.asset import EYES, Asset
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.pictures.window import photo_window
from maquette.outputs.reports.report import plain, report

HEAD_CELL, BODY_CELL = (900, 1080), (760, 1180)  # pixels of the photo in the page
JPEG_QUALITY, CONFIDENCE_SIDE = 86, 512
RULES = "default-src 'none'; script-src {script}; style-src {style}; img-src data: blob:; connect-src data: blob:"
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{rules}">
<title>maquette</title>
<style>{style}</style>
</head>
<body>
<main id="view">
<img id="photo" alt="the photo">
<canvas id="canvas" aria-label="the model"></canvas>
<button id="cut" type="button" role="slider" aria-label="photo to the left, model to the right" aria-valuemin="0" aria-valuemax="100"></button>
<p id="key" hidden><i></i>from the photo<i class="guess"></i>guessed</p>
<button id="fold" type="button" title="hide or show the panel">Panel</button>
</main>
<aside id="panel"></aside>
<script id="data" type="application/json">{data}</script>
<!-- three.js:
{licence}
-->
<script>{script}</script>
</body>
</html>
"""  # noqa: E501 - it is a page


def page(glb: bytes, name: str, **further: Any) -> bytes:
    """The page of one GLB.

    Args:
        glb: the file.
        name: heading.
        further: `subtitle` text, `warnings` list of texts, `facts` text -> text, `confidence` base64 of a PNG in the
            layout of the texture, `photo` as `photo_facts` gives it; each may be missing.

    Returns:
        HTML, UTF-8.
    """
    empty: dict[str, Any] = {"subtitle": "", "warnings": [], "facts": {}, "confidence": None, "photo": None}
    data = {**empty, **further, "name": name, "glb": b64encode(glb).decode()}
    text = json.dumps(plain(data), ensure_ascii=False, allow_nan=False)
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    licence = _shipped("LICENSE-three.txt").strip()
    whole = PAGE.format(rules=rules(), style=_style(), data=text, licence=licence, script=_shipped("viewer.js"))
    return whole.encode("utf-8", "backslashreplace")


@cache
def rules() -> str:
    """What a browser lets the page do: its own script and style, by their digests, and nothing from elsewhere."""
    return RULES.format(script=_digest(_shipped("viewer.js")), style=_digest(_style()))


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _style() -> str:
    return _shipped("look.css") + _shipped("viewer.css")


def _shipped(file: str) -> str:
    return (files("maquette.outputs.viewer") / "data" / file).read_text(encoding="utf-8")


def write_view(asset: Asset) -> bytes:
    """The page of a result: model, photo with its camera, what of the texture is real, warnings and facts."""
    facts = report(asset)
    return page(
        asset.made.get(f"{asset.stem}.glb") or write_glb(asset),
        asset.result.name,
        subtitle=f"{asset.stem} from {asset.result.source}",
        warnings=facts["warnings"],
        facts=main_facts(facts, asset),
        confidence=_confidence(asset.mesh.texture_confidence),
        photo=None if asset.is_clip or asset.result.motion is not None else photo_facts(asset),
    )


def main_facts(facts: Mapping[str, Any], asset: Asset) -> dict[str, str]:
    """What a viewer wants to know of the report, in words."""
    scale, shares = facts["scale"], facts["texture_real_share"]
    error = facts["provenance"].get("landmark_error_mm")
    size = asset.mesh.vertices.max(axis=0) - asset.mesh.vertices.min(axis=0)
    rows = {
        "Method": str(facts["method"]),
        "Size": f"{100 * size[1]:.1f} cm high, {'measured' if scale['kind'] == 'metric' else 'of an average subject'}",
        "Vertices": f"{len(asset.mesh.vertices):,}",
        "Photographed": ", ".join(f"{name} {share:.0%}" for name, share in shares.items()),
        "Landmark error": f"{error[0]:.1f} mm" if error else "",
        "Licence of the model": str(facts["licence"]["model"].get("spdx", "")),
        "Licence of the texture": facts["licence"]["texture"],
    }
    return {key: value for key, value in rows.items() if value}


def photo_facts(asset: Asset) -> dict[str, Any]:
    """The first photo around the subject, its camera, and the expression and gaze that the subject has in it."""
    import cv2

    window = photo_window(asset, BODY_CELL if asset.subject is Subject.PERSON else HEAD_CELL)
    _, jpeg = cv2.imencode(".jpg", window.photo[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    names = () if asset.model is None else asset.model.expression_names
    return {
        "picture": b64encode(jpeg.tobytes()).decode(),
        "camera": _camera(window.camera),
        "weights": {name: float(weight) for name, weight in zip(names, asset.expression) if abs(weight) > 1e-3},
        "gaze": _gaze(asset),
    }


def _camera(camera: Camera) -> dict[str, Any]:
    return {
        "intrinsics": camera.intrinsics,
        "world_to_camera": camera.world_to_camera,
        "size": list(camera.size),
        "projection": camera.projection,
    }


def _gaze(asset: Asset) -> list[float]:
    """Degrees to the viewer's right and up by which both eyes of the mesh are turned from straight ahead."""
    if asset.model is None or not set(EYES) <= set(asset.model.parts):
        return [0.0, 0.0]
    forward = []
    for eye in EYES:
        used = asset.model.part_vertices(eye)
        still, moved = (v - v.mean(axis=0) for v in (asset.neutral[used], asset.mesh.vertices[used]))
        u, _, vt = np.linalg.svd(still.T.astype(float) @ moved)
        turn = vt.T @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ u.T
        forward.append(turn[:, 2])
    x, y, z = np.mean(forward, axis=0)
    return [float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arctan2(y, np.hypot(x, z))))]


def _confidence(confidence: NDArray | None) -> str | None:
    import cv2

    if confidence is None:
        return None
    side = min(CONFIDENCE_SIDE, len(confidence))
    _, data = cv2.imencode(".png", cv2.resize(confidence, (side, side), interpolation=cv2.INTER_AREA))
    return b64encode(data.tobytes()).decode()
