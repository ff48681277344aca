"""The ear on an agent's call: what the callee's side says before any code is pressed."""

from __future__ import annotations

import asyncio

import structlog

from voicedrop.call.hearing import Hearing
from voicedrop.engine.services import Services
from voicedrop.engine.tap import Tap
from voicedrop.errors import TapError
from voicedrop.model import Ids

SETTLE_S = 0.1  # a tap takes 3-6 ms

log = structlog.get_logger(__name__)


class Ear:
    """Listens to a leg and remembers. A call goes on without it; a drop takes `tap` and `hearing` over."""

    def __init__(self, services: Services, ids: Ids, leg: str) -> None:
        self.hearing = Hearing(whole=False)
        self.tap: Tap | None = None
        self._services = services
        self._ids = ids
        self._leg = leg
        self._task: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Begin, unless as many legs are tapped as may be."""
        services = self._services
        if services.listener.taken >= services.settings.tap.max:
            services.metrics.untapped.inc()
            log.warning("call_untapped", leg=self._leg, ceiling=services.settings.tap.max)
            return
        self._task = asyncio.create_task(self._open(), name=f"tap {self._leg}")

    async def settled(self) -> None:
        """Return when the tap is there, or will not come in time: an agent is waiting to be free."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=SETTLE_S)
            self._task.cancel()

    def take_back(self) -> None:
        """What the tap hears comes here again."""
        if self.tap is not None:
            self.tap.on_samples, self.tap.on_heard, self.tap.on_lost = None, self.hearing.note, self._lost

    async def close(self, *, keep_tap: bool) -> None:
        """Stop; with `keep_tap` a drop has the tap now."""
        if self._task is not None:
            self._task.cancel()
        if self.tap is not None and not keep_tap:
            await self.tap.close()

    async def _open(self) -> None:
        tap = Tap(self._services, self._ids, self._leg)
        tap.on_heard, tap.on_lost = self.hearing.note, self._lost
        try:
            await tap.open()
        except TapError as error:
            log.warning("call_untapped", leg=self._leg, reason=str(error))
            return
        self.tap = tap
        self.hearing.whole = True

    def _lost(self, reason: str) -> None:
        # The call goes on; a drop will listen anew, and knows that something was missed.
        log.warning("tap_lost", leg=self._leg, reason=reason)
        self.hearing.whole = False
        tap, self.tap = self.tap, None
        if tap is not None:
            self._task = asyncio.create_task(tap.close(), name=f"close tap {self._leg}")
