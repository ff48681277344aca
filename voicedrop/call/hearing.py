"""What has been heard on a leg so far: the last beep, and whether anybody spoke since."""

from __future__ import annotations

from dsp import BeepDropped, BeepEnded, BeepStarted, Detection, SpeechEnded, SpeechStarted
from voicedrop.model import HeardBeep


class Hearing:
    """Memory of one leg. Times are the engine's monotonic seconds.

    `whole` says that nothing was missed: the ear was there from the answer on.
    """

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.last_beep: HeardBeep | None = None
        self.beeping = False
        self.speaking = False
        self.speech_ended_at: float | None = None
        self.first_voice_at: float | None = None
        self.loudest_voice_dbfs = -100.0
        self.spoken_since_beep = False

    def answered(self) -> None:
        """Early media is not the mailbox: forget its tones. It counts as heard from here on."""
        self.last_beep = None
        self.speech_ended_at = None
        self.spoken_since_beep = False
        self.loudest_voice_dbfs = -100.0

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
                self.speaking = True
                self.loudest_voice_dbfs = max(self.loudest_voice_dbfs, detection.level_dbfs)
                started = at(detection.start_ms)
                if self.first_voice_at is None:
                    self.first_voice_at = started
                # Speech that runs into its own end behind a beep began before it; it does not count.
                if self.last_beep is None or started > self.last_beep.ended_at:
                    self.spoken_since_beep = True
            case SpeechEnded():
                self.speaking = False
                self.speech_ended_at = at(detection.end_ms)
