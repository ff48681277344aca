"""The shipped Asterisk settings: the files of asterisk-config/, filled in for one engine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from voicedrop.config import Settings
from voicedrop.errors import ConfigError

FOLDER = Path(__file__).resolve().parents[1] / "asterisk-config"
_HOLE = re.compile(r"\{\{(\w+)\}\}")


def fill(text: str, values: Mapping[str, str], *, name: str) -> str:
    """Replace each ``{{key}}``; a key without a value is an error, not an empty place."""

    def value(match: re.Match[str]) -> str:
        key = match.group(1)
        if key not in values:
            raise ConfigError(f"{name}: no value for {{{{{key}}}}}")
        return values[key]

    return _HOLE.sub(value, text)


def write_filled(source: Path, target: Path, values: Mapping[str, str], *, mode: int = 0o640) -> list[Path]:
    """Fill every .conf file of `source` into `target`; what was written."""
    written = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(source.glob("*.conf")):
            out = target / file.name
            out.write_text(fill(file.read_text(), values, name=str(file)))
            out.chmod(mode)
            if os.geteuid() == 0:  # Asterisk reads them by the group of the folder that they are in
                os.chown(out, -1, target.parent.stat().st_gid)
            written.append(out)
    except OSError as error:
        raise ConfigError(f"cannot write {target}: {error.strerror}") from error
    return written


def write_shipped(target: Path, settings: Settings) -> list[Path]:
    """What an operator's /etc/asterisk includes. Readable by the owner and the group only: it holds the
    engine's password."""
    return write_filled(
        FOLDER,
        target,
        {
            "ari_username": settings.ari.username,
            "ari_password": settings.ari.secret(),
            "tap_uri": settings.tap.reached_by(),
            "agi": settings.agi.reached_by(),
        },
    )
