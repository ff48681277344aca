"""Local time: windows of the week, parts of the day, and the moments at which a callee's clock enters or leaves them.

A local time is only ever made from a moment (UTC), never the other way round, so an hour that a clock change skips
or repeats is never misread. The way back is needed only for candidates, which are then judged like any moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)  # no clock change of our time happens within a second
_SPAN = re.compile(r"([0-9]{2}):([0-5][0-9])-([0-9]{2}):([0-5][0-9])")


@dataclass(frozen=True)
class Span:
    """A part of a day, in minutes from local midnight: from start, up to but without end."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"

    def holds(self, local: datetime) -> bool:
        return self.start <= minute_of(local) < self.end


@dataclass(frozen=True)
class Window:
    """A span of some days of the week (0 is Monday)."""

    days: frozenset[int]
    span: Span

    def holds(self, local: datetime) -> bool:
        return local.weekday() in self.days and self.span.holds(local)


def read_span(text: str) -> Span:
    """`08:00-21:00`.

    Raises:
        ValueError: it is not of this form, or does not end after it starts.
    """
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not of the form 08:00-21:00")
    hour, minute, end_hour, end_minute = map(int, found.groups())
    span = Span(hour * 60 + minute, end_hour * 60 + end_minute)
    if not span.start < span.end <= MINUTES_A_DAY:
        raise ValueError(f"{text!r} must end after it starts and not after 24:00")
    return span


def read_window(text: str) -> Window:
    """`08:00-21:00`, `mon-fri 09:00-17:00` or `sat,sun 12:00-18:00`.

    Raises:
        ValueError: it is not of this form.
    """
    days, _, span = text.strip().rpartition(" ")
    return Window(frozenset(_days(days, text)), read_span(span))


def _days(text: str, whole: str) -> Iterator[int]:
    for part in text.strip().split(",") if text.strip() else ["mon-sun"]:
        first, _, last = part.strip().partition("-")
        last = last or first
        if first not in DAYS or last not in DAYS or DAYS.index(first) > DAYS.index(last):
            raise ValueError(f"{whole!r}: the days are {', '.join(DAYS)}, as in mon-fri or sat,sun")
        yield from range(DAYS.index(first), DAYS.index(last) + 1)


def minute_of(local: datetime) -> int:
    return local.hour * 60 + local.minute


def part_of(parts: tuple[Span, ...], local: datetime) -> int:
    """Which part of the day it is; all that is in none of them is one part more, -1."""
    return next((index for index, span in enumerate(parts) if span.holds(local)), -1)


def is_zone(name: str) -> bool:
    """Whether the machine knows this time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; not a name; a folder of zones
        return False
    return True


def turns(zones: Iterable[str], minutes: Iterable[int], start: datetime, end: datetime) -> Iterator[datetime]:
    """The moments in [start, end) at which a local clock may reach one of these minutes of its day, in order.

    Between two of them no zone's clock crosses any of the minutes. Each clock change is among them. So is the start
    of each day's search, which may be a clock change itself.
    """
    known = [ZoneInfo(name) for name in zones]
    wanted = sorted(set(minutes))
    while start < end:
        until = min(start + _DAY, end)
        found = {moment for zone in _unlike(known, start, until) for moment in _turns_of(zone, wanted, start, until)}
        yield from sorted({start, *(moment for moment in found if start < moment < until)})
        start = until


def _unlike(zones: list[ZoneInfo], start: datetime, until: datetime) -> Iterable[ZoneInfo]:
    """One of all zones that show the same time all day long; a toll-free number has 42 with 11 times."""
    found: dict[object, ZoneInfo] = {}
    for zone in zones:
        before, after = start.astimezone(zone).utcoffset(), until.astimezone(zone).utcoffset()
        found.setdefault(before if before == after else zone.key, zone)
    return found.values()


def _turns_of(zone: ZoneInfo, minutes: list[int], start: datetime, until: datetime) -> Iterator[datetime]:
    day, last = start.astimezone(zone).date(), until.astimezone(zone).date()
    while day <= last:
        for minute in minutes:
            yield from _moments(zone, day, minute)
        day += _DAY
    if start.astimezone(zone).utcoffset() != until.astimezone(zone).utcoffset():
        yield _change(zone, start, until)


def _moments(zone: ZoneInfo, day: date, minute: int) -> Iterator[datetime]:
    local = datetime.combine(day, time()) + timedelta(minutes=minute)
    for fold in (0, 1):  # the first and the second time that the clock shows it
        yield local.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first moment with the new offset."""
    old = before.astimezone(zone).utcoffset()
    before, after = before.replace(microsecond=0), after.replace(microsecond=0) + _SECOND
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
