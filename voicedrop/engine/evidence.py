"""The audio of one drop, both directions, kept as proof; from the move to the drop app on, nothing before it."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog

from voicedrop.call.facts import DropFacts
from voicedrop.engine.recording import Recording
from voicedrop.engine.services import Services
from voicedrop.engine.tap import Tap
from voicedrop.errors import TapError
from voicedrop.model import Ids, Message
from voicedrop.store.receipt import Particulars

log = structlog.get_logger(__name__)

FOLDER = "evidence"
"""In the state directory."""
GUARD_S = 0.06
"""What the tap brings so soon after the move may still have been said before it: a frame is 20 ms, and comes 5 to 13 ms
late."""
CALLEE, ENGINE = 0, 1


class DropEvidence:
    """Keeps nothing unless the message or the settings say so."""

    def __init__(self, services: Services, ids: Ids, what: Particulars, message: Message) -> None:
        self._services = services
        self._ids = ids
        self._what = what
        self._wanted = message.evidence or services.settings.evidence.all
        self._folder = services.settings.state_dir / FOLDER / what.drop
        self._recording: Recording | None = None
        self._tap: Tap | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def name(self) -> str | None:
        """Its folder below the evidence directory; None when nothing is kept. An earlier run may have begun it."""
        if self._recording is not None:
            return None if self._recording.failed else self._what.drop
        return self._what.drop if self._folder.is_dir() else None

    def begin(self) -> None:
        """The leg is in the drop app."""
        if not self._wanted or self._recording is not None:
            return
        services = self._services
        began_at = services.now() + GUARD_S
        began = services.clock.utc_of(began_at).isoformat(timespec="milliseconds")
        self._recording = Recording(services.disk, self._folder, began_at, began)
        self._opening = asyncio.create_task(self._listen(), name=f"evidence {self._what.drop}")

    def callee(self, samples: npt.NDArray[np.int16]) -> None:
        """What the callee's side sent."""
        if self._recording is not None:
            self._recording.add(CALLEE, samples, self._services.now())

    def _sent(self, samples: npt.NDArray[np.int16]) -> None:
        if self._recording is not None:
            self._recording.add(ENGINE, samples, self._services.now())

    async def _listen(self) -> None:
        tap = Tap(self._services, self._ids, self._what.channel, spy="out")
        tap.on_samples = self._sent
        try:
            await tap.open()
        except TapError as error:
            log.warning("evidence_of_one_side", drop=self._what.drop, reason=str(error))
            return
        self._tap = tap

    async def close(self, facts: DropFacts) -> None:
        """The drop has ended; nothing more is kept."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        if self._tap is not None:
            await self._tap.close()
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.close({"outcome": str(facts.outcome), "marks": marks(facts, recording.began_at)})


def marks(facts: DropFacts, began_at: float) -> list[dict[str, Any]]:
    """What happened when, in milliseconds from the beginning of the audio; less than 0: before it."""
    found = list(facts.steps)
    beep = facts.cue.beep if facts.cue is not None else None
    if beep is not None:
        found += [("beep", beep.started_at), ("beep_end", beep.ended_at)]
    if facts.play_ended_at is not None and not any(name == "message_end" for name, _ in found):
        found.append(("playback_end", facts.play_ended_at))
    return [
        {"name": name, "ms": round((at - began_at) * 1000, 1)} for name, at in sorted(found, key=lambda one: one[1])
    ]
