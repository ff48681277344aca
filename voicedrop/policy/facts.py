"""What the gate is asked, what it is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from voicedrop.policy.number import Number, NumberFault
from voicedrop.policy.settings import Basis, Method
from voicedrop.policy.suppression import Entry


@dataclass(frozen=True, kw_only=True)
class Question:
    """One attempt that somebody wants to make."""

    number: Number | NumberFault
    method: Method
    callback_number: str = ""
    """The number that the message asks to call back, as it is kept with the message."""
    caller_id: str = ""
    """What the callee will be shown, as + and digits."""
    contact_zone: str = ""
    """The contact's own time zone, an IANA name, where it is known."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """One consent on record. All times are aware."""

    basis: Basis
    source: str
    """Where it came from: a form, a call, a contract."""
    evidence: str
    """What proves it: a document's name, a recording's id."""
    given_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of the number. Order does not matter."""

    reachable: bool
    """Unattended: the database answered all of this. Attended: a suppression list has been read, if not just now, and
    the database answered where one of `settings.OF_RECORD` is asked."""
    suppressed: Entry | None = None
    """The entry that matches and lasts longest (`suppression.lasting`)."""
    consents: tuple[Consent, ...] = ()
    attempts: tuple[datetime, ...] = ()
    """When earlier calls to it were placed, by any method: all of the last 7 days, and the last one of all."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One rule's no."""

    rule: str
    text: str
    """Why, without the number."""
    next_allowed: datetime | None
    """When this rule alone would allow it; None: not as things stand."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """The gate's answer."""

    allowed: bool
    refusals: tuple[Refusal, ...]
    next_allowed: datetime | None
    """When all rules would allow it if nothing else changes: now, if it is allowed."""
    asked: dict[str, object]
    """For the receipt: what was asked and known, in JSON's own types."""

    def told(self) -> dict[str, object]:
        """As the receipt keeps it, in JSON's own types."""
        return {
            **self.asked,
            "allowed": self.allowed,
            "refusals": [
                {"rule": one.rule, "text": one.text, "next_allowed": _iso(one.next_allowed)} for one in self.refusals
            ],
            "next_allowed": _iso(self.next_allowed),
        }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
