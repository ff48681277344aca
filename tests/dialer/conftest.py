"""The queue and the policy's question on a real PostgreSQL."""

from __future__ import annotations

from typing import Any

from tests.store.conftest import database, external, journal, outside, server, url
from voicedrop.dialer.order import Order
from voicedrop.model import new_id
from voicedrop.policy.settings import Method

__all__ = ["database", "external", "journal", "outside", "server", "url"]


def an_order(number: str, **more: Any) -> Order:
    given: dict[str, Any] = {"drop": new_id(), "message_id": new_id(), "method": Method.SINGLE, "actor": "test"}
    return Order(number=number, **{**given, **more})
