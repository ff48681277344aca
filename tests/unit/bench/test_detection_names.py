"""What the bench says of named tones, and that it finds what the generator played."""

import numpy as np
import pytest

from dsp import Detection, Silence, ToneIdentified, ToneName
from dsp.digits import key_of
from tests.bench.detection import names, network
from tests.bench.detection.manifest import Recording
from tests.bench.detection.names import ToneTruth, mark, table
from tests.bench.detection.waves import Sound, silence

BUSY = ToneTruth(name="busy", detail="us", start_ms=2000, end_ms=8000)
FIVE = ToneTruth(name="dtmf", detail="5", start_ms=1000, end_ms=1100)


def recording(kind: str = "call_progress") -> Recording:
    return Recording(file="x.wav", split="tuning", kind=kind, layout="", voice="", duration_ms=60_000)


def said(name: ToneName, start_ms: float, at_ms: float, **more: str) -> ToneIdentified:
    digit, kind = more.get("digit"), more.get("kind")
    hz, dbfs = (1.0,), -20.0
    return ToneIdentified(
        at_ms=at_ms, start_ms=start_ms, name=name, digit=digit, kind=kind, frequencies_hz=hz, level_dbfs=dbfs
    )


@pytest.mark.parametrize(
    ("detections", "named", "wrong", "false"),
    [
        ([], False, 0, 0),
        ([said("busy", 2000, 3600)], True, 0, 0),
        ([said("busy", 1950, 3600)], True, 0, 0),
        ([said("busy", 4000, 9000)], True, 0, 0),
        ([said("busy", 1900, 3600)], False, 0, 1),  # begins too early to be this tone
        ([said("busy", 4000, 9001)], False, 0, 1),  # said too late
        ([said("reorder", 2000, 3600)], False, 1, 0),
        ([said("reorder", 2000, 3600), said("busy", 4000, 5600)], True, 1, 0),
        ([said("busy", 20_000, 21_600)], False, 0, 1),
        ([Silence(at_ms=20_000, start_ms=19_000, level_dbfs=-60)], False, 0, 0),
    ],
)
def test_one_tone(detections: list[Detection], named: bool, wrong: int, false: int) -> None:
    done = mark(recording(), [BUSY], detections)
    (tone,) = done.tones
    assert (tone.named, tone.exact, len(tone.wrong), len(done.false)) == (named, named, wrong, false)


def test_another_digit_is_a_wrong_name_and_no_kind_is_a_vague_one() -> None:
    (tone,) = mark(recording(), [FIVE], [said("dtmf", 1000, 1130, digit="6")]).tones
    assert (tone.named, tone.exact, len(tone.wrong)) == (True, False, 1)
    sit = ToneTruth(name="sit", detail="intercept", start_ms=1000, end_ms=2000)
    (tone,) = mark(recording(), [sit], [said("sit", 1000, 2060)]).tones
    assert (tone.named, tone.exact, tone.wrong) == (True, False, ())


def test_the_table_has_shares_and_false_names_an_hour() -> None:
    marks = [
        mark(recording(), [BUSY], [said("busy", 2000, 3600)]),
        mark(recording(), [BUSY], []),
        mark(recording("speech"), [], [said("dtmf", 1000, 1130, digit="6")]),
    ]
    figures = table(marks)
    assert figures["by_tone"]["busy us"] == {
        "played": 2,
        "named_pct": 50.0,
        "vague_pct": 0.0,
        "wrong_pct": 0.0,
        "after_ms_median": 1600,
    }
    assert figures["false"]["speech"] == {"hours": 0.02, "names": 1, "per_h": 60.0}
    assert [complaint["false"] for complaint in names.complaints(marks)] == [[], [["dtmf", "6", 1000, 1130, [1]]]]


def test_what_was_played_is_found_in_the_content() -> None:
    """Digit by digit, and each tone where it is, although bursts of one are alike."""
    rng = np.random.default_rng(5)
    witness = names.Witness()
    with witness.watching():
        digits = network.dtmf(rng, -20.0)
        busy = network.cadence(rng, network.CADENCES[3], 4000, -20.0)
        answer = network.ced(rng, -20.0)
    parts: list[Sound] = [silence(700), digits, silence(400), busy, silence(300), answer]
    found = list(names.placed(witness, np.concatenate(parts), 60_000))
    assert [tone.name for tone in found[-2:]] == ["busy", found[-1].name]
    assert found[-1].name in ("fax_ced", "modem_answer")
    assert [tone.start_ms for tone in found[-2:]] == [
        pytest.approx(sum(map(len, parts[:3])) / 8),
        pytest.approx(sum(map(len, parts[:5])) / 8),
    ]
    keys = found[:-2]
    assert keys[0].start_ms == pytest.approx(700)
    for tone in keys:
        sound = np.concatenate(parts)[int(tone.start_ms * 8) : int(tone.end_ms * 8)]
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 16_000))
        low, high = (at + int(np.argmax(spectrum[at : at + 1200])) for at in (1000, 2300))
        assert key_of(low / 2, high / 2) == tone.detail


def test_a_tone_that_the_files_end_cuts_off_counts_only_if_it_goes_on() -> None:
    rng = np.random.default_rng(5)
    witness = names.Witness()
    with witness.watching():
        busy = network.cadence(rng, network.CADENCES[3], 4000, -20.0)
        answer = network.ced(rng, -20.0)
    content = np.concatenate([busy, answer])
    assert [tone.name for tone in names.placed(witness, content, 3000)] == ["busy"]
    assert [tone.name for tone in names.placed(witness, content, 5000)] == ["busy"]
