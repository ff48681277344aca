"""Consents, caps and spacing before an agent's drop: from a real PostgreSQL, in time or not at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from tests.store.conftest import ExternalServer
from tests.unit.engine.test_asking import Known
from voicedrop.config import Settings
from voicedrop.control import Refused
from voicedrop.engine import known as module
from voicedrop.engine.asking import Asker, Wish
from voicedrop.engine.known import NumberFacts
from voicedrop.engine.services import Services
from voicedrop.model import new_id
from voicedrop.store import attempts, consents
from voicedrop.store.consents import NewConsent
from voicedrop.store.database import Database

NUMBER = "+12025550123"
OPEN = {"day_parts": [], "consent_for": ["attended"]}


def asker(database: Database, *attended: str, **policy: Any) -> Asker:
    settings = Settings.model_validate({"ari": {"password": "x"}, "policy": {"attended": attended, **OPEN, **policy}})
    services = SimpleNamespace(catalogue=Known("+1900*"), settings=settings, facts=NumberFacts(database))
    return Asker(cast(Services, services), lambda: None)


async def rules(asked: Asker, number: str = NUMBER) -> str:
    """The rule that refused; empty: allowed."""
    try:
        async with asyncio.timeout(30):
            await asked.ask(Wish(agent="1001", number=number, door="dial", slot=1))
    except Refused as refusal:
        return refusal.rule
    return ""


async def consented(database: Database, basis: str = "express") -> None:
    given = NewConsent(
        number=NUMBER, basis=basis, source="form", evidence="scan 7", given_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    async with database.transaction() as connection:
        await consents.add(connection, given, actor="test")


async def test_consent(database: Database) -> None:
    asked = asker(database, "consent")
    assert await rules(asked) == "consent"
    await consented(database, "customer")
    assert await rules(asked) == "consent"  # of a basis that is not accepted
    await consented(database)
    granted = await asked.ask(Wish(agent="1001", number=NUMBER, door="dial", slot=1))
    assert granted.policy["consent"] == {"basis": "express", "source": "form", "evidence": "scan 7"}
    async with database.transaction() as connection:
        await consents.revoke_all(connection, NUMBER)
    assert await rules(asked) == "consent"


@pytest.mark.parametrize(
    ("named", "settings"),
    [
        ("cap_day", {}),
        ("cap_3_days", {"caps": {"three_days": 1}}),
        ("cap_7_days", {"caps": {"three_days": 1, "seven_days": 1}}),
        ("spacing", {}),
        ("same_time_of_day", {"day_parts": ["00:00-23:59"]}),
    ],
)
async def test_earlier_attempts(database: Database, named: str, settings: dict[str, Any]) -> None:
    asked = asker(database, named, **settings)
    assert await rules(asked) == ""
    async with database.transaction() as connection:
        await attempts.claim(connection, drop=new_id(), number=NUMBER, method="single", node="n")
    assert await rules(asked) == named
    assert await rules(asked, "+12025550124") == ""
    assert await rules(asker(database, "hours", allowed_hours=["00:00-24:00"])) == ""  # nobody asks for attempts


async def test_an_agents_own_drops_count(database: Database) -> None:
    asked = asker(database, "cap_3_days")
    for ago in (timedelta(hours=30), timedelta(hours=40)):
        assert await rules(asked) == ""
        async with database.transaction() as connection:
            await connection.execute(
                "INSERT INTO drops (id, node, door, number, accepted_at, outcome) "
                "VALUES (%s, 'n', 'bridged', %s, now() - %s, 'delivered')",
                (new_id(), NUMBER.removeprefix("+"), ago),
            )
    assert await rules(asked) == "cap_3_days"


@pytest.mark.parametrize("named", ["cap_day", "spacing", "consent"])
@pytest.mark.parametrize("number", ["", "anonymous"])
async def test_a_number_that_cannot_be_read_is_refused(database: Database, named: str, number: str) -> None:
    assert await rules(asker(database, attended_unreadable=True), number) == ""
    assert await rules(asker(database, named, attended_unreadable=True), number) == named


async def test_without_the_database_the_answer_is_no(external: ExternalServer) -> None:
    database = Database(external.url, pool=2)
    await database.open()
    await consented(database)
    asked = asker(database, "consent")
    assert await rules(asked) == ""
    external.stop()
    assert await rules(asked) == "unreachable"
    assert await rules(asker(database, "hours", allowed_hours=["00:00-24:00"])) == ""  # needs no database
    external.start()
    while await rules(asked) != "":  # the pool finds it again by itself
        pass
    await database.close()


async def test_a_database_that_hangs_is_not_waited_for(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asker(database, "consent")
    await consented(database)
    assert await rules(asked) == ""
    monkeypatch.setattr(module, "ANSWER_S", 0.05)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE consent IN ACCESS EXCLUSIVE MODE")
        assert await rules(asked) == "unreachable"
    monkeypatch.undo()
    assert await rules(asked) == ""


async def test_only_so_many_wait_for_it(database: Database, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    facts = NumberFacts(database)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE consent IN ACCESS EXCLUSIVE MODE")
        waiting = [asyncio.create_task(facts.history(NUMBER, datetime.now(UTC))) for _ in range(2)]
        await asyncio.sleep(0)  # both have begun
        assert await facts.history(NUMBER, datetime.now(UTC)) is None
        assert not any(task.done() for task in waiting)
        other.rollback()
    assert [await task for task in waiting] == [module.History(), module.History()]
