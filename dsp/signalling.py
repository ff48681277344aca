"""Tones with which machines speak to each other: special information tones, faxes, modems."""

import math
from statistics import median
from typing import Final

import numpy as np

from dsp.bursts import Burst, LastSamples, Samples, Sounding, Zone, same_hz
from dsp.events import ToneIdentified
from dsp.indications import SIT_HIGH_HZ, SIT_KINDS, SIT_LONG_MS, SIT_LOW_HZ, SIT_PLAIN_HZ, SIT_SHORT_MS
from dsp.spectrum import SAMPLE_RATE_HZ, WINDOW_CENTRE_MS, Hop

_SIT_ZONES: Final = (Zone.SIT_1, Zone.SIT_2, Zone.SIT_3)
_SIT_MS: Final = (210.0, 430.0)
_SIT_GAP_MS: Final = 60.0
"""E.180: 330 ms, 70 either way, no more than 30 between them; as windows of 32 ms measure it."""
_SIT_HZ_SHARE: Final = 0.018
_SIT_SAME_DB: Final = 8.0
_CNG_MS: Final = (400.0, 600.0)
_CNG_PAUSE_MS: Final = (2500.0, 3500.0)
"""T.30: half a second, 3 s pause, 15 % either way."""
_CNG_HZ_SHARE: Final = 0.01
_ANSWER_MS: Final = 2000.0
"""T.30's CED lasts 2.6 to 4 s, V.25's tone 3.3 s; no beep is so long."""
_LOOK_MS: Final = 100.0
_LOOK_SAMPLES: Final = 1600
_FIRST_LOOK_MS: Final = 200.0
"""Every 100 ms the middle 100 ms of the last 200 ms are searched for a turn of the phase."""
_BLOCK: Final = 80
_SIDE: Final = 4
"""Blocks of 10 ms; so many on either side of a turn have one phase each."""
_TURN_RAD: Final = 0.7 * math.pi
"""V.8: 180 degrees, 10 either way; what codecs make of them is less."""
_COHERENCE: Final = 0.85
_TURNS: Final = 2
_TURN_PERIOD_MS: Final = 450.0
_TURN_SLACK_MS: Final = 40.0
"""V.8 and V.25 turn the phase every 450 ms, 25 either way; a turn is found to 10 ms."""


class SitFinder:
    """Bursts in; said when the third of the tones is over. State: two bursts."""

    def __init__(self) -> None:
        self._heard: list[Burst] = []

    def feed(self, burst: Burst, at_ms: float) -> ToneIdentified | None:
        """Take a burst in one of the three zones."""
        heard = self._heard
        if burst.zone is Zone.SIT_1 or not heard:
            heard.clear()
        else:
            before = heard[-1]
            if burst.start_ms - before.end_ms > _SIT_GAP_MS or abs(before.level_dbfs - burst.level_dbfs) > _SIT_SAME_DB:
                heard.clear()
        if burst.zone is not _SIT_ZONES[len(heard)] or not _SIT_MS[0] <= burst.end_ms - burst.start_ms <= _SIT_MS[1]:
            heard.clear()
            return None
        heard.append(burst)
        if len(heard) < len(_SIT_ZONES):
            return None
        hz = tuple(one.frequencies_hz[0] for one in heard)
        sorts = [_sort(k, tone_hz) for k, tone_hz in enumerate(hz)]
        middle_ms = (SIT_SHORT_MS + SIT_LONG_MS) / 2
        lengths = "".join("S" if one.end_ms - one.start_ms < middle_ms else "L" for one in heard[:2])
        named = None
        if all(sorts):
            named = ToneIdentified(
                at_ms=at_ms,
                start_ms=heard[0].start_ms,
                end_ms=burst.end_ms,
                name="sit",
                kind=SIT_KINDS.get((lengths, "".join(sorts[:2]))),
                frequencies_hz=hz,
                level_dbfs=median(one.level_dbfs for one in heard),
            )
        heard.clear()
        return named


def _sort(position: int, hz: float) -> str:
    """L or H for one of Bell's, P for one of the ITU's, by which is nearest; empty for none."""
    known = {"L": SIT_LOW_HZ[position], "H": SIT_HIGH_HZ[position], "P": SIT_PLAIN_HZ[position]}
    sort = min(known, key=lambda one: abs(known[one] - hz))
    return sort if abs(known[sort] - hz) <= _SIT_HZ_SHARE * hz else ""


class CngFinder:
    """Bursts in; said at the end of a fax's second tone, once for each series."""

    def __init__(self) -> None:
        self._before: Burst | None = None
        self._said = False

    def feed(self, burst: Burst, at_ms: float) -> ToneIdentified | None:
        """Take a burst near 1100 Hz."""
        if not _CNG_MS[0] <= burst.end_ms - burst.start_ms <= _CNG_MS[1]:
            return None
        before, self._before = self._before, burst
        if (
            before is None
            or not _CNG_PAUSE_MS[0] <= burst.start_ms - before.end_ms <= _CNG_PAUSE_MS[1]
            or not same_hz(burst.frequencies_hz, before.frequencies_hz, _CNG_HZ_SHARE)
        ):
            self._said = False
            return None
        if self._said:
            return None
        self._said = True
        return ToneIdentified(
            at_ms=at_ms,
            start_ms=before.start_ms,
            name="fax_cng",
            frequencies_hz=burst.frequencies_hz,
            level_dbfs=burst.level_dbfs,
        )


class AnswerFinder:
    """A fax or modem that answers: 2100 Hz that goes on. One that turns its phase is a modem's, or a fast fax's.

    Said after two turns, or after 2 s. State: when the tone's phase turned.
    """

    def __init__(self, recent: LastSamples) -> None:
        self._recent = recent
        self._tone: Sounding | None = None
        self._look_ms = 0.0
        self._turns_ms: list[float] = []
        self._said = False

    def feed(self, tone: Sounding, hop: Hop) -> ToneIdentified | None:
        """Take the next hop in which, or after which, the tone near 2100 Hz goes on."""
        if tone is not self._tone:
            self._tone, self._said, self._look_ms = tone, False, tone.first_ms + _FIRST_LOOK_MS
            self._turns_ms.clear()
        if self._said:
            return None
        if hop.end_ms >= self._look_ms:
            self._look_ms = hop.end_ms + _LOOK_MS
            after_ms = turn_ms(self._recent(hop.end_ms, _LOOK_SAMPLES), tone.hz())
            if after_ms is not None:
                self._turns_ms.append(hop.end_ms - after_ms)
        turning = self._turning()
        if not turning and hop.end_ms - WINDOW_CENTRE_MS - tone.first_ms < _ANSWER_MS:
            return None
        self._said = True
        return ToneIdentified(
            at_ms=hop.end_ms,
            start_ms=tone.start_ms(),
            name="modem_answer" if turning else "fax_ced",
            frequencies_hz=tone.frequencies_hz(),
            level_dbfs=tone.level_dbfs(),
        )

    def _turning(self) -> bool:
        """Do turns of the phase keep their rhythm?"""
        turns = self._turns_ms
        beats = [(later - turns[0]) / _TURN_PERIOD_MS for later in turns[1:]]
        kept = sum(round(beat) >= 1 and abs(beat - round(beat)) * _TURN_PERIOD_MS <= _TURN_SLACK_MS for beat in beats)
        return kept >= _TURNS - 1


def turn_ms(samples: Samples, hz: float) -> float | None:
    """How long ago, in ms, the phase of a tone near ``hz`` turned by half a circle; None if it did not.

    Samples of shape (1600,); only turns 50 to 150 ms ago are found. A lost packet is no turn: the phase behind it
    is that before it.
    """
    if len(samples) < _LOOK_SAMPLES:
        return None
    turning = np.exp(-2j * np.pi * hz / SAMPLE_RATE_HZ * np.arange(_LOOK_SAMPLES))
    blocks = (samples * turning).reshape(-1, _BLOCK).sum(axis=1)
    # How far the tone is from hz shows in the phase from block to block; one turn among them does not matter.
    advance = np.angle(np.sum(blocks[1:] * np.conj(blocks[:-1])))
    blocks = blocks * np.exp(-1j * advance * np.arange(len(blocks)))
    best: tuple[float, float] | None = None
    for k in range(_SIDE + 1, len(blocks) - _SIDE):
        before, after = blocks[k - _SIDE : k], blocks[k + 1 : k + 1 + _SIDE]
        one, other = complex(before.sum()), complex(after.sum())
        whole = float(np.abs(before).sum() * np.abs(after).sum())
        coherence = abs(one) * abs(other) / whole if whole > 0 else 0.0
        if abs(np.angle(other * one.conjugate())) >= _TURN_RAD and coherence >= max(_COHERENCE, best[0] if best else 0):
            best = (coherence, (len(blocks) - k - 0.5) * _BLOCK * 1000 / SAMPLE_RATE_HZ)
    return best[1] if best else None
