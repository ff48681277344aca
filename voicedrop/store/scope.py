"""Who may see what: an admin everything, a supervisor what is his team's, an agent what is his own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class Owned(Protocol):
    """Something that belongs to an agent and his team, or to nobody."""

    @property
    def agent_id(self) -> UUID | None: ...

    @property
    def team_id(self) -> UUID | None: ...


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which rows somebody sees. With neither id: all; with `agent_id` that agent's; with `team_id` that team's."""

    team_id: UUID | None = None
    agent_id: UUID | None = None

    @classmethod
    def everything(cls) -> Scope:
        return cls()

    @classmethod
    def team(cls, team_id: UUID) -> Scope:
        return cls(team_id=team_id)

    @classmethod
    def agent(cls, agent_id: UUID) -> Scope:
        return cls(agent_id=agent_id)

    def sql(self, table: str = "") -> str:
        """A condition on the columns agent_id and team_id of `table`, for a query that is given `parameters`."""
        at = f"{table}." if table else ""
        if self.agent_id is not None:
            return f"{at}agent_id = %(scope_agent)s"
        if self.team_id is not None:
            return f"{at}team_id = %(scope_team)s"
        return "true"

    @property
    def parameters(self) -> dict[str, UUID | None]:
        return {"scope_agent": self.agent_id, "scope_team": self.team_id}

    def sees(self, row: Owned) -> bool:
        """The same for a row that has been read."""
        if self.agent_id is not None:
            return row.agent_id == self.agent_id
        return self.team_id is None or row.team_id == self.team_id
