"""What /metrics shows of the database, of the journal's way there, and of the webhooks."""

from __future__ import annotations

import asyncio

import structlog

from voicedrop.engine.metrics import Metrics
from voicedrop.errors import StoreError
from voicedrop.store import webhooks
from voicedrop.store.database import Database
from voicedrop.store.keeper import Keeper
from voicedrop.store.shipping import Shipper

log = structlog.get_logger(__name__)

LOOK_S = 10.0  # Prometheus asks every 15 s or less often


class Gauges:
    """Reads what others know, every ten seconds."""

    def __init__(self, metrics: Metrics, keeper: Keeper, shipper: Shipper, database: Database) -> None:
        self._metrics, self._keeper, self._shipper, self._database = metrics, keeper, shipper, database
        self._skipped = 0

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once."""
        metrics, shipper = self._metrics, self._shipper
        metrics.database_up.set(self._keeper.up)
        metrics.shipping_up.set(shipper.up)
        metrics.lines_skipped.inc(shipper.skipped - self._skipped)
        self._skipped = shipper.skipped
        try:
            metrics.journal_behind.set(await shipper.behind())
            if not self._keeper.up:
                return
            async with self._database.transaction() as connection:
                counts = await webhooks.counts(connection)
        except (StoreError, OSError) as error:
            log.debug("gauges_not_read", reason=str(error))
            return
        metrics.deliveries_pending.set(counts.pending)
        metrics.deliveries_dead.set(counts.dead)
        metrics.webhooks_disabled.set(counts.disabled)
