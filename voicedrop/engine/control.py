"""What the API may ask of the engine: `voicedrop.control.EngineControl` over the calls and drops under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voicedrop.call import events as ev
from voicedrop.call.conversation import S as CallState
from voicedrop.call.states import S as DropState
from voicedrop.control import LiveCall, LiveDrop, NoSuchCall, NoSuchDrop, Refused
from voicedrop.engine.bridged import BridgedCall
from voicedrop.engine.drop import DropRunner
from voicedrop.engine.engine import Engine

KNOWN_S = 2.0
"""A message that was uploaded just now may take this long to be known here."""


class Control:
    """Answers from memory; `health` is the body of /healthz."""

    def __init__(self, engine: Engine, health: Callable[[], dict[str, Any]]) -> None:
        self._engine = engine
        self.health = health

    def calls(self) -> list[LiveCall]:
        """The agents' calls under way, oldest first. One whose callee has gone to a drop is none any more."""
        under_way = [
            call
            for call in self._engine.calls.values()
            if call.call_id not in self._engine.drops and call.machine.state is not CallState.ENDED
        ]
        return sorted(map(_live_call, under_way), key=lambda one: one.started_at)

    def drops(self) -> list[LiveDrop]:
        """The drops under way, oldest first."""
        found = [self._live_drop(drop) for drop in self._engine.drops.values()]
        return sorted(found, key=lambda one: one.accepted_at)

    async def drop_on_call(
        self, call_id: str, *, slot: int | None = None, message_id: str | None = None, actor: str
    ) -> str:
        """See `EngineControl.drop_on_call`."""
        call = self._engine.calls.get(call_id)
        if call is None:
            raise NoSuchCall(f"no call {call_id} is under way")
        if (slot is None) == (message_id is None):
            raise Refused("no_message", "give exactly one of slot and message")
        catalogue = self._engine.services.catalogue
        if message_id is not None and catalogue.by_id(message_id, call.whose.agent) is None:
            await catalogue.read_again(KNOWN_S)
        return await call.requests.ask(slot=slot or 0, message_id=message_id or "", actor=actor)

    async def cancel(self, drop_id: str, *, actor: str) -> None:
        """See `EngineControl.cancel`."""
        drop = self._engine.drops.get(drop_id)
        if drop is None or drop.machine.state >= DropState.TAIL:
            raise NoSuchDrop(f"no drop {drop_id} is under way")
        drop.post(ev.Cancelled(actor))

    def _live_drop(self, drop: DropRunner) -> LiveDrop:
        return LiveDrop(
            drop_id=drop.what.drop,
            agent=drop.what.agent,
            number=drop.what.number,
            ref=drop.what.ref,
            door=drop.what.door,
            state=drop.machine.state.name.lower(),
            slot=drop.what.slot or None,
            message_id=drop.message.id,
            message_version=drop.message.version,
            accepted_at=self._engine.services.clock.utc_of(drop.machine.facts.accepted_at),
        )


def _live_call(call: BridgedCall) -> LiveCall:
    machine = call.machine
    state = "ringing" if not machine.audible else "early_media" if machine.answered_at is None else "connected"
    return LiveCall(
        call_id=call.call_id,
        agent=call.whose.agent,
        number=call.whose.number,
        ref=call.whose.ref,
        state=state,
        tapped=call.tapped,
        started_at=call.since,
    )
