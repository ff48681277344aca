"""Where the loudest voice of a call was heard: stretches of it, without who is in the background."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from dsp.answer_settings import VoiceSettings
from dsp.lone_tone import LoneTone
from dsp.settings import SpeechSettings
from dsp.spectrum import HOP_MS, WINDOW_CENTRE_MS, Hop
from dsp.speech import NoiseFloor

BLOCK_HOPS: Final = 5
"""50 ms: as fine as a verdict is timed."""
BEEP_EDGE_MS: Final = 40.0
"""A window of 32 ms hears a beep so much before it begins, and its estimate is 15 ms off."""
RECENT_MS: Final = 80.0
"""What ended no longer ago may go on."""
_MOST_BLOCKS: Final = 2400
"""Two minutes: a verdict never looks further back."""


class Stretch(NamedTuple):
    """A voice without a pause in it."""

    start_ms: float
    end_ms: float
    level_dbfs: float
    """Its loudest 50 ms."""

    @property
    def length_ms(self) -> float:
        return self.end_ms - self.start_ms


class _Block(NamedTuple):
    start_ms: float
    end_ms: float
    """Of the active hops."""
    level_dbfs: float
    active: int
    tonal: int


class VoiceTrack:
    """Hops in, stretches of the voice out. State is bounded; a hop costs some 1 us, a block of five some 10."""

    def __init__(self, settings: VoiceSettings) -> None:
        self._settings = settings
        self._floor = NoiseFloor(replace(SpeechSettings(), first_floor_dbfs=settings.first_floor_dbfs))
        self._blocks: deque[_Block] = deque(maxlen=_MOST_BLOCKS)
        self._hops: list[tuple[float, float, bool]] = []  # centre, level, tonal; of the active ones
        self._count = 0
        self._now_ms = 0.0
        self.lone_tone = LoneTone()
        self._last_hz = 0.0
        self._tones_hz: tuple[float, ...] = ()
        self.ignored_ms = 0.0
        """When a tone that is none of the voice's was last heard."""

    def clear(self, tones_hz: Sequence[float] = ()) -> None:
        """What was heard so far was nobody, and nor is what sounds at these frequencies from now on."""
        self._tones_hz = tuple(tones_hz)
        self._blocks.clear()
        self._hops.clear()

    def drop(self, from_ms: float) -> None:
        """What has sounded since then was a beep."""
        while self._blocks and self._blocks[-1].start_ms >= from_ms - BEEP_EDGE_MS:
            self._blocks.pop()
        self._hops.clear()

    def feed(self, hop: Hop) -> bool:
        """Take the next hop; is a block complete, so that `stretches` may say something else?"""
        settings = self._settings
        self._floor.feed(hop.dbfs)
        self._now_ms = hop.end_ms
        active = hop.dbfs >= max(settings.weakest_dbfs, self._floor.dbfs + settings.margin_db)
        self.lone_tone.feed(hop, active=active)
        ignored = hop.tonality >= settings.ignored_tonality and any(
            abs(hop.first_hz - hz) <= settings.ignored_hz for hz in self._tones_hz
        )
        if ignored:
            self.ignored_ms = hop.end_ms
        elif active:
            tonal = (
                hop.tonality >= settings.tonality
                and hop.first_hz >= settings.lowest_tone_hz
                and abs(hop.first_hz - self._last_hz) <= settings.tone_step_hz
            )
            self._hops.append((hop.end_ms - WINDOW_CENTRE_MS, hop.dbfs, tonal))
        self._last_hz = hop.first_hz
        self._count += 1
        if self._count < BLOCK_HOPS:
            return False
        self._count = 0
        if self._hops:
            self._blocks.append(
                _Block(
                    start_ms=self._hops[0][0] - HOP_MS / 2,
                    end_ms=self._hops[-1][0] + HOP_MS / 2,
                    level_dbfs=max(level for _, level, _ in self._hops),
                    active=len(self._hops),
                    tonal=sum(tonal for *_, tonal in self._hops),
                )
            )
            self._hops.clear()
        return True

    @property
    def sounded_ms(self) -> float:
        """Where anything at all that stands out from the noise was last heard; 0 if nothing was."""
        return self._blocks[-1].end_ms if self._blocks else 0.0

    def sounding_share(self, from_ms: float, to_ms: float) -> float:
        """In how much of that time anything stood out from the noise, 0 to 1."""
        active = 0
        for block in reversed(self._blocks):
            if block.end_ms <= from_ms:
                break
            active += block.active
        return active * HOP_MS / (to_ms - from_ms) if to_ms > from_ms else 0.0

    def stretches(self, background_db: float | None = None) -> list[Stretch]:
        """All of the voice so far, in order; with another ``background_db`` than the settings', if one is given."""
        settings = self._settings
        if not self._blocks:
            return []
        # A beep, however loud, does not make a voice one in the background.
        voiced = [block.level_dbfs for block in self._blocks if not self._is_tonal(block)]
        levels = sorted(voiced or [block.level_dbfs for block in self._blocks])
        below_db = settings.background_db if background_db is None else background_db
        faintest_dbfs = levels[-2 if len(levels) > 1 else -1] - below_db
        runs: list[list[_Block]] = []
        for block in self._blocks:
            if block.level_dbfs < faintest_dbfs:
                continue
            if runs and block.start_ms - runs[-1][-1].end_ms < settings.join_ms:
                runs[-1].append(block)
            else:
                runs.append([block])
        return [
            Stretch(run[0].start_ms, run[-1].end_ms, max(block.level_dbfs for block in run))
            for run in runs
            if self._is_voice(run)
        ]

    @property
    def in_tone(self) -> bool:
        """Is a tone what sounds just now? It may become a beep, and is no pause."""
        last = self._blocks[-1] if self._blocks else None
        return last is not None and last.tonal > 0 and self._now_ms - last.end_ms < RECENT_MS and self._is_tonal(last)

    def _is_tonal(self, block: _Block) -> bool:
        return block.tonal >= self._settings.tonal_block_share * block.active

    def _is_voice(self, run: list[_Block]) -> bool:
        settings = self._settings
        length_ms = run[-1].end_ms - run[0].start_ms
        active = sum(block.active for block in run)
        tonal = sum(block.tonal for block in run)
        is_tone = length_ms >= settings.shortest_tone_ms and tonal >= settings.tonal_share * active
        return length_ms >= settings.shortest_ms and not is_tone
