"""overview.jpg: one sheet that shows what was seen and what was made of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from maquette.core.types import Camera, Subject
from maquette.geometry.camera import project, resized
from maquette.geometry.mesh import face_normals
from maquette.geometry.raycast import render_buffers
from maquette.outputs.asset import Asset
from maquette.outputs.meshes.ply import vertex_colors
from maquette.outputs.pictures.moments import moments
from maquette.outputs.pictures.person_panels import person_panels
from maquette.outputs.pictures.views import backdrop, over
from maquette.outputs.pictures.window import Window, photo_window
from maquette.texturing.images import sixteenths

CELL = (476, 580)  # pixels
MARGIN, GAP, CAPTION = 30, 12, 40
SHEET, INK, FAINT = (22, 23, 26), (225, 226, 228), (140, 143, 150)
SIDE_TURN, BACK_TURN, VOLUME_TURN = np.radians(62), np.radians(160), np.radians(25)


def overlay(asset: Asset, window: Window, clay: NDArray) -> NDArray:
    """(h, w, 3) uint8: the photo under a translucent shaded mesh with its front-facing edges."""
    import cv2

    vertices, faces = asset.mesh.vertices.astype(float), asset.mesh.faces[asset.part("skin")]
    pixels, _ = project(window.camera, vertices)
    rotation, translation = window.camera.world_to_camera[:3, :3], window.camera.world_to_camera[:3, 3]
    middle = vertices[faces].mean(axis=1) @ rotation.T + translation
    facing = np.sum((face_normals(vertices, faces) @ rotation.T) * middle, axis=1) < 0
    lines = np.zeros(window.photo.shape[:2], np.uint8)
    corners = sixteenths(pixels[faces[facing]])
    cv2.polylines(lines, list(corners), True, (255,), 1, cv2.LINE_AA, shift=4)
    inside = clay[..., 3:] / 255.0
    shaded = window.photo * (1 - 0.28 * inside) + clay[..., :3] * 0.28
    weight = 0.24 * lines[..., None] / 255.0 * inside
    return (shaded * (1 - weight) + 255 * weight).clip(0, 255).astype(np.uint8)


def head_panels(asset: Asset) -> list[tuple[str, str, NDArray]]:
    """Caption, remark and (h, w, 3) picture of each cell, in reading order."""
    window, ground, scene = photo_window(asset, CELL), backdrop(CELL), asset.scene
    render = scene.studio.render
    clay = render(window.camera, "clay")
    facts = asset.result.reconstruction.provenance
    errors = facts.get("landmark_error_mm") or [None]
    remark = "" if errors[0] is None else f"landmarks {errors[0]:.1f} mm"
    around = [render(scene.camera(turn, 0.0, CELL), "texture", 0.55) for turn in (SIDE_TURN, -SIDE_TURN, BACK_TURN)]
    left, right, back = (over(picture, ground) for picture in around)
    last = ("normals", "", over(render(window.camera, "normals"), ground))
    if asset.drawn is not None:
        seen = shade_colours(asset.drawn.asset, scene.camera(VOLUME_TURN, 0.0, CELL))
        last = ("volume", "before the head was fitted", seen)
    return [
        ("photo", "", window.photo),
        ("overlay", remark, overlay(asset, window, clay)),
        ("shape", f"{len(asset.mesh.vertices):,} vertices", over(clay, ground)),
        ("textured", "", over(render(window.camera, "texture", 0.35), ground)),
        ("left side", "", left),
        ("right side", "", right),
        ("back", "", back),
        last,
    ]


def shade_colours(asset: Asset, camera: Camera) -> NDArray:
    """(h, w, 3) uint8: a mesh in the colours of its vertices, lit from the camera's upper left."""
    import cv2

    mesh, own = asset.mesh, vertex_colors(asset.mesh).astype(float)
    camera = resized(camera, (2 * camera.size[0], 2 * camera.size[1]))
    face, barycentric, _ = render_buffers(camera, mesh.vertices, mesh.faces)
    corners = mesh.faces[np.maximum(face, 0)]
    normals = np.einsum("hwk,hwkd->hwd", barycentric, asset.normals[corners]) @ camera.world_to_camera[:3, :3].T
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    light = 0.35 + 0.75 * np.clip(normals @ (np.array([-0.4, -0.5, -0.77])), 0, 1)
    colours = np.einsum("hwk,hwkd->hwd", barycentric, own[corners])
    picture = np.where((face >= 0)[..., None], colours * light[..., None], backdrop(camera.size))
    return cv2.resize(picture.clip(0, 255).astype(np.uint8), CELL, interpolation=cv2.INTER_AREA)


def sheet(cells: list[tuple[str, str, NDArray]], columns: int = 4) -> NDArray:
    """(H, W, 3) uint8: pictures of one size in rows, a caption under each."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = cells[0][2].shape[:2]
    rows = -(-len(cells) // columns)
    size = (2 * MARGIN + columns * width + (columns - 1) * GAP, MARGIN + rows * (height + CAPTION + GAP))
    page = Image.new("RGB", size, SHEET)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=20)
    for index, (caption, remark, picture) in enumerate(cells):
        x = MARGIN + (index % columns) * (width + GAP)
        y = MARGIN + (index // columns) * (height + CAPTION + GAP)
        page.paste(Image.fromarray(picture), (x, y))
        draw.text((x + 2, y + height + 9), caption, INK, font)
        draw.text((x + width - 2, y + height + 9), remark, FAINT, font, anchor="ra")
    return np.asarray(page)


def write_overview(asset: Asset) -> bytes:
    """JPEG sheet of pictures; a head: photo, overlay, shape, textured, two side views, the back, normals or volume;

    a person or a whole animal: photo, overlay, four sides textured and as clay, texture, normals.
    """
    import cv2

    bodily = asset.subject is Subject.PERSON or asset.rig is not None
    page = sheet(person_panels(asset), 6) if bodily else sheet(head_panels(asset))
    if asset.result.film is not None and asset.result.motion is not None:
        page = np.vstack([page, moments(asset.result.film, asset.result.motion, page.shape[1])])
    _, data = cv2.imencode(".jpg", page[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    return data.tobytes()
