"""Drops on an agent's call that are asked for by the API instead of by his code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voicedrop.call.events import DropWanted
from voicedrop.control import Refused
from voicedrop.model import new_id

MOST = 8  # at a time on one call: more is a client gone wild
ANSWER_S = 15.0  # the journal has ten seconds


@dataclass(frozen=True)
class Asked:
    actor: str
    answer: asyncio.Future[str]


class DropRequests:
    """Those of one call. `post` gives an event to the call's machine, which says when it is its turn."""

    def __init__(self, post: Callable[[DropWanted], None]) -> None:
        self._post = post
        self._open: dict[str, Asked] = {}
        self._closed = False

    async def ask(self, *, slot: int, message_id: str, actor: str) -> str:
        """The id of the drop, once it is accepted.

        Raises:
            Refused: it was not.
        """
        if self._closed:
            raise Refused("not_connected", "the call has ended")
        if len(self._open) >= MOST:
            raise Refused("busy", "too many drops are asked for on this call")
        request = new_id()
        asked = Asked(actor, asyncio.get_running_loop().create_future())
        self._open[request] = asked
        self._post(DropWanted(request, slot, message_id))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asked.answer
        except TimeoutError:
            raise Refused("busy", "the call does not answer in time; look whether there is a drop") from None
        finally:
            self._open.pop(request, None)

    def actor(self, request: str) -> str:
        """Who asked; empty for the agent's own code, and for somebody who has given up waiting."""
        asked = self._open.get(request)
        return asked.actor if asked is not None else ""

    def accept(self, request: str, drop: str) -> None:
        asked = self._open.get(request)
        if asked is not None and not asked.answer.done():
            asked.answer.set_result(drop)

    def refuse(self, request: str, refusal: Refused) -> None:
        asked = self._open.get(request)
        if asked is not None and not asked.answer.done():
            asked.answer.set_exception(refusal)

    def close(self) -> None:
        """The call is over; whoever still waits is told."""
        self._closed = True
        for request in list(self._open):
            self.refuse(request, Refused("not_connected", "the call has ended, or its callee is in a drop already"))
