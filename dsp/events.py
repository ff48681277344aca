"""What the detector says.

All times are stream times: milliseconds since the first sample fed. ``at_ms`` is when it was said (the end of
the samples consumed by then); ``start_ms`` and ``end_ms`` estimate when it was true, to about 15 ms.

Levels are RMS re a full-scale sine, which is 0 dBFS; a sine with a peak of -12 dBFS reads -12.

Every ``BeepStarted`` is followed by exactly one ``BeepEnded`` or ``BeepDropped`` with the same ``start_ms``,
unless the stream ends first. Speech starts and ends in turns.
"""

from dataclasses import dataclass


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


Detection = BeepStarted | BeepEnded | BeepDropped | SpeechStarted | SpeechEnded | SpeechLevel
