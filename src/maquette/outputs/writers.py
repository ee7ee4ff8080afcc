"""The table of writers, and `save`, which turns a result into files."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from maquette.core.errors import BadInput
from maquette.core.files import unwritable, whole_folder
from maquette.core.options import MESH_FORMATS, OutputOptions
from maquette.core.result import Result
from maquette.outputs.asset import Asset, open_asset
from maquette.outputs.avatar.vrm import write_vrm
from maquette.outputs.detail.dense import (
    VERTICES,
    has_dense,
    has_levels,
    write_dense_glb,
    write_dense_obj,
    write_dense_ply,
    write_dense_stl,
)
from maquette.outputs.detail.lod import LOD_WRITERS
from maquette.outputs.detail.maps import (
    DEFORMATION,
    has_displacement,
    write_albedo,
    write_deformation,
    write_displacement,
    write_levels,
)
from maquette.outputs.detail.swing import write_swing
from maquette.outputs.meshes.bvh import write_bvh
from maquette.outputs.meshes.glb import write_glb
from maquette.outputs.meshes.obj import write_mtl, write_obj
from maquette.outputs.meshes.parts import PART_WRITERS, texture_file
from maquette.outputs.meshes.ply import write_ply
from maquette.outputs.meshes.volume import write_volume_glb, write_volume_obj, write_volume_ply, write_volume_stl
from maquette.outputs.pictures.film import write_film
from maquette.outputs.pictures.maps import (
    write_depth,
    write_guessed_back,
    write_guessed_front,
    write_normal_map,
    write_normals,
    write_roughness,
    write_texture,
    write_texture_confidence,
)
from maquette.outputs.pictures.overview import write_overview
from maquette.outputs.pictures.turntable import write_turntable
from maquette.outputs.printing.stl import write_stl
from maquette.outputs.printing.threemf import write_3mf
from maquette.outputs.reports.codes import write_codes
from maquette.outputs.reports.curves import write_curves
from maquette.outputs.reports.keypoints import write_keypoints
from maquette.outputs.reports.landmarks import write_landmarks
from maquette.outputs.reports.parameters import write_parameters
from maquette.outputs.reports.report import write_report
from maquette.outputs.usd.usdz import write_usdz
from maquette.outputs.viewer.page import write_view
from maquette.perception.people.schemes import SCHEMES

Writer = Callable[[Asset], bytes]
KEYPOINTS = "keypoints_openpose.json"

WRITERS: dict[str, Writer] = {  # {stem}: head, person or pet
    "{stem}.glb": write_glb,
    **LOD_WRITERS,
    "{stem}.usdz": write_usdz,
    "{stem}.vrm": write_vrm,
    "{stem}.bvh": write_bvh,
    "{stem}.obj": write_obj,
    "{stem}.mtl": write_mtl,
    "texture.png": write_texture,
    "texture_confidence.png": write_texture_confidence,
    "normal_map.png": write_normal_map,
    "roughness.png": write_roughness,
    **PART_WRITERS,
    "{stem}.stl": write_stl,
    "{stem}.3mf": write_3mf,
    "{stem}.ply": write_ply,
    "{stem}_detail.glb": write_dense_glb,
    "{stem}_detail.obj": write_dense_obj,
    "{stem}_detail.stl": write_dense_stl,
    "{stem}_detail.ply": write_dense_ply,
    "volume.glb": write_volume_glb,
    "volume.obj": write_volume_obj,
    "volume.stl": write_volume_stl,
    "volume.ply": write_volume_ply,
    "overview.jpg": write_overview,
    "overlay.mp4": write_film,
    "turntable.mp4": write_turntable,
    "swing.mp4": write_swing,
    "deformation.png": write_deformation,
    "displacement.png": write_displacement,
    "albedo.png": write_albedo,
    "levels.png": write_levels,
    "depth.png": write_depth,
    "normals.png": write_normals,
    "normals_front.png": write_guessed_front,
    "normals_back.png": write_guessed_back,
    "curves.csv": write_curves,
    "landmarks.json": write_landmarks,
    "codes.json": write_codes,
    KEYPOINTS: write_keypoints,
    "parameters.npz": write_parameters,
    "view.html": write_view,
    "report.json": write_report,
}
STUDIO = ("overview.jpg", "turntable.mp4", "swing.mp4")  # OpenGL wants one thread, and these take the longest
DEFAULT = OutputOptions()
DENSE = {f"{{stem}}_detail.{name}" for name in MESH_FORMATS} & WRITERS.keys()
SOLID = {"{stem}_detail.stl", "{stem}_detail.ply"}  # not of a method's own mesh, which is a mask open behind
LEVELS = {  # of a method that has them: the file, and the parameter that it shows
    "swing.mp4": VERTICES,
    "deformation.png": DEFORMATION,
    "albedo.png": "albedo",
    "levels.png": "levels",
    "codes.json": "code_shape",
}
GUESSED = {"normals_front.png", "normals_back.png"}  # by a network that guesses them
LAST = "report.json"  # it reports how long the others took


def wanted(asset: Asset) -> list[str]:
    """Keys of WRITERS that this result and its options ask for, in their order; `file_name` gives the files.

    texture.png is written whenever there is a texture: it is a result of its own, and the OBJ file needs it.
    Textures of hair and other parts are for the OBJ file alone: GLB has them inside.
    """
    formats, mesh = asset.options.format_list, asset.mesh
    absent = {
        f"{part}.{name}"
        for part in ("{stem}", "{stem}_detail", "volume")
        for name in MESH_FORMATS
        if name not in formats
    }
    absent |= {f"volume.{name}" for name in MESH_FORMATS if not asset.has_volume}
    absent |= {*[*LOD_WRITERS][asset.options.lod if "glb" in formats else 0 :]}
    absent |= {"{stem}.mtl"} if "obj" not in formats else set()
    absent |= {KEYPOINTS} if asset.is_clip else set() if asset.result.motion is not None else {"{stem}.bvh"}
    absent |= {"curves.csv"} if asset.result.motion is None else set()
    absent |= {"overlay.mp4"} if asset.result.film is None else set()
    absent |= {KEYPOINTS} if asset.result.observations[0].landmark_scheme not in SCHEMES else set()
    absent |= set() if "guessed_normals" in asset.result.reconstruction.parameters else GUESSED
    absent |= SOLID if has_levels(asset) else set()
    absent |= {file for file, name in LEVELS.items() if name not in asset.result.reconstruction.parameters}
    absent |= set() if has_dense(asset) else DENSE
    absent |= set() if has_displacement(asset) else {"displacement.png"}
    parts = {texture_file(part.name) for part in asset.result.reconstruction.parts}
    absent |= PART_WRITERS.keys() - (parts if "obj" in formats else set())
    absent |= {"texture.png"} if mesh.texture is None else set()
    absent |= {"texture_confidence.png"} if mesh.texture_confidence is None else set()
    absent |= {"normal_map.png"} if mesh.normal_map is None else set()
    absent |= {"roughness.png"} if mesh.roughness_map is None else set()
    absent |= {"overview.jpg"} if not asset.options.overview else set()
    absent |= {"view.html"} if not asset.options.view else set()
    absent |= {"turntable.mp4", "swing.mp4"} if not asset.options.turntable else set()
    return [name for name in WRITERS if name not in absent]


def file_name(key: str, asset: Asset) -> str:
    """The file that a key of WRITERS stands for.

    Example:
        "{stem}.glb" of a person is "person.glb"
    """
    return key.replace("{stem}", asset.stem)


def unwatched(file: str) -> None:
    """Progress that nobody watches."""


def save(
    result: Result,
    folder: str | Path,
    options: OutputOptions = DEFAULT,
    progress: Callable[[str], None] = unwatched,
) -> list[Path]:
    """Write the files of one result. All are made beside the folder first and then moved in by rename.

    Args:
        result: its shape is a mesh.
        folder: made if absent, with its parents; other files in it stay.
        options: what to write.
        progress: called with the name of each file that is begun, possibly from another thread.

    Returns:
        The paths of the files, in the order of WRITERS.

    Raises:
        BadInput: the folder cannot be written or the disk is full; nothing is left behind, old files stay.
        ExtraMissing: pictures are wanted and no OpenGL library is installed.
    """
    folder = Path(folder)
    asset = open_asset(result, options)
    try:
        with whole_folder(folder) as beside:
            names = _write_all(asset, beside, progress)
    except OSError as error:
        raise BadInput(unwritable(error, folder, "choose another folder")) from error
    return [folder / name for name in names]


def _write_all(asset: Asset, beside: Path, progress: Callable[[str], None]) -> list[str]:
    """Make every wanted file in `beside`; pictures in this thread, the rest in a second one."""

    writers = {file_name(key, asset): WRITERS[key] for key in wanted(asset)}

    def write(name: str) -> None:
        progress(name)
        start = perf_counter()
        data = writers[name](asset)
        (beside / name).write_bytes(data)
        if name == f"{asset.stem}.glb":
            asset.made[name] = data
        asset.seconds[name] = round(perf_counter() - start, 3)

    names = list(writers)
    asset.seconds.update(dict.fromkeys((name for name in names if name != LAST), 0.0))
    with ThreadPoolExecutor(max_workers=1) as pool:
        others: list[Future[None]] = [pool.submit(write, name) for name in names if name not in (*STUDIO, LAST)]
        try:
            for name in STUDIO:
                if name in names:
                    write(name)
            for other in others:
                other.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            asset.close()
    if LAST in names:
        write(LAST)
    return names
