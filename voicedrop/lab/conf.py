"""The two servers' configuration: the files of docker/ and of asterisk-config/, filled in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from voicedrop import config
from voicedrop.errors import LabError
from voicedrop.lab import zoo
from voicedrop.lab.site import CHECKOUT, PORT_OFFSETS, Site
from voicedrop.shipped import write_filled, write_shipped

SERVERS = ("pbx", "carrier")
FOLDERS = ("cache", "db/keys", "spool/recording", "run", "log", "etc")


def engine_settings(site: Site, **changes: Mapping[str, Any] | str) -> dict[str, Any]:
    """The configuration of an engine for this lab; `changes` are laid over it, section by section."""
    settings: dict[str, Any] = {
        "node": "lab",
        "state_dir": str(site.home / "engine"),
        "ari": {"url": site.pbx_url, "password_file": str(secret_file(site, "ari"))},
        "tap": {"port": site.port("engine_tap")},
        "http": {"port": site.port("engine_http")},
        "dial": {"endpoint": "PJSIP/{number}@carrier", "caller_id": "+12025550199"},
        "messages": {"folder": str(site.lab / "messages"), "asterisk_folder": "/lab/messages"},
        "library": {"folder": str(site.lab / "library"), "asterisk_folder": "/lab/library"},
        "agi": {"port": site.port("engine_agi")},
    }
    for key, value in changes.items():
        settings[key] = {**settings.get(key, {}), **value} if isinstance(value, Mapping) else value
    return settings


def write_engine_config(file: Path, settings: Mapping[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(dict(settings), sort_keys=False))
    return file


def write_configuration(site: Site) -> None:
    """Both servers' /etc/asterisk; the operator's part is written as an operator would write it."""
    values = {name: str(site.port(name)) for name in PORT_OFFSETS}
    values |= {
        "carrier_password": secret_file(site, "carrier").read_text(),
        "moddir": _module_folder(site),
        "zoo": zoo.dialplan(),
        "mailboxes": zoo.mailboxes(),
    }
    for server in SERVERS:
        home = site.lab / server
        for folder in FOLDERS:
            (home / folder).mkdir(parents=True, exist_ok=True)
        write_filled(CHECKOUT / "docker" / server, home / "etc", values)
    (site.lab / "library").mkdir(exist_ok=True)
    write_shipped(site.lab / "pbx/etc/voicedrop", config.Settings(**engine_settings(site)))


def secret_file(site: Site, name: str) -> Path:
    """A generated password that stays the same for the life of the lab."""
    file = site.home / f"{name}.secret"
    if not file.is_file():
        site.home.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file


def _module_folder(site: Site) -> str:
    found = sorted(site.root.glob("usr/lib/*/asterisk/modules"))
    if not found:
        raise LabError(f"no Asterisk modules under {site.root}: remove {site.home} and run `voicedrop lab up` again")
    return "/" + str(found[0].relative_to(site.root))
