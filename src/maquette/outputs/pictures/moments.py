"""Moments of a film on a sheet, spread over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maquette.core.motion import HeadMotion

SHOWN, COLUMNS = 8, 2
MARGIN, GAP, CAPTION = 30, 12, 40
SHEET, INK, FAINT = (22, 23, 26), (225, 226, 228), (140, 143, 150)


def moments(film: Path, motion: HeadMotion, width: int) -> NDArray:
    """(H, W, 3) uint8: frames of a film in rows, each with its number, its time and how far the landmarks are off.

    Args:
        width: W, pixels.
    """
    import av
    import cv2
    from PIL import Image, ImageDraw, ImageFont

    wanted = np.unique(np.linspace(0, len(motion) - 1, SHOWN).round().astype(int)).tolist()
    wide = (width - 2 * MARGIN - (COLUMNS - 1) * GAP) // COLUMNS
    shown: list[tuple[int, NDArray]] = []
    with av.open(str(film)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in wanted:
                picture = frame.to_ndarray(format="rgb24")
                tall = round(picture.shape[0] * wide / picture.shape[1])
                shown.append((index, cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_AREA)))
    tall = shown[0][1].shape[0]
    page = Image.new("RGB", (width, -(-len(shown) // COLUMNS) * (tall + CAPTION + GAP)), SHEET)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=20)
    for place, (index, picture) in enumerate(shown):
        x = MARGIN + place % COLUMNS * (wide + GAP)
        y = place // COLUMNS * (tall + CAPTION + GAP)
        page.paste(Image.fromarray(picture), (x, y))
        draw.text((x + 2, y + tall + 9), f"frame {motion.frames[index]}, {motion.times[index]:.2f} s", INK, font)
        draw.text((x + wide - 2, y + tall + 9), f"{motion.reprojection[index]:.1f} px", FAINT, font, anchor="ra")
    return np.asarray(page)
