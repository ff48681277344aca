"""A telephone number as the numbering plans know it: its country, its kind, the time zones it may be in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType, timezone

LONGEST_TEXT = 32  # characters; 15 digits (ITU-T E.164) with a separator behind each, and a +
_DIALLED = re.compile(r"\+?[0-9 ().\-/]*")
_LETTER = re.compile(r"[A-Za-z]")
_UNKNOWN_ZONE = timezone.UNKNOWN_TIMEZONE


class Kind(StrEnum):
    """What a numbering plan says that a number is for."""

    MOBILE = "mobile"
    FIXED = "fixed"
    FIXED_OR_MOBILE = "fixed_or_mobile"
    """The plan does not tell the two apart (North America)."""
    VOIP = "voip"
    TOLL_FREE = "toll_free"
    SHARED_COST = "shared_cost"
    PREMIUM = "premium"
    PERSONAL = "personal"
    PAGER = "pager"
    COMPANY = "company"
    """One number for a whole company (UAN)."""
    VOICEMAIL = "voicemail"


_KINDS = {
    PhoneNumberType.MOBILE: Kind.MOBILE,
    PhoneNumberType.FIXED_LINE: Kind.FIXED,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: Kind.FIXED_OR_MOBILE,
    PhoneNumberType.VOIP: Kind.VOIP,
    PhoneNumberType.TOLL_FREE: Kind.TOLL_FREE,
    PhoneNumberType.SHARED_COST: Kind.SHARED_COST,
    PhoneNumberType.PREMIUM_RATE: Kind.PREMIUM,
    PhoneNumberType.PERSONAL_NUMBER: Kind.PERSONAL,
    PhoneNumberType.PAGER: Kind.PAGER,
    PhoneNumberType.UAN: Kind.COMPANY,
    PhoneNumberType.VOICEMAIL: Kind.VOICEMAIL,
}


@dataclass(frozen=True, kw_only=True)
class Number:
    """A valid number."""

    e164: str
    country: str
    """ISO 3166-1 alpha-2; `001` for numbers of no country (satellite)."""
    region: str
    """The country code and the area code, as in +1202; empty where the number has no area."""
    kind: Kind
    zones: tuple[str, ...]
    """Every time zone that the number may be in, by its IANA name; empty where no one knows."""


@dataclass(frozen=True, kw_only=True)
class NumberFault:
    """What was dialled is no number that can be judged."""

    reason: str
    e164: str = ""
    """The number in international form, where it can at least be read; a suppression list may still know it."""


def parse(text: str, default_region: str = "") -> Number | NumberFault:
    """Read a number.

    Args:
        text: digits with an optional + in front and the usual separators.
        default_region: the ISO country of numbers without +; empty: they are refused.
    """
    text = text.strip()
    if fault := _unreadable(text):
        return NumberFault(reason=fault)
    try:
        found = phonenumbers.parse(text, default_region or None)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and not text.startswith("+"):
            return NumberFault(reason="there is no + and country code in front")
        return NumberFault(reason="it is not a telephone number")
    e164 = phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    if found.extension:
        return NumberFault(reason="an extension cannot be dialled")
    kind = _KINDS.get(phonenumbers.number_type(found))
    country = phonenumbers.region_code_for_number(found)
    if not phonenumbers.is_valid_number(found) or kind is None or country is None:
        return NumberFault(reason="no numbering plan has it", e164=e164)
    if kind is Kind.PREMIUM:
        return NumberFault(reason="it is a premium-rate number", e164=e164)
    zones = tuple(zone for zone in timezone.time_zones_for_number(found) if zone != _UNKNOWN_ZONE)
    return Number(e164=e164, country=country, region=_region(found), kind=kind, zones=zones)


def _unreadable(text: str) -> str:
    if not text:
        return "there is no number"
    if len(text) > LONGEST_TEXT:
        return f"it is longer than {LONGEST_TEXT} characters"
    if _LETTER.search(text):
        return "it holds letters: write it in digits, without an extension"
    if not _DIALLED.fullmatch(text):
        return "it holds characters that do not belong in a number"
    return ""


def _region(found: phonenumbers.PhoneNumber) -> str:
    length = phonenumbers.length_of_geographical_area_code(found)
    area = phonenumbers.national_significant_number(found)[:length]
    return f"+{found.country_code}{area}" if area else ""
