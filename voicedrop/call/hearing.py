"""What has been heard on a leg so far: the last beep, and whether anybody spoke since."""

from __future__ import annotations

from typing import Final

from dsp import BeepDropped, BeepEnded, BeepStarted, Detection, SpeechEnded, SpeechLevel, SpeechStarted
from voicedrop.call.cue_settings import DEFAULT, CueSettings
from voicedrop.model import HeardBeep

LEVEL_S: Final = 0.1
"""What one `SpeechLevel` tells of."""


class Hearing:
    """Memory of one leg. Times are the engine's monotonic seconds.

    `whole` says that nothing was missed: the ear was there from the answer on. A *voice* is speech about as loud as
    the loudest of the call, so not somebody in the background; until the loudest is known all speech is.
    """

    def __init__(self, *, whole: bool, settings: CueSettings = DEFAULT) -> None:
        self.whole = whole
        self.last_beep: HeardBeep | None = None
        self.beeping = False
        self.voice = False
        """Somebody speaks."""
        self.voice_ended_at: float | None = None
        self.speaking = False
        """The same, or somebody in the background does."""
        self.speech_ended_at: float | None = None
        self.first_voice_at: float | None = None
        self.spoken_since_beep = False
        self._background_db = settings.background_db
        self._loudest: list[float] = []  # levels of the loudest blocks, ascending
        self._loudest_blocks = round(settings.loudest_s / LEVEL_S)

    def answered(self) -> None:
        """Early media is not the mailbox: forget its tones. It counts as heard from here on."""
        self.last_beep = None
        self.voice_ended_at = self.speech_ended_at = None
        self.spoken_since_beep = False
        self._loudest.clear()

    def is_voice(self, level_dbfs: float) -> bool:
        """Is speech of this level a voice, by all that has been heard?"""
        known = len(self._loudest) >= self._loudest_blocks
        return not known or level_dbfs >= self._loudest[0] - self._background_db

    def note(self, detection: Detection, now: float) -> None:
        """Take in a detection whose last sample arrived at `now`."""

        def at(stream_ms: float) -> float:
            return now - (detection.at_ms - stream_ms) / 1000

        match detection:
            case BeepStarted():
                self.beeping = True
            case BeepDropped():
                self.beeping = False
            case BeepEnded():
                self.beeping = False
                self.last_beep = HeardBeep(
                    started_at=at(detection.start_ms),
                    ended_at=at(detection.end_ms),
                    frequencies_hz=detection.frequencies_hz,
                    level_dbfs=detection.level_dbfs,
                )
                self.spoken_since_beep = False
            case SpeechStarted():
                self._speech(detection.level_dbfs, at(detection.start_ms))
            case SpeechLevel():
                self._speech(detection.level_dbfs, now - LEVEL_S)
            case SpeechEnded():
                self.speaking, self.speech_ended_at = False, at(detection.end_ms)
                self._no_voice_since(self.speech_ended_at)

    def _speech(self, level_dbfs: float, since: float) -> None:
        self.speaking = True
        self._loudest = sorted([*self._loudest, level_dbfs])[-self._loudest_blocks :]
        if not self.is_voice(level_dbfs):
            self._no_voice_since(since)
            return
        self.voice = True
        if self.first_voice_at is None:
            self.first_voice_at = since
        # What runs into its own end behind a beep began before it; it does not count.
        if self.last_beep is None or since > self.last_beep.ended_at:
            self.spoken_since_beep = True

    def _no_voice_since(self, since: float) -> None:
        if self.voice:
            self.voice, self.voice_ended_at = False, since
