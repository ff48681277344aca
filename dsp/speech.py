"""Speech: sound that stands out from the noise floor, moves, and is no tone."""

import math
from collections import deque

from dsp.events import SpeechEnded, SpeechLevel, SpeechStarted
from dsp.loudness import Loudness
from dsp.settings import SpeechSettings
from dsp.spectrum import HOP_MS, SILENCE_DBFS, WINDOW_CENTRE_MS, Hop


class NoiseFloor:
    """Minimum statistics: the quietest of the last eight quarter seconds, in dBFS."""

    def __init__(self, settings: SpeechSettings) -> None:
        self._settings = settings
        self._block: list[float] = []
        self._blocks: deque[float] = deque([settings.first_floor_dbfs], maxlen=settings.blocks)
        self.dbfs = settings.first_floor_dbfs

    def feed(self, dbfs: float) -> bool:
        """Take a hop's level; is the floor another one now?"""
        block, settings = self._block, self._settings
        block.append(dbfs)
        if len(block) < settings.block_hops:
            return False
        block.sort()
        self._blocks.append(block[int(settings.block_quantile * settings.block_hops)])
        block.clear()
        self.dbfs = max(settings.lowest_floor_dbfs, min(self._blocks))
        return True


class SpeechFinder:
    """Hops in, speech detections out. Delay: some 150 ms to the start, the hangover to the end."""

    def __init__(self, settings: SpeechSettings) -> None:
        self._settings = settings
        self._floor = NoiseFloor(settings)
        self._last_hz = 0.0
        self._recent: deque[float] = deque(maxlen=settings.window_hops)
        """Levels of the last hops that were speech; ``SILENCE_DBFS`` for those that were not."""
        self._heard = 0
        """How many of them were."""
        self._speaking = False
        self.spoke_ms = -math.inf
        """When speech was last heard; minus infinity if never."""
        self._loudness = Loudness()
        self._set_thresholds()

    def _set_thresholds(self) -> None:
        settings = self._settings
        floor_dbfs = self._floor.dbfs
        self.floor_dbfs = floor_dbfs
        """The noise floor."""
        self._start_dbfs = max(settings.weakest_dbfs, floor_dbfs + settings.start_margin_db)
        self._keep_dbfs = max(settings.weakest_dbfs, floor_dbfs + settings.keep_margin_db)

    def feed(self, hop: Hop, *, in_tone: bool) -> SpeechStarted | SpeechLevel | SpeechEnded | None:
        """Take the next hop; ``in_tone`` says that a beep or the like goes on."""
        settings = self._settings
        if self._floor.feed(hop.dbfs):
            self._set_thresholds()
        hz = hop.first_hz
        speech = (
            hop.dbfs >= (self._keep_dbfs if self._speaking else self._start_dbfs)
            and not in_tone
            and not (hop.tonality >= settings.tonality and abs(hz - self._last_hz) <= settings.tone_step_hz)
        )
        self._last_hz = hz
        if self._speaking:
            return self._go_on(hop, speech)
        if not speech and not self._heard:
            return None
        self._remember(hop.dbfs if speech else SILENCE_DBFS)
        return self._start(hop) if speech and self._heard >= settings.start_hops else None

    def _remember(self, dbfs: float) -> None:
        recent = self._recent
        if len(recent) == recent.maxlen:
            self._heard -= recent[0] > SILENCE_DBFS
        recent.append(dbfs)
        self._heard += dbfs > SILENCE_DBFS

    def _start(self, hop: Hop) -> SpeechStarted:
        heard = [level for level in self._recent if level > SILENCE_DBFS]
        centre_ms = hop.end_ms - WINDOW_CENTRE_MS
        first = next(k for k, level in enumerate(self._recent) if level > SILENCE_DBFS)
        start_ms = max(0.0, centre_ms - (len(self._recent) - 1 - first) * HOP_MS)
        self._speaking = True
        self._loudness.begin()
        self.spoke_ms = centre_ms
        self._recent.clear()
        self._heard = 0
        return SpeechStarted(at_ms=hop.end_ms, start_ms=start_ms, level_dbfs=sum(heard) / len(heard))

    def _go_on(self, hop: Hop, speech: bool) -> SpeechLevel | SpeechEnded | None:
        centre_ms = hop.end_ms - WINDOW_CENTRE_MS
        if speech:
            self.spoke_ms = centre_ms
        if centre_ms - self.spoke_ms < self._settings.hangover_ms:
            return self._loudness.feed(hop.end_ms, hop.dbfs if speech else None)
        self._speaking = False
        return SpeechEnded(at_ms=hop.end_ms, end_ms=self.spoke_ms)
