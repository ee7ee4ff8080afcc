"""Pets on photos with hand-read eyes and noses: python benchmarks/pets.py FOLDER [-o DIR]

FOLDER holds photos of cats, dogs and wild animals and eyes_nose.json: {"images": {file: [[x, y] of the eye on the
picture's left, of the other one, of the nose, shares of the sides]}}; the file's name begins with the species. For each
photo: is the animal found, how far are eyes and nose off (normalised by the eyes' distance), does a mirrored photo
read the same, does the fitted head cover the outline, which species explains the photo best by itself, how long it
takes. Writes pets.csv and a sheet: photo with landmarks, and the head from the front, the side and in grey.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import MaquetteError
from maquette.core.options import TextureOptions
from maquette.core.types import Frame, Observation
from maquette.geometry.camera import project
from maquette.morphable import load
from maquette.morphable.pet import PET_MODELS
from maquette.outputs.pictures.views import over, set_scene, shaded_part
from maquette.perception.pets.observe import observe_pets
from maquette.perception.pets.schemes import CHIN, FLIPPED, NOSE, SPECIES
from maquette.reconstruction.pet_fit.method import fitted
from maquette.reconstruction.pet_fit.outline import silhouette
from maquette.reconstruction.pet_fit.state import middle_of_eyes
from maquette.sources import photos
from maquette.texturing.pet.texture import finish_pet

CELL = 300
GOALS = {"cat": 0.06, "dog": 0.11, "wild": 0.13}  # of the mean error
BASELINES = {"cat": 0.093, "dog": 0.200, "wild": 0.243}  # of the species' mean places, leave one out


def row_of(path: Path, truth: NDArray, models: dict) -> tuple[dict, list[NDArray]]:
    """Figures and pictures of one photo; `truth` (3, 2) pixels: the eyes from left to right, the nose."""
    species, frame = path.name.split("_")[0], photos.read(path)
    row: dict = {"photo": path.name, "species": species}
    start = perf_counter()
    try:
        seen = observe_pets(frame)
    except MaquetteError as error:
        return {**row, "found": 0, "why": str(error)}, []
    found = perf_counter()
    one = seen[0]
    made = fitted(models, [one])
    fit = perf_counter()
    finished = finish_pet(made, [one], TextureOptions(texture_size=1024))
    textured = perf_counter()
    points = one.landmarks[:, :2] * (one.box[2] - one.box[0]) / one.frame.size[0] + one.box[:2]
    unit = float(np.linalg.norm(truth[1] - truth[0]))
    read = np.array([*middle_of_eyes(points), points[NOSE]])
    unread = replace(one, species=dict.fromkeys(SPECIES, 1 / 3))
    alone = fitted(models, [unread]).provenance["pet"]["species"]
    row |= {
        "found": len(seen),
        "error": float(np.linalg.norm(read - truth, axis=1).mean() / unit),
        "flip": flip_error(frame, points, unit),
        "overlap": overlap(made.cameras[0], made.shape.vertices, models["cat"], one),
        "nose": nose_drop(read, unit) - nose_drop(truth, unit),
        "read_species": max(one.species or {}, key=(one.species or {"": 0}).__getitem__),
        "fitted_species": alone,
        "photo_share": finished.provenance["surface"]["photo_share"],
        "observe_s": found - start, "fit_s": fit - found, "texture_s": textured - fit,
    }  # fmt: skip
    return row, pictures(finished, one, models["cat"])


def nose_drop(points: NDArray, unit: float) -> float:
    """How far the nose is below the eyes' middle, eye distances."""
    return float(np.linalg.norm(points[2] - points[:2].mean(axis=0)) / unit)


def flip_error(frame: Frame, points: NDArray, unit: float) -> float:
    """Mean distance to what the mirrored photo reads, eye distances."""
    mirrored = observe_pets(replace(frame, pixels=np.ascontiguousarray(frame.pixels[:, ::-1])))[0]
    back = mirrored.landmarks[:, :2] * (mirrored.box[2] - mirrored.box[0]) / mirrored.frame.size[0] + mirrored.box[:2]
    back = np.column_stack([frame.size[0] - back[:, 0], back[:, 1]])[list(FLIPPED)]
    return float(np.linalg.norm(back - points, axis=1).mean() / unit)


def overlap(camera, vertices: NDArray, model, seen: Observation) -> float:
    """Intersection over union of head and animal above the chin."""
    drawn = silhouette(project(camera, vertices.astype(float))[0], model.faces[model.parts["skin"]], seen.frame.size)
    above = np.arange(drawn.shape[0])[:, None] < seen.landmarks[CHIN, 1]
    mask = (seen.mask > 0.5) & above
    return float((mask & drawn & above).sum() / max(((mask | drawn) & above).sum(), 1))


def pictures(made, seen: Observation, model) -> list[NDArray]:
    """(CELL, CELL, 3): the photo with its landmarks, and the head."""
    photo = seen.frame.pixels.copy()
    for point in seen.landmarks[:, :2]:
        cv2.circle(photo, tuple(int(x) for x in point), max(2, photo.shape[0] // 150), (255, 255, 0), -1)
    side = max(photo.shape[:2])
    square = np.full((side, side, 3), 60, np.uint8)
    square[: photo.shape[0], : photo.shape[1]] = photo
    out = [cv2.resize(square, (CELL, CELL), interpolation=cv2.INTER_AREA)]
    eyes = np.concatenate([model.parts["eyeLeft"], model.parts["eyeRight"]])
    further = [shaded_part(part, part.mesh.vertices) for part in made.parts]
    mouth, teeth = (model.parts.get(name, np.zeros(0, int)) for name in ("mouth", "teeth"))
    scene = set_scene(made.shape, model.parts["skin"], mouth, eyes, further, teeth)
    ground = np.full((CELL, CELL, 3), 60, np.uint8)
    for turn, kind in ((0, "texture"), (-40, "texture"), (85, "texture"), (165, "texture"), (-40, "clay")):
        picture = scene.studio.render(
            scene.camera(np.radians(turn), 0.0, (CELL, CELL)), kind, *((0.35,) * (kind == "texture"))
        )
        out.append(over(picture, ground))
    scene.studio.close()
    return out


def summary(rows: list[dict]) -> Iterator[str]:
    """A line per species and one for all."""
    for species in (*SPECIES, "all"):
        own = [row for row in rows if species in (row["species"], "all") and row.get("found")]
        if not own:
            continue
        mean = {name: float(np.mean([row[name] for row in own])) for name in ("error", "flip", "overlap")}
        nose = float(np.mean([abs(row["nose"]) < 0.15 for row in own]))
        read, fit = (
            np.mean([row[name] == row["species"] for row in own]) for name in ("read_species", "fitted_species")
        )
        asked = f" (asked {GOALS[species]}, mean places {BASELINES[species]})" if species in GOALS else ""
        yield (
            f"{species}: found {len(own)} of {sum(species in (row['species'], 'all') for row in rows)}, eyes and nose "
            f"{mean['error']:.3f}{asked}, mirrored {mean['flip']:.3f}, overlap {mean['overlap']:.3f}, nose within 0.15 "
            f"{nose:.0%}, species read {read:.0%}, by the fit alone {fit:.0%}"
        )
    done = [row for row in rows if row.get("found")]
    times = [f"{name} {np.median([row[f'{name}_s'] for row in done]):.2f}" for name in ("observe", "fit", "texture")]
    yield "median seconds: " + ", ".join(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path("benchmarks/out"))
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    truth = json.loads((asked.folder / "eyes_nose.json").read_text())["images"]
    models = {species: load(PET_MODELS[species]) for species in SPECIES}
    rows, sheet = [], []
    for name in sorted(truth):
        path = asked.folder / name
        if not path.is_file() or asked.only not in name:
            continue
        size = np.array(photos.read(path).size)
        row, cells = row_of(path, np.array(truth[name]) * size, models)
        rows.append(row)
        print(
            name,
            {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()},
            flush=True,
        )
        if cells:
            sheet.append(np.hstack(cells))
    asked.out.mkdir(parents=True, exist_ok=True)
    fields = list(dict.fromkeys(key for row in rows for key in row))
    with (asked.out / "pets.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(rows)
    for start in range(0, len(sheet), 7):
        cv2.imwrite(str(asked.out / f"pets-{start // 7 + 1}.png"), np.vstack(sheet[start : start + 7])[..., ::-1])
    print("\n".join(summary(rows)))


if __name__ == "__main__":
    main()
