"""A real browser, where there is one, and what a page of ours hands its script."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
GRAPHICS = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


def data_of(page: bytes) -> dict:
    """What a page hands its script."""
    found = re.search(rb'<script id="data" type="application/json">(.*?)</script>', page, re.S)
    return json.loads(found.group(1))


@pytest.fixture
def shown(tmp_path):
    """A page in a real browser: settings in the address -> picture (h, w, 3)."""
    if BROWSER is None:
        pytest.skip("needs Chromium")
    import cv2

    def shoot(page, settings="", size=(700, 500)):
        picture = tmp_path / f"shot{len(list(tmp_path.glob('shot*')))}.png"
        command = [BROWSER, "--headless=new", "--no-sandbox", *GRAPHICS, f"--user-data-dir={tmp_path / 'profile'}"]
        command += [f"--screenshot={picture}", f"--window-size={size[0]},{size[1]}", "--virtual-time-budget=8000"]
        subprocess.run([*command, page.as_uri() + "#" + settings], check=True, timeout=120, capture_output=True)
        return cv2.imread(str(picture)).astype(np.int16)

    return shoot
