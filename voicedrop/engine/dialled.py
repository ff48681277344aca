"""A leg that the dialplan sends into the drop app: the Dial() door, or a dialplan's own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from voicedrop.agi.session import Request
from voicedrop.ari.events import StasisStart
from voicedrop.call import events as ev
from voicedrop.call.hearing import Hearing
from voicedrop.control import Refused
from voicedrop.engine.asking import NOT_DIGITS, Granted, Wish
from voicedrop.engine.drop import DropRunner
from voicedrop.engine.services import quietly
from voicedrop.errors import JournalError
from voicedrop.model import new_id
from voicedrop.store.receipt import Particulars

if TYPE_CHECKING:
    from voicedrop.engine.engine import Engine

log = structlog.get_logger(__name__)

REJECTED = 21  # Q.850: call rejected
MOST_NOTES = 100  # refusals that wait for a slow disk; more are refused all the same, and not written
GRANT_S = 10.0  # from the answer until the leg arrives: some milliseconds, on a starved machine a few seconds
MOST_GRANTS = 1000  # far more codes than are pressed in that time
CAUSES: Mapping[str, int] = {"no_message": 3}  # Q.850: no route to destination


def named(args: tuple[str, ...]) -> dict[str, str]:
    """Arguments of the form name=value."""
    return {name: value for name, _, value in (arg.partition("=") for arg in args)}


class Grants:
    """What the Dial() door was granted a moment ago. Its leg, once taken from the agent, has nowhere to go back to: it
    is not asked about again, when the answer may be another one or the database has gone away."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, str], tuple[float, Granted]] = {}

    def keep(self, wish: Wish, granted: Granted, now: float) -> None:
        self._kept = {key: one for key, one in self._kept.items() if now < one[0]}
        if len(self._kept) < MOST_GRANTS:  # without one its leg is asked about again
            self._kept[self._key(wish)] = (now + GRANT_S, granted)

    def take(self, wish: Wish, now: float) -> Granted | None:
        """It counts for one leg."""
        until, granted = self._kept.pop(self._key(wish), (now, None))
        return granted if now < until else None

    @staticmethod
    def _key(wish: Wish) -> tuple[str, int, str]:
        return wish.agent, wish.slot, NOT_DIGITS.sub("", wish.number)


class DialDoor:
    """Answers the Dial() door's question before its callee is taken away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._noting: set[asyncio.Task[None]] = set()

    async def answer(self, request: Request) -> Mapping[str, str]:
        """To drop,SLOT,AGENT,NUMBER,CALLER_ID: the variables that the dialplan goes on by."""
        slot, agent, number, shown = (*request.args, "", "", "", "")[:4]
        digit = int(slot) if slot in set("123456789") else 0
        wish = Wish(agent=agent, number=number, door="dial", slot=digit, caller_id=shown)
        try:
            granted = await self._engine.asker.ask(wish)
        except Refused as refusal:
            if len(self._noting) < MOST_NOTES:
                noting = asyncio.create_task(self._engine.asker.note(wish, refusal), name="note a refusal")
                self._noting.add(noting)
                noting.add_done_callback(self._noting.discard)
            return {"VOICEDROP_ANSWER": refusal.rule}
        self._engine.grants.keep(wish, granted, self._engine.services.now())
        return {"VOICEDROP_MEDIA": granted.message.media, "VOICEDROP_ANSWER": "yes"}

    async def settled(self) -> None:
        """Return when every refusal is in the journal."""
        if self._noting:
            await asyncio.wait(self._noting)


async def take_leg(engine: Engine, event: StasisStart) -> None:
    """Stasis(voicedrop-drop,slot=N[,agent=…][,number=…][,ref=…]).

    The Dial() door has asked before it sent the leg here; a dialplan's own leg has nowhere to go back to, so one that
    is refused is hung up. One that there is no room for is left to the dialplan.
    """
    services, args = engine.services, named(event.args)
    caller, connected = event.channel.get("caller", {}), event.channel.get("connected", {})
    wish = Wish(
        agent=args.get("agent", ""),
        number=args.get("number") or str(caller.get("number", "")),
        door="dial",
        slot=int(args["slot"]) if args.get("slot", "") in set("123456789") else 0,
        caller_id=str(connected.get("number", "")),
    )
    try:
        granted = engine.grants.take(wish, services.now()) or await engine.asker.choose(wish)
    except Refused as refusal:
        await quietly(services.ari.hang_up(event.channel_id, cause=CAUSES.get(refusal.rule, REJECTED)))
        await engine.asker.note(wish, refusal)
        return
    busy = engine.busy()
    now = services.now()
    drop = DropRunner(
        services,
        Particulars(
            drop=new_id(),
            node=services.settings.node,
            door=wish.door,
            channel=event.channel_id,
            slot=wish.slot,
            agent=wish.agent,
            number=wish.number,
            caller_id=wish.caller_id,
            ref=args.get("ref", ""),
            policy=granted.policy,
        ),
        granted.message,
        tap=None,
        hearing=Hearing(whole=False),
        accepted_at=now,
        answered_at=now if event.channel.get("state") == "Up" else None,
    )
    drop.take_over()
    try:
        if busy is not None:
            raise JournalError(str(busy))
        await drop.accept()
    except JournalError as error:
        drop.let_go()
        log.error("leg_given_to_dialplan", reason=str(error))
        await quietly(services.ari.set_variable(event.channel_id, "VOICEDROP_MESSAGE", granted.message.media))
        await quietly(
            services.ari.continue_dialplan(event.channel_id, context="voicedrop-finish", extension="s", priority=1)
        )
        return
    drop.post(ev.Arrived())
    await engine.start_drop(drop)
    await quietly(drop.prepare_leg())
