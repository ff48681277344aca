"""The message as a drop's ear knows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp import BeepStarted
from tests.unit.dsp.signals import speech, to_int16
from voicedrop.engine.echo import MessageEcho

MESSAGE = to_int16(speech(4000))
ECHO = MESSAGE // 10
LATE_S = 0.2


class Call:
    """A leg whose audio is fed in frames of 20 ms, and its clock."""

    def __init__(self, file: Path) -> None:
        self.now = 1000.0
        self.echo = MessageEcho(file, lambda: self.now)

    def hear(self, samples: np.ndarray) -> None:
        for at in range(0, len(samples), 160):
            self.now += 0.02
            self.echo.feed(samples[at : at + 160])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "message.wav"
    soundfile.write(path, MESSAGE, 8000)
    return path


def late(since_s: float, until_s: float) -> np.ndarray:
    """What the far end brings, from a time after the message's start to another."""
    whole = np.concatenate([np.zeros(int(LATE_S * 8000), np.int16), ECHO])
    return whole[int(since_s * 8000) : int(until_s * 8000)]


async def test_it_knows_the_echo_once_the_message_is_read(file: Path) -> None:
    call = Call(file)
    assert call.echo.foreign()
    await call.echo.read()
    assert call.echo.foreign()  # it has not begun
    call.echo.begin(call.now)
    call.hear(late(0.0, 1.0))
    assert not call.echo.foreign()


async def test_a_message_that_begins_before_it_is_read_is_known_from_then_on(file: Path) -> None:
    call = Call(file)
    call.echo.begin(call.now)
    call.hear(late(0.0, 0.5))
    assert call.echo.foreign()
    await call.echo.read()
    call.hear(late(0.5, 1.5))
    assert not call.echo.foreign()


async def test_a_message_that_an_earlier_run_began_is_known_by_the_time_that_it_has_played(file: Path) -> None:
    call = Call(file)
    await call.echo.read()
    call.echo.begin(call.now - 2.0)
    call.hear(late(2.0, 3.0))
    assert not call.echo.foreign()


async def test_each_start_counts_anew(file: Path) -> None:
    call = Call(file)
    await call.echo.read()
    call.echo.begin(call.now)
    call.hear(late(0.0, 2.0))
    call.echo.begin(call.now)
    call.hear(late(0.0, 0.8))
    assert not call.echo.foreign()


async def test_a_message_that_cannot_be_read_leaves_any_sound_foreign(tmp_path: Path) -> None:
    call = Call(tmp_path / "gone.wav")
    await call.echo.read()
    call.echo.begin(call.now)
    call.hear(MESSAGE)
    assert call.echo.foreign()
    beep = BeepStarted(at_ms=1000.0, start_ms=900.0, frequencies_hz=(850.0,), level_dbfs=-40.0)
    assert not call.echo.is_own_tone(beep)
