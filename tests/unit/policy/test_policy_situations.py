"""Real situations: numbers of the world, clock changes, and the moment at which the gate opens next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.unit.policy.asked import KNOWN, RULES, at, in_zones, number, question, refused
from voicedrop.policy.gate import judge, next_allowed
from voicedrop.policy.hours import read_span, read_window
from voicedrop.policy.number import Kind, Number

HOUR = timedelta(hours=1)
ANY_KIND = replace(RULES, kinds=frozenset(Kind))


@pytest.mark.parametrize(
    ("text", "now", "opens"),
    [
        # One zone.
        ("+12025550123", "2026-01-15T12:59", "2026-01-15T13:00"),  # 08:00 EST
        ("+12025550123", "2026-07-15T11:59", "2026-07-15T12:00"),  # 08:00 EDT
        ("+4915123456789", "2026-01-15T20:00", "2026-01-16T07:00"),  # 21:00 CET is too late
        ("+919876543210", "2026-01-15T02:29", "2026-01-15T02:30"),  # 08:00 at +05:30
        ("+919876543210", "2026-01-15T15:30", "2026-01-16T02:30"),  # 21:00 at +05:30
        ("+9779812345678", "2026-01-15T02:00", "2026-01-15T02:15"),  # Nepal, +05:45
        # Arizona stays on standard time.
        ("+16025550123", "2026-03-07T14:00", "2026-03-07T15:00"),
        ("+16025550123", "2026-03-08T14:00", "2026-03-08T15:00"),
        ("+13035550123", "2026-03-07T14:00", "2026-03-07T15:00"),  # Denver does not
        ("+13035550123", "2026-03-08T13:59", "2026-03-08T14:00"),
        # Several zones: the last to open, the first to close.
        ("+12085550123", "2026-07-15T14:00", "2026-07-15T15:00"),  # 08:00 in Los Angeles, 09:00 in Boise
        ("+12085550123", "2026-07-16T03:00", "2026-07-16T15:00"),  # 21:00 in Boise, 20:00 in Los Angeles
        ("+18005550123", "2026-01-15T12:00", "2026-01-15T22:00"),  # from Guam (08:00) to the Caribbean
        ("+18005550123", "2026-01-16T00:30", "2026-01-16T22:00"),  # 21:00 in Newfoundland
        ("+79161234567", "2026-01-15T08:30", "2026-01-15T08:30"),  # 20:30 in Kamchatka, 10:30 in Kaliningrad
        ("+79161234567", "2026-01-15T09:00", "2026-01-16T06:00"),
        ("+61491570156", "2026-01-15T01:29", "2026-01-15T01:30"),  # Cocos (08:00) to Lord Howe
        ("+61491570156", "2026-01-15T10:00", "2026-01-16T01:30"),  # 21:00 on Lord Howe and in Sydney
    ],
)
def test_when_a_number_may_be_called(text: str, now: str, opens: str) -> None:
    asked = question(number(text))
    moment = next_allowed(asked, KNOWN, ANY_KIND, at(now))
    assert moment == at(opens)
    assert judge(asked, KNOWN, ANY_KIND, moment).allowed


@pytest.mark.parametrize(
    ("zone", "window", "now", "opens"),
    [
        # Spring: 02:30 does not come; the gate opens when the clock has jumped over it.
        ("America/New_York", "02:30-05:00", "2026-03-08T06:00", "2026-03-08T07:00"),
        ("Europe/Berlin", "02:30-05:00", "2026-03-29T00:30", "2026-03-29T01:00"),
        # A window that is wholly skipped opens a day later.
        ("America/New_York", "02:00-03:00", "2026-03-08T06:30", "2026-03-09T06:00"),
        # Autumn: 01:00 to 02:00 comes twice, and so does the window.
        ("America/New_York", "01:00-01:30", "2026-11-01T04:30", "2026-11-01T05:00"),
        ("America/New_York", "01:00-01:30", "2026-11-01T05:30", "2026-11-01T06:00"),
        ("America/New_York", "01:00-01:30", "2026-11-01T06:30", "2026-11-02T06:00"),
        # Half an hour: Lord Howe goes from +10:30 to +11:00 at 02:00, and back at 02:00.
        ("Australia/Lord_Howe", "02:15-04:00", "2026-10-03T15:00", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "01:45-02:00", "2026-04-04T14:40", "2026-04-04T14:45"),
        ("Australia/Lord_Howe", "01:45-02:00", "2026-04-04T15:00", "2026-04-04T15:15"),
        # At midnight: Santiago's first Sunday of September begins at 01:00.
        ("America/Santiago", "sun 00:00-02:00", "2026-09-06T03:30", "2026-09-06T04:00"),
        ("America/Santiago", "sun 00:00-00:30", "2026-09-06T03:30", "2026-09-13T03:00"),
        # A weekday is the callee's: it is Monday in Auckland while it is Sunday in Samoa's south.
        ("Pacific/Auckland", "mon 08:00-21:00", "2026-06-14T19:59", "2026-06-14T20:00"),
        ("Pacific/Pago_Pago", "mon 08:00-21:00", "2026-06-14T19:59", "2026-06-15T19:00"),
    ],
)
def test_when_the_clock_changes(zone: str, window: str, now: str, opens: str) -> None:
    asked, rules = question(in_zones(zone)), replace(RULES, windows=(read_window(window),))
    assert not judge(asked, KNOWN, rules, at(now)).allowed
    assert next_allowed(asked, KNOWN, rules, at(now)) == at(opens)


def test_a_day_of_23_hours_does_not_make_a_day_of_spacing_shorter() -> None:
    last = at("2026-03-07T20:00-05:00")
    asked, known = question(), replace(KNOWN, attempts=(last,))
    rules = replace(RULES, day_parts=())
    assert refused(judge(asked, known, rules, at("2026-03-08T20:00-04:00"))) == ["cap_day", "spacing"], "23 h"
    assert next_allowed(asked, known, rules, last + HOUR) == at("2026-03-09T08:00-04:00"), "21:00 is too late"


def test_two_zones_that_are_never_open_together_are_never_called() -> None:
    asked = question(in_zones("Pacific/Kiritimati", "Pacific/Pago_Pago"))  # 25 hours apart
    assert (
        next_allowed(asked, KNOWN, replace(RULES, windows=(read_window("sat 08:00-21:00"),)), at("2026-06-10")) is None
    )
    assert next_allowed(asked, KNOWN, replace(RULES, windows=(read_window("08:00-09:00"),)), at("2026-06-10")) is None
    assert next_allowed(asked, KNOWN, RULES, at("2026-06-10T07:00")) == at("2026-06-10T19:00")


def test_two_zones_that_part_on_this_day_are_both_looked_at() -> None:
    asked = question(in_zones("America/Puerto_Rico", "America/New_York"))  # alike until 06:00 UTC, not behind it
    assert next_allowed(asked, KNOWN, RULES, at("2026-11-01T04:00")) == at("2026-11-01T13:00")


def test_a_week_of_refusals_ends() -> None:
    """Three attempts in three days: the cap of a week holds until the first of them is a week old."""
    made = tuple(at(text) for text in ("2026-06-08T10:00-04:00", "2026-06-09T13:00-04:00", "2026-06-11T18:00-04:00"))
    asked, known = question(), replace(KNOWN, attempts=made)
    ruling = judge(asked, known, RULES, at("2026-06-13T10:00-04:00"))
    assert refused(ruling) == ["cap_7_days"]
    assert ruling.next_allowed == at("2026-06-15T10:00-04:00")


def test_the_lunch_break_of_a_country() -> None:
    rules = replace(RULES, windows=(read_window("mon-fri 10:00-13:00"), read_window("mon-fri 14:00-20:00")))
    asked = question("+33612345678")
    assert next_allowed(asked, KNOWN, rules, at("2026-06-12T13:00+02:00")) == at("2026-06-12T14:00+02:00")
    assert next_allowed(asked, KNOWN, rules, at("2026-06-12T20:00+02:00")) == at("2026-06-15T10:00+02:00")


def test_the_last_attempt_was_before_the_clock_changed() -> None:
    """16:30 UTC is noon's half hour in New York's summer and still morning in its winter."""
    rules = replace(RULES, day_parts=(read_span("08:00-12:00"), read_span("12:00-21:00")))
    asked, known = question(), replace(KNOWN, attempts=(at("2026-10-30T16:30"),))
    assert refused(judge(asked, known, rules, at("2026-11-02T16:30"))) == []
    assert refused(judge(asked, known, rules, at("2026-11-02T17:00"))) == ["same_time_of_day"]


def test_a_toll_free_number_is_open_where_every_zone_is() -> None:
    toll_free: Number = number("+18005550123")
    moment = next_allowed(question(toll_free), KNOWN, ANY_KIND, at("2026-07-15T06:00"))
    assert moment is not None
    for zone in toll_free.zones:
        assert 8 <= moment.astimezone(ZoneInfo(zone)).hour < 21
