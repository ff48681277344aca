"""What the API may ask of the running engine. The engine implements it; the API knows nothing else of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from voicedrop.errors import VoicedropError


@dataclass(frozen=True, kw_only=True)
class LiveCall:
    """An agent's call under way, on the ARI-bridged door."""

    call_id: str
    agent: str
    """As the dialplan names him."""
    number: str
    ref: str
    state: str
    """"ringing", "early_media" or "connected": a drop can be asked for in the latter two."""
    tapped: bool
    """The callee's leg is listened to already."""
    started_at: datetime
    """UTC."""


@dataclass(frozen=True, kw_only=True)
class LiveDrop:
    """A drop that was accepted and has not ended."""

    drop_id: str
    agent: str
    number: str
    ref: str
    door: str
    """"bridged" or "dial"."""
    state: str
    """The machine's word: waiting, playing, …"""
    slot: int | None
    message_id: str
    message_version: int
    accepted_at: datetime
    """UTC."""


class NoSuchCall(VoicedropError):
    """No call of this id is under way."""


class NoSuchDrop(VoicedropError):
    """No drop of this id is under way."""


class Refused(VoicedropError):
    """The drop was not accepted; the callee stays with the agent. `rule` is a word for programs, the text is for
    people: "suppressed", "no_message", "not_connected", "busy", "stopping", "journal"."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule


class Ordering(Protocol):
    """Takes orders for unattended drops."""

    async def order(
        self,
        *,
        number: str,
        message_id: str,
        method: str,
        actor: str,
        agent: str = "",
        agent_id: UUID | None = None,
        team_id: UUID | None = None,
        ref: str = "",
        contact_zone: str = "",
    ) -> str:
        """Ask the policy, and put the order into the queue. `method` is "single" or "two_call"; `agent`, `agent_id` and
        `team_id` say whose the drop is; `contact_zone` is the contact's own time zone, an IANA name.

        Returns:
            The drop's id, once the order is in the database.

        Raises:
            Refused: the policy says no.
            StoreError: the order is not accepted.
        """
        ...


class EngineControl(Protocol):
    """Every method answers from memory, or within the engine's own deadlines."""

    def calls(self) -> list[LiveCall]:
        """The agents' calls under way, oldest first."""
        ...

    def drops(self) -> list[LiveDrop]:
        """The drops under way, oldest first."""
        ...

    async def drop_on_call(
        self, call_id: str, *, slot: int | None = None, message_id: str | None = None, actor: str
    ) -> str:
        """Do what the code does: move the callee of a call to the drop, free the agent. Exactly one of `slot` (with
        the agent's fall-back to team and everybody) and `message_id` is given. `actor` ("token:<label>") goes
        into the journal.

        Returns:
            The drop's id, after its acceptance is on disk.

        Raises:
            NoSuchCall: there is no such call (any more).
            Refused: the policy, the limits or the call's state say no.
        """
        ...

    async def cancel(self, drop_id: str, *, actor: str) -> None:
        """End a drop under way: what plays is stopped, the leg is hung up; the receipt says "cancelled".

        Raises:
            NoSuchDrop: there is no such drop under way.
        """
        ...

    def health(self) -> dict[str, Any]:
        """The body of /healthz: "ok" and what it was judged by."""
        ...
