"""What many live taps cost, on our side and on Asterisk's, in one run: `make bench-taps`.

Calls are Local channels of the lab's PBX; the far end of each plays a greeting over and over. Asterisk's CPU time is
taken for a while with the calls alone, and again with every call tapped as the engine taps it: the difference is
what Asterisk spends on the taps. Ours is this process's: websockets, buffers and the bank of detectors.
Both are process time, on a machine that does nothing else. Writes var/bench/taps.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from voicedrop.ari.client import AriClient
from voicedrop.ari.connection import EventConnection
from voicedrop.config import Settings
from voicedrop.engine.catalogue import Catalogue
from voicedrop.engine.known import NumberFacts
from voicedrop.engine.metrics import Metrics
from voicedrop.engine.recording import DiskThread
from voicedrop.engine.services import AGENT_APP, Services
from voicedrop.engine.tap import Tap
from voicedrop.lab import conf, servers
from voicedrop.lab.site import CHECKOUT, Site, site
from voicedrop.media.listener import TapListener
from voicedrop.model import Ids, Message
from voicedrop.store.database import Database
from voicedrop.store.journal import Journal

OUT: Final = CHECKOUT / "var/bench/taps.json"
CONTEXT: Final = "bench-taps"
FRAMES_PER_S: Final = 50
CALLS_TIMEOUT_S: Final = 60.0
SETTLE_S: Final = 2.0


def asterisk_cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prepare(here: Site, sound: str) -> None:
    """Two extensions: one that talks without end, one that listens."""
    for step in (
        "talk,1,Answer()",
        f"talk,2,Playback({sound})",
        "talk,3,Goto(2)",
        "hold,1,Answer()",
        "hold,2,Wait(3600)",
    ):
        servers.command(here, "pbx", f"dialplan add extension {step} into {CONTEXT} replace")


async def call(here: Site, ari: AriClient, calls: int) -> list[str]:
    """Ids of the legs that listen, all of them up."""
    before = {one["id"] for one in await ari.channels()}
    for _ in range(calls):
        await asyncio.to_thread(
            servers.command, here, "pbx", f"channel originate Local/talk@{CONTEXT} extension hold@{CONTEXT}"
        )
    async with asyncio.timeout(CALLS_TIMEOUT_S):
        while True:
            mine = [one for one in await ari.channels() if one["id"] not in before and one["name"].endswith(";1")]
            if len(mine) == calls and all(one["state"] == "Up" for one in mine):
                return [one["id"] for one in mine]
            await asyncio.sleep(0.2)


def _no_message(sha256: str) -> Message:
    raise AssertionError(f"a tap asks for no message ({sha256})")


@asynccontextmanager
async def services_for(here: Site, taps: int) -> AsyncIterator[Services]:
    """What a tap needs of the engine, on the lab's PBX."""
    settings = Settings(
        **conf.engine_settings(here, state_dir=str(CHECKOUT / "var/bench/taps-state"), tap={"connect_timeout_s": 20.0})
    )
    listener = TapListener(settings.tap.host, settings.tap.port, most=taps)
    ari = AriClient(settings.ari.url, settings.ari.username, settings.ari.secret(), timeout_s=30)
    async with ari:
        nowhere = Database("postgresql:///")
        services = Services(
            settings=settings,
            ari=ari,
            listener=listener,
            journal=Journal(settings.state_dir),
            catalogue=Catalogue(nowhere, settings.state_dir, _no_message),
            facts=NumberFacts(nowhere),
            metrics=Metrics(),
            disk=DiskThread(),
        )
        up = asyncio.Event()

        async def on_up() -> None:
            up.set()

        events = EventConnection(
            ari, (AGENT_APP,), on_event=services.router.deliver, on_up=on_up, on_down=lambda _: up.clear()
        )
        await listener.start()
        reading = asyncio.create_task(events.run(), name="events")
        try:
            async with asyncio.timeout(10):
                await up.wait()
            yield services
        finally:
            reading.cancel()
            await listener.stop()


async def measure(here: Site, taps: int, window_s: float, sound: str) -> dict[str, Any]:
    pid = servers.pid_of(here, "pbx")
    assert pid is not None
    prepare(here, sound)
    async with services_for(here, taps) as services:
        legs = await call(here, services.ari, taps)
        frames = detections = 0
        live: list[Tap] = []

        def on_frame(_: object) -> None:
            nonlocal frames
            frames += 1

        def on_heard(*_: object) -> None:
            nonlocal detections
            detections += 1

        try:
            await asyncio.sleep(SETTLE_S)
            calls_alone = await _spent(pid, window_s)
            for number, leg in enumerate(legs):
                tap = Tap(services, Ids("bench", f"taps{number}"), leg)
                tap.on_samples, tap.on_heard = on_frame, on_heard
                await tap.open()
                live.append(tap)
            await asyncio.sleep(SETTLE_S)
            frames = detections = 0
            tapped = await _spent(pid, window_s)
            came = frames
        finally:
            for tap in live:
                await tap.close()
            for leg in legs:
                await services.ari.hang_up(leg)
    asterisk = tapped["asterisk"] - calls_alone["asterisk"]
    return {
        "taps": taps,
        "window_s": window_s,
        "frames_pct": round(100 * came / (taps * FRAMES_PER_S * tapped["wall_s"]), 1),
        "detections": detections,
        "core_pct_asterisk_calls_alone": round(100 * calls_alone["asterisk"], 1),
        "core_pct_asterisk_for_taps": round(100 * asterisk, 1),
        "core_pct_ours": round(100 * tapped["ours"], 1),
        "ours_to_asterisk": round(tapped["ours"] / asterisk, 3),
    }


async def _spent(pid: int, window_s: float) -> dict[str, float]:
    """Shares of a core, ours and Asterisk's, over a while."""
    wall, ours, asterisk = time.monotonic(), time.process_time(), asterisk_cpu_s(pid)
    await asyncio.sleep(window_s)
    passed = time.monotonic() - wall
    return {
        "wall_s": passed,
        "ours": (time.process_time() - ours) / passed,
        "asterisk": (asterisk_cpu_s(pid) - asterisk) / passed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--taps", type=int, default=100)
    parser.add_argument("--window", type=float, default=20.0, metavar="S")
    parser.add_argument(
        "--sound", default="/lab/messages/reminder", help="what the far ends play, as Asterisk names it"
    )
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    here = site()
    was_up = all(servers.pid_of(here, server) for server in conf.SERVERS)
    servers.up(here, print)
    try:
        result = asyncio.run(measure(here, options.taps, options.window, options.sound))
    finally:
        if not was_up:
            servers.down(here)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
