"""What the operator decided: plain values with defaults. The configuration's `policy` section makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

import phonenumbers

from voicedrop.policy.hours import MINUTES_A_DAY, Span, Window, read_span, read_window
from voicedrop.policy.number import Kind, Number, NumberFault


class Method(StrEnum):
    """How a message comes to a mailbox."""

    ATTENDED = "attended"
    """An agent has reached it and presses a code."""
    TWO_CALL = "two_call"
    SINGLE = "single"


class Basis(StrEnum):
    """What somebody agreed to, or what stands for it."""

    EXPRESS_WRITTEN = "express_written"
    EXPRESS = "express"
    CUSTOMER = "customer"
    """He is a customer, and did not say no."""
    OTHER = "other"


class Need(StrEnum):
    """Whose consent must be on record: a method's, a kind's, or everybody's."""

    ALL = "all"
    TWO_CALL = "two_call"
    SINGLE = "single"
    ATTENDED = "attended"
    MOBILE = "mobile"
    FIXED = "fixed"
    VOIP = "voip"


class Asked(StrEnum):
    """The rules that an agent's drop can be asked as well."""

    NUMBER_INVALID = "number_invalid"
    NUMBER_KIND = "number_kind"
    CONSENT = "consent"
    CALLBACK_NUMBER = "callback_number"
    CALLER_ID = "caller_id"
    ZONE_UNKNOWN = "zone_unknown"
    HOURS = "hours"
    CAP_DAY = "cap_day"
    CAP_3_DAYS = "cap_3_days"
    CAP_7_DAYS = "cap_7_days"
    SPACING = "spacing"
    SAME_TIME_OF_DAY = "same_time_of_day"


OF_RECORD = frozenset(
    {Asked.CONSENT, Asked.CAP_DAY, Asked.CAP_3_DAYS, Asked.CAP_7_DAYS, Asked.SPACING, Asked.SAME_TIME_OF_DAY}
)
"""About consents and earlier attempts, which the database alone has: an agent's code waits for it where one of these is
asked."""

# 47 CFR 64.1200(c)(1): no telephone solicitation before 8 or after 21 hours of the called party's local time.
ALLOWED_HOURS = ("08:00-21:00",)
DAY_PARTS = ("08:00-12:00", "12:00-17:00", "17:00-21:00")  # morning, afternoon, evening
KINDS = (Kind.MOBILE, Kind.FIXED, Kind.FIXED_OR_MOBILE, Kind.VOIP)
CONSENT_FOR = (Need.TWO_CALL, Need.MOBILE)
CONSENT_BASES = (Basis.EXPRESS_WRITTEN, Basis.EXPRESS)
SPACING_H = 24.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A country, or some areas of it, with hours of its own."""

    country: str
    prefixes: tuple[str, ...] = ()
    """Country code and area code, as in +1305; empty: the whole country."""
    windows: tuple[Window, ...]

    def holds(self, number: Number) -> bool:
        """Whether the number may be here: one without an area may be in any of its country's."""
        if number.country != self.country:
            return False
        return not number.region or self.whole or number.e164.startswith(self.prefixes)

    @property
    def whole(self) -> bool:
        return not self.prefixes


@dataclass(frozen=True, kw_only=True)
class Caps:
    """How many attempts a number may get in any 24 h, 3 x 24 h and 7 x 24 h."""

    day: int = 1
    three_days: int = 2
    seven_days: int = 3


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Every rule's setting."""

    default_region: str = ""
    kinds: frozenset[Kind] = frozenset(KINDS)
    windows: tuple[Window, ...] = tuple(map(read_window, ALLOWED_HOURS))
    places: tuple[Place, ...] = ()
    day_parts: tuple[Span, ...] = tuple(map(read_span, DAY_PARTS))
    """Empty: the rule is off."""
    caps: Caps = field(default_factory=Caps)
    spacing: timedelta = timedelta(hours=SPACING_H)
    consent_for: frozenset[Need] = frozenset(CONSENT_FOR)
    consent_bases: frozenset[Basis] = frozenset(CONSENT_BASES)
    callback_number: bool = True
    """A message must name a number to call back."""
    caller_ids: frozenset[str] = frozenset()
    """The numbers that may be shown; none are unless they are listed."""
    two_call: bool = False
    attended: frozenset[Asked] = frozenset()
    """What an agent's drop is asked besides the suppression list."""
    attended_unreadable: bool = False
    """An agent's drop goes on where the callee's number cannot be read, so that no list can be asked."""

    def windows_of(self, number: Number) -> tuple[tuple[Window, ...], ...]:
        """The hours that hold for a number: each of these must be open.

        Its area's own if there are any, else its country's, else everybody's. A number without an area may be
        anywhere in its country, so the country's and all its areas' hold together.
        """
        here = [place for place in self.places if place.holds(number)]
        areas = tuple(place.windows for place in here if not place.whole)
        whole = tuple(place.windows for place in here if place.whole) or (self.windows,)
        return areas if areas and number.region else (*whole, *areas)

    def needs_consent(self, method: Method, number: Number | NumberFault) -> bool:
        """What cannot be told apart counts as both: a number that may be mobile needs what a mobile one needs."""
        words = {Need.ALL.value, method.value}
        if isinstance(number, NumberFault) or number.kind is Kind.FIXED_OR_MOBILE:
            words |= {Need.MOBILE, Need.FIXED}
        else:
            words.add(number.kind)
        return not words.isdisjoint(self.consent_for)


def country_fault(country: str, prefixes: tuple[str, ...] = ()) -> str:
    """Why this is no place; empty if it is one."""
    if country not in phonenumbers.SUPPORTED_REGIONS:
        return f"{country!r} is not the two capital letters of a country, as in US"
    code = f"+{phonenumbers.country_code_for_region(country)}"
    for prefix in prefixes:
        if not (prefix.startswith(code) and prefix[1:].isdecimal() and prefix.isascii() and len(prefix) > len(code)):
            return f"{prefix!r} is not {code} and an area code, in digits"
    return ""


def parts_fault(parts: tuple[Span, ...]) -> str:
    """Why these cannot be parts of a day; empty if they can. One part alone would never be another one."""
    if any(before.end > after.start for before, after in pairwise(parts)):
        return "the parts of the day must follow one another and not overlap"
    if any(span.end - span.start == MINUTES_A_DAY for span in parts):
        return "one part that is the whole day can never be another one than last time"
    return ""
