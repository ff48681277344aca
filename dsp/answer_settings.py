"""What tells a human from a mailbox. Figures are from the tuning half of `tests/bench/verdict`; see docs/verdict.md."""

from dataclasses import dataclass

from dsp.voice_track import VoiceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """All of them. A *greeting* is from the first word to the last so far, pauses and all."""

    voice: VoiceSettings = VoiceSettings()
    human_after_ms: tuple[tuple[float, float], ...] = (
        (250.0, 600.0),
        (750.0, 400.0),
        (1000.0, 2000.0),
        (1600.0, 2600.0),
        (4000.0, 6000.0),
    )
    """(a greeting up to so long, silence behind it for so long): a human, who waits for us to speak. Longest last;
    behind a longer greeting silence says nothing about a human."""
    faint_dbfs: float = -30.0
    faint_after_ms: float = 1300.0
    """A voice that never is as loud may be in the background of one that has not spoken yet: at least so much silence."""
    background_ms: float = 600.0
    """So much more silence where something else goes on sounding in it."""
    loud_db: float = 9.0
    loud_greeting_ms: float = 2500.0
    loud_after_ms: float = 2500.0
    noise_share: float = 0.3
    """In a noisy room: what is less than so far below the loudest was over so soon, and nothing as loud for so long."""
    loud_turn_ms: float = 1500.0
    turn_ms: float = 1000.0
    again_ms: float = 900.0
    again_after_ms: float = 1500.0
    """After a pause of a turn no more than some words, and silence: a human, who asks whether anybody is there."""
    no_beep_greeting_ms: float = 9000.0
    no_beep_silence_ms: float = 5000.0
    """A greeting of this length and so much silence behind it, and still no beep: a mailbox that has none, perhaps."""
    play_greeting_ms: float = 10_500.0
    """From this length on it is sure enough to be played to."""
    play_confidence: float = 0.9
    """A verdict without a beep is played to if it is as sure."""
    unsure_silence_ms: float = 9500.0
    """So long behind anything else a beep may still come, not later; nor is it known to be a human."""
    least_beep: float = 0.5
    """Confidence of a beep that settles it..."""
    beep_voice_ms: float = 700.0
    """...behind so much voice: a word and a beep are somebody in a kitchen. Or behind nothing..."""
    bare_beep_ms: float = 800.0
    bare_share: float = 0.1
    """...if so long after it no more than this share stands out from the noise: else it was music."""
    silence_ms: float = 6000.0
    """Nothing at all for so long."""
    give_up_ms: float = 40_000.0
    """No verdict by then: unsure."""
