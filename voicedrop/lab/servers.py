"""Starting, watching and ending the lab's two Asterisks in the Debian tree."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from voicedrop.errors import LabError
from voicedrop.lab import conf, debian, sounds
from voicedrop.lab.conf import SERVERS
from voicedrop.lab.site import Site

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0

Say = Callable[[str], None]


def up(site: Site, say: Say) -> None:
    """Build what is missing and start what is not running. Twice is harmless."""
    debian.build_tree(site, say)
    if all(pid_of(site, server) for server in SERVERS):
        say("the lab is up already")
        return
    down(site)
    _ports_free(site)
    _forget_calls(site)
    conf.write_configuration(site)
    sounds.write_sounds(site)
    _own_files(site)
    for server in SERVERS:
        start(site, server)
    for server in SERVERS:
        wait_until_ready(site, server)
    say(f"the lab is up: PBX on SIP port {site.port('pbx_sip')}, carrier on {site.port('carrier_sip')}")


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
            timeout=START_TIMEOUT_S,
        )


def wait_until_ready(site: Site, server: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Return once the server says that it is fully booted."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if "fully booted" in command(site, server, "core waitfullybooted", check=False):
            return
        time.sleep(0.1)
    tail = "\n".join((site.lab / server / "log/console").read_text(errors="replace").splitlines()[-10:])
    raise LabError(f"the {server} did not start within {timeout_s:.0f} s:\n{tail}")


def down(site: Site) -> None:
    """End both servers and wait until they are gone."""
    for server in SERVERS:
        stop(site, server, signal.SIGTERM)


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
            if Path(os.readlink(entry / "root")) == site.root:
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
        timeout=START_TIMEOUT_S,
        check=False,
    )
    if check and done.returncode != 0:
        raise LabError(f"the {server} does not answer: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def _own_files(site: Site) -> None:
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


def _ports_free(site: Site) -> None:
    for name, kind in (
        ("pbx_sip", socket.SOCK_DGRAM),
        ("carrier_sip", socket.SOCK_DGRAM),
        ("pbx_http", socket.SOCK_STREAM),
        ("carrier_http", socket.SOCK_STREAM),
    ):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", site.port(name)))
            except OSError as error:
                raise LabError(
                    f"port {site.port(name)} ({name}) is taken: set VOICEDROP_LAB_PORTS to another base "
                    f"than {site.port_base}"
                ) from error


def _forget_calls(site: Site) -> None:
    """What earlier runs recorded: Asterisk gives the same channel names again after a start."""
    carrier = site.lab / "carrier"
    shutil.rmtree(carrier / "calls", ignore_errors=True)
    (carrier / "calls").mkdir(parents=True)
    for inbox in (carrier / "spool/voicemail/zoo").glob("*/INBOX"):
        shutil.rmtree(inbox)
    for log in (site.lab / server / "log" for server in SERVERS):
        for file in log.glob("*"):
            file.unlink()
