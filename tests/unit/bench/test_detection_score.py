"""The scorer's definitions, one by one."""

import pytest

from tests.bench.detection.manifest import BeepTruth, Recording
from tests.bench.detection.score import by_class, mark, quantile, summary


def beep(start_ms: float, end_ms: float) -> BeepTruth:
    return BeepTruth(start_ms=start_ms, end_ms=end_ms, kind="single", source="", hz=(1000.0,), dbfs=-20.0)


def recording(*beeps: BeepTruth, kind: str = "mailbox", duration_ms: float = 20_000) -> Recording:
    return Recording(
        file="x.wav",
        split="tuning",
        kind=kind,
        layout="plain" if kind == "mailbox" else "",
        voice="espeak_de_m1_50",
        duration_ms=duration_ms,
        beeps=beeps,
        line={"codec": "ulaw", "loss": "none", "noise": "white", "snr_db": 12.0},
    )


ONE = recording(beep(10_000, 10_500))


@pytest.mark.parametrize(
    ("at_ms", "hit", "usable", "premature"),
    [
        ((), False, False, False),
        ((10_560,), True, True, False),
        ((10_500,), True, True, False),
        ((10_900,), True, True, False),
        ((10_901,), False, False, False),  # too late to be a hit
        ((10_000,), True, False, False),  # on the beep, but before it is over
        ((10_200, 10_560), True, False, False),
        ((9_999,), False, False, True),
        ((3_000, 10_560), True, False, True),
        ((10_560, 15_000), True, True, False),
    ],
)
def test_one_beep(at_ms: tuple[float, ...], hit: bool, usable: bool, premature: bool) -> None:
    done = mark(ONE, at_ms)
    assert (done.hit, done.usable, done.premature) == (hit, usable, premature)


def test_end_latency_is_of_the_first_declaration_on_the_beep() -> None:
    assert mark(ONE, (3_000, 10_460, 10_560)).end_ms == -40
    assert mark(ONE, (3_000,)).end_ms is None


def test_the_earlier_of_two_beeps_counts_neither_for_nor_against() -> None:
    two = recording(beep(5_000, 5_300), beep(10_000, 10_500))
    both = mark(two, (5_360, 10_560))
    assert (both.hit, both.usable, both.premature) == (True, True, False)
    only_first = mark(two, (5_360,))
    assert (only_first.hit, only_first.usable, only_first.premature) == (False, False, False)
    between = mark(two, (7_000, 10_560))
    assert (between.hit, between.usable, between.premature) == (True, False, True)


def test_two_beeps_so_close_that_their_windows_touch() -> None:
    two = recording(beep(9_500, 9_800), beep(10_000, 10_500))
    assert mark(two, (9_900, 10_560)).usable
    assert not mark(two, (10_100, 10_560)).usable


def test_anything_in_a_mailbox_without_a_beep_is_premature() -> None:
    none = recording()
    assert mark(none, (15_000,)).premature
    assert not mark(none, ()).premature


def test_summary_counts_each_kind_over_its_own_files() -> None:
    speech = recording(kind="speech", duration_ms=1_800_000)
    music = recording(kind="music", duration_ms=1_800_000)
    marks = [
        mark(ONE, (10_560,), cpu_s=1.0),
        mark(ONE, ()),
        mark(recording(), (1_000,)),
        mark(speech, (1.0,)),
        mark(music, (1.0, 2.0)),
    ]
    figures = summary(marks)
    assert figures["mailboxes"] == 3
    assert (figures["hit_pct"], figures["usable_pct"]) == (50.0, 50.0)
    assert figures["premature_pct"] == pytest.approx(33.33)
    assert (figures["fa_speech_per_h"], figures["fa_all_per_h"]) == (2.0, 3.0)
    assert (figures["end_ms_median"], figures["end_ms_p95"]) == (60, 60)
    assert figures["cpu_s_per_h_single"] == pytest.approx(1 / (1 + 60 / 3600), abs=0.01)


def test_summary_of_nothing_has_no_figures() -> None:
    assert summary([])["hit_pct"] is None


def test_classes_are_in_order_of_their_number() -> None:
    short = recording(beep(10_000, 10_050))
    tables = by_class([mark(ONE, (10_560,)), mark(short, ()), mark(recording(kind="music"), (1.0,))])
    assert list(tables["length"]) == ["< 60 ms", "≥ 500 ms"]
    assert tables["length"]["≥ 500 ms"]["hit_pct"] == 100
    assert tables["beep_free"]["music"]["false_triggers"] == 1
    assert tables["voice"]["espeak"]["files"] == 2


def test_quantile_is_one_of_the_values() -> None:
    assert quantile([float(n) for n in range(1, 101)], 0.95) == 95
    assert quantile([7.0], 0.95) == 7
