"""The names of the network's tones."""

import math
from typing import Final

from dsp.bursts import OPEN_TONALITY, Burst, BurstFinder, Sounding, Zone, same_hz
from dsp.cadence import HZ_SHARE, LONGEST_PAUSE_MS, RING_SILENCE_MS, Series
from dsp.digits import DigitFinder, has_pair
from dsp.events import ToneIdentified
from dsp.indications import INDICATIONS
from dsp.recent import Recent
from dsp.signalling import AnswerFinder, CngFinder, SitFinder
from dsp.spectrum import HOP_MS, SILENCE_DBFS, WINDOW_CENTRE_MS, Hop

_LOUD_DB: Final = 6.0
_LOUD_SHARE: Final = 0.3
"""A pause in which more hops than this share are louder than 6 dB below the burst is none. At its edges some are."""
_DIAL_PAIR_MS: Final = 1200.0
_DIAL_SINGLE_MS: Final = 2300.0
"""A single tone must last longer than any beep (1.75 s) and any ringing tone's burst that is one tone (1.5 s)."""
_DIAL_HZ_SHARE: Final = 0.007
_DIAL_LOOKS: Final = 3
_DIAL_SHARE: Final = 0.75
"""So many looks, and such a share of all, agree on where it is: a singer's do not."""
_STUTTER_MS: Final = (60.0, 240.0)
"""Bursts and pauses of a stuttering dial tone: 100 to 200 ms..."""
_STUTTERS: Final = 2
"""...and at least so many of them."""
_BURST_HOPS: Final = 8
"""A burst is over so many hops after its end."""
_KNOWN_HZ: Final = frozenset(known.hz for known in INDICATIONS)


class ToneNamer:
    """Hops in, names of tones out: call progress, special information tones, DTMF, faxes and modems.

    A tone is named once: a ringing, busy or reorder tone once for the whole series, until it changes or stays away
    for 5.6 s; a dial tone or an answer tone while it goes on; the rest when they are over. What goes on has no end.

    It looks at some of the samples behind the hops as well, so `recent` must have them. State: the last eight bursts.
    A hop without a tone costs next to nothing.
    """

    def __init__(self, recent: Recent) -> None:
        self._bursts = BurstFinder(recent.until)
        self._digits = DigitFinder()
        self._series = Series()
        self._before_dbfs = (SILENCE_DBFS, SILENCE_DBFS)  # of the two newest hops
        self._ring_ms = math.inf  # when a single burst may be called a ringing tone
        self._pause = [0, 0]  # hops since the last burst, and how many of them were loud
        self._dialled: Sounding | None = None  # the tone that has been called one
        self._sit = SitFinder()
        self._cng = CngFinder()
        self._answer = AnswerFinder(recent.until)

    @property
    def hears_tone(self) -> bool:
        """Something steady at the network's frequencies is in the newest hop."""
        tone = self._bursts.sounding
        return tone is not None and not tone.missing

    def feed(self, hop: Hop, *, spoken: bool) -> list[ToneIdentified]:
        """Take the next hop; has anybody ``spoken`` in this stream so far?"""
        earlier_dbfs, before_dbfs = self._before_dbfs
        self._before_dbfs = (before_dbfs, hop.dbfs)
        if hop.tonality < OPEN_TONALITY and self._bursts.sounding is None and self._digits.held is None:
            if not self._series.bursts:
                return []
            named = self._wait(hop, spoken)
            return [named] if named is not None else []
        digits = self._digits
        said: list[ToneIdentified | None] = []
        if digits.held is not None or has_pair(hop):
            said.append(digits.feed(hop, min(earlier_dbfs, before_dbfs)))
        over = self._bursts.feed(hop, before_dbfs)
        if over is not None:
            said.append(self._take(over, hop, spoken))
        tone = self._bursts.sounding
        if tone is not None:
            if tone.zone is Zone.PROGRESS and tone.looks:
                said.append(self._dial(tone, hop))
            elif tone.zone is Zone.ANSWER:
                said.append(self._answer.feed(tone, hop))
        if self._series.bursts:
            said.append(self._wait(hop, spoken))
        return [one for one in said if one is not None]

    def _wait(self, hop: Hop, spoken: bool) -> ToneIdentified | None:
        """The silence after a burst: it may name it, and ends the series."""
        series = self._series
        last = series.bursts[-1]
        self._pause[0] += 1
        self._pause[1] += hop.dbfs > last.level_dbfs - _LOUD_DB
        since_ms = hop.end_ms - WINDOW_CENTRE_MS - last.end_ms
        if self._bursts.sounding is None:
            if since_ms > LONGEST_PAUSE_MS:
                series.clear()
            elif since_ms >= self._ring_ms:
                self._ring_ms = math.inf
                # Nothing else is a pair of this length: words may come between. A single tone wants silence.
                if len(last.frequencies_hz) == 2 or self._pause[1] <= _LOUD_SHARE * self._pause[0]:
                    return self._name(hop, spoken, since_ms)
        return None

    def _take(self, burst: Burst, hop: Hop, spoken: bool) -> ToneIdentified | None:
        """A burst is over."""
        match burst.zone:
            case Zone.PROGRESS:
                return self._take_low(burst, hop, spoken)
            case Zone.SIT_1 | Zone.SIT_2 | Zone.SIT_3:
                return self._sit.feed(burst, hop.end_ms)
            case Zone.CNG:
                return self._cng.feed(burst, hop.end_ms)
        return None

    def _take_low(self, burst: Burst, hop: Hop, spoken: bool) -> ToneIdentified | None:
        if not any(same_hz(burst.frequencies_hz, hz, HZ_SHARE) for hz in _KNOWN_HZ):
            return None  # a word, which the pause's loudness tells
        # What sounded in the burst itself was not the pause.
        hops = round((burst.end_ms - burst.start_ms) / HOP_MS) + _BURST_HOPS
        quiet = self._pause[1] - hops <= _LOUD_SHARE * max(1, self._pause[0] - hops)
        self._series.add(burst, quiet=quiet)
        self._pause = [0, 0]
        self._ring_ms = RING_SILENCE_MS
        return self._name(hop, spoken, 0.0)

    def _name(self, hop: Hop, spoken: bool, silence_ms: float) -> ToneIdentified | None:
        rhythm = self._series.rhythm(spoken=spoken, silence_ms=silence_ms)
        if rhythm is None or rhythm.name == self._series.named:
            return None
        self._series.named = rhythm.name
        last = self._series.bursts[-1]
        return ToneIdentified(
            at_ms=hop.end_ms,
            start_ms=rhythm.start_ms,
            name=rhythm.name,
            regions=rhythm.regions,
            frequencies_hz=last.frequencies_hz,
            level_dbfs=last.level_dbfs,
        )

    def _dial(self, tone: Sounding, hop: Hop) -> ToneIdentified | None:
        """A low tone that goes on, unbroken."""
        length_ms = hop.end_ms - WINDOW_CENTRE_MS - tone.first_ms
        if length_ms < _DIAL_PAIR_MS or tone is self._dialled:
            return None
        heard = tone.frequencies_hz()
        if length_ms < (_DIAL_PAIR_MS if len(heard) == 2 else _DIAL_SINGLE_MS):
            return None
        looks = tone.looks[1:]
        agreeing = sum(same_hz(one.frequencies_hz, heard, _DIAL_HZ_SHARE) for one in looks)
        known = [
            one
            for one in INDICATIONS
            if one.name == "dial_tone" and not one.rhythm_ms and same_hz(heard, one.hz, HZ_SHARE)
        ]
        if not known or agreeing < max(_DIAL_LOOKS, _DIAL_SHARE * len(looks)):
            return None
        self._dialled = tone
        start_ms = tone.start_ms()
        stutter_ms = self._stutter_ms(start_ms, heard)
        self._series.clear()
        return ToneIdentified(
            at_ms=hop.end_ms,
            start_ms=start_ms if stutter_ms is None else stutter_ms,
            name="dial_tone" if stutter_ms is None else "stutter_dial_tone",
            regions=tuple(dict.fromkeys(region for one in known for region in one.regions)),
            frequencies_hz=heard,
            level_dbfs=tone.level_dbfs(),
        )

    def _stutter_ms(self, start_ms: float, heard: tuple[float, ...]) -> float | None:
        """Where the short bursts before a dial tone begin, if there are two or more."""
        first_ms, count = start_ms, 0
        least_ms, most_ms = _STUTTER_MS
        for burst in reversed(self._series.bursts):
            if not (
                least_ms <= first_ms - burst.end_ms <= most_ms
                and least_ms <= burst.end_ms - burst.start_ms <= most_ms
                and same_hz(burst.frequencies_hz, heard, HZ_SHARE)
            ):
                break
            first_ms, count = burst.start_ms, count + 1
        return first_ms if count >= _STUTTERS else None
