"""What tells a human from a mailbox.

Every figure was chosen on the tuning half of `tests/bench/verdict` (1,000 humans, 400 mailboxes, all made by the
project), where nothing else is said; docs/verdict.md has the reasons and what the held-out half gave.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSettings:
    """What counts as the voice that answered. Levels are those of hops, 125 to 3500 Hz."""

    first_floor_dbfs: float = 0.0
    """The first 250 ms tell the noise floor; until then nothing stands out. Nobody speaks as soon as that."""
    margin_db: float = 10.0
    """Above the noise floor."""
    weakest_dbfs: float = -50.0
    background_db: float = 16.0
    """What is so far below the loudest 50 ms but one is somebody in the background, or an echo."""
    join_ms: float = 150.0
    """Shorter pauses are within a word."""
    shortest_ms: float = 80.0
    """Shorter stretches are clicks."""
    tonality: float = 0.9
    tone_step_hz: float = 5.0
    lowest_tone_hz: float = 330.0
    """The network's lowest is 350 Hz; below are fundamentals of voices, which fill a whole word."""
    tonal_share: float = 0.85
    """A stretch of which so much is one steady tone (so tonal, its peak moving no further) is a tone's."""
    tonal_block_share: float = 0.6
    """50 ms of which so much is, does not say how loud the voice is."""
    shortest_tone_ms: float = 250.0
    """...if it is so long: some vowels are as steady, but not for as long."""
    ignored_tonality: float = 0.75
    ignored_hz: float = 25.0
    """A hop is a tone's that is known: at least so tonal, and no further off. Two close tones beat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """All of them. A *greeting* is from the first word to the last so far, pauses and all."""

    voice: VoiceSettings = VoiceSettings()
    human_after_ms: tuple[tuple[float, float], ...] = (
        (200.0, 600.0),
        (300.0, 350.0),
        (750.0, 400.0),
        (1000.0, 2000.0),
        (1600.0, 3000.0),
        (4000.0, 9000.0),
    )
    """(a greeting up to so long, silence behind it for so long): a human, who waits for us to speak. Shortest first.
    Below 250 ms it may be a click or half a word; up to 750 ms machines say nothing and pause so long; from then on
    a beep may come, mostly within 2.5 s. Behind a longer greeting silence says nothing about a human."""
    faint_dbfs: float = -30.0
    faint_after_ms: float = 1300.0
    """A voice never as loud may be in the background of one that has not spoken yet: at least so much silence."""
    background_ms: float = 600.0
    """So much more silence where something else goes on sounding in it."""
    turn_ms: float = 1000.0
    """A pause of this length ends a turn."""
    again_ms: float = 900.0
    again_after_ms: float = 1500.0
    again_after_long_ms: float = 3000.0
    """A later turn no longer than this, and so much silence (more behind a long voice: a greeting may end in a word):
    a human, who asks whether anybody is there."""
    loud_db: float = 9.0
    loud_turn_ms: float = 1500.0
    loud_greeting_ms: float = 1000.0
    loud_after_ms: float = 2500.0
    noise_share: float = 0.3
    """In a noisy room: all turns of what is less than so far below the loudest (ended by pauses so long) were so short,
    and nothing as loud came for so long, in which for this share of the time something fainter sounded: a human."""
    no_beep_greeting_ms: float = 9000.0
    no_beep_silence_ms: float = 5000.0
    """A first turn of this length and so much silence behind it, and still no beep: perhaps a mailbox without one."""
    play_greeting_ms: float = 10_500.0
    play_confidence: float = 0.9
    """From this length on it is sure enough to be played to, which is: as sure as this. No human of the evaluation
    talks for so long, so none of it is played to without a beep."""
    unsure_silence_ms: float = 9500.0
    """So long behind anything else a beep may still come, not later; nor is it known to be a human."""
    least_beep: float = 0.5
    """Confidence of a beep that settles it..."""
    beep_voice_ms: float = 700.0
    """...behind so much voice: a word and a beep are somebody in a kitchen..."""
    beep_turn_ms: float = 700.0
    beep_turns_voice_ms: float = 3500.0
    """...the last turn of which, if there were more and less voice than this, was so long: who has asked again is no
    mailbox..."""
    beep_hold_ms: float = 600.0
    beep_after_db: float = 5.0
    """...and so much louder than what follows for so long: a mailbox records in silence, an appliance beeps again..."""
    long_voice_ms: float = 5000.0
    beep_hold_long_ms: float = 300.0
    beep_after_long_db: float = 2.0
    """...where less is asked for behind so much voice: nearly no human talks for so long..."""
    double_beep_ms: float = 200.0
    series_ms: float = 2500.0
    """...and none that comes again at the same frequency within so long, but for two with no more than this between
    them, which are one. Or behind nothing..."""
    bare_beep_ms: float = 800.0
    bare_share: float = 0.1
    """...if so long after it no more than this share stands out from the noise: else it was music."""
    lone_voice_ms: float = 1500.0
    lone_silence_ms: float = 2000.0
    """A tone that is no beep to the detector, alone behind so much voice and with so much silence behind it: perhaps
    a mailbox. It is not played to."""
    silence_ms: float = 6000.0
    """Nothing at all for so long."""
    give_up_ms: float = 40_000.0
    """No verdict by then: unsure."""
