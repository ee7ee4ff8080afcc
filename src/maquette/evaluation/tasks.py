"""The tasks of `maquette evaluate`: one row each, imported on first use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from maquette.core.errors import BadInput
from maquette.core.process import refuse_forked


@dataclass(frozen=True)
class Task:
    """One row of the table.

    Attributes:
        function: "module:function", imported on first use; it returns a `Table`.
        inputs: what its positional arguments are.
        text: one line of help.
        count: "module:function" that lists the items of the first input (or of so many people), for the progress bar;
            "" for one step.
        together: whether it can reconstruct a person from several photos.
        status: "module:function" that makes the exit code of the table; "" for 0.
    """

    function: str
    inputs: tuple[str, ...]
    text: str
    count: str = ""
    together: bool = False
    status: str = ""


HERE = "maquette.evaluation."
BENCH = HERE + "benchmarks."
TASKS = {
    "landmarks": Task(
        BENCH + "aflw:evaluate_landmarks",
        ("FOLDER",),
        "NME of 68 points on AFLW2000-3D or 300W-LP (.mat), by yaw",
        BENCH + "aflw:read_set",
    ),
    "scans": Task(
        BENCH + "scans:evaluate_scans",
        ("FOLDER",),
        "distance of heads to scans (photos/NAME_VIEW.png, gt/NAME.npz), beside the average head's",
        BENCH + "scans:read_set",
        together=True,
    ),
    "now": Task(
        BENCH + "now:evaluate_now",
        ("FOLDER",),
        "the NoW challenge, non-metric and metric",
        BENCH + "now:read_set",
    ),
    "realy": Task(
        BENCH + "realy:evaluate_realy",
        ("FOLDER",),
        "REALY's four regions",
        BENCH + "realy:read_set",
    ),
    "feng": Task(
        BENCH + "feng:evaluate_feng",
        ("FOLDER",),
        "Feng's radius protocol (Stirling)",
        BENCH + "feng:read_set",
    ),
    "dense": Task(
        BENCH + "dense:evaluate_dense",
        ("FOLDER",),
        "NME of whole faces against meshes in the photo's pixels, VRN's protocol, with and without rigid ICP",
        BENCH + "dense_truth:read_set",
    ),
    "mesh": Task(
        BENCH + "compare:evaluate_mesh",
        ("A", "B"),
        "Chamfer, point-to-surface and normal error of A against B",
    ),
    "images": Task(BENCH + "images:evaluate_images", ("A", "B"), "PSNR and SSIM of pictures of the same names"),
    "upscale": Task(
        BENCH + "upscale:evaluate_upscale",
        ("PHOTOS",),
        "PSNR and SSIM of faces made smaller in three ways and larger by every method, and grids of pictures",
        BENCH + "upscale:read_set",
    ),
    "translation": Task(
        HERE + "translation.evaluate:evaluate_translation",
        ("PHOTOS",),
        "animals as other animals: what they are read as, how far landmarks move; with weights of yours FID and LPIPS",
    ),
    "imagespace": Task(
        HERE + "image_space.evaluate:evaluate_imagespace",
        ("OUT",),
        "results of maquette, drawn again into their photos and clips, with a contact sheet; exit code 1 if one does "
        "not fit",
        status=HERE + "image_space.evaluate:exit_status",
    ),
    "people": Task(
        BENCH + "person:evaluate_persons",
        ("PREDICTIONS", "TRUTH"),
        "overlap, distances (cm) and normals of people's meshes against the true ones of the same names, metres",
    ),
    "clip": Task(
        HERE + "temporal.clip:evaluate_clip",
        ("OUT",),
        "how steadily meshes of maquette video follow each other: crops, silhouettes after optical flow, surfaces",
    ),
    "temporal": Task(HERE + "temporal.sequence:evaluate_temporal", ("FOLDER",), "jitter and drift of a clip's meshes"),
    "synthetic": Task(
        BENCH + "synthetic:evaluate_synthetic",
        (),
        "faces of people who do not exist, by yaw, exposure and tone",
        BENCH + "synthetic:planned",
    ),
}


def function_of(path: str, task: str) -> Any:
    """The function "module:function".

    Raises:
        BadInput: this version does not have it, or this is a fork of a process that used maquette.
    """
    refuse_forked()
    module, name = path.split(":")
    if find_spec(module) is None:
        raise BadInput(f"task {task!r}: this version of maquette does not have it")
    return getattr(import_module(module), name)
