"""What the detector says.

All times are stream times: milliseconds since the first sample fed. ``at_ms`` is when it was said (the end of
the samples consumed by then); ``start_ms`` and ``end_ms`` estimate when it was true, to about 15 ms.

Levels are RMS re a full-scale sine, which is 0 dBFS; a sine with a peak of -12 dBFS reads -12.

Every ``BeepStarted`` is followed by exactly one ``BeepEnded`` or ``BeepDropped`` with the same ``start_ms``,
unless the stream ends first. Speech starts and ends in turns.
"""

from dataclasses import dataclass
from typing import Literal

ToneName = Literal[
    "ringback",
    "busy",
    "reorder",
    "dial_tone",
    "stutter_dial_tone",
    "sit",
    "dtmf",
    "fax_cng",
    "fax_ced",
    "modem_answer",
]
"""Reorder is also called congestion; ``fax_cng`` calls, ``fax_ced`` answers, as a plain modem does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeepStarted:
    """A steady tone goes on that is no known call progress. It may still turn out to be no beep."""

    at_ms: float
    start_ms: float
    frequencies_hz: tuple[float, ...]
    """One or two, ascending."""
    level_dbfs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BeepEnded:
    """A beep is over; ``end_ms`` is where its sound really ended."""

    at_ms: float
    start_ms: float
    end_ms: float
    frequencies_hz: tuple[float, ...]
    """One or two, ascending."""
    level_dbfs: float
    confidence: float
    """From 0 to 1: how steady and how pure it was, and whether it was long enough to be sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeepDropped:
    """The tone begun at ``start_ms`` was no beep after all: too long, unsteady, or part of a signal."""

    at_ms: float
    start_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechStarted:
    """Somebody, or a recording, speaks."""

    at_ms: float
    start_ms: float
    level_dbfs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechEnded:
    """Nothing has been said for the hangover time; ``end_ms`` is where the last speech was heard."""

    at_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechLevel:
    """How loud the speech of the last 100 ms was; between the two above, unless nothing was said in them."""

    at_ms: float
    level_dbfs: float
    """The power of what was speech, spread over the 100 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneIdentified:
    """A tone of the network, by its frequencies and its rhythm: see `dsp.names` for when each is said."""

    at_ms: float
    start_ms: float
    """Where the tone begins; of a rhythm the first burst that was heard."""
    end_ms: float | None = None
    """None if it goes on, or may."""
    name: ToneName
    digit: str | None = None
    """Of ``dtmf``: one of ``0123456789*#ABCD``."""
    kind: str | None = None
    """Of ``sit``, where lengths and frequencies say it: intercept, vacant_code, reorder or no_circuit."""
    regions: tuple[str, ...] = ()
    """Countries (ISO 3166, and uk) whose exchanges have this tone; empty where it is the same everywhere."""
    frequencies_hz: tuple[float, ...]
    """As heard: one or two, ascending; the three of ``sit`` in their order."""
    level_dbfs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Nothing has stood out from the noise floor for a second. Said once for each stretch."""

    at_ms: float
    start_ms: float
    level_dbfs: float
    """The noise floor's."""


Detection = BeepStarted | BeepEnded | BeepDropped | SpeechStarted | SpeechEnded | SpeechLevel | ToneIdentified | Silence
