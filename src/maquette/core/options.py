"""Every tunable, its unit, once. Each field's docstring is its help text in every door."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

from maquette.core.check import Checked, Choices, Range, typed, within
from maquette.core.errors import BadInput

MESH_FORMATS = ("glb", "obj", "stl", "ply", "usdz", "3mf", "vrm")
MESHES = ("light", "fine")
DEVICES, UPSCALES = ("auto", "cpu", "cuda", "mps"), ("auto", "off", "2", "4")
GRIDS, SMOOTHERS = ("fast", "exact"), ("tuned", "network")
BLUR_GATES = ("mark", "skip", "nearest")
METHODS = {"face": "parametric", "person": "pifuhd", "pet": "parametric"}  # what each subject is made by if nobody says
READERS = ("both", "landmarks", "network")
STYLES = (
    "afro01", "bob01", "bob02", "bob03", "braid01", "bun01", "long01", "ponytail01", "short01", "short02", "short03",
    "short04",
)  # fmt: skip
GLASSES = DETAILS = ("auto", "none")
CROPS, ENGINES = ("auto", "middle"), ("local", "ray")
HAIR = ("auto", "none", *STYLES)
SPLITS, SEEDS = ("train", "test"), Range(0, 2**32 - 1)


@dataclass(frozen=True)
class SourceOptions(Checked):
    """Reading photos."""

    max_megapixels: Annotated[float, Range(0.01, 1000, "megapixels")] = 100.0
    """Largest picture that is read, in megapixels; larger ones are refused."""


@dataclass(frozen=True)
class VideoOptions(Checked):
    """Which frames of a clip are used, and how they are joined."""

    every: Annotated[int, Range(1, 100_000, "frames")] = 1
    """Take every n-th frame."""
    start: Annotated[float, Range(0, 1e6, "seconds")] = 0.0
    """Where to begin, seconds."""
    end: float | None = None
    """Where to stop, seconds; the frame at that time is not taken. None is the end of the clip."""
    max_frames: Annotated[int, Range(1, 1_000_000, "frames")] = 10_000
    """Largest number of frames that are taken."""
    smoothing: Annotated[float, Range(0, 10, "seconds")] = 0.02
    """How far motion is smoothed in time, seconds; 0 is not at all."""
    smoother: Annotated[str, Choices(SMOOTHERS)] = "network"
    """What a face's motion is smoothed by: tuned, a filter that spares blinks and lips, or a network that also corrects
    what was read, and then that filter."""
    blurred: Annotated[str, Choices(BLUR_GATES)] = "mark"
    """What happens to blurred frames and faces hardly seen: mark, skip, or nearest (the nearest good one stands in)."""
    meshes: bool | None = None
    """Write a mesh for each frame besides what is animated; of faces landmarks too. Usually of people, not of faces."""
    depth: bool = False
    """Write a depth map for each frame, tenths of a millimetre in 16 bits; of people where they get a mesh."""
    resume: bool = True
    """Go on where a stopped run of the same clip and settings ended."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end is not None:
            within("end", self.end, self.start, 1e6, "seconds")


@dataclass(frozen=True)
class PerceptionOptions(Checked):
    """Finding the subjects."""

    min_face: Annotated[float, Range(1, 10000, "pixels")] = 40.0
    """Smallest face that is accepted, width in pixels of the photo."""
    max_faces: Annotated[int, Range(1, 1000, "faces")] = 16
    """Largest number of faces taken from one photo."""
    min_person: Annotated[float, Range(8, 10000, "pixels")] = 64.0
    """Smallest person that is accepted, height in pixels of the picture."""
    max_people: Annotated[int, Range(1, 1000, "people")] = 8
    """Largest number of people taken from one picture."""
    upscale: Annotated[str, Choices(UPSCALES)] = "auto"
    """Enlarge small faces before they are read: auto (those under 96 pixels), off, or all of them 2 or 4 times."""
    device: Annotated[str, Choices(DEVICES)] = "auto"
    """Where this and all later stages run networks and fit bodies: auto (cuda, else cpu), cpu, cuda or mps."""


@dataclass(frozen=True)
class FitOptions(Checked):
    """Fitting the morphable head."""

    method: str = METHODS["face"]
    """Reconstruction method, one row of `maquette methods`."""
    together: bool = False
    """All photos show the same subject: one result."""
    pupil_distance: Annotated[float | None, Range(40, 80, "millimetres")] = None
    """Distance between the pupils in millimetres, if measured; sets the scale."""
    photometric: bool = True
    """Refine the shape from shading and silhouette after the landmarks."""
    reader: Annotated[str, Choices(READERS)] = "both"
    """Whose landmarks of a face are taken: both, landmarks (the detector's alone) or network (ours alone)."""
    vrn_weights: str | None = None
    """With method vrn: a network of yours, converted by `maquette weights convert vrn`, in place of the shipped one."""
    hrn_weights: str | None = None
    """With method hrn: your own copy of its networks, converted by `maquette weights convert hrn`."""
    hrn_model: str | None = None
    """With method hrn: the folder with your own Basel face model (BFM_model_front.mat and three bfm_*.npy)."""
    hrn_head: str | None = None
    """With method hrn: the folder with the assets of its head model, of your own; the whole head is fitted, half a
    minute, with texture and no detail. --hrn-model is not needed then."""
    deca_weights: str | None = None
    """With method deca: your own copy of its networks, converted by `maquette weights convert deca`."""
    deca_model: str | None = None
    """With method deca: the folder with your own FLAME (generic_model.pkl or flame2023_Open.pkl) and DECA's data."""
    expression_from: str | None = None
    """With method deca: a photo of a face whose expression the head is to have; all else stays the photo's own."""
    seed: Annotated[int, SEEDS] = 0
    """Noted in report.json; these methods draw nothing at random, so results are the same with any."""


@dataclass(frozen=True)
class BodyOptions(Checked):
    """Whole people, and pets."""

    height: Annotated[float | None, Range(8, 260, "centimetres")] = None
    """Height in centimetres, of a pet at its shoulders, if measured; sets the scale."""
    resolution: Annotated[int, Range(64, 1024, "voxels")] = 256
    """Voxels along each side of the box in which the surface of a person is sought: a multiple of 64."""
    grid: Annotated[str, Choices(GRIDS, " or ")] = "fast"
    """How that box is searched: fast (only where the surface passes) or exact (as PIFuHD published it)."""
    pifuhd_weights: str | None = None
    """With method pifuhd: a network of yours, converted by `maquette weights convert pifuhd`, not the shipped one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resolution % 64:
            raise BadInput(f"resolution {self.resolution}: wanted a multiple of 64 voxels, e.g. 128, 256 or 512")


@dataclass(frozen=True)
class TextureOptions(Checked):
    """Baking the texture."""

    texture_size: Annotated[int, Range(256, 8192, "pixels")] = 2048
    """Width and height of the texture in pixels."""
    fill: bool = True
    """Complete the parts no photo shows (mirror, then matched skin)."""
    hair: Annotated[str, Choices(HAIR)] = "auto"
    """Hair of a head: auto (the style that fits the photo, else painted), none (painted only), or a style's name."""
    glasses: Annotated[str, Choices(GLASSES)] = "auto"
    """Glasses of a head: auto (a frame of its own where the photo shows one), none."""
    detail: Annotated[str, Choices(DETAILS)] = "auto"
    """Wrinkles and folds of a face as shape: auto (where the photo shows them), none."""
    maps: bool = False
    """Normal and roughness maps of a head's skin too, for close-ups: some megabytes more in the GLB, and two PNGs."""
    fur: Annotated[int, Range(0, 8, "layers")] = 4
    """Layers of fur on a pet: 0 (smooth) to 8 (thick; larger files)."""


@dataclass(frozen=True)
class OutputOptions(Checked):
    """Writing the results."""

    formats: str = "glb,obj,stl,ply"
    """Mesh files to write, comma separated: glb, obj, stl, ply; usdz (needs maquette[usd]); 3mf, in colour (needs
    maquette[print]); vrm, persons as avatars."""
    mesh: Annotated[str, Choices(MESHES)] = "fine"
    """Surface of a head in the files: light (as it was fitted) or fine (twice the vertices, rounder)."""
    detail_mesh: bool = False
    """Write head_detail.* too: about 84,000 triangles that have the wrinkles as shape; seconds and 30 MB more."""
    lod: Annotated[int, Range(0, 2, "levels")] = 0
    """Further GLBs with a half and a quarter of the triangles, for far away: head_lod1.glb, head_lod2.glb."""
    turntable: bool = True
    """Write turntable.mp4."""
    overview: bool = True
    """Write overview.jpg."""
    view: bool = True
    """Write view.html: the result in a browser by double click, with sliders; all is inside, 1.5 times the GLB."""

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [f for f in self.format_list if f not in MESH_FORMATS]
        if unknown or not self.format_list:
            raise BadInput(f"formats {self.formats!r}: wanted some of {','.join(MESH_FORMATS)}")

    @property
    def format_list(self) -> tuple[str, ...]:
        """The wanted mesh formats, lower case, each once."""
        return tuple(dict.fromkeys(f.strip().lower() for f in self.formats.split(",") if f.strip()))


@dataclass(frozen=True)
class SynthesisOptions(Checked):
    """Photographs of people who do not exist."""

    count: Annotated[int, Range(1, 10_000_000, "photographs")] = 64
    """How many photographs."""
    seed: Annotated[int, SEEDS] = 0
    """Seed of everything random."""
    size: Annotated[int, Range(16, 4096, "pixels")] = 256
    """Width and height of a photograph in pixels."""
    photos_per_person: Annotated[int, Range(1, 1000, "photographs")] = 1
    """How many photographs each person appears in."""
    split: Annotated[str, Choices(SPLITS)] = "train"
    """Around whom people are drawn: train or test; nobody is in both."""
    supersample: Annotated[int, Range(1, 4)] = 1
    """Renders at this many times the size: 2 gives smooth outlines and takes twice as long."""
    texture_size: Annotated[int, Range(128, 4096, "pixels")] = 512
    """Width and height of the skin maps in pixels."""
    device: Annotated[str, Choices(DEVICES)] = "cpu"
    """Where the renderer computes: auto, cpu, cuda or mps."""


@dataclass(frozen=True)
class UpscaleOptions(Checked):
    """Making pictures larger."""

    factor: int = 2
    """How many times larger: 2 or 4."""
    method: str = "espcn"
    """nearest, bilinear, bicubic, lanczos, area, srcnn or espcn."""
    weights: str | None = None
    """File of another network than the shipped one, as `maquette weights convert espcn` writes it."""
    compat: bool = False
    """Treat luma and colour as the published ESPCN code does (whole numbers cut off); for srcnn and espcn."""
    max_result: Annotated[float, Range(0.01, 4000, "megapixels")] = 400.0
    """Largest picture that is written, in megapixels; larger ones are refused."""
    device: Annotated[str, Choices(DEVICES)] = "auto"
    """Where srcnn and espcn run: auto (cuda, else cpu), cpu, cuda or mps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor not in (2, 4):
            raise BadInput(f"factor {self.factor}: wanted 2 or 4")


@dataclass(frozen=True)
class TranslateOptions(Checked):
    """Animals' faces as another kind of animal."""

    to: str
    """Kind of animal wanted: cat, dog or wild; or another that the weights know."""
    reference: str | None = None
    """Photo of such an animal whose looks are taken (several with commas); without one looks are drawn at random."""
    method: str = "starganv2"
    """starganv2, gpunit (want your own --weights) or colors (the reference's colours; the animal stays what it is)."""
    weights: str | None = None
    """Networks of yours, from `maquette weights convert starganv2` (or gpunit), or from a training."""
    styles: Annotated[int, Range(1, 64)] = 1
    """How many looks are drawn at random; the same ones for all photos."""
    truncation: Annotated[float, Range(0, 2)] = 1.0
    """How far drawn looks may be from the average: 1 as drawn, 0 the average itself."""
    steps: Annotated[int, Range(0, 64, "pictures")] = 0
    """Pictures from each look to the next, both counted; 0 makes the looks alone."""
    crop: Annotated[str, Choices(CROPS)] = "auto"
    """Which part of a photo is translated: auto (the animal's face, else the middle) or middle (largest square)."""
    seed: Annotated[int, SEEDS] = 0
    """Seed of the looks that are drawn."""
    device: Annotated[str, Choices(DEVICES)] = "auto"
    """Where the networks run: auto (cuda, else cpu), cpu, cuda or mps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.to.isidentifier():
            raise BadInput(f"to {self.to!r}: wanted cat, dog or wild")


@dataclass(frozen=True)
class BatchOptions(Checked):
    """How a batch is spread over processes or computers, and what one item may take."""

    engine: Annotated[str, Choices(ENGINES)] = "local"
    """Where the work is done: local (processes of this computer) or ray (a Ray cluster)."""
    workers: Annotated[int, Range(0, 10_000, "processes")] = 0
    """How many items are in work at once; 0 is one for every core of this computer, or of the cluster."""
    address: str = "auto"
    """Ray cluster: its address, auto (the one that runs here) or local (a new one in this computer)."""
    retries: Annotated[int, Range(0, 100, "times")] = 1
    """How often an item is tried again after its process crashed or its file could not be fetched."""
    time_limit: Annotated[float, Range(1, 1e6, "seconds")] = 1800.0
    """Longest time for one item, seconds; then its process is ended and the item set aside."""
    memory_limit: Annotated[float, Range(0.1, 10_000, "GB")] = 6.0
    """Most memory of one process, GB (Linux); then it is ended and its item set aside."""
    retry_failed: bool = False
    """Do again what an earlier run set aside."""


@dataclass(frozen=True)
class Options:
    """All stages of one run."""

    source: SourceOptions = SourceOptions()
    perception: PerceptionOptions = PerceptionOptions()
    fit: FitOptions = FitOptions()
    texture: TextureOptions = TextureOptions()
    output: OutputOptions = OutputOptions()
    body: BodyOptions = BodyOptions()
    video: VideoOptions = VideoOptions()


@dataclass(frozen=True)
class Door:
    """Which options one kind of work has, in every door: command line, web form.

    Attributes:
        stages: whose fields they are, in the order in which they are shown.
        leave_out: fields that mean nothing to it.
    """

    stages: tuple[type, ...]
    leave_out: tuple[str, ...]


_PHOTO = (TextureOptions, OutputOptions, PerceptionOptions, SourceOptions)
_FACE_ONLY = ("pupil_distance", "photometric", "reader", "vrn_weights", "min_face", "max_faces", "upscale", "mesh")
DOORS = {
    "face": Door((FitOptions, *_PHOTO), ("min_person", "max_people", "fur")),
    "person": Door((FitOptions, BodyOptions, *_PHOTO), (*_FACE_ONLY, "fur")),
    "pet": Door(
        (FitOptions, BodyOptions, *_PHOTO),
        (
            "pupil_distance", "photometric", "reader", "vrn_weights", "hrn_weights", "hrn_model", "hrn_head",
            "deca_weights", "deca_model", "expression_from", "resolution", "grid", "pifuhd_weights", "hair", "glasses",
            "detail", "maps", "detail_mesh", "min_person", "max_people", "upscale",
        ),
    ),
    "video": Door(
        (VideoOptions, FitOptions, BodyOptions, *_PHOTO),
        ("together", "vrn_weights", "hrn_weights", "hrn_model", "hrn_head", "fur"),
    ),
}  # fmt: skip


def options_from(**flat: object) -> Options:
    """Build Options from flat names (`texture_size=1024`), as every door does.

    Raises:
        TypeError: an unknown name, with the known ones.
        BadInput: a value of another type than the field's, or out of its range.

    Example:
        >>> options_from(texture_size=1024).texture.texture_size
        1024
    """
    stages: dict[str, type] = {f.name: type(f.default) for f in fields(Options)}
    known = {f.name: stage for stage, kind in stages.items() for f in fields(kind)}
    unknown = sorted(set(flat) - set(known))
    if unknown:
        raise TypeError(f"unknown option {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return Options(
        **{
            stage: kind(**{k: typed(kind, k, v) for k, v in flat.items() if known[k] == stage})
            for stage, kind in stages.items()
        }
    )
