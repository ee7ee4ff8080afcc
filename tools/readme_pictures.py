"""Make the pictures of the README: reconstruct the astronaut's portrait and shrink its overview."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import skimage
from PIL import Image

import maquette

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH = 1280  # pixels; enough for the page, small enough for the history


def main() -> None:
    portrait = Path(skimage.__file__).parent / "data" / "astronaut.png"
    with tempfile.TemporaryDirectory() as folder:
        files = maquette.face(portrait, turntable=False).save(folder)
        sheet = Image.open(next(file for file in files if file.name == "overview.jpg"))
        small = sheet.resize((WIDTH, round(sheet.height * WIDTH / sheet.width)), Image.Resampling.LANCZOS)
        IMAGES.mkdir(parents=True, exist_ok=True)
        small.save(IMAGES / "overview.jpg", quality=88, optimize=True)
    sys.stdout.write(f"{IMAGES / 'overview.jpg'}\n")


if __name__ == "__main__":
    main()
