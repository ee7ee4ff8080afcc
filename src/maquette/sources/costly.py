"""Photos that are small as files and take minutes or gigabytes to decode: refused before anything is decoded."""

from __future__ import annotations

from pathlib import Path

SCANS = 100  # of a JPEG; a progressive photo has ten or so, each costs as much as the whole picture
SCAN_MARK = b"\xff\xda"  # bytes that data between marks never hold
PLAIN_HEAD = 65_536  # bytes of a PPM within which its size must stand: comments are read letter by letter
JP2_SHARE = 0.4  # of the largest picture: JPEG 2000 is decoded in 19 bytes a pixel, others in 3
BLOCK = 1 << 20


def too_costly(path: Path, kind: str, size: tuple[int, int], megapixels: float) -> str | None:
    """Why a photo is not decoded, as the end of a sentence; None for what is as cheap as it looks.

    Args:
        kind: its format, as Pillow calls it.
        size: (width, height) that its header claims.
        megapixels: the largest that is read.
    """
    if kind in ("JPEG", "MPO") and (scans := _count(path, SCAN_MARK, SCANS)) > SCANS:
        return f"more than {SCANS} scans ({scans} counted), which no camera or editor writes: export it again"
    claimed = size[0] * size[1] / 1e6
    if kind == "JPEG2000" and claimed > JP2_SHARE * megapixels:
        return (
            f"{claimed:.0f} megapixels as JPEG 2000, of which at most {JP2_SHARE * megapixels:g} are read, for want "
            "of memory: export it as JPEG or PNG, or raise --max-megapixels"
        )
    return None


def endless_head(path: Path) -> bool:
    """Whether a PPM, PGM or PBM has so much comment before its size that reading it would take minutes."""
    with path.open("rb") as file:
        head = file.read(PLAIN_HEAD + 1)
    if head[:1] != b"P" or head[1:2] not in tuple(b"%d" % number for number in range(1, 8)) or len(head) <= PLAIN_HEAD:
        return False
    wanted = {b"1": 2, b"4": 2, b"7": 0}.get(head[1:2], 3)
    text = b"\n".join(line.split(b"#", 1)[0] for line in head[2:].split(b"\n"))
    numbers = [word for word in text.split(None, wanted)[:wanted] if word.isdigit()]
    return len(numbers) < wanted


def _count(path: Path, mark: bytes, most: int) -> int:
    """How often bytes occur in a file; counting stops above `most`."""
    found, last = 0, b""
    with path.open("rb") as file:
        while (block := file.read(BLOCK)) and found <= most:
            found += (last + block).count(mark)
            last = block[-1:] if block[-1:] == mark[:1] else b""
    return found
