"""What a drop writes into the journal: its acceptance, its steps, its receipt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog

from voicedrop.call.commands import Finish
from voicedrop.call.disposition import disposition, retry
from voicedrop.call.facts import DropFacts
from voicedrop.engine.services import UNATTENDED, Services
from voicedrop.errors import JournalError
from voicedrop.model import Message, Outcome
from voicedrop.store.receipt import Particulars, receipt

log = structlog.get_logger(__name__)


class DropRecord:
    """The journal's entries of one drop."""

    def __init__(self, services: Services, what: Particulars, message: Message) -> None:
        self._services = services
        self._what = what
        self._message = message

    async def accepted(self, facts: DropFacts, *, actor: str) -> None:
        """From here on the drop ends in exactly one receipt. `actor` is who asked, if not the agent by his code.

        Raises:
            JournalError: it could not be written, so the drop must not be made.
        """
        what = self._what
        await self._services.journal.append(
            {
                "kind": "accepted",
                "drop": what.drop,
                "node": what.node,
                "at": self._services.clock.utc(facts.accepted_at),
                "channel": what.channel,
                "slot": what.slot,
                "message": entry_of(self._message),
                "door": what.door,
                "method": what.method,
                "agent": what.agent,
                "number": what.number,
                "caller_id": what.caller_id,
                "ref": what.ref,
                "policy": what.policy,
                "actor": actor,
                "answered": facts.answered_at is not None,
            }
        )

    async def step(self, kind: str, playback: str) -> None:
        """Note a step of an accepted drop. A full disk does not keep its message from being played."""
        await self._note(kind, playback=playback)

    async def placed(self, leg: str) -> None:
        """Note that an unattended drop's leg, "first" or "second", is going to be dialled."""
        await self._note("placed", leg=leg)

    async def _note(self, kind: str, **what: str) -> None:
        at = self._services.clock.utc(self._services.now())
        try:
            await self._services.journal.append({"kind": kind, **what, "drop": self._what.drop, "at": at})
        except JournalError as error:
            log.error("journal_not_written", drop=self._what.drop, step=kind, error=str(error))

    async def ended(self, facts: DropFacts, command: Finish, *, evidence: str | None) -> None:
        """Write the receipt, and count the drop. `evidence`: the folder of its audio, if there is one."""
        what, metrics = self._what, self._services.metrics
        if what.code_at is not None and what.agent_freed_at is not None:
            metrics.agent_freed.observe(what.agent_freed_at - what.code_at)
        if facts.cue is not None and facts.cue.beep is not None and facts.play_started_at is not None:
            metrics.cue_to_play.observe(facts.play_started_at - facts.cue.beep.ended_at)
        metrics.drops.labels(outcome=str(command.outcome or Outcome.FAILED)).inc()
        if what.door == UNATTENDED and what.attempt is None:
            what.attempt = _attempt_of_an_earlier_run(what, facts, command.outcome or Outcome.FAILED)
        written = receipt(what, self._message, facts, self._services.clock, evidence=evidence)
        try:
            await self._services.journal.append({"kind": "ended", "drop": what.drop, "receipt": written})
        except JournalError as error:
            # The whole receipt goes to the log: it is all that is left of it.
            log.error("receipt_not_written", error=str(error), receipt=written)
        log.info(
            "drop_ended",
            drop=what.drop,
            outcome=str(command.outcome),
            reason=command.reason,
            agent=what.agent,
            number=what.number,
        )


def _attempt_of_an_earlier_run(what: Particulars, facts: DropFacts, outcome: Outcome) -> dict[str, Any]:
    """What is known of an attempt whose beginning this run did not see: of its legs, when they were dialled."""
    how = disposition(answered=facts.answered_at is not None, taken_back=False, cause=facts.hangup_cause)
    return {
        "method": what.method,
        "disposition": str(how) if facts.answered_at is not None else None,
        "retry": str(retry(outcome, how, facts.hangup_cause)),
        "first": _leg(what.placed.get("first")),
        "second": _leg(what.placed.get("second")),
    }


def _leg(placed: str | None) -> dict[str, Any] | None:
    if placed is None:
        return None
    return {"placed": placed, **dict.fromkeys(("rang", "answered", "hung_up", "ended", "cause"))}


def entry_of(message: Message) -> dict[str, Any]:
    """All that a later run needs to go on with it, whatever the library says by then."""
    return {
        "id": message.id,
        "version": message.version,
        "label": message.label,
        "sha256": message.sha256,
        "seconds": round(message.duration_s, 3),
        "file": str(message.file),
        "media": message.media,
        "evidence": message.evidence,
    }


def message_of(accepted: dict[str, Any]) -> Message:
    """The message of an `accepted` entry.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    one = accepted["message"]
    return Message(
        slot=int(accepted["slot"]),
        label=str(one["label"]),
        file=Path(one["file"]),
        media=str(one["media"]),
        duration_s=float(one["seconds"]),
        sha256=str(one["sha256"]),
        id=str(one["id"]),
        version=int(one["version"]),
        evidence=bool(one["evidence"]),
    )
