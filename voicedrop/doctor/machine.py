"""What can be checked without Asterisk: the settings, the disk, the messages, the ports."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from voicedrop import config
from voicedrop.config import Settings
from voicedrop.doctor.report import Report
from voicedrop.errors import ConfigError, MessageError
from voicedrop.library.folder import load_messages
from voicedrop.model import Message
from voicedrop.shelved import known

ENOUGH_DISK = 100 << 20  # bytes; a receipt takes about 2 kB
HEALTH_TIMEOUT_S = 2.0
LOOK_UP_TIMEOUT_S = 5.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where to ask one that listens on all addresses


def settings(report: Report, file: Path) -> Settings | None:
    check = "configuration"
    try:
        found = config.load(file)
        secret = found.ari.secret()
    except ConfigError as error:
        remedy = (
            f"change these keys in {file} (or the VOICEDROP__… environment variables that override them)"
            if file.is_file()
            else "name your configuration: voicedrop doctor -c FILE; config.example.yaml shows one"
        )
        report.fail(check, str(error), remedy)
        return None
    except (OSError, UnicodeDecodeError) as error:
        report.fail(
            check,
            f"ari.password_file cannot be read: {error}",
            "let the engine's user read it: chown or chmod the file that ari.password_file names",
        )
        return None
    if not secret:
        report.fail(
            check, f"ari.password_file {found.ari.password_file} is empty", "write the password of ari.conf into it"
        )
        return None
    report.ok(check, f"{file}, node {found.node}")
    return found


def state_dir(report: Report, found: Settings) -> None:
    """The journal's lock is not touched: an engine that is just starting must get it."""
    check, folder = "state directory", found.state_dir.absolute() / "journal"
    there = next(one for one in (folder, *folder.parents) if one.exists())
    mend = f"give the engine's user the folder: mkdir -p {shlex.quote(str(found.state_dir))} && chown, or set state_dir"
    try:
        if there == folder:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"doctor")
                file.flush()
                os.fsync(file.fileno())
        elif not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, f"{there} is not writable")
        free = shutil.disk_usage(there).free
    except OSError as error:
        report.fail(check, f"the journal cannot be written in {folder}: {error.strerror}", mend)
        return
    if free < ENOUGH_DISK:
        report.warn(
            check,
            f"only {free >> 20} MB are free for {folder}; with a full disk every code is refused",
            "free some space, or set state_dir to a folder on another disk",
        )
    else:
        report.ok(check, f"{found.state_dir}: writable for uid {os.geteuid()}, {free >> 30} GB free")


def messages(report: Report, found: Settings) -> Mapping[str, Message]:
    """Those of the library as the engine knew it last; before its first start those of the folder."""
    check, section = "messages", found.messages
    try:
        kept = known(found)
    except MessageError as error:
        report.fail(check, str(error), "start the engine once with its database: it writes the file anew")
        return {}
    if kept is not None:
        gone = [f"{name} ({message.file})" for name, message in kept.items() if not message.file.is_file()]
        if gone:
            report.fail(
                check,
                f"not in the library: {', '.join(gone)}",
                "restore the folder from your backup, or upload these messages again; if they are elsewhere, set "
                "library.folder",
            )
        else:
            report.ok(check, f"{len(kept)} in {found.library_folder()}")
        return {name: message for name, message in kept.items() if message.file.is_file()}
    try:
        loaded = load_messages(section.folder, section.asterisk_folder)
    except MessageError as error:
        report.fail(check, str(error), "mend each as said, or set messages.folder to another folder")
        return {}
    report.ok(check, f"{len(loaded)} in {section.folder}: slots {', '.join(map(str, sorted(loaded)))}")
    return {f"slot {slot}": message for slot, message in sorted(loaded.items())}


async def engine(report: Report, found: Settings) -> bool:
    """Whether the engine of these settings runs here already. If not, its HTTP port must be free."""
    check, host, port = "engine", found.http.host, found.http.port
    state = await _health(host, port)
    if state is not None:
        if state.get("ari") == "up":
            report.ok(
                check, f"it runs, with {state.get('drops')} drops and {state.get('taps')} taps; it is not disturbed"
            )
        else:
            report.warn(
                check,
                f"it runs, but its connection to Asterisk is {state.get('ari')}",
                "if another engine has taken its applications, end that one; else see the checks of ARI below, "
                "and the engine's log for the line ari_down",
            )
        return True
    fault = await taken(host, port)
    if fault:
        report.fail(
            check,
            f"it does not run, and could not: {host}:{port} {fault}",
            f"find who has it: ss -ltnp 'sport = :{port}'; end that, or set http.host and http.port",
        )
    else:
        report.ok(check, f"it does not run; {host}:{port} is free for its /healthz and /metrics")
    return False


async def _health(host: str, port: int) -> Mapping[str, Any] | None:
    """What an engine says of itself; None if there is none."""
    timeout = aiohttp.ClientTimeout(total=HEALTH_TIMEOUT_S)
    address = EVERYWHERE.get(host, host)
    url = f"http://[{address}]:{port}/healthz" if ":" in address else f"http://{address}:{port}/healthz"
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            body = await answer.json()
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
        return None
    return body if isinstance(body, dict) and "taps" in body and "drops" in body else None


async def taken(host: str, port: int) -> str:
    """Why one cannot listen there, as a clause; empty if one can."""
    try:
        async with asyncio.timeout(LOOK_UP_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except TimeoutError:
        return "is a name that nobody resolves"
    except OSError as error:
        return why_not(error)
    return ""


def why_not(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is taken by another program"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "is no address of this machine"
    return f"cannot be used ({error.strerror})"
