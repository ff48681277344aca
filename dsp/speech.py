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

    def feed(self, dbfs: float) -> None:
        """Take a hop's level."""
        settings = self._settings
        self._block.append(dbfs)
        if len(self._block) < settings.block_hops:
            return
        self._block.sort()
        self._blocks.append(self._block[int(settings.block_quantile * settings.block_hops)])
        self._block.clear()
        self.dbfs = max(settings.lowest_floor_dbfs, min(self._blocks))


class SpeechFinder:
    """Hops in, speech detections out. Delay: some 150 ms to the start, the hangover to the end."""

    def __init__(self, settings: SpeechSettings) -> None:
        self._settings = settings
        self._floor = NoiseFloor(settings)
        self._last_hz = 0.0
        self._recent: deque[float] = deque(maxlen=settings.window_hops)
        """Levels of the last hops that were speech; ``SILENCE_DBFS`` for those that were not."""
        self._speaking = False
        self._last_speech_ms = -math.inf
        self._loudness = Loudness()

    @property
    def floor_dbfs(self) -> float:
        """The noise floor."""
        return self._floor.dbfs

    @property
    def spoke_ms(self) -> float:
        """When speech was last heard; minus infinity if never."""
        return self._last_speech_ms

    def feed(self, hop: Hop, *, in_tone: bool) -> list[SpeechStarted | SpeechLevel | SpeechEnded]:
        """Take the next hop; ``in_tone`` says that a beep or the like goes on."""
        settings = self._settings
        self._floor.feed(hop.dbfs)
        margin = settings.keep_margin_db if self._speaking else settings.start_margin_db
        loud = hop.dbfs >= max(settings.weakest_dbfs, self._floor.dbfs + margin)
        step_hz = abs(hop.first.hz - self._last_hz)
        self._last_hz = hop.first.hz
        tone = hop.tonality >= settings.tonality and step_hz <= settings.tone_step_hz
        speech = loud and not tone and not in_tone
        centre_ms = hop.end_ms - WINDOW_CENTRE_MS
        self._recent.append(hop.dbfs if speech else SILENCE_DBFS)
        if self._speaking:
            if speech:
                self._last_speech_ms = centre_ms
            if centre_ms - self._last_speech_ms < settings.hangover_ms:
                return [*self._loudness.feed(hop.end_ms, hop.dbfs if speech else None)]
            self._speaking = False
            self._recent.clear()
            return [SpeechEnded(at_ms=hop.end_ms, end_ms=self._last_speech_ms)]
        heard = [level for level in self._recent if level > SILENCE_DBFS] if speech else []
        if len(heard) < settings.start_hops:
            return []
        self._speaking = True
        self._loudness.begin()
        self._last_speech_ms = centre_ms
        first = next(k for k, level in enumerate(self._recent) if level > SILENCE_DBFS)
        start_ms = max(0.0, centre_ms - (len(self._recent) - 1 - first) * HOP_MS)
        return [SpeechStarted(at_ms=hop.end_ms, start_ms=start_ms, level_dbfs=sum(heard) / len(heard))]
