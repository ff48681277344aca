"""What the API answers with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voicedrop.config import Api
from voicedrop.control import EngineControl
from voicedrop.notify.feed import Feed
from voicedrop.store.database import Database


@dataclass(frozen=True, kw_only=True)
class ApiServices:
    """Built once by run.py."""

    settings: Api
    database: Database
    control: EngineControl
    feed: Feed
    uploads: Path
    """Where uploaded files lie while they are looked at: on the disk of the shelf, and emptied at the start."""
