"""What every call of the engine shares, and the routing of Asterisk's events to calls."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from voicedrop.ari.client import AriClient
from voicedrop.ari.events import AriEvent
from voicedrop.config import Settings
from voicedrop.engine.bank import LiveBank
from voicedrop.engine.catalogue import Catalogue
from voicedrop.engine.known import NumberFacts
from voicedrop.engine.metrics import Metrics
from voicedrop.engine.recording import DiskThread
from voicedrop.errors import AriError
from voicedrop.media.listener import TapListener
from voicedrop.store.journal import Journal
from voicedrop.store.receipt import Clock

log = structlog.get_logger(__name__)

AGENT_APP = "voicedrop"
DROP_APP = "voicedrop-drop"
UNATTENDED = "unattended"
"""The door of drops that we call for ourselves."""

Handler = Callable[[AriEvent], None]


class Router:
    """Which call an object of Asterisk's belongs to, by the object's id."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def attach(self, object_id: str, handler: Handler) -> None:
        """Events about this object go to `handler` from now on, and to nobody else."""
        self._handlers[object_id] = handler

    def detach(self, object_id: str, handler: Handler) -> None:
        """No longer; unless somebody else has taken the object over."""
        if self._handlers.get(object_id) == handler:
            del self._handlers[object_id]

    def deliver(self, event: AriEvent) -> bool:
        """Hand an event on; False when no call owns what it is about."""
        for object_id in event.about:
            handler = self._handlers.get(object_id)
            if handler is not None:
                handler(event)
                return True
        return False


async def quietly(request: Awaitable[object]) -> None:
    """For what a call can do without, and for clearing away."""
    try:
        await request
    except AriError as error:
        log.debug("not_done", error=str(error))


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Services:
    """Built once by `run`."""

    settings: Settings
    ari: AriClient
    listener: TapListener
    journal: Journal
    catalogue: Catalogue
    facts: NumberFacts
    metrics: Metrics
    disk: DiskThread
    bank: LiveBank = field(default_factory=LiveBank)
    router: Router = field(default_factory=Router)
    clock: Clock = field(default_factory=lambda: Clock(wall=time.time(), monotonic=time.monotonic()))
    now: Callable[[], float] = time.monotonic
    utc: Callable[[], datetime] = utc_now
    """The time of day, as the machine's clock has it at the moment; `clock` keeps what it was at the start."""
