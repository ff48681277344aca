"""The verdict's bench: what its figures are made of."""

from pathlib import Path

import numpy as np
import pytest

from tests.bench.verdict import clips, score, texts
from tests.bench.verdict.clips import Clip, Tape
from tests.bench.verdict.recipe import COUNTS
from tests.bench.verdict.score import Mark, Said


def clip(kind: str, *, voice: str = "v", first_ms: float = 500.0) -> Clip:
    return Clip(
        file="x.flac",
        split="tuning",
        kind=kind,
        what="word",
        layout="",
        voice=voice,
        duration_ms=9000,
        first_ms=first_ms,
        spoken_ms=((500, 900),),
        beep_ms=(4000.0, 4200.0),
    )


def mark(kind: str, *said: tuple[str, str, float, float]) -> Mark:
    return Mark(clip=clip(kind), said=tuple(Said(kind=k, reason=r, confidence=c, t_ms=t) for k, r, c, t in said))


WAITS = ("human", "waits", 0.9, 1300.0)
BEEP = ("mailbox", "beep", 0.97, 5000.0)


def test_clips_come_back_as_written(tmp_path: Path) -> None:
    clips.write(tmp_path / "clips.jsonl", [clip("human"), clip("mailbox")])
    assert clips.load(tmp_path / "clips.jsonl") == [clip("human"), clip("mailbox")]


def test_a_tape_knows_where_is_spoken() -> None:
    tape = Tape()
    tape.pause(100)
    tape.say(np.concatenate([np.ones(800), np.zeros(800), np.ones(800)]))
    tape.put(np.ones(800))
    assert tape.spoken_ms() == ((100, 200), (300, 400))
    assert len(tape.mixed()) == 500 * 8


def test_the_first_verdict_counts() -> None:
    found = score.figures([mark("human", WAITS, BEEP), mark("human", BEEP), mark("mailbox", BEEP), mark("mailbox")])
    assert (found["human_as_mailbox_pct"], found["mailbox_recall_pct"]) == (50.0, 50.0)
    assert (found["human_verdict_ms_p50"], found["human_verdict_from_word_ms_p95"]) == (1300, 800)
    assert found["humans_ever_called_mailbox"] == 2


@pytest.mark.parametrize(
    ("said", "played"),
    [
        ([BEEP], True),
        ([WAITS, BEEP], False),
        ([("mailbox", "no_beep", 0.8, 14_000.0)], False),
        ([("mailbox", "no_beep", 0.8, 14_000.0), BEEP], True),
        ([("mailbox", "no_beep", 0.95, 14_000.0)], True),
        ([("silence", "nothing", 0.9, 6000.0), BEEP], False),
        ([], False),
    ],
)
def test_what_is_played_to(said: list[tuple[str, str, float, float]], played: bool) -> None:
    assert (mark("human", *said).plays is not None) is played


def test_an_exact_interval() -> None:
    assert score.interval_pct(0, 1200) == [0.0, 0.31]  # the rule of three, two-sided
    assert score.interval_pct(5, 10) == [18.71, 81.29]
    assert score.interval_pct(10, 10) == [69.15, 100.0]
    assert score.interval_pct(0, 0) is None


def test_every_language_has_every_line() -> None:
    rng = np.random.default_rng(1)
    languages = set(texts.SAID["word"])
    for what, lines in texts.SAID.items():
        assert set(lines) == languages
        assert all("{" not in texts.line(rng, what, language) for language in lines)


def test_enough_humans_are_held_out() -> None:
    assert COUNTS["heldout"]["human"] >= 1000
