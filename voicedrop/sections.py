"""Sections of the settings: the database, the library, evidence, and the doors to other programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Days = Annotated[int, Field(ge=0, le=36_500)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Library(Section):
    """Where prepared messages lie; the engine, its API and Asterisk all read them there."""

    folder: Path | None = None
    """None: `library` in the state directory."""
    asterisk_folder: str = ""
    """The same folder as Asterisk sees it, where that differs (containers, chroots)."""


class DatabaseSection(Section):
    """The PostgreSQL that keeps everything but the journal."""

    url: SecretStr = SecretStr("")
    """Empty: an embedded server in the state directory."""

    def address(self) -> str:
        """DATABASE_URL, where it is set, goes before the key; empty: embedded."""
        return os.environ.get("DATABASE_URL", "") or self.url.get_secret_value()


class Agi(Section):
    """Where the Dial() door asks whether a drop may be."""

    host: str = "127.0.0.1"
    port: Port = 4573
    address: Annotated[str, Field(pattern=r"^([^/\s:]+|\[[0-9a-fA-F:]+\])?(:[0-9]{1,5})?$")] = ""
    """What Asterisk connects to, HOST:PORT; empty: the same host and port. For containers."""

    def reached_by(self) -> str:
        return self.address or f"{self.host}:{self.port}"


class Evidence(Section):
    """The audio of drops, from the move to the drop app on."""

    all: bool = False
    """Keep it of every drop; otherwise of those messages that say so."""


class Webhooks(Section):
    """Where and how long what happens is told to other programs."""

    allow_private: bool = False
    """Whether http:// and addresses inside one's own network are allowed."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 20
    disable_after_days: Annotated[float, Field(gt=0, le=365)] = 3.0
    """A webhook that has failed for this long is sent nothing more."""


class Retention(Section):
    """How long what is kept. 0: for ever."""

    personal_days: Days = 365
    """Numbers and names in receipts; the rest of a receipt stays."""
    evidence_days: Days = 30
    event_days: Days = 90
    """The live feed and the webhooks' deliveries reach back so far."""
    journal_days: Days = 30
    audit_days: Days = 730
