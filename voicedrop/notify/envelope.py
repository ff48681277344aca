"""An event as the outside is told it: the same fields in a webhook's post and in the live feed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID


def envelope(*, event: int, kind: str, at: datetime, drop: UUID | None, data: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it; `web/operations/feed.py` describes each field."""
    return {"id": event, "kind": kind, "at": at.isoformat(), "drop": None if drop is None else str(drop), "data": data}
