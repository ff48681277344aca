"""What the detector says, in a word; each is said 50 ms after it was true, unless told otherwise."""

from __future__ import annotations

from dsp import BeepDropped, BeepEnded, BeepStarted, SpeechEnded, SpeechLevel, SpeechStarted

AT_MS = 60_000.0  # any stream time: the machines only use how long ago something was


def beep_started(*, ago_s: float = 0.05) -> BeepStarted:
    return BeepStarted(at_ms=AT_MS, start_ms=AT_MS - ago_s * 1000, frequencies_hz=(1000.0,), level_dbfs=-20.0)


def beep_ended(*, ago_s: float = 0.05, length_s: float = 0.4) -> BeepEnded:
    end_ms = AT_MS - ago_s * 1000
    return BeepEnded(
        at_ms=AT_MS,
        start_ms=end_ms - length_s * 1000,
        end_ms=end_ms,
        frequencies_hz=(1000.0,),
        level_dbfs=-20.0,
        confidence=0.9,
    )


def beep_dropped(*, ago_s: float = 0.5) -> BeepDropped:
    return BeepDropped(at_ms=AT_MS, start_ms=AT_MS - ago_s * 1000)


def speech_started(*, ago_s: float = 0.05, level_dbfs: float = -18.0) -> SpeechStarted:
    return SpeechStarted(at_ms=AT_MS, start_ms=AT_MS - ago_s * 1000, level_dbfs=level_dbfs)


def speech_level(level_dbfs: float = -18.0) -> SpeechLevel:
    return SpeechLevel(at_ms=AT_MS, level_dbfs=level_dbfs)


def speech_ended(*, ago_s: float = 0.05) -> SpeechEnded:
    return SpeechEnded(at_ms=AT_MS, end_ms=AT_MS - ago_s * 1000)
