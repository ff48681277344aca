"""Placing one leg. Asterisk itself ends it if nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from voicedrop.ari.events import AriEvent, ChannelDestroyed, ChannelState, DialProgress
from voicedrop.call import pair
from voicedrop.engine.ringing import is_number
from voicedrop.engine.services import Services
from voicedrop.errors import AriError

CREATE_TIMEOUT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Leg:
    """A leg to be placed; `ring_s` is how long it may ring, `limit_s` how long it may be there at all."""

    channel: str
    number: str
    caller_id: str
    app: str
    ring_s: int
    limit_s: int


async def place(services: Services, leg: Leg, started: asyncio.Event, dialling: Callable[[], Awaitable[bool]]) -> bool:
    """Make the channel and dial. `started` is set by its StasisStart. `dialling` is asked right before it is dialled:
    False, it is not wanted any more. Then nothing of it is left, and the answer is False.

    Raises:
        AriError: it could not be done; nothing of it is left, or recovery ends it.
    """
    ari = services.ari
    if not is_number(leg.number):
        raise AriError(f"{len(leg.number)} characters that are no number")
    endpoint = services.settings.dial.endpoint.replace("{number}", leg.number)
    await ari.create_channel(endpoint, app=leg.app, channel_id=leg.channel, app_args="unattended")
    try:
        async with asyncio.timeout(CREATE_TIMEOUT_S):
            await started.wait()
        # Before it is dialled: an engine that dies leaves no call.
        await ari.set_variable(leg.channel, "TIMEOUT(absolute)", str(leg.limit_s))
        if leg.caller_id:
            await ari.set_variable(leg.channel, "CONNECTEDLINE(num)", leg.caller_id)
        if not await dialling():
            await ari.hang_up(leg.channel)
            return False
        await ari.dial(leg.channel, timeout_s=leg.ring_s)
        return True
    except TimeoutError:
        await ari.hang_up(leg.channel)
        raise AriError("Asterisk made no channel in time") from None


def told(event: AriEvent, *, first: bool) -> pair.Event | None:
    """What one of Asterisk's events about a leg says of the pair."""
    match event:
        case ChannelState(state="Ringing") | DialProgress(status="RINGING"):
            return pair.Ringing(first)
        case DialProgress(status="PROGRESS"):
            return pair.Ringing(first, audio=True)
        case ChannelState(state="Up"):
            return pair.Answered(first)
        case ChannelDestroyed(cause=cause):
            return pair.Gone(first, cause)
    return None
