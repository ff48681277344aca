"""The message as a drop's ear knows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from tests.unit.dsp.signals import speech, to_int16
from voicedrop.engine.echo import MessageEcho

MESSAGE = to_int16(speech(2000))


async def test_it_knows_the_echo_once_the_message_is_read(tmp_path: Path) -> None:
    file = tmp_path / "message.wav"
    soundfile.write(file, MESSAGE, 8000)
    echo = MessageEcho(file)
    assert echo.foreign(-40.0)
    await echo.read()
    assert echo.foreign(-40.0)  # it has not begun
    echo.begin()
    echo.feed(np.concatenate([np.zeros(1600, np.int16), MESSAGE[:8000] // 10]))
    assert not echo.foreign(-40.0)


async def test_a_message_that_cannot_be_read_leaves_any_voice_foreign(tmp_path: Path) -> None:
    echo = MessageEcho(tmp_path / "gone.wav")
    await echo.read()
    echo.begin()
    echo.feed(MESSAGE)
    assert echo.foreign(-40.0)
