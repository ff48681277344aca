"""What somebody wants to be left, where, and how: the body of a job."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from voicedrop.policy.settings import Method


@dataclass(frozen=True, kw_only=True)
class Order:
    """One intended delivery. `drop` is its id from the moment it was ordered."""

    drop: str
    number: str
    message_id: str
    method: Method
    actor: str
    """Who ordered it: "token:<label>", "cli"."""
    agent: str = ""
    """Whose token it was, if it was an agent's."""
    ref: str = ""
    contact_zone: str = ""
    """The contact's own time zone, an IANA name, where it is known."""

    def arguments(self) -> dict[str, Any]:
        """As a job keeps it."""
        return {**asdict(self), "method": str(self.method)}

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Order:
        """
        Raises:
            TypeError, ValueError, KeyError: these are no job's arguments of ours.
        """
        return cls(**{**arguments, "method": Method(arguments["method"])})
