"""Teams and agents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.errors import ForeignKeyViolation, UniqueViolation
from pydantic import BaseModel, Field

from voicedrop.store import people
from voicedrop.store.database import Connection, Row
from voicedrop.web import paging
from voicedrop.web.fields import AgentName, Given, Label, Line, Page, PageQuery, invalid
from voicedrop.web.operation import LEADERS, Ask, Operations
from voicedrop.web.problem import CONFLICT, FORBIDDEN, Problem, not_found

operations = Operations("people", "Teams, and the agents in them.")


class Team(BaseModel):
    id: UUID
    name: str
    created_at: datetime
    agents: int = Field(description="How many there are in it.")


class TeamPage(Page[Team]):
    """Teams, oldest first."""


class TeamIn(Given):
    name: Label


class Agent(BaseModel):
    id: UUID
    name: str = Field(description="As the dialplan names him: agent=NAME.")
    display: str
    team_id: UUID | None
    created_at: datetime


class AgentPage(Page[Agent]):
    """Agents, oldest first."""


class AgentQuery(PageQuery):
    team_id: UUID | None = None
    name: AgentName | None = None


class AgentIn(Given):
    name: AgentName
    display: Line = ""
    team_id: UUID | None = Field(default=None, description="A supervisor's agents are of his own team.")


class AgentChange(Given):
    """What is left out stays as it is."""

    name: AgentName | None = None
    display: Line | None = None
    team_id: UUID | None = Field(default=None, description="Null: of no team.")


@operations.add("GET", "/v1/teams", scope="people:read")
async def list_teams(ask: Ask, query: PageQuery) -> TeamPage:
    """List teams.

    An admin sees all of them, anybody else his own."""
    async with ask.transaction() as connection:
        rows = await people.teams(connection, ask.who, after=paging.id_after(query), limit=query.limit + 1)
    return TeamPage(**paging.page(rows, query.limit))


@operations.add(
    "POST", "/v1/teams", scope="people:write", roles=("admin",), status=201, located=True, problems=(CONFLICT,)
)
async def add_team(ask: Ask, body: TeamIn) -> Team:
    """Add a team."""
    try:
        async with ask.transaction() as connection:
            team_id = await people.add_team(connection, name=body.name)
            await ask.note(connection, "create", "team", team_id, name=body.name)
            return Team(**await _team(ask, connection, team_id))
    except UniqueViolation:
        raise Problem(CONFLICT, "There is a team of this name.") from None


@operations.add("GET", "/v1/teams/{team_id}", scope="people:read")
async def get_team(ask: Ask, team_id: UUID) -> Team:
    """One team."""
    async with ask.transaction() as connection:
        return Team(**await _team(ask, connection, team_id))


@operations.add("PATCH", "/v1/teams/{team_id}", scope="people:write", roles=("admin",), problems=(CONFLICT,))
async def change_team(ask: Ask, team_id: UUID, body: TeamIn) -> Team:
    """Rename a team."""
    try:
        async with ask.transaction() as connection:
            if not await people.rename_team(connection, team_id, name=body.name):
                raise not_found("team")
            await ask.note(connection, "change", "team", team_id, name=body.name)
            return Team(**await _team(ask, connection, team_id))
    except UniqueViolation:
        raise Problem(CONFLICT, "There is a team of this name.") from None


@operations.add("DELETE", "/v1/teams/{team_id}", scope="people:write", roles=("admin",), problems=(CONFLICT,))
async def remove_team(ask: Ask, team_id: UUID) -> None:
    """Remove an empty team.

    Its slots go with it. A team with agents, messages or tokens stays."""
    async with ask.transaction() as connection:
        why = await people.remove_team(connection, team_id)
        if why == "missing":
            raise not_found("team")
        if why:
            raise Problem(CONFLICT, f"The team cannot be removed: {why}.")
        await ask.note(connection, "delete", "team", team_id)


@operations.add("GET", "/v1/agents", scope="people:read")
async def list_agents(ask: Ask, query: AgentQuery) -> AgentPage:
    """List agents.

    A supervisor sees those of his team, an agent himself."""
    async with ask.transaction() as connection:
        rows = await people.agents(
            connection,
            ask.who,
            team_id=query.team_id,
            name=query.name,
            after=paging.id_after(query),
            limit=query.limit + 1,
        )
    return AgentPage(**paging.page(rows, query.limit))


@operations.add(
    "POST", "/v1/agents", scope="people:write", roles=LEADERS, status=201, located=True, problems=(CONFLICT,)
)
async def add_agent(ask: Ask, body: AgentIn) -> Agent:
    """Add an agent.

    A supervisor adds to his own team, and need not name it."""
    team_id = body.team_id or ask.who.team_id
    _own_team_only(ask, team_id)
    try:
        async with ask.transaction() as connection:
            agent_id = await people.add_agent(connection, name=body.name, display=body.display, team_id=team_id)
            await ask.note(connection, "create", "agent", agent_id, name=body.name, team_id=str(team_id or ""))
            return Agent(**await _agent(ask, connection, agent_id))
    except UniqueViolation:
        raise Problem(CONFLICT, "There is an agent of this name.") from None
    except ForeignKeyViolation:
        raise invalid("body.team_id", "there is no such team") from None


@operations.add("GET", "/v1/agents/{agent_id}", scope="people:read")
async def get_agent(ask: Ask, agent_id: UUID) -> Agent:
    """One agent."""
    async with ask.transaction() as connection:
        return Agent(**await _agent(ask, connection, agent_id))


@operations.add("PATCH", "/v1/agents/{agent_id}", scope="people:write", roles=LEADERS, problems=(CONFLICT,))
async def change_agent(ask: Ask, agent_id: UUID, body: AgentChange) -> Agent:
    """Change an agent.

    Moved to another team, his own slots lose the messages of the old one."""
    try:
        async with ask.transaction() as connection:
            new = await _agent(ask, connection, agent_id)
            given = body.model_dump(exclude_unset=True)
            new |= {name: value for name, value in given.items() if value is not None or name == "team_id"}
            _own_team_only(ask, new["team_id"])
            await people.change_agent(
                connection, agent_id, name=new["name"], display=new["display"], team_id=new["team_id"]
            )
            await ask.note(connection, "change", "agent", agent_id, **body.model_dump(mode="json", exclude_unset=True))
            return Agent(**await _agent(ask, connection, agent_id))
    except UniqueViolation:
        raise Problem(CONFLICT, "There is an agent of this name.") from None
    except ForeignKeyViolation:
        raise invalid("body.team_id", "there is no such team") from None


@operations.add("DELETE", "/v1/agents/{agent_id}", scope="people:write", roles=LEADERS, problems=(CONFLICT,))
async def remove_agent(ask: Ask, agent_id: UUID) -> None:
    """Remove an agent.

    His slots and tokens go with him. One who has messages stays; receipts keep his name."""
    async with ask.transaction() as connection:
        await _agent(ask, connection, agent_id)
        if why := await people.remove_agent(connection, agent_id):
            raise Problem(CONFLICT, f"The agent cannot be removed: {why}.")
        await ask.note(connection, "delete", "agent", agent_id)


async def _team(ask: Ask, connection: Connection, team_id: UUID) -> Row:
    row = await people.team(connection, ask.who, team_id)
    if row is None:
        raise not_found("team")
    return row


async def _agent(ask: Ask, connection: Connection, agent_id: UUID) -> Row:
    row = await people.agent(connection, ask.who, agent_id)
    if row is None:
        raise not_found("agent")
    return row


def _own_team_only(ask: Ask, team_id: UUID | None) -> None:
    if ask.who.role != "admin" and team_id != ask.who.team_id:
        raise Problem(FORBIDDEN, "A supervisor's agents are of his own team.")
