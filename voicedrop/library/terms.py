"""The words of the library: what a person says about a message, what is allowed, what comes of an upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voicedrop.library.check import Check

MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Particulars:
    """What a person says about a message; nothing of it is in the sound file."""

    label: str
    language: str = ""
    """A language tag such as ``en`` or ``de-AT``; empty: not said."""
    tags: tuple[str, ...] = ()
    transcript: str = ""
    """The words of the message; empty: not given."""
    call_to_action: str = ""
    """What the callee is asked to do."""
    callback_number: str = ""
    optout_number: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an upload may be."""

    max_bytes: int = 25 * MEBIBYTE
    """90 s of WAV as studios keep it (48 kHz, 24 bit, stereo: 0.29 MB a second), 27 minutes of MP3 at 128 kbit/s."""
    max_seconds: float = 300.0
    """Decoding stops here, whatever the header says: so much memory and time an upload may cost."""
    long_s: float = 30.0
    """Above it a warning: callees stop listening at about half a minute."""
    longest_s: float = 60.0
    """Above it an error unless forced: many mailboxes cut there."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where the files of a message are."""

    folder: Path
    original: Path
    """As uploaded, byte by byte."""
    message: Path
    """8 kHz, 16 bit, mono: what Asterisk plays on a narrow-band leg."""
    message16: Path
    """The same at 16 kHz for wide-band legs; Asterisk's name for it is ``.wav16``."""
    preview: Path
    """The 8 kHz message through the telephone's µ-law and back."""
    check: Path
    waveform: Path


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A message on the shelf."""

    sha256: str
    """Of the original's bytes: the message's name on the shelf."""
    prepared_sha256: str
    """Of the 8 kHz file: what was played."""
    duration_s: float
    files: Files
    checks: list[Check]
