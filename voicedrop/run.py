"""Builds the engine from its settings and runs it."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import structlog

from voicedrop import __version__
from voicedrop.ari.client import AriClient
from voicedrop.config import Settings
from voicedrop.engine.engine import Engine
from voicedrop.engine.metrics import Metrics
from voicedrop.engine.services import Services
from voicedrop.errors import VoicedropError
from voicedrop.library.folder import load_messages
from voicedrop.media.listener import TapListener
from voicedrop.store.journal import Journal
from voicedrop.web.health import HealthServer

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT.

    Raises:
        VoicedropError: what stops the engine from running, and what to do about it.
    """
    messages = load_messages(settings.messages.folder, settings.messages.asterisk_folder)
    journal = Journal(settings.state_dir)
    journal.open()
    metrics = Metrics()
    # A drop always gets its tap, so the listener takes as many connections again as calls may have.
    listener = TapListener(settings.tap.host, settings.tap.port, most=settings.tap.max + settings.drop.max_active)
    ari = AriClient(settings.ari.url, settings.ari.username, settings.ari.secret(), timeout_s=settings.ari.timeout_s)
    try:
        async with ari:
            engine = Engine(
                Services(
                    settings=settings,
                    ari=ari,
                    listener=listener,
                    journal=journal,
                    messages=messages,
                    metrics=metrics,
                )
            )
            health = HealthServer(settings.http.host, settings.http.port, metrics.registry, lambda: _health(engine))
            for sign in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(sign, engine.stop)
            await _listen(listener.start(), "tap", settings.tap.host, settings.tap.port)
            await _listen(health.start(), "http", settings.http.host, settings.http.port)
            log.info("started", version=__version__, node=settings.node, messages=len(messages))
            try:
                await engine.run()
            finally:
                await health.stop()
                await listener.stop()
    finally:
        journal.close()
    log.info("stopped")


async def _listen(start: Any, section: str, host: str, port: int) -> None:
    try:
        await start
    except OSError as error:
        raise VoicedropError(
            f"cannot listen on {host}:{port}: {error.strerror}. Change {section}.host or {section}.port"
        ) from error


def _health(engine: Engine) -> dict[str, Any]:
    return {
        "ok": engine.connection.up and not engine.stopping and not engine.replaced,
        "version": __version__,
        "ari": "taken by another engine" if engine.replaced else "up" if engine.connection.up else "down",
        "stopping": engine.stopping,
        "calls": len(engine.calls),
        "drops": len(engine.drops),
        "taps": engine.services.listener.live,
    }
