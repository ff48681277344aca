"""Every rule, one function each, in the order in which they are asked and documented.

A function returns why not, or an empty text. It is asked for one moment and knows nothing of the other rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from voicedrop.policy.facts import Consent, Facts, Question
from voicedrop.policy.hours import is_zone, part_of
from voicedrop.policy.number import Number, NumberFault
from voicedrop.policy.settings import Method, Rules

DAY = timedelta(hours=24)  # a rolling one: no callee's midnight gives a new allowance


class Turns(Enum):
    """When a rule's answer may change, with nothing else changing."""

    NEVER = 1
    MOMENTS = 2
    """At the moments of `moments`."""
    CLOCK = 3
    """With the callee's clock."""


Refuse = Callable[[Question, Facts, Rules, datetime], str]


@dataclass(frozen=True, kw_only=True)
class Rule:
    slug: str
    refuse: Refuse
    turns: Turns
    attended: bool = False
    """Asked of an agent's drop whatever the settings say."""


def zones_of(question: Question) -> tuple[str, ...]:
    """The zones whose clocks must all allow it; empty where they are not known.

    A contact's own zone replaces those of his number if it is one of them, and joins them otherwise.
    """
    if isinstance(question.number, NumberFault) or not question.number.zones:
        return ()
    if not question.contact_zone:
        return question.number.zones
    if question.contact_zone in question.number.zones:
        return (question.contact_zone,)
    return (*question.number.zones, question.contact_zone)


# -- what is known -----------------------------------------------------------------------------------


def unreachable(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:  # noqa: ARG001
    if facts.reachable:
        return ""
    if question.method is Method.ATTENDED:
        return "no suppression list has been read yet, or the database does not answer a rule that needs it"
    return "the database does not answer, so it is not known whether the number may be called"


def number_invalid(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:  # noqa: ARG001
    return f"not a number to call: {question.number.reason}" if isinstance(question.number, NumberFault) else ""


def number_kind(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:  # noqa: ARG001
    if isinstance(question.number, NumberFault) or question.number.kind in rules.kinds:
        return ""
    return f"numbers of the kind {question.number.kind} are not called"


def suppressed(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:
    if facts.suppressed is not None and facts.suppressed.counts(now):
        return "it is on the suppression list"
    unread = isinstance(question.number, NumberFault) and not question.number.e164
    if unread and not (question.method is Method.ATTENDED and rules.attended_unreadable):
        return "the number cannot be read, so the suppression list cannot be asked"
    return ""


def consent(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:
    if not rules.needs_consent(question.method, question.number) or consents_now(facts, rules, now):
        return ""
    if not facts.consents:
        return "there is no consent on record"
    return "no consent on record is in force, of an accepted basis, and has its source and evidence"


def consents_now(facts: Facts, rules: Rules, now: datetime) -> list[Consent]:
    """The consents that count. To revoke one revokes all that were given before."""
    revoked = [c.revoked_at for c in facts.consents if c.revoked_at is not None and c.revoked_at <= now]
    return [
        one
        for one in facts.consents
        if one.basis in rules.consent_bases
        and one.source.strip()
        and one.evidence.strip()
        and one.given_at <= now
        and (one.expires_at is None or now < one.expires_at)
        and not any(one.given_at <= moment for moment in revoked)
    ]


# -- what is asked for -------------------------------------------------------------------------------


def two_call_disabled(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:  # noqa: ARG001
    if question.method is not Method.TWO_CALL or rules.two_call:
        return ""
    return "the two-call method is off (policy.two_call.enabled)"


def callback_number(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:  # noqa: ARG001
    if not rules.callback_number or question.callback_number.strip():
        return ""
    return "the message names no number to call back"


def caller_id(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:  # noqa: ARG001
    if question.caller_id in rules.caller_ids:
        return ""
    return "the caller ID is not one of policy.caller_ids" if question.caller_id else "there is no caller ID"


# -- the callee's clock ------------------------------------------------------------------------------


def zone_unknown(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:  # noqa: ARG001
    if isinstance(question.number, NumberFault):
        return "the number cannot be read, so its time zone is not known"
    if not question.number.zones:
        return "no one knows the time zone of the number"
    strange = [zone for zone in zones_of(question) if not is_zone(zone)]
    return f"there is no time zone {', '.join(strange)}" if strange else ""


def hours(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:  # noqa: ARG001
    zones = _clocks(question)
    if zones is None or isinstance(question.number, NumberFault):
        return "the callee's time is not known"
    needed = rules.windows_of(question.number)
    for zone in zones:
        local = now.astimezone(ZoneInfo(zone))
        if not all(any(window.holds(local) for window in windows) for windows in needed):
            return f"it is {local:%A %H:%M} in {zone}, outside the allowed hours"
    return ""


def same_time_of_day(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:
    if not rules.day_parts:
        return ""
    if unread := _unread(question):
        return unread
    if not facts.attempts:
        return ""
    zones = _clocks(question)
    if zones is None:
        return "the callee's time is not known"
    for zone in zones:
        here = ZoneInfo(zone)
        if part_of(rules.day_parts, now.astimezone(here)) == part_of(
            rules.day_parts, max(facts.attempts).astimezone(here)
        ):
            return f"the last attempt was at the same time of day in {zone}"
    return ""


def _clocks(question: Question) -> tuple[str, ...] | None:
    """The zones; None where one is not known, which no clock rule lets pass."""
    zones = zones_of(question)
    return zones if zones and all(is_zone(zone) for zone in zones) else None


# -- how often ---------------------------------------------------------------------------------------
# An attempt in the future (a clock that was put back, another node's) counts as just made.


def _unread(question: Question) -> str:
    """Whose calls are counted, nobody knows."""
    unread = isinstance(question.number, NumberFault) and not question.number.e164
    return "the number cannot be read, so its earlier attempts are not known" if unread else ""


def _cap(question: Question, facts: Facts, now: datetime, most: int, days: int) -> str:
    if unread := _unread(question):
        return unread
    made = sum(now - days * DAY < attempt for attempt in facts.attempts)
    return f"{made} of {most} attempts in the last {days * 24} hours" if made >= most else ""


def cap_day(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:
    return _cap(question, facts, now, rules.caps.day, 1)


def cap_3_days(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:
    return _cap(question, facts, now, rules.caps.three_days, 3)


def cap_7_days(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:
    return _cap(question, facts, now, rules.caps.seven_days, 7)


def spacing(question: Question, facts: Facts, rules: Rules, now: datetime) -> str:
    if not rules.spacing:
        return ""
    if unread := _unread(question):
        return unread
    if not facts.attempts or now - max(facts.attempts) >= rules.spacing:
        return ""
    return f"the last attempt is not yet {rules.spacing / timedelta(hours=1):g} hours ago"


# -- the table ---------------------------------------------------------------------------------------

RULES: tuple[Rule, ...] = (
    Rule(slug="unreachable", refuse=unreachable, turns=Turns.NEVER, attended=True),
    Rule(slug="number_invalid", refuse=number_invalid, turns=Turns.NEVER),
    Rule(slug="number_kind", refuse=number_kind, turns=Turns.NEVER),
    Rule(slug="suppressed", refuse=suppressed, turns=Turns.MOMENTS, attended=True),
    Rule(slug="consent", refuse=consent, turns=Turns.MOMENTS),
    Rule(slug="two_call_disabled", refuse=two_call_disabled, turns=Turns.NEVER),
    Rule(slug="callback_number", refuse=callback_number, turns=Turns.NEVER),
    Rule(slug="caller_id", refuse=caller_id, turns=Turns.NEVER),
    Rule(slug="zone_unknown", refuse=zone_unknown, turns=Turns.NEVER),
    Rule(slug="cap_day", refuse=cap_day, turns=Turns.MOMENTS),
    Rule(slug="cap_3_days", refuse=cap_3_days, turns=Turns.MOMENTS),
    Rule(slug="cap_7_days", refuse=cap_7_days, turns=Turns.MOMENTS),
    Rule(slug="spacing", refuse=spacing, turns=Turns.MOMENTS),
    Rule(slug="hours", refuse=hours, turns=Turns.CLOCK),
    Rule(slug="same_time_of_day", refuse=same_time_of_day, turns=Turns.CLOCK),
)


def rules_for(question: Question, rules: Rules) -> tuple[Rule, ...]:
    """The rules that are asked."""
    if question.method is not Method.ATTENDED:
        return RULES
    return tuple(rule for rule in RULES if rule.attended or rule.slug in {str(slug) for slug in rules.attended})


def moments(facts: Facts, rules: Rules) -> Iterator[datetime]:
    """Where the answer of a rule that turns at moments may change."""
    if facts.suppressed is not None and facts.suppressed.expires_at is not None:
        yield facts.suppressed.expires_at
    for one in facts.consents:
        yield from (moment for moment in (one.given_at, one.expires_at, one.revoked_at) if moment is not None)
    for attempt in facts.attempts:
        yield from (attempt + DAY, attempt + 3 * DAY, attempt + 7 * DAY, attempt + rules.spacing)


def minutes(question: Question, rules: Rules) -> Iterable[int]:
    """Where on a callee's clock the answer of a rule of the clock may change."""
    spans = list(rules.day_parts)
    if isinstance(question.number, Number):
        spans += [window.span for windows in rules.windows_of(question.number) for window in windows]
    return {minute for span in spans for minute in (span.start, span.end)}
