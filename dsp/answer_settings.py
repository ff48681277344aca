"""What tells a human from a mailbox. Figures are from the tuning half of `tests/bench/verdict`; see docs/verdict.md."""

from dataclasses import dataclass

from dsp.voice_track import VoiceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """All of them. *Greeting*: from the first word to the last so far, pauses and all."""

    voice: VoiceSettings = VoiceSettings()
    human_after_ms: tuple[tuple[float, float], ...] = (
        (700.0, 500.0),
        (1200.0, 1000.0),
        (6000.0, 2600.0),
    )
    """(a greeting up to so long, silence behind it for so long): a human, who waits for us to speak."""
    long_greeting_ms: float = 7000.0
    """Nobody who answers speaks for so long..."""
    long_pause_ms: float = 1200.0
    """...without a pause of this length: a recording."""
    silence_ms: float = 5000.0
    """Nothing at all for so long."""
    give_up_ms: float = 45_000.0
    """No verdict by then: unsure."""
