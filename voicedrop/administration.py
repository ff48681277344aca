"""The commands that work on the database and the shelf: `voicedrop tokens` and `voicedrop messages`.

They work beside a running engine as well as without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from voicedrop import config
from voicedrop.config import Settings
from voicedrop.errors import ConfigError, VoicedropError
from voicedrop.intake import Actor, Intake, NewMessage
from voicedrop.library.convert import convert as convert_file
from voicedrop.library.importer import uploads
from voicedrop.library.shelf import Shelf
from voicedrop.library.terms import Particulars
from voicedrop.store import audit, messages, people, schema, slots, tokens
from voicedrop.store.database import Connection, Database, Row
from voicedrop.store.embedded import EmbeddedServer
from voicedrop.store.tokens import SCOPES, Principal, Role

ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The configuration, a YAML file.")]
DEFAULT_CONFIG = Path("config.yaml")
CLI = Actor(name="cli")
# Whoever may read the configuration may do everything.
EVERYTHING = Principal(
    token_id=UUID(int=0),
    label="cli",
    role="admin",
    agent_id=None,
    agent_name="",
    team_id=None,
    scopes=frozenset(SCOPES["admin"]),
)
ALL = 100_000  # of a list that is printed as a whole

message_commands = typer.Typer(no_args_is_help=True, help="The messages that agents drop.")
token_commands = typer.Typer(no_args_is_help=True, help="The tokens of the API.")

Team = Annotated[str, typer.Option(help="The name of a team.")]
Agent = Annotated[str, typer.Option(help="The name of an agent, as the dialplan says it.")]


@asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[Database]:
    """The engine's database, started if nobody has; left as it was found."""
    embedded = None if (url := settings.database.address()) else EmbeddedServer(settings.state_dir / "postgres")
    if embedded is not None:
        url = await asyncio.to_thread(embedded.start)
    try:
        await asyncio.to_thread(schema.migrate, url)
        database = Database(url, pool=2)
        await database.open()
        try:
            yield database
        finally:
            await database.close()
    finally:
        if embedded is not None and not embedded.found:
            await asyncio.to_thread(embedded.stop)


# -- tokens -----------------------------------------------------------------------------------------


@token_commands.command(name="add")
def add_token(
    label: Annotated[str, typer.Argument(help="What it is for; the audit trail names it.")],
    role: Annotated[str, typer.Option(help="agent, supervisor or admin.")] = "admin",
    agent: Agent = "",
    team: Team = "",
    scope: Annotated[
        list[str] | None, typer.Option(help="May be given several times. Without it: all of the role.")
    ] = None,
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Make a token and print it: it is shown this once."""
    if role not in SCOPES:
        raise typer.BadParameter(f"allowed is {', '.join(SCOPES)}", param_hint="--role")
    if (role == "agent") != bool(agent) or (role == "supervisor") != bool(team):
        raise typer.BadParameter("an agent's token needs --agent, a supervisor's --team, an admin's neither")
    wanted: Role = role
    if strange := set(scope or ()) - set(SCOPES[wanted]):
        raise typer.BadParameter(f"not for this role: {', '.join(sorted(strange))}", param_hint="--scope")

    async def make() -> str:
        async with database_of(config.load(config_file)) as database, database.transaction() as connection:
            owner = await _owner(connection, agent, team)
            token_id, token = await tokens.add(
                connection,
                label=label,
                role=wanted,
                agent_id=owner.agent_id,
                team_id=owner.team_id,
                scopes=None if not scope else tuple(scope),
            )
            await audit.add(connection, actor=CLI.name, action="create", thing="token", thing_id=str(token_id))
            return token

    print(asyncio.run(make()))


@token_commands.command(name="list")
def list_tokens(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the tokens: id, role, label, last use, and whether they were revoked."""

    async def read() -> list[Row]:
        async with database_of(config.load(config_file)) as database, database.transaction() as connection:
            return await tokens.listing(connection, limit=ALL)

    for row in asyncio.run(read()):
        used = f"{row['last_used_at']:%Y-%m-%d %H:%M}" if row["last_used_at"] else "never used"
        print(f"{row['id']}  {row['role']:<10}  {row['label']}  {used}{'  revoked' if row['revoked_at'] else ''}")


@token_commands.command(name="revoke")
def revoke_token(
    token_id: Annotated[UUID, typer.Argument(help="Its id, as the list shows it.")],
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Revoke a token: it opens nothing any more."""

    async def revoke() -> bool:
        async with database_of(config.load(config_file)) as database, database.transaction() as connection:
            if not await tokens.revoke(connection, token_id):
                return False
            await audit.add(connection, actor=CLI.name, action="revoke", thing="token", thing_id=str(token_id))
            return True

    if not asyncio.run(revoke()):
        raise VoicedropError(f"there is no token {token_id} that is not revoked: see `voicedrop tokens list`")


# -- messages ---------------------------------------------------------------------------------------


@message_commands.command()
def convert(source: Path, target: Path) -> None:
    """Turn a sound file into one that Asterisk plays whole (8 kHz, 16 bit, mono, silent tail)."""
    print(f"{target}: {convert_file(source, target):.2f} s")


@message_commands.command(name="add")
def add_message(
    file: Annotated[Path, typer.Argument(help="WAV, MP3, FLAC or OGG.")],
    label: Annotated[str, typer.Option(help="What people call it.")],
    slot: Annotated[int | None, typer.Option(min=1, max=9, help="Put it there at once.")] = None,
    agent: Agent = "",
    team: Team = "",
    language: Annotated[str, typer.Option(help="As en or pt-BR.")] = "",
    transcript: Annotated[str, typer.Option(help="What is said in it.")] = "",
    call_to_action: Annotated[str, typer.Option(help="What the callee is asked to do.")] = "",
    callback_number: Annotated[str, typer.Option(help="The number to call back.")] = "",
    optout_number: Annotated[str, typer.Option(help="The number to opt out.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Take it though it is longer than a minute.")] = False,
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Add a message: everybody's, or with --team or --agent that one's. Prints its id and its checks."""
    particulars = Particulars(
        label=label,
        language=language,
        transcript=transcript,
        call_to_action=call_to_action,
        callback_number=callback_number,
        optout_number=optout_number,
    )

    async def add() -> Row:
        settings = config.load(config_file)
        async with database_of(settings) as database:
            async with database.transaction() as connection:
                owner = await _owner(connection, agent, team)
            new = replace(owner, particulars=particulars, slot=slot, force=force)
            message_id = await Intake(database, Shelf(settings.library_folder())).add_message(file, new, CLI)
            async with database.transaction() as connection:
                row = await messages.one(connection, EVERYTHING, message_id)
            assert row is not None  # just added
            return row

    row = asyncio.run(add())
    print(f"{row['id']}  {row['label']}  {row['duration_s']:.1f} s")
    for one in row["checks"]:
        print(f"  {one['verdict']:<8}{one['point']}: {one['text']}")


@message_commands.command(name="import")
def import_messages(
    folder: Annotated[Path, typer.Argument(help="A folder with messages.yaml.")],
    team: Team = "",
    agent: Agent = "",
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Add every message of a folder, each into its slot: all of them or none."""

    async def take() -> None:
        settings = config.load(config_file)
        async with database_of(settings) as database:
            async with database.transaction() as connection:
                owner = await _owner(connection, agent, team)
            intake = Intake(database, Shelf(settings.library_folder()))
            new = [
                # They were in use before there was a limit to their length.
                (file, replace(owner, particulars=particulars, slot=slot, force=True))
                for slot, particulars, file in uploads(folder)
            ]
            for message_id, (_, one) in zip(await intake.add_messages(new, CLI), new, strict=True):
                print(f"{message_id}  slot {one.slot}  {one.particulars.label}")

    asyncio.run(take())


@message_commands.command(name="list")
def list_messages(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the messages: id, owner, slots, label, length."""

    async def read() -> tuple[list[Row], list[Row], dict[Any, str]]:
        async with database_of(config.load(config_file)) as database, database.transaction() as connection:
            owners: dict[Any, str] = {}
            for row in await people.teams(connection, EVERYTHING, limit=ALL):
                owners[row["id"]] = f"team {row['name']}"
            for row in await people.agents(connection, EVERYTHING, limit=ALL):
                owners[row["id"]] = f"agent {row['name']}"
            found = await messages.listing(connection, EVERYTHING, limit=ALL)
            return found, await slots.listing(connection, EVERYTHING), owners

    found, filled, owners = asyncio.run(read())
    for row in found:
        owner = owners.get(row["agent_id"] or row["team_id"], "everybody")
        places = ",".join(str(one["slot"]) for one in filled if one["message_id"] == row["id"]) or "-"
        print(
            f"{row['id']}  {owner}  slot {places}  {row['label']}  version {row['version']}  {row['duration_s']:.1f} s"
        )


async def _owner(connection: Connection, agent: str, team: str) -> NewMessage:
    """A message of this owner, to be filled in."""
    if agent and team:
        raise ConfigError("give --agent or --team, not both")
    owner = NewMessage(particulars=Particulars(label=""))
    if agent:
        rows = await people.agents(connection, EVERYTHING, name=agent, limit=1)
        if not rows:
            raise ConfigError(f"there is no agent {agent}: add him by the API, POST /v1/agents")
        owner = replace(owner, agent_id=rows[0]["id"])
    if team:
        rows = [row for row in await people.teams(connection, EVERYTHING, limit=ALL) if row["name"] == team]
        if not rows:
            raise ConfigError(f"there is no team {team}: add it by the API, POST /v1/teams")
        owner = replace(owner, team_id=rows[0]["id"])
    return owner
