"""A Debian tree with a real Asterisk in it, for machines without a Docker engine.

Built by debootstrap into the lab's cache directory, once; the downloaded packages are kept beside it,
so that a second build is quick, and their versions are written to `packages.txt`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from voicedrop.errors import LabError
from voicedrop.lab.site import Site

SUITE = "forky"  # the first Debian with Asterisk 22
PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav")
NEEDED = ("debootstrap",)
BUILD_TIMEOUT_S = 900
# Raised whenever the recipe below changes, so that an older tree is built anew.
RECIPE = f"2 {SUITE} {' '.join(PACKAGES)}"

Say = Callable[[str], None]


def build_tree(site: Site, say: Say) -> None:
    """Make `site.root` if it is not there yet.

    Raises:
        LabError: not root, a tool is missing, or the packages cannot be had; the text says what to do.
    """
    stamp = site.home / "built"
    if stamp.is_file() and stamp.read_text() == RECIPE:
        _name_host(site.root)
        return
    if os.geteuid() != 0:
        raise LabError(
            "no Docker engine answers, and building the lab without one needs root. "
            f"Install what it needs and run it as root: sudo apt-get install -y {' '.join(NEEDED)} && sudo make demo"
        )
    _install_tools(say)
    say(f"building a Debian {SUITE} tree with Asterisk in {site.root} (once, about a minute)")
    if site.root.exists():
        shutil.rmtree(site.root)
    site.debs.mkdir(parents=True, exist_ok=True)
    _run(
        [
            "debootstrap",
            "--variant=minbase",
            f"--cache-dir={site.debs}",
            SUITE,
            str(site.root),
            mirror(),
            "/usr/share/debootstrap/scripts/sid",
        ]
    )
    policy = site.root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")  # no service starts because it was installed
    policy.chmod(0o755)
    _name_host(site.root)
    archives = site.root / "var/cache/apt/archives"
    for deb in site.debs.glob("*.deb"):
        if not (archives / deb.name).exists():
            shutil.copy(deb, archives)
    # A mirror that is some weeks old is good enough for a lab.
    apt = ["chroot", str(site.root), "apt-get", "-qq", "-o", "Acquire::Check-Valid-Until=false"]
    _run([*apt, "update"])
    _run([*apt, "install", "-y", "--no-install-recommends", *PACKAGES])
    for deb in archives.glob("*.deb"):
        shutil.copy(deb, site.debs)
    listing = _run(["chroot", str(site.root), "dpkg-query", "-W"])
    (site.home / "packages.txt").write_text(listing)
    stamp.write_text(RECIPE)


def mirror() -> str:
    """The Debian mirror: VOICEDROP_LAB_MIRROR, or the one this machine's own apt uses."""
    chosen = os.environ.get("VOICEDROP_LAB_MIRROR")
    if chosen:
        return chosen
    listing = _run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)", "Created-By: Packages"])
    for line in listing.splitlines():
        origin, _, uri = line.partition("|")
        if origin == "Debian" and "security" not in uri:
            return uri
    # Before the first `apt-get update` apt does not know whose archive it is.
    for line in listing.splitlines():
        uri = line.partition("|")[2]
        if uri.rstrip("/").endswith("/debian"):
            return uri
    raise LabError(
        "this machine's apt names no Debian mirror: set VOICEDROP_LAB_MIRROR to one, or install a Docker engine"
    )


def _install_tools(say: Say) -> None:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        say(f"installing {', '.join(missing)}")
        _run(["apt-get", "-qq", "update"])
        _run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing, "debian-archive-keyring"])


def _name_host(root: Path) -> None:
    """Asterisk looks its host's name up on SIP calls; a look-up that hangs stalls the call for seconds."""
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.0.1 {socket.gethostname()}\n")
    resolver = Path("/etc/resolv.conf")
    if resolver.is_file():
        shutil.copy(resolver, root / "etc/resolv.conf")


def _run(command: list[str]) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"`{' '.join(command)}` did not work: {error}") from error
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise LabError(f"`{' '.join(command)}` failed:\n{tail}")
    return done.stdout
