"""Starting, watching and ending the lab's two Asterisks: as containers where a Docker engine answers,
otherwise in the Debian tree."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from typing import Protocol

from voicedrop.errors import LabError
from voicedrop.lab import compose, conf, sounds, tree
from voicedrop.lab.conf import SERVERS
from voicedrop.lab.site import Site

START_TIMEOUT_S = 60.0

Say = Callable[[str], None]


class Backend(Protocol):
    """What the two servers run in. The modules `compose` and `tree` are the two there are."""

    def build(self, site: Site, say: Say) -> None: ...
    def own_files(self, site: Site) -> None: ...
    def start(self, site: Site, server: str) -> None: ...
    def stop(self, site: Site, server: str, how: signal.Signals) -> None: ...
    def down(self, site: Site) -> None: ...
    def pid_of(self, site: Site, server: str) -> int | None: ...
    def command(self, site: Site, server: str, text: str, *, check: bool = True) -> str: ...
    def console(self, site: Site, server: str) -> str: ...


@functools.cache
def backend() -> Backend:
    """Docker's containers if an engine answers, or what VOICEDROP_LAB_BACKEND says (docker or tree)."""
    wanted = os.environ.get("VOICEDROP_LAB_BACKEND", "")
    if wanted not in ("", "docker", "tree"):
        raise LabError(f"VOICEDROP_LAB_BACKEND is {wanted!r}: allowed is docker or tree")
    if wanted == "tree":
        return tree
    obstacle = compose.obstacle()
    if wanted == "docker" and obstacle:
        raise LabError(f"the lab cannot run in containers: {obstacle}")
    return tree if obstacle else compose


def up(site: Site, say: Say) -> None:
    """Build what is missing and start what is not running. Twice is harmless."""
    backend().build(site, say)
    if all(pid_of(site, server) for server in SERVERS):
        say("the lab is up already")
        return
    down(site)
    _ports_free(site)
    _forget_calls(site)
    conf.write_configuration(site)
    sounds.write_sounds(site)
    backend().own_files(site)
    for server in SERVERS:
        start(site, server)
    for server in SERVERS:
        wait_until_ready(site, server)
    say(f"the lab is up: PBX on SIP port {site.port('pbx_sip')}, carrier on {site.port('carrier_sip')}")


def start(site: Site, server: str) -> None:
    """Start one server in the background; it outlives this process."""
    backend().start(site, server)


def wait_until_ready(site: Site, server: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Return once the server says that it is fully booted."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if "fully booted" in command(site, server, "core waitfullybooted", check=False):
            return
        time.sleep(0.1)
    raise LabError(f"the {server} did not start within {timeout_s:.0f} s:\n{backend().console(site, server)}")


def down(site: Site) -> None:
    """End both servers and wait until they are gone, also those of a lab from before Docker came."""
    tree.down(site)
    if backend() is not tree:
        backend().down(site)


def stop(site: Site, server: str, how: signal.Signals) -> None:
    """End one server by `how`; SIGKILL where that does not help within ten seconds."""
    backend().stop(site, server, how)


def pid_of(site: Site, server: str) -> int | None:
    """The server's process id, or None if it does not run."""
    return backend().pid_of(site, server)


def command(site: Site, server: str, text: str, *, check: bool = True) -> str:
    """What the server's console answers to a command."""
    return backend().command(site, server, text, check=check)


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
