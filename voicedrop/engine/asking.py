"""The question before every drop, whoever asks: may this agent leave this number this message now?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from voicedrop.control import Refused
from voicedrop.engine.known import History
from voicedrop.engine.services import Services
from voicedrop.errors import JournalError
from voicedrop.model import Message
from voicedrop.policy.facts import Facts, Question, Ruling
from voicedrop.policy.gate import judge
from voicedrop.policy.number import Number, NumberFault, parse
from voicedrop.policy.settings import OF_RECORD, Method
from voicedrop.policy.suppression import Entry, lasting

log = structlog.get_logger(__name__)

NOT_DIGITS = re.compile(r"[^0-9]")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A drop that somebody asks for; by `slot`, or by `message_id`."""

    agent: str
    number: str
    door: str
    slot: int = 0
    message_id: str = ""
    caller_id: str = ""
    """What the callee was shown; empty where that is not known."""


@dataclass(frozen=True, kw_only=True)
class Granted:
    """A drop that may be made."""

    message: Message
    policy: dict[str, Any]
    """What the policy was asked, and what it said: for the receipt."""


class Asker:
    """`busy` says why no further drop can be taken at the moment, whatever it is; None when one can."""

    def __init__(self, services: Services, busy: Callable[[], Refused | None]) -> None:
        self._services = services
        self._busy = busy
        self._rules = services.settings.policy.rules()

    async def ask(self, wish: Wish) -> Granted:
        """The message that is to be dropped, and by what right.

        Raises:
            Refused: there is none, the policy says no, or there is no room for one more drop.
        """
        granted = await self.choose(wish)
        busy = self._busy()
        if busy is not None:
            raise busy
        return granted

    async def choose(self, wish: Wish) -> Granted:
        """The same, whether or not there is room.

        Raises:
            Refused: there is no such message, or the policy says no.
        """
        catalogue = self._services.catalogue
        if wish.message_id:
            message = catalogue.by_id(wish.message_id, wish.agent)
            if message is None:
                raise Refused("no_message", f"there is no message {wish.message_id} for this agent")
        else:
            message = catalogue.message(wish.slot, wish.agent)
            if message is None:
                raise Refused("no_message", f"slot {wish.slot} has no message")
        return Granted(message=message, policy=(await self._policy(wish, message)).told())

    async def _policy(self, wish: Wish, message: Message) -> Ruling:
        catalogue, rules = self._services.catalogue, self._rules
        if catalogue.list_known and not catalogue.suppresses:
            rules = replace(rules, attended_unreadable=True)  # an empty list is asked in vain of every number
        if not NOT_DIGITS.sub("", wish.number) and not rules.attended_unreadable:
            raise Refused("no_number", "nobody said which number this is, so it cannot be looked up in the list")
        now = datetime.now(UTC)
        number = _read(wish.number, rules.default_region)
        question = Question(
            number=number,
            method=Method.ATTENDED,
            callback_number=message.callback_number,
            caller_id=_with_plus(wish.caller_id),
        )
        entry = self._entry(wish.number, now)
        of_record = not rules.attended.isdisjoint(OF_RECORD)
        known = await self._services.facts.history(number.e164, now) if of_record else History()
        facts = Facts(
            reachable=catalogue.list_known and known is not None,
            suppressed=entry,
            consents=known.consents if known else (),
            attempts=known.attempts if known else (),
        )
        ruling = judge(question, facts, rules, now)
        if ruling.allowed:
            return ruling
        text = "; ".join(refusal.text for refusal in ruling.refusals)
        if entry is not None and entry.reason:
            text += f" ({entry.reason})"
        raise Refused(ruling.refusals[0].rule, text)

    def _entry(self, text: str, now: datetime) -> Entry | None:
        """What the list has of it."""
        found = map(self._services.catalogue.suppressed, as_listed(text, self._rules.default_region))
        return lasting((entry for entry in found if entry is not None), now)

    async def note(self, wish: Wish, refusal: Refused) -> None:
        """Tell that a drop was refused: in the log, in /metrics, and in the journal, unless that is what refused it."""
        services = self._services
        services.metrics.refused.inc()
        log.warning(
            "drop_refused",
            rule=refusal.rule,
            reason=str(refusal),
            agent=wish.agent,
            number=wish.number,
            slot=wish.slot,
            door=wish.door,
        )
        if refusal.rule == "journal":
            return
        entry = {
            "kind": "refused",
            "at": services.clock.utc(services.now()),
            "number": wish.number,
            "agent": wish.agent,
            "slot": wish.slot,
            "rule": refusal.rule,
            "text": str(refusal),
            "door": wish.door,
        }
        try:
            await services.journal.append(entry)
        except JournalError as error:
            log.error("refusal_not_written", error=str(error))


def as_listed(text: str, default_region: str) -> set[str]:
    """What the suppression list is asked of an agent's number: as the numbering plans write it, and by its digits as
    they came. Empty text where there are none."""
    return {_read(text, default_region).e164, _with_plus(text)}


def _with_plus(text: str) -> str:
    """+ and digits; empty if there are none."""
    digits = NOT_DIGITS.sub("", text)
    return f"+{digits}" if digits else ""


def _read(text: str, default_region: str) -> Number | NumberFault:
    """Some trunks bring international numbers without their +: where no region is set, digits are taken for one."""
    return parse(_with_plus(text) if not default_region and text.isdecimal() else text, default_region)
