"""Suppression lists as CSV: every line is an entry or a fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.policy.asked import at
from voicedrop.policy.suppression import Entry, keyed_hash
from voicedrop.policy.suppression_csv import Fault, read_csv


def read(text: str, region: str = "") -> list[Entry | Fault]:
    return list(read_csv(text.splitlines(keepends=True), region))


def faults(text: str, region: str = "") -> list[tuple[int, str]]:
    return [(one.line, one.text) for one in read(text, region) if isinstance(one, Fault)]


def test_a_list_with_a_header_in_any_order_and_a_byte_order_mark() -> None:
    text = '\ufeffExpires, Number ,Reason,source\r\n2026-12-31,+1 (202) 555-0123,"asked, twice",api\r\n,+1900*,,\r\n'
    assert read(text) == [
        Entry(pattern="+12025550123", reason="asked, twice", source="api", expires_at=at("2027-01-01T12:00")),
        Entry(pattern="+1900*"),
    ]


def test_a_list_without_a_header_and_with_empty_lines() -> None:
    assert read("\n+12025550123\n\n+12025550124,asked\n   \n") == [
        Entry(pattern="+12025550123"),
        Entry(pattern="+12025550124", reason="asked"),
    ]


def test_a_time_with_its_offset_and_a_day_that_ends_last() -> None:
    first, second = read("+1202*,,,2026-12-31T08:00+01:00\n+1202*,,,2026-12-31\n")
    assert isinstance(first, Entry)
    assert isinstance(second, Entry)
    assert first.expires_at == at("2026-12-31T07:00")
    assert second.expires_at == at("2027-01-01T00:00-12:00")


def test_a_hash_that_was_exported_comes_in_again() -> None:
    pattern = keyed_hash("+12025550123", b"a secret of 16 bytes or more")
    assert read(pattern) == [Entry(pattern=pattern)]


def test_numbers_of_a_country_and_numbers_of_no_plan() -> None:
    assert read("(202) 555-0123", "US") == [Entry(pattern="+12025550123")]
    assert read("+1 123 456 7890") == [Entry(pattern="+11234567890")], "it may have been one once"
    assert read("+49 (0)30 1234567") == [Entry(pattern="+49301234567")]
    assert faults("(202) 555-0123") != []
    assert faults("12", "US") != []


NUMBER = "the number is neither + and 3 to 15 digits nor a prefix as in +1900*"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("2025550123", NUMBER),
        ("1.20256E+10", NUMBER),
        ("=+12025550123", NUMBER),
        ("+1202?550123", NUMBER),
        ("+1202 ext 5", NUMBER),
        ("+12025550123;asked;api", NUMBER),
        (",asked", NUMBER),
        ("hmac-sha256:12", NUMBER),
        ("+12025550123,a,b,,", "5 values for 4 columns"),
        ("+12025550123,a,b,31.12.2026", "expires is neither"),
        ("+12025550123,a,b,2026-13-01", "expires is neither"),
        ("+12025550123,a,b,2026-12-31T08:00", "expires is neither"),
        ('+12025550123,"asked', "it is not CSV"),
        ('+12025550123,"asked" twice', "it is not CSV"),
    ],
)
def test_a_bad_line_is_told_by_its_number_and_the_others_are_read(row: str, told: str) -> None:
    text = f"number,reason,source,expires\n+1900*\n{row}\n+1901*\n"
    assert [one.pattern for one in read(text) if isinstance(one, Entry)] == ["+1900*", "+1901*"]
    ((line, why),) = faults(text)
    assert line == 3
    assert why.startswith(told)
    assert "202555" not in why, "no number in what may be logged"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("number,when", "there is no column 'when': the columns are number, reason, source, expires"),
        ("number,reason,number", "a column is named twice"),
        ('"number,reason', "it is not CSV"),
    ],
)
def test_behind_a_header_that_is_not_understood_nothing_is_read(header: str, told: str) -> None:
    ((line, why),) = faults(f"{header}\n+12025550123\n")
    assert (line, why[: len(told)]) == (1, told)
    assert len(read(f"{header}\n+12025550123\n")) == 1


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=40), max_size=8))
def test_whatever_comes_is_an_entry_or_a_fault_and_nothing_is_lost(lines: list[str]) -> None:
    found = list(read_csv(["number,reason,source,expires", *lines]))
    assert len(found) == sum(bool(line.strip()) for line in lines)
    places = [one.line for one in found if isinstance(one, Fault)]
    assert places == sorted(set(places))
