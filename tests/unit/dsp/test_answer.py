"""Who answered: one synthetic call for each verdict, and near misses."""

import numpy as np
import pytest
from signals import Sound, cadence, noise, silence, speech, to_int16, tone

from dsp import AnswerKind, AnswerListener, AnswerReason, AnswerSettings, Verdict


def verdicts(*sounds: Sound) -> list[Verdict]:
    """What a fresh listener says of these, one after another, over a faint hiss."""
    call = np.concatenate(sounds)
    return AnswerListener().feed(to_int16(call + noise(len(call) / 8, -65)[: len(call)]))


def first(*sounds: Sound) -> tuple[AnswerKind, AnswerReason]:
    said = verdicts(*sounds)[0]
    return said.kind, said.reason


HELLO = speech(500)


def test_a_word_and_silence_is_a_human_soon() -> None:
    said = verdicts(silence(500), HELLO, silence(4000))[0]
    assert (said.kind, said.reason) == ("human", "waits")
    assert 1000 + 350 <= said.t_ms <= 1000 + 700


def test_the_longer_the_greeting_the_longer_the_silence() -> None:
    times = [verdicts(silence(500), speech(ms), silence(10_000))[0].t_ms - 500 - ms for ms in (500, 900, 1400, 3000)]
    assert times == sorted(times)
    assert times[-1] > 8500


def test_who_asks_again_is_a_human() -> None:
    assert first(silence(400), speech(3000), silence(2500), HELLO, silence(4000)) == ("human", "asks_again")


def test_a_beep_behind_a_greeting_settles_it() -> None:
    said = verdicts(silence(500), speech(4000), silence(400), tone(1000, ms=300), silence(3000))
    assert [(one.kind, one.reason) for one in said] == [("mailbox", "beep")]
    assert 5200 + 550 <= said[0].t_ms <= 5200 + 700


def test_behind_a_long_greeting_it_does_so_sooner() -> None:
    said = verdicts(silence(500), speech(7000), silence(400), tone(1000, ms=300), silence(3000))[0]
    assert (said.kind, said.reason) == ("mailbox", "beep")
    assert 8200 + 250 <= said.t_ms <= 8200 + 400


def test_a_beep_and_who_goes_on_talking_is_no_mailbox() -> None:
    beep = tone(1000, ms=300, dbfs=-24)
    said = verdicts(silence(500), speech(3000), silence(300), beep, silence(200), speech(3000, seed=4), silence(2000))
    assert said == []


@pytest.mark.parametrize("ms", [250, 450])
def test_an_appliance_that_beeps_again_is_no_mailbox(ms: float) -> None:
    beeps = [tone(2300, ms=ms, dbfs=-26), silence(ms)] * 4
    said = verdicts(silence(500), speech(2500), silence(700), *beeps, silence(4000))
    assert "mailbox" not in [one.kind for one in said]


def test_two_beeps_close_together_are_a_mailboxs() -> None:
    double = [tone(1000, ms=170), silence(100), tone(1000, ms=170)]
    assert first(silence(500), speech(3000), silence(500), *double, silence(3000)) == ("mailbox", "beep")


def test_a_beep_behind_who_asks_again_is_no_mailbox() -> None:
    said = verdicts(silence(400), speech(1500), silence(1400), HELLO, silence(500), tone(2300, ms=300), silence(1000))
    assert "mailbox" not in [one.kind for one in said]


def test_a_tone_that_is_no_beep_makes_it_a_guess() -> None:
    """It is too short for the detector."""
    said = verdicts(silence(500), speech(3000), silence(700), tone(1000, ms=30), silence(4000))
    assert [(one.kind, one.reason) for one in said] == [("mailbox", "faint_beep")]
    assert said[0].confidence < AnswerSettings().play_confidence


def test_such_a_tone_in_the_middle_of_talk_is_none() -> None:
    tail = [silence(150), speech(3000, seed=4), silence(4000)]
    assert verdicts(silence(500), speech(3000), silence(700), tone(1000, ms=30), *tail) == []


@pytest.mark.parametrize("ms", [5950, 5960, 5970, 5980, 5990])
def test_a_loud_beep_does_not_make_the_voice_one_in_the_background(ms: float) -> None:
    beep = tone(1310, 1451, ms=350, dbfs=-8)
    said = verdicts(silence(500), speech(3000, dbfs=-34), silence(ms), beep, silence(2000))
    assert [(one.kind, one.reason) for one in said] == [("mailbox", "beep")]


def test_no_human_is_found_while_a_tone_has_just_begun() -> None:
    """The wait would end 60 ms into the beep, which is not a beep to the detector yet."""
    said = verdicts(silence(500), speech(1300), silence(2930), tone(1000, ms=300), silence(2000))
    assert [(one.kind, one.reason) for one in said] == [("mailbox", "beep")]


def test_a_late_beep_is_waited_for() -> None:
    assert first(silence(500), speech(4500), silence(8000), tone(900, ms=400), silence(2000)) == ("mailbox", "beep")


def test_a_beep_right_behind_a_word_is_no_mailbox() -> None:
    assert first(silence(500), HELLO, silence(150), tone(2300, ms=200), silence(4000))[0] == "human"


def test_a_bare_beep_and_silence_is_a_mailbox() -> None:
    assert first(silence(700), tone(1000, ms=300), silence(3000)) == ("mailbox", "beep")


def test_a_bare_beep_and_music_is_none() -> None:
    said = verdicts(silence(700), tone(1000, ms=300), silence(150), speech(9000))
    assert ("mailbox", "beep") not in [(one.kind, one.reason) for one in said]


@pytest.mark.parametrize(("ms", "may_play"), [(9700, False), (12_000, True)])
def test_a_long_greeting_and_silence_is_a_mailbox(ms: float, may_play: bool) -> None:
    said = verdicts(silence(500), speech(ms), silence(6000))[0]
    assert (said.kind, said.reason) == ("mailbox", "no_beep")
    assert (said.confidence >= AnswerSettings().play_confidence) is may_play


def test_a_middling_greeting_and_silence_is_unsure() -> None:
    said = verdicts(silence(500), speech(6000), silence(11_000))
    assert [(one.kind, one.reason) for one in said] == [("unsure", "no_beep")]


def test_nobody_ever_pausing_is_unsure() -> None:
    assert first(silence(500), speech(42_000)) == ("unsure", "too_long")


def test_nothing_is_silence_until_somebody_speaks() -> None:
    said = verdicts(silence(7000), HELLO, silence(3000))
    assert [one.kind for one in said] == ["silence", "human"]
    assert said[0].t_ms == pytest.approx(AnswerSettings().silence_ms, abs=50)


@pytest.mark.parametrize(
    ("sound", "kind", "name"),
    [
        (tone(2100, ms=3000), "fax", "fax_ced"),
        (cadence(1100, on_ms=500, off_ms=3000, times_=3), "fax", "fax_cng"),
        (cadence(480, 620, on_ms=500, off_ms=500, times_=4), "announcement", "busy"),
        (cadence(480, 620, on_ms=250, off_ms=250, times_=6), "announcement", "reorder"),
        (np.concatenate([tone(hz, ms=ms) for hz, ms in ((914, 274), (1371, 274), (1777, 380))]), "announcement", "sit"),
    ],
)
def test_tones_of_the_network(sound: Sound, kind: str, name: str) -> None:
    said = verdicts(silence(800), sound, silence(2000))[0]
    assert (said.kind, said.reason, said.tone) == (kind, "tone", name)


def test_ringing_is_nobody() -> None:
    ringing = cadence(440, 480, on_ms=2000, off_ms=4000, times_=2)
    said = verdicts(silence(300), ringing, HELLO, silence(3000))
    assert [(one.kind, one.reason) for one in said] == [("human", "waits")]


def test_a_human_is_heard_over_a_television() -> None:
    room = speech(9000, dbfs=-38, pitch_hz=180, seed=5)
    call = room.copy()
    call[8000 : 8000 + len(HELLO)] += speech(500, dbfs=-16)
    assert AnswerListener().feed(to_int16(call))[0].kind == "human"


def test_words_tell_what_sounds_cannot() -> None:
    listener = AnswerListener()
    assert listener.feed(to_int16(np.concatenate([silence(400), speech(3000), silence(500)]))) == []
    said = listener.read("screening", 0.9, now_ms=3900)
    assert [(one.kind, one.reason, one.t_ms) for one in said] == [("screening", "words", 3900)]
    assert listener.verdict == said[0]


def test_only_what_is_surer_revises() -> None:
    listener = AnswerListener()
    listener.read("human", 0.9, now_ms=100)
    assert listener.read("mailbox", 0.9, now_ms=200) == []
    assert listener.read("mailbox", 0.95, now_ms=300)[0].kind == "mailbox"
