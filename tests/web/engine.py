"""An engine that only remembers what it was asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from voicedrop.control import LiveCall, LiveDrop, NoSuchCall, NoSuchDrop, Refused
from voicedrop.model import new_id


class PretendedEngine:
    """Implements EngineControl in memory."""

    def __init__(self) -> None:
        self.live_calls: dict[str, LiveCall] = {}
        self.live_drops: dict[str, LiveDrop] = {}
        self.started: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.refusal: Refused | None = None

    def call(self, agent: str, number: str = "+15551230001") -> str:
        call_id = new_id()
        self.live_calls[call_id] = LiveCall(
            call_id=call_id,
            agent=agent,
            number=number,
            ref="",
            state="connected",
            tapped=True,
            started_at=datetime.now(UTC),
        )
        return call_id

    def calls(self) -> list[LiveCall]:
        return list(self.live_calls.values())

    def drops(self) -> list[LiveDrop]:
        return list(self.live_drops.values())

    async def drop_on_call(
        self, call_id: str, *, slot: int | None = None, message_id: str | None = None, actor: str
    ) -> str:
        if call_id not in self.live_calls:
            raise NoSuchCall
        if self.refusal is not None:
            raise self.refusal
        call = self.live_calls.pop(call_id)
        drop_id = new_id()
        self.started.append({"call": call_id, "slot": slot, "message": message_id, "actor": actor})
        self.live_drops[drop_id] = LiveDrop(
            drop_id=drop_id,
            agent=call.agent,
            number=call.number,
            ref="",
            door="bridged",
            state="waiting",
            slot=slot,
            message_id=message_id or "",
            message_version=1,
            accepted_at=datetime.now(UTC),
        )
        return drop_id

    async def cancel(self, drop_id: str, *, actor: str) -> None:
        if self.live_drops.pop(drop_id, None) is None:
            raise NoSuchDrop
        self.cancelled.append(actor)

    def health(self) -> dict[str, Any]:
        return {"ok": True, "version": "test"}
