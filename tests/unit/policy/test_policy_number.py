"""Numbers: what is read, what is refused and why, and every zone that one may be in."""

from __future__ import annotations

import pytest

from voicedrop.policy.hours import is_zone
from voicedrop.policy.number import LONGEST_TEXT, Kind, Number, NumberFault, parse


@pytest.mark.parametrize(
    ("text", "region", "e164", "country", "area", "kind", "zones"),
    [
        ("+1 (202) 555-0123", "", "+12025550123", "US", "+1202", Kind.FIXED_OR_MOBILE, {"America/New_York"}),
        ("202-555-0123", "US", "+12025550123", "US", "+1202", Kind.FIXED_OR_MOBILE, {"America/New_York"}),
        ("+16025550123", "", "+16025550123", "US", "+1602", Kind.FIXED_OR_MOBILE, {"America/Phoenix"}),
        (
            "+12085550123",
            "",
            "+12085550123",
            "US",
            "+1208",
            Kind.FIXED_OR_MOBILE,
            {"America/Boise", "America/Los_Angeles"},
        ),
        ("+12265550123", "", "+12265550123", "CA", "+1226", Kind.FIXED_OR_MOBILE, {"America/Toronto"}),
        ("01512 3456789", "DE", "+4915123456789", "DE", "", Kind.MOBILE, {"Europe/Berlin"}),
        ("030/1234567", "DE", "+49301234567", "DE", "+4930", Kind.FIXED, {"Europe/Berlin"}),
        ("+91 98765 43210", "", "+919876543210", "IN", "", Kind.MOBILE, {"Asia/Calcutta"}),
        ("+44 20 7946 0123", "", "+442079460123", "GB", "+4420", Kind.FIXED, {"Europe/London"}),
    ],
)
def test_a_number_is_read(
    text: str, region: str, e164: str, country: str, area: str, kind: Kind, zones: set[str]
) -> None:
    found = parse(text, region)
    assert isinstance(found, Number)
    assert (found.e164, found.country, found.region, found.kind) == (e164, country, area, kind)
    assert set(found.zones) == zones


def test_a_toll_free_number_may_be_anywhere_on_its_continent() -> None:
    found = parse("+18005550123")
    assert isinstance(found, Number)
    assert (found.kind, found.region) == (Kind.TOLL_FREE, "")
    assert {"America/New_York", "Pacific/Honolulu", "Pacific/Guam"} <= set(found.zones)


def test_an_australian_mobile_may_be_on_lord_howe() -> None:
    found = parse("+61491570156")
    assert isinstance(found, Number)
    assert {"Australia/Lord_Howe", "Australia/Sydney", "Australia/Perth"} <= set(found.zones)


def test_a_satellite_number_has_no_zone() -> None:
    found = parse("+870773123456")
    assert isinstance(found, Number)
    assert (found.country, found.zones) == ("001", ())


@pytest.mark.parametrize(
    ("text", "region", "reason"),
    [
        ("", "US", "there is no number"),
        ("   ", "US", "there is no number"),
        ("2025550123", "", "there is no + and country code in front"),
        ("1-800-FLOWERS", "US", "it holds letters"),
        ("+12025550123 ext. 5", "", "it holds letters"),
        ("+12025550123;ext=5", "", "it holds letters"),
        ("+12025550123#5", "", "it holds characters"),
        ("+12025550123,5", "", "it holds characters"),
        ("+1202555\u0660123", "", "it holds characters"),
        ("++12025550123", "", "it holds characters"),
        ("2" * (LONGEST_TEXT + 1), "US", "it is longer than 32 characters"),
        ("+", "US", "it is not a telephone number"),
        ("5", "US", "it is not a telephone number"),
        ("+9991234567", "", "it is not a telephone number"),
    ],
)
def test_what_is_no_number_is_refused_with_a_reason(text: str, region: str, reason: str) -> None:
    found = parse(text, region)
    assert isinstance(found, NumberFault)
    assert found.reason.startswith(reason)
    assert found.e164 == ""


@pytest.mark.parametrize(
    ("text", "e164", "reason"),
    [
        ("+19005551234", "+19005551234", "it is a premium-rate number"),
        ("+11234567890", "+11234567890", "no numbering plan has it"),
        ("+447700900123", "+447700900123", "no numbering plan has it"),
        ("911", "+1911", "no numbering plan has it"),
    ],
)
def test_a_number_that_is_read_and_refused_can_still_be_looked_up(text: str, e164: str, reason: str) -> None:
    assert parse(text, "US") == NumberFault(reason=reason, e164=e164)


def test_this_machine_knows_every_zone_of_the_numbering_plans() -> None:
    from phonenumbers.tzdata import TIMEZONE_DATA

    zones = {zone for found in TIMEZONE_DATA.values() for zone in found}
    assert len(zones) > 200
    assert [zone for zone in zones if not is_zone(zone)] == []


@pytest.mark.parametrize("name", ["", "Europe", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe/Berlin\0"])
def test_what_is_no_zone(name: str) -> None:
    assert not is_zone(name)
