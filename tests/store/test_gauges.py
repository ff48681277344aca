"""What /metrics tells of the database, of shipping and of the webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry

from voicedrop.engine.gauges import Gauges
from voicedrop.engine.metrics import Metrics
from voicedrop.store import events, webhooks
from voicedrop.store.database import Database
from voicedrop.store.journal import Journal
from voicedrop.store.keeper import Keeper
from voicedrop.store.shipping import Shipper

NAMES = (
    "voicedrop_database_up",
    "voicedrop_shipping_up",
    "voicedrop_journal_unshipped_bytes",
    "voicedrop_journal_lines_skipped_total",
)
OF_WEBHOOKS = ("webhook_deliveries_pending", "webhook_deliveries_dead", "webhooks_disabled")


def told(registry: CollectorRegistry) -> list[float | None]:
    return [registry.get_sample_value(name) for name in NAMES]


async def test_what_is_shipped_and_what_is_not(database: Database, journal: Journal, tmp_path: Path) -> None:
    metrics, keeper = Metrics(), Keeper(database.url, tmp_path)
    shipper = Shipper(database, journal, "lab")
    gauges = Gauges(metrics, keeper, shipper, database)
    keeper.up = True
    await journal.append({"kind": "refused", "at": "never"})
    await gauges.look()
    size = sum(file.stat().st_size for file in journal.files())
    assert told(metrics.registry) == [1, 1, size, 0]
    await shipper.ship_all()
    await gauges.look()
    await gauges.look()
    assert told(metrics.registry) == [1, 1, 0, 1]


async def test_deliveries_that_wait_or_were_given_up(database: Database, journal: Journal, tmp_path: Path) -> None:
    metrics, keeper = Metrics(), Keeper(database.url, tmp_path)
    gauges = Gauges(metrics, keeper, Shipper(database, journal, "lab"), database)
    later = datetime.now(UTC) + timedelta(minutes=1)  # than the database's clock, so that all is due
    async with database.transaction() as connection:
        disabled, _ = await webhooks.add(connection, url="https://example.org/", kinds=[], team_id=None)
        await webhooks.disable(connection, disabled, "gone", now=datetime.now(UTC))
        await webhooks.add(connection, url="https://example.com/", kinds=[], team_id=None)
        for _ in range(4):
            await events.add(connection, "drop.ended", {})
        taken = await webhooks.take_due(connection, now=later, lease=timedelta(minutes=1), limit=1)
        await connection.execute("UPDATE delivery SET state = 'delivered' WHERE event_id = (SELECT max(id) FROM event)")

    def deliveries() -> list[float | None]:
        return [metrics.registry.get_sample_value(f"voicedrop_{name}") for name in OF_WEBHOOKS]

    await gauges.look()
    assert deliveries() == [0, 0, 0]  # the database is not known to be there
    keeper.up = True
    await gauges.look()
    assert deliveries() == [3, 0, 1]
    async with database.transaction() as connection:
        await webhooks.failed(connection, taken[0], status=500, error="no", again_at=None, now=later)
    await gauges.look()
    assert deliveries() == [2, 1, 1]
    async with database.transaction() as connection:
        await webhooks.redeliver(connection, taken[0].webhook, taken[0].delivery, now=later)
    await gauges.look()
    assert deliveries() == [3, 0, 1]


async def test_a_database_that_is_away_is_told(journal: Journal, tmp_path: Path) -> None:
    metrics = Metrics()
    nowhere = Database("postgresql://127.0.0.1:1/none")
    shipper = Shipper(nowhere, journal, "lab")
    shipper.up = False
    await Gauges(metrics, Keeper(nowhere.url, tmp_path), shipper, nowhere).look()
    assert told(metrics.registry) == [0, 0, 0, 0]
