"""The packets of a video file: opened safely, listed without decoding them, and decoded past what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from maquette.core.errors import BadInput
from maquette.sources.photos import named

if TYPE_CHECKING:
    import av

WANTED = "wanted a video clip (MP4, MOV, WebM, MKV, AVI, GIF)"
# Only files that hold their pictures themselves: play lists name further files and addresses, text becomes a terminal.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h261,h263,h264,hevc,vvc,av1,obu,ivf,flv,asf,"
    "ogg,gif,apng,mxf,nut,rm,dv,yuv4mpegpipe,mjpeg,webp_anim,wtv,swf,mp3,wav,flac,aac,aiff,amr"
)
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"P6", b"P5")
NEW_STREAMS = 100  # that may begin in the middle of a file, as in broadcasts
PICTURE = "is a picture: photos go to maquette face or maquette person"
STILL_BRANDS = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif")


@dataclass(frozen=True, eq=False)
class Timeline:
    """The presentation times of a clip's packets.

    Attributes:
        stamps: (N,) int64 ascending, all different, in `base`.
        keys: (K,) int64 ascending: those at which decoding can begin.
        base: seconds per unit.
    """

    stamps: NDArray
    keys: NDArray
    base: Fraction

    @property
    def times(self) -> NDArray:
        """(N,) seconds since the first frame."""
        return (self.stamps - self.stamps[0]) * float(self.base)

    def rank(self, stamp: int | None) -> int | None:
        """The frame's number, None for a time that no packet has."""
        if stamp is None:
            return None
        place = int(np.searchsorted(self.stamps, stamp))
        return place if place < len(self.stamps) and self.stamps[place] == stamp else None


def ranked(timeline: Timeline, pictures: Iterator[av.VideoFrame]) -> Iterator[tuple[int, av.VideoFrame]]:
    """Pictures with their numbers, ascending."""
    latest = -1
    for picture in pictures:
        rank = timeline.rank(picture.pts)
        if rank is not None and rank > latest:
            latest = rank
            yield rank, picture


def pictures(
    container: av.container.InputContainer, stream: av.VideoStream, lost: set[int] | None
) -> Iterator[av.VideoFrame]:
    """All whole pictures from here on; damaged packets are passed over, and their numbers noted in `lost`."""
    # The empty packet at the end drains the decoder.
    for number, packet in enumerate(chain(packets(container, stream), [None])):
        try:
            decoded = stream.decode(packet)
        except _av().error.FFmpegError:
            decoded = None
        damaged = decoded is None or any(picture.is_corrupt for picture in decoded)
        if damaged and lost is not None:
            lost.add(number)
        yield from (picture for picture in decoded or () if not picture.is_corrupt)


def packets(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
    """Packets that hold something, up to the end or to where the file is cut off."""
    for _ in range(NEW_STREAMS):
        try:
            yield from (packet for packet in container.demux(stream) if packet.size)
        except IndexError:  # PyAV's, at the first packet of a stream that begins in the middle: it can be read on
            continue
        except (_av().error.FFmpegError, OSError):
            return
        return


@dataclass(frozen=True, eq=False)
class Listing:
    """What the packets of a clip say before anything is decoded.

    Attributes:
        timeline: their times; None if some have none, or two share one.
        count: how many there are.
    """

    timeline: Timeline | None
    count: int


def listed(container: av.container.InputContainer, stream: av.VideoStream) -> Listing:
    """The times and the number of all packets."""
    stamps, keys, count = [], [], 0
    for packet in packets(container, stream):
        if packet.is_discard:
            continue
        count += 1
        if packet.pts is not None:
            stamps.append(packet.pts)
            if packet.is_keyframe:
                keys.append(packet.pts)
    ordered = np.unique(np.array(stamps, np.int64))
    if len(ordered) < count or not count or stream.time_base is None:
        return Listing(None, count)
    return Listing(Timeline(ordered, np.unique(np.array(keys, np.int64)), Fraction(stream.time_base)), count)


def converter() -> Any:
    """PyAV's `reformat`, which keeps its tables from one picture to the next."""
    from av.video.reformatter import VideoReformatter

    return VideoReformatter().reformat


def _av() -> Any:
    """PyAV, loaded when the first clip is read."""
    import av

    return av


@contextmanager
def opened(path: Path, megapixels: float) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """The file's container and its video stream.

    Args:
        megapixels: of the largest picture that is decoded.

    Raises:
        BadInput: not a readable file, no clip, no video in it, or a codec that is not known here.
    """
    head = _head(path)
    error = _av().error
    # A file object: as text, some paths would be addresses of a protocol. Lists of further files are refused.
    with path.open("rb") as file:
        try:
            # Larger pictures are not even decoded to look at them; a codec's blocks may stand over the edge.
            options = {"max_pixels": str(int(megapixels * 1.1e6) + 1_000_000)}
            options |= {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
            container = _av().open(file, options=options, metadata_errors="replace")
        except (error.FFmpegError, OSError) as problem:
            raise BadInput(f"{named(path)}: {_why(head, problem)}; {WANTED}") from problem
        with container:
            stream = _checked(path, container, head)
            stream.codec_context.options = {"max_pixels": options["max_pixels"]}
            yield container, stream


def _head(path: Path) -> bytes:
    """The first bytes of a regular file that holds something."""
    try:
        if path.exists() and not path.is_file():
            what = "is a folder" if path.is_dir() else "is not a regular file"
            raise BadInput(f"{named(path)}: {what}, {WANTED}: give the file")
        with path.open("rb") as file:
            head = file.read(16)
    except (OSError, ValueError) as problem:
        missing = isinstance(problem, FileNotFoundError)
        why = "no such file" if missing else getattr(problem, "strerror", None) or problem
        raise BadInput(f"{named(path)}: cannot be read ({why}), {WANTED}: check the name") from problem
    if not head:
        raise BadInput(f"{named(path)}: is empty (0 bytes), {WANTED}: copy it again")
    return head


def _still(head: bytes) -> bool:
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return webp or head.startswith(PICTURES) or head[4:12] in STILL_BRANDS


def _why(head: bytes, problem: Exception) -> str:
    if _still(head):
        return PICTURE
    if isinstance(problem, _av().error.ArgumentError):
        return "is no clip"
    return "is no clip, or damaged or cut off from its index on (copy or export it again)"


def picture_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """The first stream of moving pictures; the cover of a song is none."""
    cover = _av().stream.Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & cover), None)


def _checked(path: Path, container: av.container.InputContainer, head: bytes) -> av.VideoStream:
    """The stream of moving pictures, ready to be decoded."""
    stream = picture_stream(container)
    if stream is None:
        kinds = "holds only sound" if container.streams.audio else "has no video in it, or is cut off before its index"
        raise BadInput(f"{named(path)}: {kinds}, {WANTED}")
    if head[4:12] in STILL_BRANDS:
        raise BadInput(f"{named(path)}: {PICTURE}; {WANTED}")
    if stream.codec_context is None:
        raise BadInput(f"{named(path)}: its codec is not known here: convert it, e.g. to H.264 in MP4")
    stream.thread_type = "SLICE"  # frames in flight on each core would cost memory
    return stream
