"""The audio that is kept of a drop: both directions, from the move on."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab.judge import judge, load
from voicedrop.lab.played import message_file


@pytest.mark.parametrize("agent", ["1001", "2001"], ids=["bridged", "dial"])
async def test_both_directions_are_kept_from_the_move_on(make_bench: BenchMaker, agent: str, tmp_path: Path) -> None:
    bench = await make_bench(evidence={"all": True})
    number = number_of("mailbox")
    telephone = await bench.exchange.dial(agent, number)
    await bench.mark(number, "voicemail")
    await telephone.talk()
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    receipt = await bench.receipt(number, wait_s=60)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["evidence"] == receipt["drop"]
    folder = bench.engine.state_dir / "evidence" / receipt["evidence"]
    marks = await bench.until(lambda: _finished(folder), "the marks")

    audio, rate = soundfile.read(folder / "audio.wav")
    assert rate == 8000
    assert audio.shape[1] == 2
    began = datetime.fromisoformat(marks["audio"][0]["began"])
    assert began >= datetime.fromisoformat(receipt["accepted"])
    lasted = (datetime.fromisoformat(receipt["ended"]) - began).total_seconds()
    assert abs(len(audio) / rate - lasted) < 1.0
    # What we sent is the message; the beep is in what the callee sent, where the mark says.
    sent = tmp_path / "sent.wav"
    soundfile.write(sent, audio[:, 1], rate, subtype="PCM_16")
    heard = judge(load(message_file(bench.site, "short")), load(sent))
    assert heard.delivered_fraction == 1.0, heard
    at = {mark["name"]: mark["ms"] for mark in marks["marks"]}
    beep = audio[int(at["beep"] * 8) : int(at["beep_end"] * 8), 0]
    spectrum = np.abs(np.fft.rfft(beep * np.hanning(len(beep))))
    assert abs(np.argmax(spectrum) * rate / len(beep) - receipt["beep"]["frequencies_hz"][0]) < 20
    assert at["message_start"] > at["beep_end"]
    assert not {mode for mode in (folder.stat().st_mode & 0o077,) if mode}
    await bench.nothing_left()


def _finished(folder: Path) -> dict[str, object] | None:
    marks = json.loads((folder / "marks.json").read_text())
    return marks if marks["marks"] else None


async def test_nothing_is_kept_unless_it_is_asked_for(bench: Bench) -> None:
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("1001", number)
    await bench.mark(number, "voicemail")
    await telephone.press("*92")
    receipt = await bench.receipt(number, wait_s=60)
    assert receipt["evidence"] is None
    assert not (bench.engine.state_dir / "evidence").exists()


async def test_a_folder_that_cannot_be_written_harms_no_drop(make_bench: BenchMaker, outside: Path) -> None:
    state = outside / "mine"
    state.mkdir()
    (state / "evidence").write_text("in the way")
    bench = await make_bench(state_dir=str(state), evidence={"all": True})
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("1001", number)
    await bench.mark(number, "voicemail")
    await telephone.press("*92")
    receipt = await bench.receipt(number, wait_s=60)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["evidence"] is None
    await bench.nothing_left()
