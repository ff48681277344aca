"""Entries as the engine writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from voicedrop.model import new_id
from voicedrop.store.database import Database, Row

NUMBER = "+12025550123"
AT = datetime(2026, 3, 4, 10, 0, 0, tzinfo=UTC)
SHA = "ab" * 32


def accepted(drop: str, *, at: datetime = AT, **more: Any) -> dict[str, Any]:
    return {
        "kind": "accepted",
        "drop": drop,
        "node": "n1",
        "at": at.isoformat(timespec="milliseconds"),
        "channel": f"vd.n1.{drop}.callee",
        "slot": 3,
        "sha256": SHA,
        "door": "bridged",
        "agent": "anna",
        "number": NUMBER,
        "ref": "crm-7",
        "answered": True,
        **more,
    }


def step(kind: str, drop: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "drop": drop, "at": AT.isoformat(), **more}


def ended(drop: str, outcome: str = "delivered", *, at: datetime = AT, **more: Any) -> dict[str, Any]:
    receipt = {
        "schema": 1,
        "drop": drop,
        "node": "n1",
        "door": "bridged",
        "outcome": outcome,
        "reason": "the whole message was played",
        "agent": "anna",
        "number": NUMBER,
        "caller_id": "+12025550199",
        "ref": "crm-7",
        "uniqueid": f"vd.n1.{drop}.callee",
        "accepted": at.isoformat(timespec="milliseconds"),
        "ended": (at + timedelta(seconds=21)).isoformat(timespec="milliseconds"),
        "cue": "beep",
        "message": {"slot": 3, "label": "Callback", "sha256": SHA, "seconds": 8.0},
        "played_fraction": 1.0,
        **more,
    }
    return {"kind": "ended", "drop": drop, "receipt": receipt}


def refused(number: str = NUMBER, **more: Any) -> dict[str, Any]:
    return {
        "kind": "refused",
        "at": AT.isoformat(),
        "number": number,
        "agent": "anna",
        "slot": 3,
        "rule": "suppressed",
        "text": "the number is on the suppression list",
        "door": "bridged",
        **more,
    }


def whole(drop: str, outcome: str = "delivered") -> list[dict[str, Any]]:
    """A drop from its acceptance to its end."""
    return [
        accepted(drop),
        step("playing", drop, playback="p1"),
        step("started", drop, playback="p1"),
        ended(drop, outcome),
    ]


def ids(count: int) -> list[str]:
    return [new_id() for _ in range(count)]


async def rows(database: Database, query: str, *values: Any) -> list[Row]:
    async with database.transaction() as connection:
        return await (await connection.execute(query, values)).fetchall()


async def kinds(database: Database) -> list[str]:
    return [row["kind"] for row in await rows(database, "SELECT kind FROM event ORDER BY id")]


async def do(database: Database, statement: str, *values: Any) -> None:
    async with database.transaction() as connection:
        await connection.execute(statement, values)


async def people(database: Database) -> tuple[str, str]:
    """Anna of the team Sales: her id and her team's."""
    agent, team = new_id(), new_id()
    await do(database, "INSERT INTO team (id, name) VALUES (%s, 'Sales')", team)
    await do(database, "INSERT INTO agent (id, name, team_id) VALUES (%s, 'anna', %s)", agent, team)
    return agent, team
