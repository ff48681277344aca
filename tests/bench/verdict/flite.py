"""The speech synthesiser flite, from Debian's packages, unpacked beside the corpus's sources. No root needed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Final

import soundfile

from tests.bench.detection.recipe import RATE_HZ
from tests.bench.detection.sources import TIMEOUT_S, Say, SourcesError
from tests.bench.detection.voices import resampled, trimmed
from tests.bench.detection.waves import Sound

PACKAGES: Final = ("flite", "libflite1")


def fetch(home: Path, say: Say = print) -> Path:
    """The folder in which flite is unpacked, fetched if it is not there yet (13 MB).

    Raises:
        SourcesError: apt does not have it.
    """
    place = home / "flite"
    if (place / "done").is_file():
        return place
    say(f"fetching flite into {place} (once)")
    place.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        _run(["apt-get", "-qq", "download", package], place)
    for deb in sorted(place.glob("*.deb")):
        _run(["dpkg", "-x", str(deb), str(place)], place)
    (place / "done").touch()
    return place


@lru_cache(maxsize=1000)
def speak(place: Path, voice: str, text: str) -> Sound:
    """The text in the voice, at 8 kHz, without silence around it."""
    library = next(place.glob("usr/lib/*/libflite.so.1")).parent
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "said.wav")
        command = [str(place / "usr/bin/flite"), "-voice", voice, "-t", text, "-o", str(out)]
        _run(command, place, {**os.environ, "LD_LIBRARY_PATH": str(library)})
        sound, rate = soundfile.read(out)
    return trimmed(resampled(sound, Fraction(RATE_HZ, rate)))


def _run(command: list[str], place: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise SourcesError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}\nRun `apt-get update` and try again.")
