"""Of whose drops audio is kept: of a message that says so, or of all."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from voicedrop.call.facts import DropFacts
from voicedrop.config import Settings
from voicedrop.engine import evidence as module
from voicedrop.engine.evidence import GUARD_S, DropEvidence
from voicedrop.engine.recording import MARKS, RATE_HZ, DiskThread
from voicedrop.engine.services import Services
from voicedrop.errors import TapError
from voicedrop.model import Ids, Message
from voicedrop.store.receipt import Clock, Particulars

FRAME = RATE_HZ // 50


class QuietTap:
    """Brings nothing of what the leg is sent."""

    def __init__(self, *_: object, spy: str) -> None:
        assert spy == "out"
        self.on_samples: Callable[[npt.NDArray[np.int16]], None] | None = None

    async def open(self) -> None:
        raise TapError("it is of no matter here")


@pytest.fixture
def disk() -> Iterator[DiskThread]:
    one = DiskThread()
    yield one
    one.stop()


def of_drop(disk: DiskThread, folder: Path, clock: list[float], *, message: bool, everything: bool) -> DropEvidence:
    class Held:
        settings = Settings.model_validate(
            {"ari": {"password": "x"}, "state_dir": str(folder), "evidence": {"all": everything}}
        )

        def now(self) -> float:
            return clock[0]

    held: Any = Held()
    held.disk, held.clock = disk, Clock(wall=0.0, monotonic=0.0)
    return DropEvidence(
        cast(Services, held),
        Ids("lab", "d"),
        Particulars(drop="d", node="lab", door="dial", channel="c", slot=1),
        Message(slot=1, label="one", file=Path(), media="", duration_s=1, sha256="", evidence=message),
    )


def kept(state_dir: Path) -> list[int] | None:
    """What the callee's side has in the WAV; None: nothing is on the disk."""
    if not list(state_dir.iterdir()):
        return None
    folder = state_dir / module.FOLDER / "d"
    assert json.loads((folder / MARKS).read_text())["drop"] == "d"
    with wave.open(str(folder / "audio.wav")) as file:
        audio = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return [int(sample) for sample in audio[:, 0]]


@pytest.mark.parametrize(("message", "everything"), [(True, False), (False, True), (True, True), (False, False)])
async def test_kept_where_the_message_or_the_settings_say_so(
    disk: DiskThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, message: bool, everything: bool
) -> None:
    monkeypatch.setattr(module, "Tap", QuietTap)
    clock = [100.0]
    evidence = of_drop(disk, tmp_path, clock, message=message, everything=everything)
    evidence.callee(np.full(FRAME, 1, np.int16))  # the conversation before the move
    evidence.begin()
    assert evidence.name == ("d" if message or everything else None)
    for n in range(1, 26):
        clock[0] = 100.0 + GUARD_S + n * 0.02
        evidence.callee(np.full(FRAME, 2, np.int16))
    await evidence.close(DropFacts(accepted_at=100.0))
    disk.stop()
    assert kept(tmp_path) == ([2] * 25 * FRAME if message or everything else None)
