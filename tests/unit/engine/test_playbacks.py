"""How long a playback lasted, by Asterisk's stamps."""

from __future__ import annotations

import pytest

from voicedrop.engine.playbacks import PlaybackClock

START, END = "2026-11-22T01:51:15.027+0000", "2026-11-22T01:51:20.245+0000"


def test_it_lasted_from_its_first_start_to_its_end() -> None:
    clock = PlaybackClock()
    clock.started("one", START)
    clock.started("one", "2026-11-22T01:51:16.000+0000")
    assert clock.lasted_s("one", END) == pytest.approx(5.218)


@pytest.mark.parametrize(("start", "end"), [(None, END), ("", END), (START, ""), (START, "soon")])
def test_without_both_stamps_it_is_not_known(start: str | None, end: str) -> None:
    clock = PlaybackClock()
    if start is not None:
        clock.started("one", start)
    clock.started("other", START)
    assert clock.lasted_s("one", end) is None
