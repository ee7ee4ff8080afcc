"""One photo to a 3D head: reconstruct it, look at the numbers, write every file.

Run `python examples/00_first_photo.py [OUT] [PHOTO]`. Without a photo it takes the portrait of Eileen Collins (NASA,
public domain) that scikit-image carries.
"""

import sys
from pathlib import Path

import maquette


def sample_photo() -> Path:
    import skimage

    return Path(skimage.__file__).parent / "data" / "astronaut.png"


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
    photo = Path(sys.argv[2]) if len(sys.argv) > 2 else sample_photo()

    faces = maquette.face(photo)
    for result in faces:
        head = result.reconstruction.shape
        width, height, depth = 1000 * (head.vertices.max(axis=0) - head.vertices.min(axis=0))
        print(f"{result.name}: {len(head.faces)} triangles, {width:.0f} x {height:.0f} x {depth:.0f} mm")

    files = faces.save(out)
    for file in files:
        print(f"  {file}")
    print("Look at:", *(file for file in files if file.name == "overview.jpg"))


if __name__ == "__main__":
    main()
