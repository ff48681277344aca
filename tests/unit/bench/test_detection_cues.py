"""What counts as delivered, as dead air and as a restart that nobody needed."""

import pytest

from dsp import BeepEnded, Detection, SpeechEnded, SpeechStarted
from tests.bench.detection import cues
from tests.bench.detection.manifest import BeepTruth, Recording
from voicedrop.offline.imagined import CueEvent

BEEP = BeepTruth(start_ms=10_000, end_ms=10_500, kind="single", source="", hz=(1000.0,), dbfs=-20.0)
WITH_BEEP = Recording(
    file="x.wav",
    split="tuning",
    kind="mailbox",
    layout="plain",
    voice="v",
    duration_ms=16_000,
    beeps=(BEEP,),
    greeting_end_ms=9_000,
    record_start_ms=10_500,
)
WITHOUT = Recording(
    file="y.wav",
    split="tuning",
    kind="mailbox",
    layout="no_beep",
    voice="v",
    duration_ms=16_000,
    greeting_end_ms=9_000,
    record_start_ms=10_000,
)


def cue(t_ms: float, reason: str = "beep") -> CueEvent:
    return CueEvent(event="cue", t_ms=t_ms, reason=reason)


def restart(t_ms: float) -> CueEvent:
    return CueEvent(event="restart", t_ms=t_ms, reason="beep")


GIVE_UP = CueEvent(event="give_up", t_ms=60_000, reason="")


@pytest.mark.parametrize(
    ("recording", "did", "delivered", "dead_air_ms", "needless"),
    [
        (WITH_BEEP, [cue(10_560)], True, 60, False),
        (WITH_BEEP, [cue(10_500)], True, 0, False),
        (WITH_BEEP, [cue(10_499)], False, None, False),  # the beep's end is in the message
        (WITH_BEEP, [cue(5_000), restart(10_100), cue(10_560)], True, 60, False),
        (WITH_BEEP, [cue(5_000), restart(10_100)], False, None, False),
        (WITH_BEEP, [cue(10_560), restart(12_000), cue(15_000)], True, 4_500, True),
        (WITH_BEEP, [cue(10_560), restart(12_000)], False, None, True),
        (WITH_BEEP, [], False, None, False),
        (WITH_BEEP, [GIVE_UP], False, None, False),
        (WITHOUT, [cue(12_000, "silence")], True, 2_000, False),
        (WITHOUT, [cue(9_500, "silence")], True, -500, False),  # behind the greeting is enough
        (WITHOUT, [cue(8_999)], False, None, False),
        (WITHOUT, [cue(5_000), restart(6_000), cue(12_000)], True, 2_000, False),
    ],
)
def test_a_start(
    recording: Recording, did: list[CueEvent], delivered: bool, dead_air_ms: float | None, needless: bool
) -> None:
    one = cues.start(recording, did)
    assert (one.delivered, one.dead_air_ms, one.needless) == (delivered, dead_air_ms, needless)


def test_dead_air_is_of_mailboxes_with_a_beep() -> None:
    starts = [cues.start(WITH_BEEP, [cue(10_600)]), cues.start(WITH_BEEP, []), cues.start(WITHOUT, [cue(12_000)])]
    figures = cues.summary(starts)
    assert figures["delivered_pct"] == 66.67
    assert (figures["delivered_beep_pct"], figures["delivered_no_beep_pct"]) == (50.0, 100.0)
    assert (figures["dead_air_ms_median"], figures["dead_air_ms_p95"]) == (100, 100)
    layouts = cues.by_layout(starts)
    assert layouts["plain"]["no_cue_pct"] == 50.0
    assert layouts["no_beep"]["dead_air_ms_median"] == 2_000
    assert layouts["late"] == {**dict.fromkeys(layouts["late"]), "files": 0}


def test_the_drop_goes_by_the_detections_frame_by_frame() -> None:
    frames: list[list[Detection]] = [[] for _ in range(300)]
    frames[10] = [SpeechStarted(at_ms=220, start_ms=60, level_dbfs=-20)]
    frames[60] = [SpeechEnded(at_ms=1220, end_ms=920)]
    assert [(event.event, event.t_ms, event.reason) for event in cues.events(frames)] == [("cue", 3920.0, "silence")]


def test_only_what_went_wrong_is_complained_of() -> None:
    did = [[cue(10_560)], [cue(10_560), restart(12_000), cue(15_000)]]
    starts = [cues.start(WITH_BEEP, one) for one in did]
    assert [one["did"][1] for one in cues.complaints(starts, did, starts)] == [["restart", 12_000, "beep"]]


def test_true_beeps_take_the_place_of_those_that_were_heard() -> None:
    frames: list[list[Detection]] = [[] for _ in range(800)]
    frames[60] = [SpeechStarted(at_ms=1220, start_ms=1100, level_dbfs=-20.0)]
    frames[100] = [
        BeepEnded(at_ms=2020, start_ms=1800, end_ms=1950, frequencies_hz=(700.0,), level_dbfs=-20.0, confidence=0.5)
    ]
    heard = cues.with_true_beeps(WITH_BEEP, frames)
    assert heard[60] == frames[60]
    told = {k: type(one).__name__ for k, found in enumerate(heard) for one in found}
    assert told == {60: "SpeechStarted", 505: "BeepStarted", 530: "BeepEnded"}
    assert [event.event for event in cues.events(frames)] == ["cue"]
    (cued,) = cues.events(heard)
    assert (cued.event, cued.t_ms) == ("cue", 10_620.0)
    right, wrong = cues.start(WITH_BEEP, [cued]), cues.start(WITH_BEEP, [])
    assert [one["whose"] for one in cues.complaints([wrong, right], [[], [cued]], [right, right])] == ["detector"]
    assert [one["whose"] for one in cues.complaints([wrong], [[]], [wrong])] == ["policy"]
