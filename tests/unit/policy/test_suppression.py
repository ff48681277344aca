"""The suppression list: what matches, how many look-ups it takes, and hashes of those who were forgotten."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.policy.asked import NOON, at
from voicedrop.policy.suppression import (
    HASH,
    MOST_DIGITS,
    Entry,
    SuppressionSet,
    is_pattern,
    keyed_hash,
    lasting,
    lookup_keys,
)
from voicedrop.store.numbers import hashed

KEY = b"a secret of 16 bytes or more"
NUMBER = "+12025550123"


@pytest.mark.parametrize(
    "pattern", [NUMBER, "+123", "+123456789012345", "+*", "+1*", "+1900*", "+123456789012345*", keyed_hash(NUMBER, KEY)]
)
def test_what_is_a_pattern(pattern: str) -> None:
    assert is_pattern(pattern)
    assert Entry(pattern=pattern).pattern == pattern


@pytest.mark.parametrize(
    "pattern",
    ["", "*", "12025550123", "+", "+12", "+1234567890123456", "+1*2", "+1**", "+1?", "*555", "+1 202", "+1202\n", HASH],
)
def test_what_is_none(pattern: str) -> None:
    assert not is_pattern(pattern)
    with pytest.raises(ValueError, match="a pattern is"):
        Entry(pattern=pattern)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (NUMBER, True),
        ("+12025550124", False),
        ("+1202555012", False),
        ("+120255501234", False),
        ("+*", True),
        ("+1*", True),
        ("+1202*", True),
        ("+12025550123*", True),
        ("+120255501234*", False),
        ("+1203*", False),
        (keyed_hash(NUMBER, KEY), True),
        (keyed_hash("+12025550124", KEY), False),
        (keyed_hash(NUMBER, KEY + b"!"), False),
    ],
)
def test_what_matches_in_memory_and_in_a_table(pattern: str, matches: bool) -> None:
    entry = Entry(pattern=pattern, reason="asked")
    assert SuppressionSet([entry], key=KEY).find(NUMBER, NOON) == (entry if matches else None)
    assert (pattern in lookup_keys(NUMBER, KEY)) is matches


def test_hashes_are_not_looked_up_without_a_key() -> None:
    entry = Entry(pattern=keyed_hash(NUMBER, KEY))
    assert SuppressionSet([entry]).find(NUMBER, NOON) is None
    assert lookup_keys(NUMBER) == lookup_keys(NUMBER, KEY)[:-1]


def test_a_number_is_looked_up_by_at_most_18_keys() -> None:
    assert lookup_keys("+123") == ["+123", "+*", "+1*", "+12*", "+123*"]
    assert len(lookup_keys("+" + "9" * MOST_DIGITS, KEY)) == 18


def test_what_stops_everybody_stops_a_number_that_could_not_be_read() -> None:
    assert lookup_keys("") == ["", "+*"]
    assert SuppressionSet([Entry(pattern="+*")]).find("", NOON) == Entry(pattern="+*")
    assert SuppressionSet([Entry(pattern="+1*"), Entry(pattern=NUMBER)], key=KEY).find("", NOON) is None


def test_a_hash_is_hmac_sha256_of_the_number() -> None:
    assert keyed_hash(NUMBER, KEY) == HASH + hmac.digest(KEY, NUMBER[1:].encode(), "sha256").hex()
    assert keyed_hash(NUMBER, KEY) == HASH + hashed(NUMBER, KEY).hex()
    with pytest.raises(ValueError, match="at least 16 bytes"):
        keyed_hash(NUMBER, b"short")


def test_of_several_entries_the_one_that_lasts_longest_is_found() -> None:
    soon = Entry(pattern=NUMBER, expires_at=at("2026-06-11"))
    later = Entry(pattern="+1202*", expires_at=at("2026-07-01"))
    over = Entry(pattern="+1*", expires_at=NOON)
    assert SuppressionSet([soon, later, over]).find(NUMBER, NOON) == later
    assert SuppressionSet([later, soon]).find(NUMBER, at("2026-07-01")) is None
    for_ever = Entry(pattern=NUMBER)
    assert SuppressionSet([for_ever, soon, later]).find(NUMBER, NOON) == for_ever
    assert SuppressionSet([soon, for_ever]).find(NUMBER, NOON) == for_ever, "of the same pattern as well"


def test_a_pattern_is_taken_out_with_all_its_entries() -> None:
    found = SuppressionSet([Entry(pattern="+1202*"), Entry(pattern="+1202*", source="b"), Entry(pattern="+4930*")])
    assert len(found) == 2
    assert found.prefix_lengths == (6,)
    assert found.remove("+1202*")
    assert not found.remove("+1202*")
    assert found.find(NUMBER, NOON) is None
    assert found.find("+49301234567", NOON) is not None
    assert found.remove("+4930*")
    assert found.prefix_lengths == ()


def test_a_look_up_in_a_long_list_takes_one_step_for_each_length() -> None:
    class Counted(dict[str, Entry]):
        asked = 0

        def get(self, pattern: str, default: object = None) -> object:  # type: ignore[override]
            self.asked += 1
            return super().get(pattern, default)

    exact = (Entry(pattern=f"+1303{number:07}") for number in range(20_000))
    prefixes = (Entry(pattern=f"+1{area}*") for area in range(900, 1000))
    found = SuppressionSet([*exact, *prefixes, Entry(pattern="+88*")])
    counted = Counted(found._whole)
    found._whole = counted
    assert found.find(NUMBER, NOON) is None
    assert found.prefix_lengths == (4, 6)
    assert counted.asked == 3, "the number and two lengths of prefix"


digits = st.text("0123456789", min_size=3, max_size=15)


@given(numbers=st.lists(digits, max_size=20), prefixes=st.lists(st.text("0123456789", max_size=6)), asked=digits)
def test_the_set_finds_what_reading_the_whole_list_would(numbers: list[str], prefixes: list[str], asked: str) -> None:
    patterns = [*("+" + number for number in numbers), *(f"+{prefix}*" for prefix in prefixes)]
    expected = asked in numbers or any(asked.startswith(prefix) for prefix in prefixes)
    assert (SuppressionSet(map(entry_of, patterns)).find("+" + asked, NOON) is not None) is expected
    assert bool(set(lookup_keys("+" + asked)) & set(patterns)) is expected


def entry_of(pattern: str) -> Entry:
    return Entry(pattern=pattern)


moments = st.one_of(st.none(), st.integers(-400, 400).map(lambda hours: NOON + timedelta(hours=hours)))


@given(st.lists(moments, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_entries_does_not_matter(expiries: list[datetime | None], random: Random) -> None:
    entries = [Entry(pattern=NUMBER, expires_at=expiry) for expiry in expiries]
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert lasting(entries, NOON) == lasting(shuffled, NOON)
    if (found := lasting(entries, NOON)) is not None and found.expires_at is not None:
        assert not any(entry.counts(found.expires_at) for entry in entries)
