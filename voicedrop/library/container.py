"""What a file is, judged by its bytes and never by its name; and whether it is whole."""

from __future__ import annotations

import mmap
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voicedrop.errors import UploadError
from voicedrop.library import mpeg

ACCEPTED: Final = "WAV, MP3, FLAC or OGG (Vorbis or Opus)"
_HEAD_BYTES: Final = 4096
"""Enough for every mark below, and to tell text from bytes."""
_UNKNOWN_SIZE: Final = 0xFFFFFFFF
"""What a program that writes into a pipe puts where it cannot know the size yet."""
_OGG_PAGE_MAX: Final = 27 + 255 + 255 * 255
_END_OF_STREAM: Final = 4
"""A flag in an Ogg page's header (RFC 3533)."""

# (offset, mark, what it looks like): marks of files that people mistake for sound, most telling first.
_MARKS: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"FORM", "an AIFF sound or another IFF file"),
    (0, b".snd", "a Sun AU sound"),
    (0, b"RF64", "an RF64 sound (WAV for files over 4 GB)"),
    (0, b"riff\x2e\x91\xcf\x11", "a Sony Wave64 sound"),
    (0, b"RIFX", "a big-endian RIFX sound"),
    (0, b"caff", "an Apple CAF sound"),
    (4, b"ftypM4A", "an M4A sound (AAC)"),
    (4, b"ftyp3gp", "a 3GP film or sound"),
    (4, b"ftyp", "an MP4 film or sound (AAC, M4A)"),
    (0, b"\x1a\x45\xdf\xa3", "a WebM or Matroska file"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file (WMA, WMV)"),
    (0, b"#!AMR", "an AMR sound"),
    (0, b"#!SILK", "a SILK sound"),
    (0, b"\x02#!SILK", "a SILK sound"),
    (0, b"wvpk", "a WavPack sound"),
    (0, b"MAC ", "a Monkey's Audio sound"),
    (0, b"TTA1", "a True Audio sound"),
    (0, b"ADIF", "an AAC sound"),
    (0, b"MThd", "a MIDI file: notes, no sound"),
    (0, b"FLV\x01", "a Flash film"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"MZ", "a Windows program"),
    (0, b"\x7fELF", "a Linux program"),
    (0, b"\xca\xfe\xba\xbe", "a macOS or Java program"),
    (0, b"\xcf\xfa\xed\xfe", "a macOS program"),
    (0, b"#!", "a script"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"\xd0\xcf\x11\xe0", "an old office document"),
)
_ENCRYPTED: Final[tuple[bytes, ...]] = (b"Salted__", b"-----BEGIN PGP MESSAGE", b"age-encryption.org/v1")
_ZIP_ENCRYPTED: Final = 1
"""The first bit of the flags in a ZIP entry's header."""
_OGG_OTHERS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x7fFLAC", "FLAC in Ogg: save it as plain .flac"),
    (b"Speex", "Speex in Ogg"),
    (b"\x80theora", "a Theora film"),
    (b"fishead", "an Ogg film"),
)


@dataclass(frozen=True)
class Container:
    """A file that libsndfile may be asked to read."""

    format: str
    """As libsndfile calls it: WAV, FLAC, OGG or MP3."""
    extension: str
    cut_in_frame: bool = False
    """An MP3 that does not say how long it is ends in the middle of a frame: perhaps cut off, perhaps badly cut."""


def judge(file: Path) -> Container:
    """What the file is.

    Raises:
        UploadError: ``empty``, ``not-audio``, ``encrypted`` or ``truncated``.
    """
    with file.open("rb") as stream:
        if file.stat().st_size == 0:
            raise UploadError("empty", "The file is empty (0 bytes): the upload broke off, or the recording failed")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _judge(content)


def _judge(content: mmap.mmap) -> Container:
    head = content[:_HEAD_BYTES]
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        _whole_wav(content)
        return Container("WAV", "wav")
    if head[:4] == b"fLaC":
        return Container("FLAC", "flac")
    if head[:4] == b"OggS":
        _only_sound(head)
        _whole_ogg(content)
        return Container("OGG", "ogg")
    _no_other(head)
    found = mpeg.look(content)
    if found is None:
        raise UploadError("not-audio", _refusal(_plain_look(head)))
    if isinstance(found, str):
        raise UploadError("not-audio", _refusal(found))
    if found.short_of:
        raise _cut_off(found.short_of)
    return Container("MP3", "mp3", found.cut_in_frame)


def _refusal(looks_like: str) -> str:
    return f"This looks like {looks_like}. Upload the recording as {ACCEPTED}"


def _cut_off(what: str) -> UploadError:
    return UploadError(
        "truncated", f"The file is cut off: {what}. Upload it again, or export it anew from the program that made it"
    )


def _no_other(head: bytes) -> None:
    if head.startswith(_ENCRYPTED) or (
        head[:4] == b"PK\x03\x04" and len(head) > 6 and head[6] & _ZIP_ENCRYPTED  # the low byte of the entry's flags
    ):
        raise UploadError("encrypted", f"The file is encrypted. Decrypt it and upload the recording as {ACCEPTED}")
    if head[:4] == b"RIFF":
        raise UploadError("not-audio", _refusal(f"a RIFF file of the kind {head[8:12]!r}, not WAVE"))
    for offset, mark, looks_like in _MARKS:
        if head[offset : offset + len(mark)] == mark:
            raise UploadError("not-audio", _refusal(looks_like))


def _plain_look(head: bytes) -> str:
    if not head.strip(b"\0"):
        return "nothing: it begins with zeros only"
    try:
        text = head[:-3].decode("utf-8") if len(head) == _HEAD_BYTES else head.decode("utf-8")  # no torn last letter
    except UnicodeDecodeError:
        return "raw samples or a kind of file that is not known here"
    if re.match(r"\s*<(!doctype html|html|head)", text, re.IGNORECASE):
        return "a web page (was a log-in page saved in place of the recording?)"
    return "text" if "\0" not in text else "a kind of file that is not known here"


def _whole_wav(content: mmap.mmap) -> None:
    """The chunks up to the samples must be there, and as many samples as the header says."""
    at = 12
    seen_format = False
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        at += 8
        if name == b"data":
            there = len(content) - at
            if not seen_format:
                raise UploadError("broken", "The WAV file has samples but no format before them: export it anew")
            if size > there and not (size == _UNKNOWN_SIZE and there):
                raise _cut_off(f"its header promises {size} bytes of sound, {there} are there")
            if size == 0:
                raise UploadError("empty", "The WAV file's header says that there is no sound: the recording broke off")
            return
        seen_format = seen_format or name == b"fmt "
        at += size + size % 2  # chunks begin at even places
    raise _cut_off("it ends before the sound begins")


def _only_sound(head: bytes) -> None:
    if b"OpusHead" in head[:256] or b"\x01vorbis" in head[:256]:
        return
    for mark, looks_like in _OGG_OTHERS:
        if mark in head[:256]:
            raise UploadError("not-audio", _refusal(looks_like))
    if len(head) < 256:
        raise _cut_off("it ends before the sound begins")
    raise UploadError("not-audio", _refusal("an Ogg file of a kind that is not known here"))


def _whole_ogg(content: mmap.mmap) -> None:
    """The last page must be complete and marked as the last (RFC 3533, 6)."""
    start = content.rfind(b"OggS", max(0, len(content) - _OGG_PAGE_MAX))
    if start < 0:
        raise _cut_off("its end is no Ogg page")
    if start + 27 > len(content):
        raise _cut_off("its last page is not whole")
    flags, segments = content[start + 5], content[start + 26]
    lacing = content[start + 27 : start + 27 + segments]
    if len(lacing) < segments or start + 27 + segments + sum(lacing) > len(content):
        raise _cut_off("its last page is not whole")
    if not flags & _END_OF_STREAM:
        raise _cut_off("its last page is not marked as the last")
