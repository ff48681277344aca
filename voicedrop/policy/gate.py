"""The gate: asked before every attempt, and its answer goes into the receipt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from voicedrop.policy.facts import Facts, Question, Refusal, Ruling
from voicedrop.policy.hours import is_zone, turns
from voicedrop.policy.number import Number
from voicedrop.policy.rules import Rule, Turns, consents_now, minutes, moments, rules_for, zones_of
from voicedrop.policy.settings import Rules

# Hours and weekdays come again every week; a second week holds any clock change between.
LOOK_AHEAD = timedelta(days=15)


def judge(question: Question, facts: Facts, rules: Rules, now: datetime) -> Ruling:
    """Whether this attempt may be made now.

    Args:
        now: aware.

    Raises:
        ValueError: now has no time zone. Times without one in the facts raise TypeError. Neither is a permission.
    """
    now = _in_utc(now)
    asked = rules_for(question, rules)
    refusals = tuple(
        Refusal(rule=rule.slug, text=text, next_allowed=_first((rule,), question, facts, rules, now))
        for rule in asked
        if (text := rule.refuse(question, facts, rules, now))
    )
    return Ruling(
        allowed=not refusals,
        refusals=refusals,
        next_allowed=_first(asked, question, facts, rules, now) if refusals else now,
        asked=_for_the_receipt(question, facts, rules, now, asked, refusals),
    )


def next_allowed(question: Question, facts: Facts, rules: Rules, now: datetime) -> datetime | None:
    """The first moment from now on at which `judge` allows it if nothing else changes.

    None: never as things stand, or not within 15 days after the last moment at which caps, spacing, consent or
    suppression change.
    """
    return _first(rules_for(question, rules), question, facts, rules, _in_utc(now))


def _first(asked: Sequence[Rule], question: Question, facts: Facts, rules: Rules, now: datetime) -> datetime | None:
    """Between two moments the rules that turn at moments stay as they are; there only clocks are looked at."""
    still = [rule for rule in asked if rule.turns is not Turns.CLOCK]
    clocks = [rule for rule in asked if rule.turns is Turns.CLOCK]
    starts = [now]
    if any(rule.turns is Turns.MOMENTS for rule in still):
        starts += sorted({moment.astimezone(UTC) for moment in moments(facts, rules) if moment > now})
    zones = [zone for zone in zones_of(question) if is_zone(zone)]
    for start, until in zip(starts, [*starts[1:], None], strict=True):
        if any(rule.refuse(question, facts, rules, start) for rule in still):
            continue
        end = start + LOOK_AHEAD if until is None else min(until, start + LOOK_AHEAD)
        for moment in turns(zones, minutes(question, rules), start, end) if clocks else (start,):
            if not any(rule.refuse(question, facts, rules, moment) for rule in clocks):
                return moment
    return None


def _in_utc(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise ValueError("the gate must know the time zone of now")
    return now.astimezone(UTC)


def _for_the_receipt(
    question: Question,
    facts: Facts,
    rules: Rules,
    now: datetime,
    asked: Sequence[Rule],
    refusals: Sequence[Refusal],
) -> dict[str, object]:
    number = question.number if isinstance(question.number, Number) else None
    consents = consents_now(facts, rules, now)
    return {
        "at": now.isoformat(),
        "method": question.method.value,
        "rules": [rule.slug for rule in asked],
        "refused": [refusal.rule for refusal in refusals],
        "number": question.number.e164,
        "country": number.country if number else "",
        "kind": number.kind.value if number else "",
        "local_times": {
            zone: now.astimezone(ZoneInfo(zone)).isoformat() for zone in zones_of(question) if is_zone(zone)
        },
        "caller_id": question.caller_id,
        "callback_number": question.callback_number,
        "reachable": facts.reachable,
        "suppressed": {"pattern": entry.pattern, "reason": entry.reason, "source": entry.source}
        if (entry := facts.suppressed) and entry.counts(now)
        else None,
        "consent": {"basis": consents[0].basis.value, "source": consents[0].source, "evidence": consents[0].evidence}
        if consents
        else None,
        "attempts": [attempt.astimezone(UTC).isoformat() for attempt in sorted(facts.attempts)],
    }
