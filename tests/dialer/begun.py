"""One drop's services without a network: an Asterisk that notes what it is asked, a journal in memory, a clock."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from voicedrop import config
from voicedrop.ari.events import AriEvent, ChannelDestroyed, ChannelState, StasisStart
from voicedrop.engine.metrics import Metrics
from voicedrop.engine.services import Router
from voicedrop.errors import JournalError
from voicedrop.model import Message
from voicedrop.store.receipt import Clock

PATIENCE_S = 30.0
IDLE = 50  # turns of the loop: nothing that happens here takes so many
NORMAL = 16  # Q.850
NODE, DROP, NUMBER = "n1", "d1", "+12025550123"
FIRST, CALLEE = f"vd.{NODE}.{DROP}.first", f"vd.{NODE}.{DROP}.callee"
MESSAGE = Message(slot=0, label="", file=Path("/nowhere"), media="", duration_s=10.0, sha256="", id="m1")


async def idle() -> None:
    """All has happened that happens without a timer."""
    for _ in range(IDLE):
        await asyncio.sleep(0)


class Gates:
    """What is asked waits where a gate is shut."""

    def __init__(self) -> None:
        self._shut: dict[str, asyncio.Event] = {}
        self._asked: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def shut(self, name: str) -> None:
        self._shut[name] = asyncio.Event()

    def open(self, name: str) -> None:
        self._shut[name].set()

    async def passed(self, name: str) -> None:
        self._asked[name].set()
        await asyncio.sleep(0)  # whatever is asked takes a moment
        if name in self._shut:
            await self._shut[name].wait()

    async def asked(self, name: str) -> None:
        """Somebody has come to it."""
        await asyncio.wait_for(self._asked[name].wait(), PATIENCE_S)


class Asterisk:
    """Channels are there once they are made, and gone when they are hung up."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.channels: set[str] = set()

    async def create_channel(self, endpoint: str, *, app: str, channel_id: str, app_args: str) -> None:
        del endpoint
        await self._world.gates.passed(f"create {channel_id}")
        self.channels.add(channel_id)
        self._world.tell(
            StasisStart(
                about=(channel_id,), stamp="", app=app, args=(app_args,), channel={"id": channel_id}, replaces=""
            )
        )

    async def set_variable(self, *_: str) -> None:
        """Nothing here depends on one."""

    async def dial(self, channel: str, *, timeout_s: int) -> None:
        del timeout_s
        self._world.done.append(f"dial {channel}")

    async def hang_up(self, channel: str, *, cause: int = NORMAL) -> None:
        self._world.done.append(f"hang up {channel}")
        if channel in self.channels:
            self.channels.remove(channel)
            self._world.tell(ChannelDestroyed(about=(channel,), stamp="", cause=cause, tech_cause=0))

    async def channel(self, channel: str) -> dict[str, Any]:
        await self._world.gates.passed("identify")
        return {"id": channel, "state": "Down"}

    async def get_variable(self, *_: str) -> str:
        return ""


class Journal:
    """`full`: it cannot be written."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.entries: list[dict[str, Any]] = []
        self.full = False

    async def append(self, entry: dict[str, Any]) -> None:
        await self._world.gates.passed(str(entry["kind"]))
        if self.full:
            raise JournalError("the disk is full")
        self.entries.append(entry)
        self._world.done.append(f"journal {entry['kind']} {entry.get('leg', '')}".strip())

    def receipt(self) -> dict[str, Any]:
        (receipt,) = [entry["receipt"] for entry in self.entries if entry["kind"] == "ended"]
        assert isinstance(receipt, dict)
        return receipt


class World:
    """`done` is what was asked of Asterisk and the journal, in order."""

    def __init__(self, state_dir: Path) -> None:
        self.at = 100.0
        self.done: list[str] = []
        self.gates = Gates()
        self.asterisk = Asterisk(self)
        self.journal = Journal(self)
        self.router = Router()
        self.services: Any = SimpleNamespace(
            settings=config.Settings(node=NODE, state_dir=state_dir, ari={"password": "s3cret"}),
            ari=self.asterisk,
            journal=self.journal,
            metrics=Metrics(),
            router=self.router,
            clock=Clock(wall=0.0, monotonic=0.0),
            now=lambda: self.at,
        )

    def tell(self, event: AriEvent) -> None:
        self.router.deliver(event)

    def state(self, channel: str, state: str) -> None:
        self.tell(ChannelState(about=(channel,), stamp="", state=state))

    def dialled(self) -> list[str]:
        return [one.removeprefix("dial ") for one in self.done if one.startswith("dial ")]

    def hung_up(self) -> list[str]:
        return [one.removeprefix("hang up ") for one in self.done if one.startswith("hang up ")]
