"""One photo to a rigged body: reconstruct it, look at the numbers, write every file.

Run `python examples/01_first_person.py [OUT] [PHOTO]`. Without a photo it takes the portrait of Eileen Collins (NASA,
public domain) that scikit-image carries; it ends at the chest, so the rest of the body is a guess.
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

    persons = maquette.person(photo, height=170.0, method="parametric")
    for result in persons:
        body = result.reconstruction
        print(f"{result.name}: {len(body.shape.faces)} triangles, {body.provenance['height_cm']:.0f} cm tall")
        print(f"  in the picture the outline overlaps by {body.provenance['silhouette_iou'][0]:.0%}")

    files = persons.save(out)
    for file in files:
        print(f"  {file}")
    print("Look at:", *(file for file in files if file.name == "overview.jpg"))


if __name__ == "__main__":
    main()
