"""The journal's entries, checked: what can go into the database, and what is told of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from voicedrop.store import numbers
from voicedrop.store.journal import Entry

EVENTS = {
    "accepted": "drop.accepted",
    "started": "drop.playing",
    "withdrawn": "drop.withdrawn",
    "ended": "drop.ended",
    "refused": "drop.refused",
}
"""What is told of a kind of entry. Other kinds say nothing to anybody but recovery."""
INT4 = 2**31


class BadEntry(ValueError):
    """An entry that no version of ours wrote."""


@dataclass(frozen=True)
class Checked:
    """An entry that can be written."""

    kind: str
    at: datetime
    """When it happened; of an end, when its drop was accepted."""
    body: Entry
    drop: UUID | None
    erased: bool = False


def check(entry: Entry) -> Checked | None:
    """None: nothing of it goes into the database.

    Raises:
        BadEntry: it cannot be understood.
    """
    kind = str(entry.get("kind"))
    if kind not in EVENTS:
        return None
    try:
        entry = _clean(entry)
        body = {key: value for key, value in entry.items() if key != "kind"}
        if kind == "ended":
            body = dict(entry["receipt"])
            if body["drop"] != entry["drop"] or not str(body["outcome"]):
                raise BadEntry("its receipt is another drop's, or has no outcome")
        drop = None if kind == "refused" else UUID(str(entry["drop"]))
        at = None if kind == "withdrawn" else moment_of(body["accepted" if kind == "ended" else "at"])
        slot = body.get("slot")
        if slot is not None and not -INT4 <= int(slot) < INT4:
            raise BadEntry("no slot has this number")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadEntry(f"{type(error).__name__}: {error}") from error
    return Checked(kind, at or datetime.min, body, drop)


def moment_of(text: Any) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise BadEntry("a time without its zone")
    return moment


def _clean(value: Any) -> Any:
    """Without what JSON allows and PostgreSQL does not: NUL, half a surrogate pair, a number that is none."""
    match value:
        case str():
            return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        case dict():
            return {_clean(key): _clean(one) for key, one in value.items()}
        case list():
            return [_clean(one) for one in value]
        case float() if not math.isfinite(value):
            return None
    return value


def blanked(body: Entry) -> Entry:
    """Without what leads to a person."""
    return {key: "" if key in numbers.PERSONAL and value else value for key, value in body.items()}
