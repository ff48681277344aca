"""Fetches the corpus's sources: Debian packages, unpacked into a cache directory. No root needed.

This machine's own apt is asked first. What its Debian does not carry comes through the apt of the lab's
Debian tree (`voicedrop lab up` builds it), which is newer.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final

SOUNDS: Final = (
    *(f"asterisk-core-sounds-{language}-wav" for language in ("en", "es", "fr", "it", "ru")),
    "asterisk-prompt-de",
    "asterisk-prompt-es-co",
    "asterisk-prompt-fr-armelle",
    "asterisk-prompt-it-menardi-wav",
    "asterisk-moh-opsound-wav",
    "fillets-ng-data-cs",  # a game with two hours of actors' dialogue
    "fillets-ng-data-nl",
    "frozen-bubble-data",  # and games with music
    "extremetuxracer-data",
    "lincity-ng-data",
)
NATIVE: Final = ("espeak-ng", "libbcg729-0", "libopencore-amrnb0", "libopus0")
RECIPE: Final = "1 " + " ".join((*SOUNDS, *NATIVE))
TIMEOUT_S: Final = 600

Say = Callable[[str], None]


class SourcesError(Exception):
    """The corpus's sources cannot be had; the text says what to do."""


def default_home() -> Path:
    """VOICEDROP_BENCH_CACHE, or ``~/.cache/voicedrop-bench``."""
    chosen = os.environ.get("VOICEDROP_BENCH_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache/voicedrop-bench"


class Tree:
    """The unpacked packages: where sounds, programs and libraries are."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.share = root / "usr/share"

    @cached_property
    def libraries(self) -> Path:
        """The directory of the shared libraries, named after the machine's architecture."""
        return next((self.root / "usr/lib").glob("*/libbcg729.so.0")).parent

    def library(self, name: str) -> Path:
        """The path of a shared library for `ctypes.CDLL`."""
        return self.libraries / name

    def run(self, *command: str, stdin: str = "") -> bytes:
        """Run a program of the packages with their libraries; its standard output."""
        paths = f"{self.libraries}:{self.libraries}/pulseaudio"
        done = subprocess.run(
            [str(self.root / "usr/bin" / command[0]), *command[1:]],
            input=stdin.encode(),
            capture_output=True,
            env={**os.environ, "LD_LIBRARY_PATH": paths},
            timeout=TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise SourcesError(f"`{' '.join(command)}` failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout


def fetch(home: Path, say: Say = print) -> Tree:
    """The unpacked packages below ``home``, downloaded if they are not there yet (some 320 MB).

    Raises:
        SourcesError: a package cannot be had.
    """
    stamp = home / "sources"
    tree = Tree(home / "tree")
    if stamp.is_file() and stamp.read_text() == RECIPE:
        return tree
    debs = home / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    say(f"fetching {len(SOUNDS) + len(NATIVE)} Debian packages into {home} (once)")
    for package in (*SOUNDS, *NATIVE, *_missing_libraries()):
        if not any(debs.glob(f"{package}_*.deb")):
            _download(package, debs)
    shutil.rmtree(tree.root, ignore_errors=True)
    for deb in sorted(debs.glob("*.deb")):
        _run(["dpkg", "-x", str(deb), str(tree.root)])
    stamp.write_text(RECIPE)
    return tree


def versions(home: Path) -> dict[str, str]:
    """The packages and versions that the tree was unpacked from."""
    names = [deb.stem.split("_") for deb in sorted((home / "debs").glob("*.deb"))]
    return {name: version.replace("%3a", ":") for name, version, *_ in names}


def _missing_libraries() -> list[str]:
    """The packages that apt would install along with the native ones."""
    plan = _run(["apt-get", "-s", "install", "--no-install-recommends", *NATIVE])
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    return [name for name in names if name not in NATIVE]


def _download(package: str, debs: Path) -> None:
    try:
        _run(["apt-get", "-qq", "download", package], cwd=debs)
        return
    except SourcesError as error:
        reason = error
    root = Path.home() / ".cache/voicedrop-lab/root"
    if os.geteuid() != 0 or not root.is_dir():
        raise SourcesError(
            f"{reason}\nThis machine's Debian has no {package}. Run `apt-get update`, or build the lab's newer "
            "Debian tree (`voicedrop lab up`, as root) and start again."
        )
    _run(["chroot", str(root), "sh", "-c", f"cd /tmp && apt-get -qq download {package}"])
    for deb in (root / "tmp").glob(f"{package}_*.deb"):
        shutil.move(deb, debs / deb.name)


def _run(command: list[str], cwd: Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env=environment, timeout=TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise SourcesError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    place = default_home()
    fetch(place)
    print(json.dumps(versions(place), indent=2))
