"""Questions and facts for the gate's tests: all that is not said is in order."""

from __future__ import annotations

from datetime import UTC, datetime

from voicedrop.policy.facts import Consent, Facts, Question, Ruling
from voicedrop.policy.number import Kind, Number, NumberFault, parse
from voicedrop.policy.settings import Basis, Method, Rules

OURS = "+12025550100"
NOON = datetime(2026, 6, 10, 16, 0, tzinfo=UTC)  # a Wednesday, 12:00 in New York, 09:00 in Los Angeles


def at(text: str) -> datetime:
    """A moment, in UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def number(text: str) -> Number:
    found = parse(text)
    assert isinstance(found, Number), found
    return found


def in_zones(*zones: str, country: str = "US", kind: Kind = Kind.FIXED, region: str = "+1202") -> Number:
    return Number(e164="+12025550123", country=country, region=region, kind=kind, zones=zones)


def question(
    whom: str | Number | NumberFault = "+12025550123",
    method: Method = Method.SINGLE,
    *,
    contact_zone: str = "",
    caller_id: str = OURS,
    callback_number: str = OURS,
) -> Question:
    return Question(
        number=number(whom) if isinstance(whom, str) else whom,
        method=method,
        callback_number=callback_number,
        caller_id=caller_id,
        contact_zone=contact_zone,
    )


def consent(
    given: str = "2026-01-01", *, expires: str = "", revoked: str = "", basis: Basis = Basis.EXPRESS_WRITTEN
) -> Consent:
    return Consent(
        basis=basis,
        source="form",
        evidence="form-17.pdf",
        given_at=at(given),
        expires_at=at(expires) if expires else None,
        revoked_at=at(revoked) if revoked else None,
    )


RULES = Rules(caller_ids=frozenset({OURS}))
KNOWN = Facts(reachable=True, consents=(consent(),))


def refused(ruling: Ruling) -> list[str]:
    """The rules that refused."""
    assert ruling.allowed is not bool(ruling.refusals)
    return [refusal.rule for refusal in ruling.refusals]
