"""What the API answers with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicedrop.config import Api
from voicedrop.control import EngineControl, Ordering
from voicedrop.intake import Intake
from voicedrop.notify.feed import Feed
from voicedrop.store.database import Database


@dataclass(frozen=True, kw_only=True)
class ApiServices:
    """Built once by run.py."""

    settings: Api
    database: Database
    control: EngineControl
    feed: Feed
    intake: Intake
    uploads: Path
    """Where uploaded files lie while they are looked at; emptied at the start."""
    evidence: Path
    """The folder of the evidence of drops."""
    allow_private_webhooks: bool = False
    default_region: str = ""
    """The country of numbers without +, of opt-outs, consents and the suppression list."""
    ordering: Ordering | None = None
    """None: no unattended drops here."""
    wake_retention: Callable[[], None] = lambda: None
    """A number was erased: what is left of it elsewhere is to go now."""
    followers: set[asyncio.Task[Any]] = field(default_factory=set)
    """The streams of events that are open."""
