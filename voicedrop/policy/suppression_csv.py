"""A suppression list as CSV: number, reason, source, expires. Each line becomes an entry or a fault, never nothing.

    number,reason,source,expires
    +12025550123,asked on the telephone,agent Smith,
    +1900*,premium,ours,2027-12-31

Without a header the columns are these four, in this order. A line stands for itself: no value goes over two lines.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from voicedrop.policy.suppression import Entry, read_pattern

COLUMNS = ("number", "reason", "source", "expires")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LAST_ZONE = timezone(timedelta(hours=-12))  # where a day ends last


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A line that cannot be used."""

    line: int
    """Counted from 1."""
    text: str


def read_csv(lines: Iterable[str], default_region: str = "") -> Iterator[Entry | Fault]:
    """Read a list, line by line.

    The first line is a header if one of its values is the word `number`. A first line that names other columns, or
    is not CSV, is a fault, and nothing behind it is read. Empty lines are passed over.

    Args:
        lines: text, with or without line ends; a byte order mark in front is taken off.
        default_region: the ISO country of numbers without +; empty: such a number is a fault.
    """
    columns: tuple[str, ...] | None = None
    for line, raw in enumerate(lines, start=1):
        text = (raw.removeprefix("\ufeff") if line == 1 else raw).rstrip("\r\n")
        if not text.strip():
            continue
        cells = _cells(text)
        if cells is None:
            yield Fault(line=line, text="it is not CSV: a quotation mark is open or stands in the middle of a value")
            if columns is None:  # it may have been a header
                return
            continue
        if columns is None:
            names = tuple(cell.lower() for cell in cells)
            columns = names if "number" in names else COLUMNS
            if columns is names:
                if fault := _header_fault(names):
                    yield Fault(line=line, text=fault)
                    return
                continue
        yield _row(line, cells, columns, default_region)


def _cells(text: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        return None
    return [cell.strip() for cell in rows[0]] if len(rows) == 1 else None


def _header_fault(names: tuple[str, ...]) -> str:
    if strange := [name for name in names if name not in COLUMNS]:
        return f"there is no column {strange[0]!r}: the columns are {', '.join(COLUMNS)}"
    if len(set(names)) < len(names):
        return "a column is named twice"
    return ""


def _row(line: int, cells: list[str], columns: tuple[str, ...], default_region: str) -> Entry | Fault:
    if len(cells) > len(columns):
        return Fault(line=line, text=f"{len(cells)} values for {len(columns)} columns")
    values: Mapping[str, str] = dict(zip(columns, cells, strict=False))
    pattern = read_pattern(values.get("number", ""), default_region)
    if not pattern:
        return Fault(line=line, text="the number is neither + and 3 to 15 digits nor a prefix as in +1900*")
    try:
        expires_at = _expiry(values.get("expires", ""))
    except ValueError:
        return Fault(line=line, text="expires is neither a date (2027-12-31) nor a time with its offset")
    return Entry(
        pattern=pattern, reason=values.get("reason", ""), source=values.get("source", ""), expires_at=expires_at
    )


def _expiry(text: str) -> datetime | None:
    if not text:
        return None
    if _DATE.fullmatch(text):  # the whole of that day, wherever it is still that day
        return (datetime.fromisoformat(text).replace(tzinfo=_LAST_ZONE) + timedelta(days=1)).astimezone(UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(UTC)
