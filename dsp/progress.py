"""Tones of the network: known pairs, special information tones, and anything that keeps a rhythm."""

from collections import deque
from typing import Final, NamedTuple

from dsp.settings import ProgressSettings

_DTMF_ROWS: Final = (697.0, 770.0, 852.0, 941.0)
_DTMF_COLUMNS: Final = (1209.0, 1336.0, 1477.0, 1633.0)
KNOWN_PAIRS_HZ: Final = (
    *((row, column) for row in _DTMF_ROWS for column in _DTMF_COLUMNS),
    (350.0, 440.0),  # dial tone, US
    (440.0, 480.0),  # ringback, US
    (480.0, 620.0),  # busy and reorder, US
    (350.0, 450.0),  # dial tone, UK
    (400.0, 450.0),  # ringback, UK
)
_CADENCES: Final = (
    (425.0, (240.0, 480.0, 500.0, 1000.0)),  # reorder, busy, ringback of most of Europe
    (400.0, (225.0, 375.0, 400.0)),  # reorder, busy of the UK
)
"""Single tones, and how many ms a burst of them lasts."""
_CALLING_MS: Final = 500.0
"""A burst of a fax that calls (T.30: 0.5 s every 3.5 s)."""
_TWIN_MS: Final = 30.0
"""Two measures of one tone's end, each 15 ms off at most."""
_SIT_HZ: Final = ((913.8, 950.0, 985.2), (1370.6, 1400.0, 1428.5), (1776.7, 1800.0))
"""Special information tones: one of each, one straight after another (ITU E.180 and the US variants)."""
_SIT_TOLERANCE: Final = 0.011
_SIT_GAP_MS: Final = 100.0


class Burst(NamedTuple):
    """A steady tone that is over."""

    frequencies_hz: tuple[float, ...]
    start_ms: float
    end_ms: float


class ProgressMemory:
    """Remembers the last few bursts, and tells whether a new tone belongs to the network."""

    def __init__(self, settings: ProgressSettings) -> None:
        self._settings = settings
        self._bursts: deque[Burst] = deque(maxlen=4)
        self._heard_speech = False
        self._fax = False

    def remember(self, burst: Burst) -> None:
        """A steady tone, beep or not, is over."""
        self._bursts.append(burst)
        if not self._heard_speech and self._within(burst.frequencies_hz, (self._settings.fax_answer_hz,)):
            self._fax = True

    def forget(self) -> None:
        """Somebody spoke: the next tone begins a new story."""
        self._heard_speech = True
        self._bursts.clear()

    def is_progress(self, frequencies_hz: tuple[float, ...], start_ms: float) -> bool:
        """Is the tone that began at ``start_ms`` one of the network's?"""
        return (
            self._fax
            or self._is_known_pair(frequencies_hz)
            or (not self._heard_speech and self._within(frequencies_hz, self._settings.before_speech_hz))
            or self._continues_sit(frequencies_hz, start_ms)
            or self._keeps_rhythm(frequencies_hz, start_ms)
        )

    def is_cadence(self, burst: Burst) -> bool:
        """Has a tone that is over just the frequency and length of a busy, ringback or fax tone's burst?"""
        settings = self._settings
        length = burst.end_ms - burst.start_ms
        if self._within(burst.frequencies_hz, (settings.fax_calling_hz,)):
            return abs(length - _CALLING_MS) <= settings.cadence_share * _CALLING_MS + settings.cadence_ms
        return len(burst.frequencies_hz) == 1 and any(
            abs(burst.frequencies_hz[0] - hz) <= settings.cadence_hz * hz
            and any(abs(length - ms) <= settings.cadence_share * ms + settings.cadence_ms for ms in lengths)
            for hz, lengths in _CADENCES
        )

    def is_twin(self, burst: Burst) -> bool:
        """Has this very tone been remembered? After a gap two tracks may both have followed it to its end."""
        return any(
            self._same(other.frequencies_hz, burst.frequencies_hz) and abs(other.end_ms - burst.end_ms) <= _TWIN_MS
            for other in self._bursts
        )

    @staticmethod
    def _within(frequencies_hz: tuple[float, ...], bands: tuple[tuple[float, float], ...]) -> bool:
        return all(any(low <= hz <= high for low, high in bands) for hz in frequencies_hz)

    def _is_known_pair(self, frequencies_hz: tuple[float, ...]) -> bool:
        return len(frequencies_hz) == 2 and any(
            all(
                abs(heard - known) <= self._settings.pair_tolerance * known
                for heard, known in zip(frequencies_hz, pair, strict=True)
            )
            for pair in KNOWN_PAIRS_HZ
        )

    def _continues_sit(self, frequencies_hz: tuple[float, ...], start_ms: float) -> bool:
        if not self._bursts or start_ms - self._bursts[-1].end_ms > _SIT_GAP_MS:
            return False
        return follows_in_sit(self._bursts[-1].frequencies_hz, frequencies_hz)

    def _keeps_rhythm(self, frequencies_hz: tuple[float, ...], start_ms: float) -> bool:
        settings = self._settings
        same = [burst for burst in self._bursts if self._same(burst.frequencies_hz, frequencies_hz)]
        if not same or start_ms - same[-1].end_ms > settings.memory_ms:
            return False
        low, high = settings.supervisory_hz
        if all(low <= hz <= high for hz in frequencies_hz):
            return True
        last = same[-1]
        length = last.end_ms - last.start_ms
        if length > settings.longest_beep_ms:
            return True
        if length >= settings.shortest_busy_ms and self._same_beat(start_ms - last.end_ms, length):
            return True
        return len(same) >= 2 and self._same_beat(start_ms - last.start_ms, last.start_ms - same[-2].start_ms)

    def _same(self, one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        return len(one) == len(other) and all(
            abs(a - b) <= self._settings.same_tone * b for a, b in zip(one, other, strict=True)
        )

    def _same_beat(self, one_ms: float, other_ms: float) -> bool:
        return abs(one_ms - other_ms) <= max(self._settings.rhythm_ms, self._settings.rhythm * other_ms)


def sit_position(frequencies_hz: tuple[float, ...]) -> int | None:
    """0, 1 or 2 if the tone could be the first, second or third of a special information tone."""
    if len(frequencies_hz) != 1:
        return None
    if not _SIT_HZ[0][0] * (1 - _SIT_TOLERANCE) <= frequencies_hz[0] <= _SIT_HZ[-1][-1] * (1 + _SIT_TOLERANCE):
        return None
    for position, tones in enumerate(_SIT_HZ):
        if any(abs(frequencies_hz[0] - hz) <= _SIT_TOLERANCE * hz for hz in tones):
            return position
    return None


def follows_in_sit(before_hz: tuple[float, ...], after_hz: tuple[float, ...]) -> bool:
    """Is ``after_hz`` the special information tone that comes after ``before_hz``?"""
    before, after = sit_position(before_hz), sit_position(after_hz)
    return before is not None and after is not None and after == before + 1
