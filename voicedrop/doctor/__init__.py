"""`voicedrop doctor`: what is wrong between the engine and Asterisk, and what to change.

It works while the engine runs and does not disturb it: it has an application of its own, places a call
to a context of its own, and leaves neither a channel nor a bridge behind.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from rich.console import Console

from voicedrop import log, needs
from voicedrop.config import Settings
from voicedrop.doctor import asterisk, machine, settings
from voicedrop.doctor.live import live_audio, playing
from voicedrop.doctor.questions import Questions
from voicedrop.doctor.report import Report
from voicedrop.doctor.trial import Trial
from voicedrop.errors import AriError, AriRefused
from voicedrop.model import Message

LOCAL = ("state directory", "messages", "engine")
OF_ASTERISK = ("version", "modules", "applications", "voicedrop-tap section", "Asterisk's sounds")
ON_A_LEG = ("dialplan", "feature codes", "HTTP sessions", "event reader's time", "trunk", "VOICEDROP_TRUNK")
LIVE = ("messages played", "live audio")


async def examine(config_file: Path, *, console: Console | None = None) -> bool:
    """Check everything and print it; whether nothing has failed."""
    log.configure("console", "error")  # the findings say it better
    report = Report(console or Console())
    examination = asyncio.create_task(_examine(report, config_file), name="doctor")
    loop = asyncio.get_running_loop()
    signs = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    interrupted: list[signal.Signals] = []

    def interrupt(sign: signal.Signals) -> None:
        interrupted.append(sign)
        examination.cancel()

    for sign in signs:
        loop.add_signal_handler(sign, interrupt, sign)
    try:
        await examination
    except asyncio.CancelledError:
        if not interrupted:
            examination.cancel()
            await asyncio.wait({examination})
            raise
        report.fail("doctor", f"ended by {interrupted[0].name}", "run it again")
    finally:
        for sign in signs:
            loop.remove_signal_handler(sign)
    report.close()
    return report.passed


async def _examine(report: Report, file: Path) -> None:
    found = machine.settings(report, file)
    if found is None:
        report.not_checked((*LOCAL, "ARI", "ARI login", *OF_ASTERISK, *ON_A_LEG, *LIVE), "the configuration is faulty")
        return
    machine.state_dir(report, found)
    messages = machine.messages(report, found)
    running = await machine.engine(report, found)
    ari = Questions(found.ari.url, found.ari.username, found.ari.secret(), timeout_s=found.ari.timeout_s)
    async with ari:
        told = await asterisk.reached(report, ari, found)
        if told is None:
            report.not_checked((*OF_ASTERISK, *ON_A_LEG, *LIVE), "ARI cannot be used")
            return
        asterisk.version(report, told)
        missing = await asterisk.modules(report, ari, found)
        uri, connected = await _about_asterisk(report, ari, found, file, missing, running=running)
        if because := _not_running(missing, needs.FOR_TRIAL):
            report.not_checked((*ON_A_LEG, *LIVE), because)
            return
        await _on_a_leg(report, ari, found, file, messages, missing, busy=running or connected, uri=uri)


async def _about_asterisk(
    report: Report, ari: Questions, found: Settings, file: Path, missing: set[str], *, running: bool
) -> tuple[str, bool]:
    """What needs no leg; where Asterisk's section of the tap leads to, and whether any engine is connected."""
    uri, connected = "", True  # when it cannot be told, the careful answer
    try:
        connected = await asterisk.other_engine(report, ari, ours_runs=running)
        if because := _not_running(missing, ("res_websocket_client.so",)):
            report.not_checked("voicedrop-tap section", because)
        else:
            uri = await settings.websocket_client(report, ari, found, file)
        await settings.sounds(report, ari)
    except AriError as error:
        _stopped(report, error, OF_ASTERISK)
    return uri, connected


async def _on_a_leg(
    report: Report,
    ari: Questions,
    found: Settings,
    file: Path,
    messages: Mapping[str, Message],
    missing: set[str],
    *,
    busy: bool,
    uri: str,
) -> None:
    trial = Trial(ari, wait_s=found.ari.timeout_s)
    try:
        async with trial:
            await trial.leg()
            has_context = await settings.dialplan(report, ari, trial.leg_id, found, file)
            await settings.files(report, ari, trial.leg_id, file)
            await settings.trunks(report, ari, trial.leg_id, found)
            if not has_context:
                report.not_checked(LIVE, f"the dialplan has no [{settings.DOCTORS_CONTEXT}]")
                return
            await trial.answer()
            if because := _not_running(missing, needs.FOR_PLAYING):
                report.not_checked("messages played", because)
            else:
                await playing(report, trial, found, messages)
            if because := _not_running(missing, needs.FOR_TAP):
                report.not_checked("live audio", because)
            else:
                await live_audio(report, trial, found, busy=busy, uri=uri)
    except AriRefused as error:
        report.fail(
            "ARI login",
            f"Asterisk lets {found.ari.username!r} read, but not act ({error.status})",
            f"in Asterisk's ari.conf: [{found.ari.username}] read_only = no; "
            "then: asterisk -rx 'module reload res_ari.so'",
        )
        _rest(report, (*ON_A_LEG, *LIVE), "the login may only read")
    except aiohttp.WSServerHandshakeError as error:
        report.fail(
            "events",
            f"Asterisk refuses the event connection ({error.status})",
            "asterisk -rx 'module load res_ari_events.so'; in http.conf raise sessionlimit to 1000",
        )
        _rest(report, (*ON_A_LEG, *LIVE), "there are no events")
    except (AriError, TimeoutError) as error:
        _stopped(report, error, (*ON_A_LEG, *LIVE))
    if trial.left:
        report.fail(
            "left behind",
            f"these stay in Asterisk: {', '.join(trial.left)}",
            "asterisk -rx 'core show channels concise', and for each: asterisk -rx 'channel request hangup NAME';\n"
            "an application that stays (asterisk -rx 'ari show apps') harms nothing and goes when Asterisk restarts",
        )


def _not_running(missing: set[str], needed: tuple[str, ...]) -> str:
    """Why something cannot be tried, as a clause; empty if it can."""
    absent = [name for name in needed if name in missing]
    return f"{', '.join(absent)} does not run" if absent else ""


def _stopped(report: Report, error: Exception, checks: tuple[str, ...]) -> None:
    """Asterisk stopped answering in the middle."""
    report.fail(
        "doctor's own call",
        str(error) or "Asterisk told nothing of it in time",
        "look into Asterisk's log (asterisk -rvvv shows it live), and run the doctor again",
    )
    _rest(report, checks, "Asterisk did not do what was asked before")


def _rest(report: Report, checks: tuple[str, ...], because: str) -> None:
    done = {one.check for one in report.findings}
    report.not_checked(tuple(check for check in checks if check not in done), because)
