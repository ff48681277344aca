"""Numbers that are never called: exact, by a prefix, or by a keyed hash of somebody who asked to be forgotten.

A pattern is a number (+12025550123), the beginning of numbers with a * behind (+1900*; +* is everybody), or a hash.
There is no other wildcard: a prefix is found by as many look-ups as a number has digits, in memory or in an index.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from voicedrop.policy.number import Number, parse

MOST_DIGITS = 15  # ITU-T E.164
FEWEST_DIGITS = 3
SHORTEST_KEY = 16  # bytes
HASH = "hmac-sha256:"
_PATTERN = re.compile(rf"\+([0-9]{{{FEWEST_DIGITS},{MOST_DIGITS}}}|[0-9]{{0,{MOST_DIGITS}}}\*)|{HASH}[0-9a-f]{{64}}")
_SEPARATORS = re.compile(r"[ ().\-/]")
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{9}")  # nothing can stand in front of such an area code


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of the list."""

    pattern: str
    reason: str = ""
    source: str = ""
    expires_at: datetime | None = None
    """Aware; from then on the entry does not count."""

    def __post_init__(self) -> None:
        if not is_pattern(self.pattern):
            raise ValueError("a pattern is + and 3 to 15 digits, a prefix as in +1900*, or a keyed hash")

    def counts(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


def is_pattern(text: str) -> bool:
    return _PATTERN.fullmatch(text) is not None


def read_pattern(text: str, default_region: str = "") -> str:
    """The pattern that somebody wrote, or the number that he gave; empty where it is none.

    Args:
        default_region: the ISO country of numbers without +; empty: such a number is no pattern.
    """
    if text.startswith(HASH):
        return text if is_pattern(text) else ""
    plain = _SEPARATORS.sub("", text)
    if not plain.startswith("+") and default_region:
        number = parse(text, default_region)
        return number.e164 if isinstance(number, Number) else ""
    # +49 (0)30 is +4930, which takes phonenumbers to see. A number that no plan has any more may still be on a list.
    if _NORTH_AMERICAN.fullmatch(plain):
        return plain
    if plain.startswith("+") and not plain.endswith("*") and isinstance(found := parse(text), Number):
        return found.e164
    return plain if is_pattern(plain) else ""


def keyed_hash(e164: str, key: bytes) -> str:
    """The pattern of a number that must not be kept: HMAC-SHA256 of its digits with the deployment's secret, as the
    database makes it of those who were erased (`store/numbers.py`).

    Raises:
        ValueError: the key is too short. Without a secret a hash of a number is soon undone by trying all numbers.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the key must have at least {SHORTEST_KEY} bytes")
    return HASH + hmac.new(key, e164.removeprefix("+").encode("ascii"), hashlib.sha256).hexdigest()


def lookup_keys(e164: str, key: bytes | None = None) -> list[str]:
    """Every pattern that this number may stand under, for one indexed query: `WHERE pattern = ANY(%s)`.

    At most 18: the number, its prefixes from +* on, and its hash if there is a key. A number that could not be read
    is empty text; +* stops it too.
    """
    prefixes = ["+*", *(e164[:length] + "*" for length in range(2, len(e164) + 1))]
    return [e164, *prefixes, *([keyed_hash(e164, key)] if key is not None else [])]


def lasting(entries: Iterable[Entry], now: datetime) -> Entry | None:
    """Of the entries that match a number, the one that counts longest; None if none counts now."""
    found: Entry | None = None
    for entry in entries:
        if entry.counts(now) and (found is None or _outlasts(entry, found)):
            found = entry
    return found


def _outlasts(entry: Entry, other: Entry) -> bool:
    if entry.expires_at is None or other.expires_at is None:
        return entry.expires_at is None and other.expires_at is not None
    return entry.expires_at > other.expires_at


class SuppressionSet:
    """The list in memory, for the moment in which an agent presses a code.

    Exact numbers and hashes are found by one look-up each, prefixes by one for each length that the list has.
    """

    def __init__(self, entries: Iterable[Entry] = (), *, key: bytes | None = None) -> None:
        self._key = key
        self._whole: dict[str, list[Entry] | Entry] = {}
        self._lengths: dict[int, int] = {}
        for entry in entries:
            self.add(entry)

    def __len__(self) -> int:
        """How many patterns there are."""
        return len(self._whole)

    @property
    def prefix_lengths(self) -> tuple[int, ...]:
        """The lengths of the prefixes, + and * included: as many look-ups does a number need."""
        return tuple(sorted(self._lengths))

    def add(self, entry: Entry) -> None:
        """Put one in; several of the same pattern stand side by side."""
        there = self._whole.get(entry.pattern)
        if there is None:
            self._whole[entry.pattern] = entry
            if entry.pattern.endswith("*"):
                self._lengths[len(entry.pattern)] = self._lengths.get(len(entry.pattern), 0) + 1
        else:
            self._whole[entry.pattern] = [*(there if isinstance(there, list) else [there]), entry]

    def remove(self, pattern: str) -> bool:
        """Take a pattern out, all its entries; False if there was none."""
        if self._whole.pop(pattern, None) is None:
            return False
        if pattern.endswith("*"):
            self._lengths[len(pattern)] -= 1
            if not self._lengths[len(pattern)]:
                del self._lengths[len(pattern)]
        return True

    def find(self, e164: str, now: datetime) -> Entry | None:
        """The entry that matches this number (empty where it could not be read) and counts longest."""
        return lasting(self._matching(e164), now)

    def _matching(self, e164: str) -> Iterator[Entry]:
        e164 = e164 or "+"
        patterns = [e164, *(e164[: length - 1] + "*" for length in self._lengths if length <= len(e164) + 1)]
        if self._key is not None:
            patterns.append(keyed_hash(e164, self._key))
        for pattern in patterns:
            there = self._whole.get(pattern)
            if isinstance(there, list):
                yield from there
            elif there is not None:
                yield there
