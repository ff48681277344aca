"""The lab's two Asterisks as processes in the Debian tree, for machines without a Docker engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from voicedrop.errors import LabError
from voicedrop.lab.conf import SERVERS
from voicedrop.lab.debian import build_tree as build
from voicedrop.lab.site import Site

__all__ = ["build", "command", "console", "down", "own_files", "pid_of", "start", "stop"]

COMMAND_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0


def start(site: Site, server: str) -> None:
    """Start one server in the background; it outlives this process."""
    log = (site.lab / server / "log/console").open("ab")
    with log:
        subprocess.run(
            [
                "setsid",
                "--fork",
                "chroot",
                "--userspec=asterisk:asterisk",
                str(site.root),
                "/usr/sbin/asterisk",
                "-f",
                "-C",
                f"/lab/{server}/etc/asterisk.conf",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp"},
            check=True,
            timeout=COMMAND_TIMEOUT_S,
        )


def stop(site: Site, server: str, how: signal.Signals) -> None:
    """End one server by `how`; SIGKILL where SIGTERM does not help within ten seconds."""
    pid = pid_of(site, server)
    if pid is None:
        return
    for sign in (how, signal.SIGKILL):
        os.kill(pid, sign)
        until = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < until:
            if pid_of(site, server) != pid and not _answers(site, server):
                return
            time.sleep(0.02)
    raise LabError(f"the {server} (process {pid}) does not end")


def down(site: Site) -> None:
    """End both servers and wait until they are gone."""
    for server in SERVERS:
        stop(site, server, signal.SIGTERM)


def pid_of(site: Site, server: str) -> int | None:
    """The server's process id, found by its own command line, so that a stale file cannot mislead."""
    wanted = f"/lab/{server}/etc/asterisk.conf"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes().split(b"\0")
            if b"-f" not in line or wanted.encode() not in line:
                continue
            if (entry / "root").readlink() == site.root:
                return int(entry.name)
        except OSError:
            continue
    return None


def _answers(site: Site, server: str) -> bool:
    """Whether anything still holds the server's control socket; a killed one does for a moment."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(site.lab / server / "run/asterisk.ctl"))
        except OSError:
            return False
        return True


def command(site: Site, server: str, text: str, *, check: bool = True) -> str:
    """What the server's console answers to a command."""
    done = subprocess.run(
        ["chroot", str(site.root), "/usr/sbin/asterisk", "-C", f"/lab/{server}/etc/asterisk.conf", "-rx", text],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    if check and done.returncode != 0:
        raise LabError(f"the {server} does not answer: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def console(site: Site, server: str) -> str:
    """The end of what the server wrote to its terminal."""
    return "\n".join((site.lab / server / "log/console").read_text(errors="replace").splitlines()[-10:])


def own_files(site: Site) -> None:
    """The servers run as Debian's user asterisk, not as root."""
    for line in (site.root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == "asterisk":
            for folder, _, files in os.walk(site.lab):
                os.chown(folder, int(uid), int(gid))
                for file in files:
                    os.chown(Path(folder) / file, int(uid), int(gid))
            return
    raise LabError(f"{site.root} has no user asterisk: remove {site.home} and run `voicedrop lab up` again")
