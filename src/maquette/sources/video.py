"""One clip to upright sRGB Frames, streamed: every frame has a number and a time, whatever part of the clip is read.

The packets are listed once, without decoding them. The rank of a packet's presentation time is its frame's number, so
a frame has the same number after a seek as when the clip is read from its beginning, and beside damaged ones. Where a
file has no such times (raw streams, invisible packets), frames are counted from the beginning and nothing seeks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.core.options import SourceOptions, VideoOptions
from maquette.core.types import Frame
from maquette.sources.packets import WANTED, Listing, Timeline, converter, listed, opened, pictures, ranked
from maquette.sources.photos import named
from maquette.sources.series import RATE, pictures_in, read_series, timeline_of

if TYPE_CHECKING:
    import av

UNNUMBERED = ("vp8",)  # packets of its hidden reference frames show nothing, so ranks of packets are no frame numbers
CHECKED = 8  # frames whose times are compared with the packets' at the start
BICUBIC = 4 | 0x40000 | 0x2000  # swscale: bicubic, accurate rounding, full chroma
BT601, BT709 = 5, 1
LIMITED, FULL = 1, 2
UNTAGGED_HD = (1280, 576)  # pixels: wider or higher untagged pictures are BT.709, as players take them
TRANSFERS = {16: "PQ", 18: "HLG"}  # ITU-T H.273
PICTURES = "pictures"  # in place of a codec: a folder of them
EPSILON = 1e-6  # seconds: times are fractions that were rounded


@dataclass(frozen=True, eq=False)
class Clip:
    """What is known of a clip before its frames are read.

    Attributes:
        path: the file.
        options: which of its frames are wanted.
        size: (width, height) in pixels, upright, with square pixels.
        fps: frames per second on average.
        duration: seconds.
        codec: name of the compression.
        frames: how many frames the file holds, None if it does not say.
        rotation: degrees clockwise by which the stored pictures are turned: 0, 90, 180 or 270.
        remarks: what is odd about the clip, in plain words.
        orientation: (2, 2) int, stored right and down to upright right and down (columns).
        timeline: times of its frames, None where they must be counted.
        megapixels: largest picture that is read.
        lost: numbers of frames (or packets, where frames are counted) that could not be decoded so far.
    """

    path: Path
    options: VideoOptions
    size: tuple[int, int]
    fps: float
    duration: float
    codec: str
    frames: int | None
    rotation: int
    remarks: tuple[str, ...]
    orientation: NDArray
    timeline: Timeline | None
    megapixels: float = SourceOptions.max_megapixels
    lost: set[int] = field(default_factory=set)

    @property
    def selected(self) -> range | None:
        """Numbers of the wanted frames; None where frames must be counted. Damaged ones among them do not come."""
        if self.timeline is None:
            return None
        times, wanted = self.timeline.times, self.options
        first = int(np.searchsorted(times, wanted.start - EPSILON))
        last = len(times) if wanted.end is None else int(np.searchsorted(times, wanted.end - EPSILON))
        return range(first, max(first, last), wanted.every)[: wanted.max_frames]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about the clip, with the damage met so far: complete after all frames were read."""
        kind = "frames are" if self.timeline is not None else "packets are"
        damage = (f"{len(self.lost)} {kind} damaged and left out",) if self.lost else ()
        return self.remarks + damage


def open_clip(path: str | Path, options: VideoOptions | None = None, source: SourceOptions | None = None) -> Clip:
    """Look at a clip: its facts, and whether frames can be read.

    Args:
        path: the file; it is opened again for each pass, and nothing is kept open.
        options: every, start, end (exclusive), max_frames.
        source: max_megapixels.

    Raises:
        BadInput: one line: missing, empty, no clip, only sound, a codec that is not known, too large, no frame in the
            wanted range.
    """
    path, options, source = Path(path), options or VideoOptions(), source or SourceOptions()
    if series := pictures_in(path):
        return _chosen(_of_series(path, series, options, source))
    with opened(path, source.max_megapixels) as (container, stream):
        _refuse_giant(path, stream.codec_context.width, stream.codec_context.height, source.max_megapixels)
        listing = listed(container, stream)
    if not listing.count:
        raise BadInput(f"{named(path)}: holds no frame, {WANTED}: copy or export it again")
    with opened(path, source.max_megapixels) as (container, stream):
        firsts = list(islice(pictures(container, stream, None), CHECKED))
        if not firsts:
            codec = stream.codec_context.name
            raise BadInput(f"{named(path)}: no frame can be decoded ({codec}), the clip is damaged: export it again")
        timeline = listing.timeline
        untimed = stream.codec_context.name in UNNUMBERED or _in_file_order(container, stream)
        if timeline is not None and (untimed or not _fits(timeline, firsts)):
            listing = replace(listing, timeline=None)
        clip = _described(path, options, listing, container, stream, firsts[0])
        remarks = clip.remarks + _cut_off(clip, container, stream.frames, listing.count)
        clip = replace(clip, remarks=remarks, megapixels=source.max_megapixels)
    _refuse_giant(path, *clip.size, source.max_megapixels)
    return _chosen(clip)


def _of_series(path: Path, series: list[Path], options: VideoOptions, source: SourceOptions) -> Clip:
    """The facts of a folder of pictures, from the first that can be read."""
    limit, count = source.max_megapixels, len(series)
    first = next(read_series(series, range(count), set(), limit), None)
    if first is None:
        raise BadInput(f"{named(path)}: none of its {count} pictures can be read, {WANTED}: copy them again")
    timeline, still = timeline_of(count), np.eye(2, dtype=int)
    remarks = (f"a folder of {count} pictures: {RATE} a second are taken",)
    size = first[1].size
    return Clip(path, options, size, float(RATE), count / RATE, PICTURES, count, 0, remarks, still, timeline, limit)


def _chosen(clip: Clip) -> Clip:
    """The clip, if it has a frame in the wanted range."""
    path, options = clip.path, clip.options
    if not (options.start < clip.duration + EPSILON if clip.selected is None else clip.selected):
        reach = f"{options.start:g} to {options.end:g}" if options.end is not None else f"{options.start:g} on"
        raise BadInput(
            f"{named(path)}: no frame in seconds {reach}, the clip has {clip.duration:.2f} seconds: change start or end"
        )
    return clip


def frames(clip: Clip) -> Iterator[tuple[int, Frame]]:
    """The wanted frames one after the other, each with its number in the clip; memory stays flat.

    A second pass gives the same frames. Frames that cannot be decoded are left out and counted in `clip.notes`.

    Returns:
        (number, Frame); its `time` is in seconds since the clip's first frame.

    Raises:
        BadInput: not one frame could be decoded; the file went away.
    """
    came = False
    for pair in _counted(clip) if clip.selected is None else frames_at(clip, clip.selected):
        came = True
        yield pair
    if not came:
        raise BadInput(f"{named(clip.path)}: none of the wanted frames can be decoded: export the clip again")


def frames_at(clip: Clip, indices: Iterable[int]) -> Iterator[tuple[int, Frame]]:
    """These frames in ascending order, in one pass; those that cannot be decoded are left out.

    Args:
        indices: numbers of frames in the clip, as `frames` gives them.
    """
    wanted = sorted(set(indices))
    if clip.codec == PICTURES:
        yield from read_series(pictures_in(clip.path), wanted, clip.lost, clip.megapixels)
        return
    if not wanted:
        return
    place, convert = 0, converter()
    for index, picture in _decoded(clip, wanted[0], wanted[-1]):
        while place < len(wanted) and wanted[place] < index:
            place += 1
        if place == len(wanted):
            return
        if wanted[place] == index:
            yield index, _frame(clip, index, picture, convert)


def _counted(clip: Clip) -> Iterator[tuple[int, Frame]]:
    """The wanted frames of a clip without a timeline."""
    options, first, taken, convert = clip.options, None, 0, converter()
    for index, picture in _decoded(clip, 0, None):
        time = _time(clip, index)
        if options.end is not None and time >= options.end - EPSILON:
            return
        if time < options.start - EPSILON:
            continue
        first = index if first is None else first
        if (index - first) % options.every == 0:
            yield index, _frame(clip, index, picture, convert)
            taken += 1
            if taken == options.max_frames:
                return


def _decoded(clip: Clip, first: int, last: int | None) -> Iterator[tuple[int, av.VideoFrame]]:
    """Number and picture of the frames from `first` to `last`, as stored."""
    if clip.timeline is None:
        with opened(clip.path, clip.megapixels) as (container, stream):
            for index, picture in enumerate(pictures(container, stream, clip.lost)):
                if last is not None and index > last:
                    return
                if index >= first:
                    yield index, picture
        return
    keys, final = clip.timeline.keys, len(clip.timeline.stamps) - 1
    before = keys[: np.searchsorted(keys, clip.timeline.stamps[min(first, final)], "right")]
    # A file's index can be wrong: where a frame before `first` does not come, decoding starts farther back.
    for start in [*(int(key) for key in before[:0:-1][:2]), None]:
        with opened(clip.path, clip.megapixels) as (container, stream):
            if start is not None:
                container.seek(start, stream=stream, backward=True, any_frame=False)
            coming = ranked(clip.timeline, pictures(container, stream, None))
            landed = next(coming, None)
            if start is None or (landed is not None and landed[0] <= first):
                wanted = range(first, (final if last is None else min(last, final)) + 1)
                yield from _within(wanted, chain([landed] if landed else [], coming), clip.lost)
                return


def _within(
    wanted: range, coming: Iterable[tuple[int, av.VideoFrame]], lost: set[int]
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Those of the ranked pictures with wanted numbers; numbers that do not come are added to `lost`."""
    expected = wanted.start
    for index, picture in coming:
        if index < wanted.start:
            continue
        lost.update(range(expected, min(index, wanted.stop)))
        expected = index + 1
        if index >= wanted.stop:
            return
        yield index, picture
    lost.update(range(expected, wanted.stop))


def _in_file_order(container: av.container.InputContainer, stream: av.VideoStream) -> bool:
    """Whether times only number the packets of a clip whose pictures are stored in another order, as in AVI."""
    return container.format.name == "avi" and bool(stream.codec_context.has_b_frames)


def _fits(timeline: Timeline, firsts: list[av.VideoFrame]) -> bool:
    """Whether the first pictures have times of the list, ascending; some may be missing, but not every second one."""
    ranks = [rank for picture in firsts if (rank := timeline.rank(picture.pts)) is not None]
    if len(ranks) < len(firsts) or ranks != sorted(ranks):
        return False
    # Every second packet without a picture is the second field of one, not damage.
    return len(ranks) < CHECKED or bool((np.diff(ranks) == 1).any())


def _described(
    path: Path,
    options: VideoOptions,
    listing: Listing,
    container: av.container.InputContainer,
    stream: av.VideoStream,
    picture: av.VideoFrame,
) -> Clip:
    """The facts, from the first picture and the list of times."""
    timeline, count = listing.timeline, listing.count
    orientation = _orientation(picture, stream)
    width, height = _square(stream, picture)
    fps = float(stream.average_rate or stream.guessed_rate or 0) or 25.0
    known = (container.duration or 0) / 1e6
    if stream.duration and stream.time_base:
        known = stream.duration * float(stream.time_base)
    duration = known or count / fps
    if timeline is not None:
        span = float(timeline.times[-1])
        fps = (len(timeline.stamps) - 1) / span if span > 0 else fps
        duration = span + 1 / fps
    remarks = []
    if picture.interlaced_frame:
        remarks.append("the clip is interlaced: edges of what moves are combed")
    if (transfer := TRANSFERS.get(int(picture.color_trc or 0))) is not None:
        remarks.append(f"the clip has high dynamic range ({transfer}): its colours look pale")
    if timeline is None:
        remarks.append("the file does not give the times of its frames: they are counted from the beginning")
    return Clip(
        path=path,
        options=options,
        size=(width, height) if orientation[0, 0] else (height, width),
        fps=fps,
        duration=duration,
        codec=stream.codec_context.name,
        frames=len(timeline.stamps) if timeline is not None else stream.frames or None,
        rotation=round(float(np.degrees(np.arctan2(orientation[1, 0], orientation[0, 0])))) % 360,
        remarks=tuple(remarks),
        orientation=orientation,
        timeline=timeline,
    )


def _cut_off(clip: Clip, container: av.container.InputContainer, stated: int, count: int) -> tuple[str, ...]:
    """A remark if the file holds less than it says: so many frames, of which `count` are there."""
    if stated > count:
        return (f"the file is cut off: {count} of {stated} frames are there",)
    # Sound may well be longer than the pictures.
    promised = container.duration / 1e6 if len(container.streams) == 1 and container.duration else 0.0
    if clip.timeline is not None and promised > 1.05 * clip.duration + 0.5:
        return (f"the file is cut off: {clip.duration:.1f} of {promised:.1f} seconds are there",)
    return ()


def _orientation(picture: av.VideoFrame, stream: av.VideoStream) -> NDArray:
    """(2, 2) int of 0, 1, -1: stored right and down to upright right and down, as columns; the nearest right angle.

    The display matrix [a b u; c d v; x y w] maps a stored (p, q) to (a p + c q, b p + d q), ISO/IEC 14496-12, 6.2.2.
    """
    matrix = np.eye(2)
    side_data: Any = picture.side_data  # iterates over SideData; its stub says otherwise
    data = next((bytes(d) for d in side_data if "DISPLAYMATRIX" in str(d.type)), None)
    if data is not None:
        matrix = np.frombuffer(data, np.int32)[[0, 3, 1, 4]].reshape(2, 2) / 65536.0
    elif (said := re.fullmatch(r"-?[0-9]{1,6}", stream.metadata.get("rotate", ""))) is not None:
        angle = np.radians(int(said[0]))
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = abs(matrix[0, 1]) > abs(matrix[0, 0])
    kept = np.array([[0, 1], [1, 0]]) if turned else np.eye(2, dtype=int)
    straight = (np.sign(np.nan_to_num(matrix)) * kept).astype(int)
    # A damaged matrix may be no rotation at all.
    return straight if abs(straight.sum(axis=1)).all() else np.eye(2, dtype=int)


def _square(stream: av.VideoStream, picture: av.VideoFrame) -> tuple[int, int]:
    """Stored (width, height) with square pixels: the wider side of an oblong pixel is kept whole."""
    aspect = float(stream.sample_aspect_ratio or 1)
    if not 0.1 <= aspect <= 10 or abs(aspect - 1) < 1e-3:
        return picture.width, picture.height
    return max(1, round(picture.width * aspect)), picture.height


def _frame(clip: Clip, index: int, picture: av.VideoFrame, convert: Any) -> Frame:
    """The picture upright in sRGB, all of a clip in one size."""
    _refuse_giant(clip.path, picture.width, picture.height, clip.megapixels)
    turned = not clip.orientation[0, 0]
    width, height = clip.size[::-1] if turned else clip.size
    plain = picture.format.is_rgb or picture.format.name == "pal8"
    matrix = int(picture.colorspace)
    if matrix in (0, 2, 3):  # RGB, unspecified, reserved (ITU-T H.273)
        large = picture.width >= UNTAGGED_HD[0] or picture.height > UNTAGGED_HD[1]
        matrix = BT709 if large else BT601
    full = plain or picture.format.name.startswith("yuvj") or int(picture.color_range) == FULL
    converted = convert(
        picture,
        width=width,
        height=height,
        format="rgb24",
        src_colorspace=matrix,
        src_color_range=FULL if full else LIMITED,
        dst_color_range=FULL,
        interpolation=BICUBIC,
        threads=1,
    )
    pixels = converted.to_ndarray()
    if turned:
        pixels = pixels.transpose(1, 0, 2)
    right, down = clip.orientation.sum(axis=1)
    pixels = np.ascontiguousarray(pixels[:: int(down), :: int(right)])
    return Frame(pixels, time=_time(clip, index), origin=f"{clip.path} frame {index}")


def _time(clip: Clip, index: int) -> float:
    """Seconds since the first frame."""
    return float(clip.timeline.times[index]) if clip.timeline is not None else index / clip.fps


def _refuse_giant(path: Path, width: int, height: int, most: float) -> None:
    megapixels = width * height / 1e6
    if megapixels > most:
        raise BadInput(
            f"{named(path)}: {width} x {height} is {megapixels:.3g} megapixels a frame, at most {most:g} are read: "
            "make it smaller or raise --max-megapixels"
        )
