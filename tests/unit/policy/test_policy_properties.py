"""Whatever happens in whatever order, over whatever clock change: what a rule forbids does not get through.

The oracle knows the rules from their documents and shares no code with the gate: it compares clock times as texts and
looks at one minute after the other.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.policy.asked import OURS, at, in_zones, question, refused
from voicedrop.policy.facts import Consent, Facts, Question
from voicedrop.policy.gate import judge, next_allowed
from voicedrop.policy.hours import DAYS, read_span, read_window
from voicedrop.policy.number import Kind
from voicedrop.policy.settings import Basis, Caps, Rules
from voicedrop.policy.suppression import Entry

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# A zone and a moment shortly before its clock changes: in New York, Berlin, St John's; by half an hour on Lord Howe;
# at midnight in Santiago, Cairo and Beirut; for Ramadan in Casablanca; and zones that never change.
CHANGES = [
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/St_Johns", "2026-03-08T05:30"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("America/Santiago", "2026-04-05T03:00"),
    ("America/Santiago", "2026-09-06T04:00"),
    ("Africa/Cairo", "2026-04-23T22:00"),
    ("Africa/Cairo", "2026-10-29T21:00"),
    ("Asia/Beirut", "2026-03-28T22:00"),
    ("Africa/Casablanca", "2026-02-15T02:00"),
    ("Pacific/Apia", "2026-06-01T00:00"),
    ("America/Phoenix", "2026-03-08T09:00"),
    ("Asia/Kathmandu", "2026-06-01T00:00"),
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question in words that the oracle understands."""

    zones: tuple[str, ...]
    now: datetime
    windows: tuple[tuple[str, str, str], ...]
    """days (as in mon,tue), from, to"""
    parts: tuple[tuple[str, str], ...]
    caps: tuple[int, int, int]
    spacing_h: int
    attempts: tuple[datetime, ...]
    consents: tuple[tuple[datetime, datetime | None, datetime | None], ...]
    """given, expires, revoked"""
    suppressed_until: datetime | None

    def question(self) -> Question:
        return question(in_zones(*self.zones, kind=Kind.MOBILE))

    def rules(self) -> Rules:
        return Rules(
            caller_ids=frozenset({OURS}),
            windows=tuple(read_window(f"{days} {start}-{end}") for days, start, end in self.windows),
            day_parts=tuple(read_span(f"{start}-{end}") for start, end in self.parts),
            caps=Caps(day=self.caps[0], three_days=self.caps[1], seven_days=self.caps[2]),
            spacing=timedelta(hours=self.spacing_h),
        )

    def facts(self) -> Facts:
        return Facts(
            reachable=True,
            suppressed=Entry(pattern="+1202*", expires_at=self.suppressed_until) if self.suppressed_until else None,
            consents=tuple(
                Consent(basis=Basis.EXPRESS, source="s", evidence="e", given_at=given, expires_at=ends, revoked_at=no)
                for given, ends, no in self.consents
            ),
            attempts=self.attempts,
        )


def clock(moment: datetime, zone: str) -> tuple[str, str]:
    """The weekday and the time that a clock there shows."""
    return tuple(moment.astimezone(ZoneInfo(zone)).strftime("%a %H:%M").lower().split())


def part(moment: datetime, zone: str, parts: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
    time = clock(moment, zone)[1]
    return next((one for one in parts if one[0] <= time < one[1]), None)


def open_there(moment: datetime, zone: str, windows: tuple[tuple[str, str, str], ...]) -> bool:
    day, time = clock(moment, zone)
    return any(day in days.split(",") and start <= time < end for days, start, end in windows)


def oracle(case: Case, moment: datetime) -> bool:
    """Whether it is allowed at this moment, by the documents."""
    if case.suppressed_until is not None and moment < case.suppressed_until:
        return False
    gone = [no for _, _, no in case.consents if no is not None and no <= moment]
    if not any(
        given <= moment and (ends is None or ends > moment) and all(given > no for no in gone)
        for given, ends, _ in case.consents
    ):
        return False
    for days, most in zip((1, 3, 7), case.caps, strict=True):
        if len([one for one in case.attempts if one + days * DAY > moment]) >= most:
            return False
    if any(one + case.spacing_h * HOUR > moment for one in case.attempts):
        return False
    if not all(open_there(moment, zone, case.windows) for zone in case.zones):
        return False
    if case.attempts and case.parts:
        last = sorted(case.attempts)[-1]
        return all(part(moment, zone, case.parts) != part(last, zone, case.parts) for zone in case.zones)
    return True


def clock_times(least: int, most: int) -> st.SearchStrategy[list[str]]:
    """Different times of day, in order, most of them where clocks change."""
    minute = st.one_of(st.integers(0, 4 * 12).map(lambda five: five * 5), st.integers(0, 1440))
    return st.lists(minute, min_size=least, max_size=most, unique=True).map(
        lambda found: [f"{one // 60:02}:{one % 60:02}" for one in sorted(found)]
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    zone, change = draw(st.sampled_from(CHANGES))
    others = draw(st.lists(st.sampled_from([zone for zone, _ in CHANGES]), max_size=1))
    now = at(change) + draw(st.integers(-2 * 1440, 1440)) * MINUTE
    near = st.integers(-9 * 1440, 3 * 1440).map(lambda minutes: now + minutes * MINUTE)
    wide = draw(st.booleans())
    times = ["08:00", "21:00"] if wide else draw(clock_times(2, 2))
    days = draw(st.one_of(st.just(list(DAYS)), st.lists(st.sampled_from(DAYS), min_size=1, unique=True)))
    bounds = draw(st.one_of(st.just(["08:00", "12:00", "17:00", "21:00"]), st.just([]), clock_times(3, 4)))
    caps = sorted(draw(st.lists(st.integers(1, 3), min_size=3, max_size=3)))
    given_before = [(now - 100 * DAY, None, None)] if draw(st.booleans()) else []
    other = st.tuples(near, st.none() | near, st.none() | near)
    return Case(
        zones=tuple(dict.fromkeys((zone, *others))),
        now=now,
        windows=((",".join(days), times[0], times[1]),),
        parts=tuple(itertools.pairwise(bounds)),
        caps=(caps[0], caps[1], caps[2]),
        spacing_h=draw(st.sampled_from([0, 1, 23, 24, 25, 48])),
        attempts=tuple(draw(st.lists(near, max_size=4))),
        consents=(*given_before, *draw(st.lists(other, min_size=0 if given_before else 1, max_size=2))),
        suppressed_until=draw(st.none() | st.none() | near),
    )


many = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])


@many
@given(cases())
def test_the_gate_allows_what_the_oracle_allows(case: Case) -> None:
    ruling = judge(case.question(), case.facts(), case.rules(), case.now)
    assert ruling.allowed is oracle(case, case.now), ruling.refusals


@many
@given(cases())
def test_the_next_allowed_moment_is_the_first_one(case: Case) -> None:
    asked, known, rules = case.question(), case.facts(), case.rules()
    moment = next_allowed(asked, known, rules, case.now)
    assert moment == judge(asked, known, rules, case.now).next_allowed
    if moment is None:
        until, step = case.now + 12 * DAY, 7 * MINUTE
    else:
        assert moment >= case.now
        assert judge(asked, known, rules, moment).allowed
        assert oracle(case, moment)
        until, step = moment, MINUTE
        if moment > case.now:
            assert not judge(asked, known, rules, moment - MINUTE).allowed or moment - MINUTE < case.now
    minute = case.now
    while minute < until:
        assert not oracle(case, minute), f"{minute} would have been earlier than {moment}"
        minute += step


@many
@given(cases())
def test_each_refusals_own_moment_is_one_at_which_that_rule_is_silent(case: Case) -> None:
    asked, known, rules = case.question(), case.facts(), case.rules()
    for refusal in judge(asked, known, rules, case.now).refusals:
        if refusal.next_allowed is not None:
            assert refusal.next_allowed > case.now
            assert refusal.rule not in refused(judge(asked, known, rules, refusal.next_allowed))


@many
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(case: Case, random: Random) -> None:
    known = case.facts()
    attempts, consents = list(known.attempts), list(known.consents)
    random.shuffle(attempts)
    random.shuffle(consents)
    shuffled = replace(known, attempts=tuple(attempts), consents=tuple(consents))
    one, other = (judge(case.question(), facts, case.rules(), case.now) for facts in (known, shuffled))
    assert (one.refusals, one.next_allowed) == (other.refusals, other.next_allowed)


@many
@given(cases(), st.integers(-3 * 1440, 9 * 1440))
def test_one_attempt_more_never_allows_earlier_what_caps_and_spacing_forbid(case: Case, minutes: int) -> None:
    case = replace(case, parts=())
    more = replace(case, attempts=(*case.attempts, case.now + minutes * MINUTE))
    fewer_known, more_known = (judge(one.question(), one.facts(), one.rules(), one.now) for one in (case, more))
    assert set(refused(fewer_known)) <= set(refused(more_known))


@settings(max_examples=60)
@given(
    st.sampled_from(CHANGES),
    st.sampled_from([zone for zone, _ in CHANGES]),
    st.lists(st.integers(-180, 2 * 1440), min_size=20, max_size=60),
)
def test_a_caller_who_tries_at_any_time_and_keeps_to_the_gate_breaks_no_rule(
    change: tuple[str, str], second: str, steps: list[int]
) -> None:
    """Its clock may be put back too: a step is up to three hours backwards."""
    zones = tuple(dict.fromkeys((change[0], second)))
    asked, rules = question(in_zones(*zones)), Rules(caller_ids=frozenset({OURS}))
    now, made = at(change[1]) - 10 * DAY, list[datetime]()
    for step in steps:
        now += step * MINUTE
        if judge(asked, Facts(reachable=True, attempts=tuple(made)), rules, now).allowed:
            made.append(now)
    assert made == sorted(made)
    for before, after in itertools.pairwise(made):
        assert after - before >= 24 * HOUR
    for attempt in made:
        for days, most in ((1, 1), (3, 2), (7, 3)):
            assert len([one for one in made if attempt - days * DAY < one <= attempt]) <= most
        for zone in zones:
            assert "08:00" <= clock(attempt, zone)[1] < "21:00"
    parts = (("08:00", "12:00"), ("12:00", "17:00"), ("17:00", "21:00"))
    for before, after in itertools.pairwise(made):
        for zone in zones:
            assert part(before, zone, parts) != part(after, zone, parts)


def test_minute_by_minute_over_every_change_of_a_clock() -> None:
    """Three days around each: the gate's next moment is the next one that the clock's own face allows."""
    for (zone, change), window in itertools.product(CHANGES, ("00:30-01:15", "02:15-02:45", "08:00-21:00")):
        rules = Rules(caller_ids=frozenset({OURS}), windows=(read_window(window),))
        asked, known = question(in_zones(zone)), Facts(reachable=True)
        start = at(change) - 36 * HOUR
        opens = window.partition("-")
        faces = [clock(start + minute * MINUTE, zone)[1] for minute in range(3 * 1440)]
        expected: datetime | None = None
        for minute in range(3 * 1440 - 1, -1, -1):
            moment = start + minute * MINUTE
            if opens[0] <= faces[minute] < opens[2]:
                expected = moment
            if expected is not None and minute % 11 == 0:
                assert next_allowed(asked, known, rules, moment) == expected, (zone, window, moment.astimezone(UTC))
