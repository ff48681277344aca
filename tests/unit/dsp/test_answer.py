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
    times = [verdicts(silence(500), speech(ms), silence(8000))[0].t_ms - 500 - ms for ms in (500, 900, 1400, 3000)]
    assert times == sorted(times)
    assert times[-1] > 5500


def test_who_asks_again_is_a_human() -> None:
    assert first(silence(400), speech(3000), silence(2500), HELLO, silence(4000)) == ("human", "asks_again")


def test_a_beep_behind_a_greeting_settles_it() -> None:
    said = verdicts(silence(500), speech(4000), silence(400), tone(1000, ms=300), silence(3000))
    assert [(one.kind, one.reason) for one in said] == [("mailbox", "beep")]
    assert 5200 <= said[0].t_ms <= 5500


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
