"""Somebody wants no more calls: everything that follows from it, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from voicedrop.store import attempts, consents, orders, suppression
from voicedrop.store.database import Connection
from voicedrop.store.numbers import forms
from voicedrop.store.suppression import Suppressed


@dataclass(frozen=True, kw_only=True)
class TakenOut:
    """How many consents were revoked, and how many orders in the queue ended."""

    revoked: int
    ended: int


async def take_out(connection: Connection, number: str, *, reason: str, source: str, actor: str) -> TakenOut:
    """The number goes on the suppression list, its consents are revoked, its orders in the queue end. Engines hear of
    it with the commit, and end what is under way.

    Call it last in the transaction: it tells of the ends.
    """
    number = forms(number)[0]
    # Whoever takes an order in or up asks under the same lock: before us, and then it is seen here or under way, or
    # behind us, and then he sees the entry.
    await attempts.lock(connection, number)
    revoked = await consents.revoke_all(connection, number)
    entry = Suppressed(pattern=number, reason=reason, source=source)
    await suppression.add(connection, [entry], actor=actor)
    ended = await orders.end_all(connection, await orders.queued(connection, number), orders.OPTED_OUT)
    return TakenOut(revoked=revoked, ended=ended)
