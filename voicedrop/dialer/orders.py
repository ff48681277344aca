"""Takes orders for unattended drops: asks the policy at once, and puts what it allows into the queue.

The policy is asked again when the call is to be placed; its answer then is the one that counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from voicedrop.config import Settings
from voicedrop.control import Refused
from voicedrop.dialer import gate
from voicedrop.dialer.jobs import put
from voicedrop.dialer.order import Order
from voicedrop.engine.services import utc_now
from voicedrop.model import new_id
from voicedrop.policy.settings import Method
from voicedrop.store import orders
from voicedrop.store.database import Database
from voicedrop.store.orders import NewOrder


class Orders:
    """The order, as a row of drops, and its job are written in one transaction. `utc` is the time of day."""

    def __init__(self, settings: Settings, database: Database, utc: Callable[[], datetime] = utc_now) -> None:
        self._unattended = settings.unattended
        self._caller_id = settings.unattended.caller_id or settings.dial.caller_id
        self._rules = settings.policy.rules()
        self._database = database
        self._utc = utc

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
        """The drop's id, once the order is in the database.

        Raises:
            Refused: the policy says no; the rule is its own, the text names when it would allow it.
            StoreError: the order is not accepted.
        """
        async with self._database.transaction() as connection:
            ruling = await gate.ask(
                connection,
                self._rules,
                number=number,
                method=Method(method),
                message_id=message_id,
                caller_id=self._caller_id,
                now=self._utc(),
                contact_zone=contact_zone,
            )
            if not ruling.allowed:
                when = f" Next allowed: {ruling.next_allowed.isoformat()}." if ruling.next_allowed else ""
                raise Refused(ruling.refusals[0].rule, "; ".join(one.text for one in ruling.refusals) + f".{when}")
            wanted = Order(
                drop=new_id(),
                number=str(ruling.asked["number"]),
                message_id=message_id,
                method=Method(method),
                actor=actor,
                agent=agent,
                ref=ref,
                contact_zone=contact_zone,
            )
            await orders.add(
                connection,
                NewOrder(
                    drop=UUID(wanted.drop),
                    number=wanted.number,
                    caller_id=self._caller_id,
                    message_id=UUID(message_id),
                    ref=ref,
                    agent=agent,
                    agent_id=agent_id,
                    team_id=team_id,
                ),
            )
            await put(connection, wanted, trunk=self._unattended.trunk)
        return wanted.drop
