"""`voicedrop run`, which may die at a step, or be quick to take a worker for dead: CONFIG STEP STALLED_S."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from voicedrop import config, log
from voicedrop.ari.client import AriClient
from voicedrop.dialer import jobs
from voicedrop.run import run
from voicedrop.store.journal import Journal


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(step: str) -> None:
    """claimed: the database has the attempt; journalled: the journal has it, too; placed: the call rings."""
    append, dial = Journal.append, AriClient.dial

    async def appending(self: Journal, entry: dict[str, Any]) -> None:
        if (step, entry["kind"]) == ("claimed", "accepted"):
            die()
        await append(self, entry)
        if (step, entry["kind"]) == ("journalled", "accepted"):
            die()

    async def dialling(self: AriClient, channel_id: str, **more: Any) -> None:
        await dial(self, channel_id, **more)
        if step == "placed":
            die()

    Journal.append, AriClient.dial = appending, dialling


jobs.AGAIN_S, jobs.LOOK_S, jobs.STALLED_S = 0, 0.1, float(sys.argv[3])
die_at(sys.argv[2])
log.configure("json", "info")
asyncio.run(run(config.load(Path(sys.argv[1]))))
