"""What the policy is told: suppression, consents, attempts, as the database has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from voicedrop.dialer import gate
from voicedrop.model import new_id
from voicedrop.policy.facts import Ruling
from voicedrop.policy.hours import read_window
from voicedrop.policy.settings import Basis, Method, Need, Rules
from voicedrop.policy.suppression import HASH, lookup_keys
from voicedrop.store import attempts, consents, suppression
from voicedrop.store.consents import NewConsent
from voicedrop.store.database import Database
from voicedrop.store.suppression import Suppressed

NUMBER, CALLER = "+12025550123", "+12025550199"
OPEN = Rules(
    windows=(read_window("00:00-24:00"),),
    day_parts=(),
    spacing=timedelta(0),
    consent_for=frozenset(),
    callback_number=False,
    caller_ids=frozenset({CALLER}),
    two_call=True,
)


async def asked(
    database: Database, rules: Rules = OPEN, number: str = NUMBER, *, now: datetime | None = None
) -> Ruling:
    async with database.transaction() as connection:
        return await gate.ask(
            connection,
            rules,
            number=number,
            method=Method.SINGLE,
            message_id=new_id(),
            caller_id=CALLER,
            now=now or datetime.now(UTC),
        )


def refused(ruling: Ruling) -> list[str]:
    return [one.rule for one in ruling.refusals]


async def test_nothing_known_of_a_number_is_allowed_where_nothing_is_needed(database: Database) -> None:
    assert (await asked(database)).allowed


@pytest.mark.parametrize("pattern", [NUMBER, "+1202*", "+*"])
async def test_the_list_is_asked(database: Database, pattern: str) -> None:
    async with database.transaction() as connection:
        await suppression.add(connection, [Suppressed(pattern=pattern, source="test")], actor="test")
    assert refused(await asked(database)) == ["suppressed"]


async def test_an_entry_that_has_expired_does_not_count(database: Database) -> None:
    entry = Suppressed(pattern=NUMBER, source="test", expires_at=datetime.now(UTC) - timedelta(hours=1))
    async with database.transaction() as connection:
        await suppression.add(connection, [entry], actor="test")
    assert (await asked(database)).allowed


async def test_consent_is_needed_found_and_revoked(database: Database) -> None:
    rules = Rules(**{**OPEN.__dict__, "consent_for": frozenset({Need.ALL})})
    assert refused(await asked(database, rules)) == ["consent"]
    given = NewConsent(
        number=NUMBER,
        basis=Basis.EXPRESS_WRITTEN,
        source="a form",
        evidence="form-7",
        given_at=datetime.now(UTC) - timedelta(days=1),
    )
    async with database.transaction() as connection:
        row = await consents.add(connection, given, actor="test")
    assert (await asked(database, rules)).allowed
    async with database.transaction() as connection:
        assert await consents.revoke(connection, row["id"]) is not None
        assert await consents.revoke(connection, UUID(new_id())) is None
    assert refused(await asked(database, rules)) == ["consent"]


@pytest.mark.parametrize(("hour", "rule"), [(16, []), (4, ["hours"])])
async def test_it_is_as_late_as_it_is_told(database: Database, hour: int, rule: list[str]) -> None:
    rules = replace(OPEN, windows=(read_window("09:00-17:00"),))  # in Washington, five hours behind in winter
    assert refused(await asked(database, rules, now=datetime(2026, 1, 14, hour, tzinfo=UTC))) == rule


async def test_attempts_count_whoever_made_them(database: Database) -> None:
    async with database.transaction() as connection:
        drop = new_id()
        assert await attempts.claim(connection, drop=drop, number=NUMBER, method="single", node="n1") is None
        assert await attempts.claim(connection, drop=drop, number=NUMBER, method="single", node="n2") == "n1"
    ruling = await asked(database)
    assert refused(ruling) == ["cap_day"]
    assert ruling.next_allowed is not None
    assert (await asked(database, number="+12025550124")).allowed


async def test_what_is_no_number_is_refused(database: Database) -> None:
    assert "number_invalid" in refused(await asked(database, number="+1"))


async def test_the_list_is_asked_by_its_index(database: Database) -> None:
    """However long it is: the figures are `make bench-suppression`'s."""
    entries = [Suppressed(pattern=f"+1202{n:07d}", source="test") for n in range(20_000)]
    hashed = b"h" * 32
    async with database.transaction() as connection:
        await suppression.add(connection, entries, actor="test")
        await connection.execute(
            "INSERT INTO suppression_hash (hash) SELECT sha256(n::text::bytea) FROM generate_series(1, 20000) AS n"
        )
        await connection.execute("ANALYZE suppression, suppression_hash")
        given = (lookup_keys(NUMBER), HASH + hashed.hex(), hashed)
        cursor = await connection.execute(f"EXPLAIN {gate.LISTED}", given)
        plan = "\n".join(str(row["QUERY PLAN"]) for row in await cursor.fetchall())
    assert "Seq Scan" not in plan, plan
    assert "suppression_pkey" in plan
    assert "suppression_hash_pkey" in plan
