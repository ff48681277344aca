"""MP3 from the outside: is it one, is it whole? The frames' headers are read, nothing is decoded (ISO 11172-3)."""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Final

_BITRATES_1: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
"""kbit/s of MPEG 1 layer III, indices 1 to 14."""
_BITRATES_2: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""kbit/s of MPEG 2 and 2.5 layer III."""
_RATES_1: Final = (44100, 48000, 32000)
_LAYER_3: Final = 1
_SLACK: Final = 0.99
"""Writers of the Xing header do not agree on whether it counts itself: so much of what it says must be there."""
_FRAMES_TO_BELIEVE: Final = 2
"""Random bytes hold a header in 1 of 3000 places; two that follow one another in 1 of 10 million."""


@dataclass(frozen=True)
class Found:
    """An MP3."""

    short_of: str
    """What it says that it has and has not; empty: nothing."""
    cut_in_frame: bool


def look(content: mmap.mmap) -> Found | str | None:
    """An MP3, what else of the family it is, or None."""
    at = _past_tags(content)
    if at + 4 > len(content):
        return None if at == 0 else Found("there is nothing behind its tags", False)
    if at and content[at : at + 4] == b"fLaC":
        return "FLAC with an ID3 tag before it: save it without tags"
    word = int.from_bytes(content[at : at + 4], "big")
    if word >> 20 == 0xFFF and word >> 17 & 3 == 0:
        return "an AAC sound (ADTS)"
    if word >> 21 == 0x7FF and word >> 17 & 3 in (2, 3) and word >> 12 & 15 not in (0, 15):
        return "MPEG audio of layer I or II"
    first = _frame_bytes(word)
    if not first:
        return None
    end = _before_tags(content, at)
    frames, stop = _walk(content, at, end)
    promised = _xing(content, at, first, word)
    if frames < _FRAMES_TO_BELIEVE and not promised:
        return None
    cut = stop > end
    if promised and frames < promised * _SLACK:
        return Found(f"its header promises {promised} frames of sound, {frames} are there", cut)
    return Found("", cut and not promised)


def _past_tags(content: mmap.mmap) -> int:
    """Where the sound begins, behind ID3v2 tags (cover pictures can make them large)."""
    at = 0
    while content[at : at + 3] == b"ID3" and at + 10 <= len(content):
        size = 0
        for byte in content[at + 6 : at + 10]:
            size = size << 7 | byte & 0x7F
        at += 10 + size
    return min(at, len(content))


def _before_tags(content: mmap.mmap, start: int) -> int:
    """Where the sound ends, before an ID3v1 tag (128 bytes)."""
    end = len(content)
    return end - 128 if end - 128 > start and content[end - 128 : end - 125] == b"TAG" else end


def _walk(content: mmap.mmap, start: int, end: int) -> tuple[int, int]:
    """How many whole frames follow one another, and where the last one ends or would end."""
    at, frames = start, 0
    while at + 4 <= end:
        length = _frame_bytes(int.from_bytes(content[at : at + 4], "big"))
        if not length:
            return frames, at  # padding or a tag of another kind
        at += length
        frames += at <= end
    return frames, at


def _frame_bytes(word: int) -> int:
    """The length of the layer III frame that this header begins; 0: it is none."""
    version, layer = word >> 19 & 3, word >> 17 & 3  # version 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    bitrate, rate = word >> 12 & 15, word >> 10 & 3
    if word >> 21 != 0x7FF or layer != _LAYER_3 or version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    padding = word >> 9 & 1
    if version == 3:
        return 144_000 * _BITRATES_1[bitrate - 1] // _RATES_1[rate] + padding
    return 72_000 * _BITRATES_2[bitrate - 1] // (_RATES_1[rate] // (2 if version == 2 else 4)) + padding


def _xing(content: mmap.mmap, at: int, first: int, word: int) -> int:
    """How many frames the Xing or Info header in the first frame promises, itself among them; 0: it does not say."""
    mono, mpeg_1 = word >> 6 & 3 == 3, word >> 19 & 3 == 3
    side_info = (17 if mono else 32) if mpeg_1 else (9 if mono else 17)
    head = content[at + 4 + side_info : at + min(first, 200)]
    if len(head) < 12 or head[:4] not in (b"Xing", b"Info"):
        return 0
    flags, frames = struct.unpack(">II", head[4:12])
    return int(frames) + 1 if flags & 1 else 0
