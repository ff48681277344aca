"""The question before every drop, whoever asks: may this agent leave this number this message now?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from voicedrop.control import Refused
from voicedrop.engine.services import Services
from voicedrop.errors import JournalError
from voicedrop.model import Message

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


class Asker:
    """`busy` says why no further drop can be taken at the moment, whatever it is; None when one can."""

    def __init__(self, services: Services, busy: Callable[[], Refused | None]) -> None:
        self._services = services
        self._busy = busy

    def ask(self, wish: Wish) -> Message:
        """The message that is to be dropped.

        Raises:
            Refused: there is none, the policy says no, or there is no room for one more drop.
        """
        message = self.choose(wish)
        busy = self._busy()
        if busy is not None:
            raise busy
        return message

    def choose(self, wish: Wish) -> Message:
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
        self._policy(wish)
        return message

    def _policy(self, wish: Wish) -> None:
        catalogue = self._services.catalogue
        digits = NOT_DIGITS.sub("", wish.number)
        if not digits and catalogue.suppresses:
            raise Refused("no_number", "nobody said which number this is, so it cannot be looked up in the list")
        reason = catalogue.suppressed(f"+{digits}")
        if reason is not None:
            raise Refused("suppressed", "the number is on the suppression list" + (f": {reason}" if reason else ""))

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
