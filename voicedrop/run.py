"""Builds the engine from its settings and runs it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from voicedrop import __version__
from voicedrop.agi.door import AgiDoor
from voicedrop.ari.client import AriClient
from voicedrop.config import Settings
from voicedrop.control import EngineControl
from voicedrop.dialer.dialer import Dialer
from voicedrop.dialer.jobs import Jobs
from voicedrop.dialer.left import end_without_job, resolve_all
from voicedrop.dialer.opt_outs import OptOuts
from voicedrop.dialer.orders import Orders
from voicedrop.engine.catalogue import Catalogue
from voicedrop.engine.control import Control
from voicedrop.engine.dialled import DialDoor
from voicedrop.engine.engine import Engine
from voicedrop.engine.evidence import FOLDER as EVIDENCE_FOLDER
from voicedrop.engine.gauges import Gauges
from voicedrop.engine.known import NumberFacts
from voicedrop.engine.metrics import Metrics
from voicedrop.engine.recording import DiskThread
from voicedrop.engine.services import Services
from voicedrop.errors import MessageError, StoreError, StoreUnreachable, VoicedropError
from voicedrop.intake import Intake
from voicedrop.library.shelf import Shelf
from voicedrop.media.listener import TapListener
from voicedrop.notify.feed import Feed
from voicedrop.notify.webhooks import WebhookSender, WebhookSettings
from voicedrop.shelved import on_shelf
from voicedrop.store.changes import CHANGED
from voicedrop.store.database import Database
from voicedrop.store.embedded import POSTGRES
from voicedrop.store.events import CHANNEL as EVENT
from voicedrop.store.journal import Journal
from voicedrop.store.keeper import Keeper
from voicedrop.store.listening import NotificationListener
from voicedrop.store.retention import Limits, Retention
from voicedrop.store.shipping import Shipper
from voicedrop.store.tokens import ensure_first_token
from voicedrop.takeover import take_over_folder
from voicedrop.tasks import beside
from voicedrop.web.app import application
from voicedrop.web.health import HealthServer
from voicedrop.web.services import ApiServices

log = structlog.get_logger(__name__)

LAST_SHIPPING_S = 5.0
UPLOADS = "uploads"
FIRST_TOKEN = """
The API's first token, an admin's. It is shown this once and kept nowhere:

    {token}

`voicedrop tokens` makes more of them, and revokes this one.
"""
FOR_EVER = timedelta(days=100 * 365)


async def run(settings: Settings, *, started: Callable[[EngineControl], None] | None = None) -> None:
    """Until SIGTERM or SIGINT. `started` is told once everything listens.

    Raises:
        VoicedropError: what stops the engine from running, and what to do about it.
    """
    async with AsyncExitStack() as stack:
        # First: it is what two engines on the same state directory would quarrel about.
        journal = Journal(settings.state_dir)
        journal.open()
        stack.callback(journal.close)
        keeper = Keeper(settings.database.address(), settings.state_dir / POSTGRES)
        database = await stack.enter_async_context(_open(keeper))
        shelf = Shelf(settings.library_folder())
        catalogue = Catalogue(database, settings.state_dir, lambda sha256: on_shelf(settings, sha256))
        await asyncio.to_thread(catalogue.recall)
        await _begin(settings, keeper, database, shelf, catalogue)

        metrics = Metrics()
        # A drop always gets its tap, and one more for its evidence, however many calls have theirs.
        most = settings.tap.max + 2 * settings.drop.max_active
        listener = TapListener(settings.tap.host, settings.tap.port, most=most)
        disk = DiskThread()
        stack.push_async_callback(asyncio.to_thread, disk.stop)
        ari = await stack.enter_async_context(
            AriClient(settings.ari.url, settings.ari.username, settings.ari.secret(), timeout_s=settings.ari.timeout_s)
        )
        engine = Engine(
            Services(
                settings=settings,
                ari=ari,
                listener=listener,
                journal=journal,
                catalogue=catalogue,
                facts=NumberFacts(database),
                metrics=metrics,
                disk=disk,
            )
        )
        control: EngineControl = Control(engine, lambda: _health(engine, keeper, catalogue))
        retention = Retention(database, journal, settings.node, settings.state_dir / EVIDENCE_FOLDER, _limits(settings))
        opt_outs = OptOuts(engine, database)
        engine.opt_out, engine.end_opted_out = opt_outs.take_out, opt_outs.check
        dialer = Dialer(engine, database, opt_outs)
        calling = settings.unattended
        lost = partial(end_without_job, database)
        jobs = Jobs(lambda: keeper.url, calling.trunk, calling.workers, dialer.make, lost)
        feed = Feed(database)
        api = application(
            ApiServices(
                settings=settings.api,
                database=database,
                control=control,
                feed=feed,
                intake=Intake(database, shelf),
                uploads=settings.state_dir / UPLOADS,
                evidence=settings.state_dir / EVIDENCE_FOLDER,
                allow_private_webhooks=settings.webhooks.allow_private,
                default_region=settings.policy.default_region,
                ordering=Orders(settings, database),
                wake_retention=retention.wake,
            )
        )
        health = HealthServer(settings.http.host, settings.http.port, metrics.registry, control.health, api)
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, engine.stop)
        await _listen(listener.start(), "tap", settings.tap.host, settings.tap.port)
        stack.push_async_callback(listener.stop)
        await _listen(health.start(), "http", settings.http.host, settings.http.port)
        stack.push_async_callback(health.stop)
        asked = DialDoor(engine)
        stack.push_async_callback(asked.settled)
        door = AgiDoor(settings.agi.host, settings.agi.port, asked.answer)
        await _listen(door.start(), "agi", settings.agi.host, settings.agi.port)
        stack.push_async_callback(door.stop)
        shipper = Shipper(database, journal, settings.node, evidence_kept=_evidence_kept(settings))
        webhooks = WebhookSender(database, _webhook_settings(settings))

        def told() -> None:
            webhooks.wake()
            feed.wake()

        def changed() -> None:
            catalogue.wake()
            opt_outs.look()

        notifications = NotificationListener(keeper.url, {CHANGED: changed, EVENT: told})
        if started is not None:
            started(control)
        log.info("started", version=__version__, node=settings.node, messages=catalogue.size)
        await beside(
            engine.run(),
            {
                "database": keeper.run(database),
                "catalogue": catalogue.run(),
                "notifications": notifications.run(),
                "shipper": shipper.run(),
                "webhooks": webhooks.run(),
                "retention": retention.run(),
                "feed": feed.run(),
                "jobs": _unattended(settings, database, jobs),
                "gauges": Gauges(metrics, keeper, shipper, database).run(),
            },
        )
        await _ship_the_last(shipper)
    log.info("stopped")


async def _unattended(settings: Settings, database: Database, jobs: Jobs) -> None:
    """What an earlier run took up and left is resolved before this one takes up anything. Until it is cancelled."""
    await resolve_all(database, settings.node, settings.state_dir)
    if settings.unattended.workers:
        await jobs.run()
    await asyncio.Event().wait()


async def _ship_the_last(shipper: Shipper) -> None:
    """What ended in these last seconds; without the database it waits for the next run."""
    try:
        async with asyncio.timeout(LAST_SHIPPING_S):
            await shipper.ship_all()
    except (StoreError, OSError, TimeoutError) as error:
        log.warning("journal_not_shipped", reason=str(error) or "it took too long")


@asynccontextmanager
async def _open(keeper: Keeper) -> AsyncIterator[Database]:
    database = await keeper.open()
    try:
        yield database
    finally:
        await keeper.close(database)


async def _begin(settings: Settings, keeper: Keeper, database: Database, shelf: Shelf, catalogue: Catalogue) -> None:
    """What the first code and the first request will ask for. With the database away, what the last run knew holds, and
    the rest is done when it is there."""
    if keeper.ready.is_set():
        try:
            await take_over_folder(database, shelf, settings.messages.folder)
            await catalogue.read()
            await _first_token(database)
        except StoreUnreachable as error:
            log.warning("database_away", error=str(error))
        else:
            return

    async def later() -> None:
        try:
            await take_over_folder(database, shelf, settings.messages.folder)
        except MessageError as error:  # calls are under way by now
            log.error("folder_not_taken_over", error=str(error))
        await _first_token(database)

    keeper.when_up(later)


async def _first_token(database: Database) -> None:
    if (token := await ensure_first_token(database)) is not None:
        print(FIRST_TOKEN.format(token=token), file=sys.stderr, flush=True)


def _evidence_kept(settings: Settings) -> timedelta:
    days = settings.retention.evidence_days
    return timedelta(days=days) if days else FOR_EVER


def _limits(settings: Settings) -> Limits:
    kept = settings.retention
    return Limits(
        receipts_days=kept.personal_days,
        evidence_days=kept.evidence_days,
        events_days=kept.event_days,
        audit_days=kept.audit_days,
        journal_days=kept.journal_days,
    )


def _webhook_settings(settings: Settings) -> WebhookSettings:
    hooks = settings.webhooks
    return WebhookSettings(
        allow_private=hooks.allow_private,
        timeout_s=hooks.timeout_s,
        max_attempts=hooks.max_attempts,
        disable_after_s=hooks.disable_after_days * 86_400,
    )


async def _listen(start: Any, section: str, host: str, port: int) -> None:
    try:
        await start
    except OSError as error:
        raise VoicedropError(
            f"cannot listen on {host}:{port}: {error.strerror}. Change {section}.host or {section}.port"
        ) from error


def _health(engine: Engine, keeper: Keeper, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "ok": engine.connection.up and not engine.stopping and not engine.replaced,
        "version": __version__,
        "ari": "taken by another engine" if engine.replaced else "up" if engine.connection.up else "down",
        # No reason to be unwell: codes go on with what is known, and receipts wait in the journal.
        "database": "up" if keeper.up else "down",
        "messages": catalogue.size,
        "stopping": engine.stopping,
        "calls": len(engine.calls),
        "drops": len(engine.drops),
        "taps": engine.services.listener.live,
    }
