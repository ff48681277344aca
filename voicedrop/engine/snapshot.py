"""The library as it was at one moment: whose message is in which slot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from voicedrop.model import Message

Json = dict[str, Any]
Place = Callable[[str], Message]
"""The message of an original's SHA-256, as it lies on the shelf; only file and media count."""


@dataclass(frozen=True)
class Agent:
    id: str
    team_id: str | None


@dataclass(frozen=True)
class Kept:
    """A message and whose it is: an agent's, a team's, or everybody's when both are None."""

    message: Message
    agent_id: str | None
    team_id: str | None

    def is_for(self, agent: Agent | None) -> bool:
        if self.agent_id is not None:
            return agent is not None and agent.id == self.agent_id
        return self.team_id is None or (agent is not None and agent.team_id == self.team_id)


@dataclass(frozen=True)
class Snapshot:
    """`agents` by name, `messages` by id, `slots` by slot, agent's id and team's id; `erased`: hashes under `key`."""

    agents: Mapping[str, Agent] = field(default_factory=dict)
    messages: Mapping[str, Kept] = field(default_factory=dict)
    slots: Mapping[tuple[int, str | None, str | None], str] = field(default_factory=dict)
    erased: frozenset[bytes] = frozenset()
    key: bytes = b""

    @classmethod
    def of(cls, content: Json, place: Place) -> Snapshot:
        """What `store.catalogue` reads, and what is kept of it on the disk.

        Raises:
            KeyError, TypeError, ValueError: it is not of that form.
        """
        messages = {}
        for one in content["messages"]:
            message = replace(
                place(one["sha256"]),
                label=one["label"],
                duration_s=float(one["duration_s"]),
                sha256=one["prepared_sha256"],
                id=one["id"],
                version=int(one["version"]),
                evidence=bool(one["evidence"]),
                callback_number=one.get("callback_number", ""),  # an older version did not keep it
            )
            messages[one["id"]] = Kept(message, one["agent_id"], one["team_id"])
        return cls(
            {one["name"]: Agent(one["id"], one["team_id"]) for one in content["agents"]},
            messages,
            {(int(one["slot"]), one["agent_id"], one["team_id"]): one["message_id"] for one in content["slots"]},
            frozenset(map(bytes.fromhex, content["erased"]["hashes"])),
            bytes.fromhex(content["erased"]["key"]),
        )

    def message(self, slot: int, agent_name: str) -> Message | None:
        """What this agent has in this slot: his own, else his team's, else everybody's."""
        agent = self.agents.get(agent_name)
        owners: list[tuple[str | None, str | None]] = [(None, None)]
        if agent is not None:
            owners = [(agent.id, None), *([(None, agent.team_id)] if agent.team_id else []), *owners]
        for agent_id, team_id in owners:
            kept = self.messages.get(self.slots.get((slot, agent_id, team_id), ""))
            if kept is not None and kept.is_for(agent):
                return replace(kept.message, slot=slot)
        return None

    def by_id(self, message_id: str, agent_name: str) -> Message | None:
        """A message that this agent may drop."""
        kept = self.messages.get(message_id)
        return kept.message if kept is not None and kept.is_for(self.agents.get(agent_name)) else None
