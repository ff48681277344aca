"""What the journal's entries become in the database: rows of drops, counts, events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from voicedrop.store import numbers
from voicedrop.store.database import Connection, Row
from voicedrop.store.entries import EVENTS, Checked, blanked, moment_of
from voicedrop.store.events import NewEvent, add_all
from voicedrop.store.journal import Entry

TOLD_OF_MESSAGE = ("id", "version", "slot", "label", "sha256")


@dataclass(kw_only=True)
class Writer:
    """Writes checked entries in one transaction. Of what is there already, nothing is written or told a second time."""

    connection: Connection
    node: str
    evidence_kept: timedelta
    _agents: dict[str, Row] = field(default_factory=dict)
    _versions: dict[str, Row] = field(default_factory=dict)
    _events: list[NewEvent] = field(default_factory=list)
    _counts: Counter[tuple[UUID, int, str]] = field(default_factory=Counter)

    async def write(self, entries: Iterable[Checked]) -> None:
        entries = list(entries)
        withdrawn = {entry.drop for entry in entries if entry.kind == "withdrawn"}
        entries = await self._without_the_erased(entries)
        await self._look_up(entries)
        for entry in entries:
            match entry.kind:
                case "accepted" if entry.drop not in withdrawn:
                    await self._accepted(entry)
                case "started":
                    await self._started(entry)
                case "withdrawn":
                    await self._withdrawn(entry)
                case "ended":
                    await self._ended(entry)
                case "refused":
                    agent = self._agents.get(_text(entry.body, "agent"), {})
                    self._tell(entry, agent)
        for (message, version, outcome), drops in sorted(self._counts.items()):
            await self.connection.execute(
                """
                INSERT INTO message_count (message_id, version, outcome, drops) VALUES (%s, %s, %s, %s)
                ON CONFLICT (message_id, version, outcome) DO UPDATE SET drops = message_count.drops + excluded.drops
                """,
                (message, version, outcome, drops),
            )
        await add_all(self.connection, self._events)

    async def _without_the_erased(self, entries: list[Checked]) -> list[Checked]:
        """A person may have been erased before what the journal holds of him got here."""
        cursor = await self.connection.execute("SELECT hash, at FROM erasure")
        erased = {bytes(row["hash"]): row["at"] for row in await cursor.fetchall()}
        if not erased:
            return entries
        key = await numbers.key(self.connection)

        def cleared(entry: Checked) -> Checked:
            number = _text(entry.body, "number")
            at = erased.get(numbers.hashed(number, key)) if number else None
            if at is None or entry.at > at:
                return entry
            return Checked(entry.kind, entry.at, blanked(entry.body), entry.drop, erased=True)

        return [cleared(entry) for entry in entries]

    async def _look_up(self, entries: list[Checked]) -> None:
        """Whose drops these are, and what was played."""
        names = {_text(entry.body, "agent") for entry in entries}
        cursor = await self.connection.execute(
            "SELECT name, id AS agent_id, team_id FROM agent WHERE name = ANY(%s)", (list(names),)
        )
        self._agents = {row["name"]: row for row in await cursor.fetchall()}
        sums = {_message(entry.body).get("sha256") for entry in entries}
        cursor = await self.connection.execute(
            """
            SELECT DISTINCT ON (prepared_sha256) prepared_sha256, message_id, version FROM message_version
            WHERE prepared_sha256 = ANY(%s) ORDER BY prepared_sha256, created_at DESC
            """,
            ([one for one in sums if isinstance(one, str)],),
        )
        self._versions = {row["prepared_sha256"]: row for row in await cursor.fetchall()}

    def _columns(self, entry: Checked) -> dict[str, Any]:
        body, message = entry.body, _message(entry.body)
        agent = self._agents.get(_text(body, "agent"), {})
        known = self._versions.get(str(message.get("sha256")), {})
        message_id: UUID | None
        version: int | None
        try:
            message_id, version = UUID(str(message["id"])), int(message["version"])
        except (KeyError, TypeError, ValueError):  # played from a folder, or by an older version
            message_id, version = known.get("message_id"), known.get("version")
        slot = message.get("slot", body.get("slot"))
        return {
            "id": entry.drop,
            "node": _text(body, "node") or self.node,
            "accepted_at": entry.at,
            "slot": slot if isinstance(slot, int) else None,
            "agent_id": agent.get("agent_id"),
            "team_id": agent.get("team_id"),
            "message_id": message_id,
            "message_version": version,
            "erased_at": datetime.now(UTC) if entry.erased else None,
            **{name: _text(body, name) for name in ("door", "agent", "number", "caller_id", "ref")},
        }

    async def _accepted(self, entry: Checked) -> None:
        cursor = await self.connection.execute(
            """
            INSERT INTO drops AS d (id, node, door, agent, agent_id, team_id, number, caller_id, ref, slot, message_id,
                message_version, accepted_at, erased_at)
            VALUES (%(id)s, %(node)s, %(door)s, %(agent)s, %(agent_id)s, %(team_id)s, %(number)s, %(caller_id)s,
                %(ref)s, %(slot)s, %(message_id)s, %(message_version)s, %(accepted_at)s, %(erased_at)s)
            ON CONFLICT (id) DO UPDATE SET node = excluded.node, caller_id = excluded.caller_id, slot = excluded.slot,
                message_version = excluded.message_version
            WHERE d.outcome IS NULL AND d.slot IS NULL AND d.door = 'unattended'  -- an order, whose it was stays
            RETURNING agent_id, team_id
            """,
            self._columns(entry),
        )
        row = await cursor.fetchone()
        if row is not None:
            # Where its files lie is the engine's own matter.
            message = {name: value for name, value in _message(entry.body).items() if name in TOLD_OF_MESSAGE}
            body = {**entry.body, "accepted": entry.body["at"], "message": message}
            self._tell(Checked(entry.kind, entry.at, body, entry.drop), row)

    async def _started(self, entry: Checked) -> None:
        cursor = await self.connection.execute(
            "SELECT agent_id, team_id, agent, number, ref, slot FROM drops WHERE id = %s AND outcome IS NULL",
            (entry.drop,),
        )
        row = await cursor.fetchone()
        if row is not None:
            known = {name: row[name] for name in ("agent", "number", "ref", "slot")}
            self._tell(Checked(entry.kind, entry.at, {**entry.body, **known}, entry.drop), row)

    async def _withdrawn(self, entry: Checked) -> None:
        """Its acceptance reached the disk too late: the agent was told no, so there never was such a drop. An order
        stays: its job comes again, and ends it."""
        cursor = await self.connection.execute(
            "DELETE FROM drops WHERE id = %s AND outcome IS NULL AND door <> 'unattended' RETURNING agent_id, team_id",
            (entry.drop,),
        )
        row = await cursor.fetchone()
        if row is not None:
            self._tell(entry, row)

    async def _ended(self, entry: Checked) -> None:
        body = entry.body
        ended = body.get("ended")
        evidence = body.get("evidence")
        ended_at = moment_of(ended) if isinstance(ended, str) else entry.at
        fraction, cue = body.get("played_fraction"), body.get("cue")
        cursor = await self.connection.execute(
            """
            INSERT INTO drops AS d (id, node, door, outcome, reason, agent, agent_id, team_id, number, caller_id, ref,
                slot, message_id, message_version, cue, accepted_at, ended_at, played_fraction, receipt, evidence,
                evidence_until, erased_at)
            VALUES (%(id)s, %(node)s, %(door)s, %(outcome)s, %(reason)s, %(agent)s, %(agent_id)s, %(team_id)s,
                %(number)s, %(caller_id)s, %(ref)s, %(slot)s, %(message_id)s, %(message_version)s, %(cue)s,
                %(accepted_at)s, %(ended_at)s, %(played_fraction)s, %(receipt)s, %(evidence)s, %(evidence_until)s,
                %(erased_at)s)
            ON CONFLICT (id) DO UPDATE SET node = excluded.node, outcome = excluded.outcome, reason = excluded.reason,
                number = excluded.number, caller_id = excluded.caller_id, cue = excluded.cue,
                ended_at = excluded.ended_at, played_fraction = excluded.played_fraction, receipt = excluded.receipt,
                message_id = coalesce(d.message_id, excluded.message_id),
                message_version = coalesce(d.message_version, excluded.message_version),
                evidence = excluded.evidence, evidence_until = excluded.evidence_until,
                erased_at = coalesce(d.erased_at, excluded.erased_at)
            WHERE d.outcome IS NULL
            RETURNING agent_id, team_id, message_id, message_version
            """,
            {
                **self._columns(entry),
                "outcome": str(body["outcome"]),
                "reason": _text(body, "reason"),
                "cue": cue if isinstance(cue, str) else None,
                "ended_at": ended_at,
                "played_fraction": fraction if isinstance(fraction, int | float) else None,
                "receipt": Jsonb(body),
                "evidence": evidence if isinstance(evidence, str) and evidence else None,
                "evidence_until": ended_at + self.evidence_kept if evidence else None,
            },
        )
        row = await cursor.fetchone()
        if row is None:
            return
        if row["message_id"] is not None:
            self._counts[row["message_id"], row["message_version"] or 1, str(body["outcome"])] += 1
        self._tell(entry, row)

    def _tell(self, entry: Checked, whose: Row) -> None:
        self._events.append(
            NewEvent(
                kind=EVENTS[entry.kind],
                body=entry.body,
                drop_id=entry.drop,
                agent_id=whose.get("agent_id"),
                team_id=whose.get("team_id"),
            )
        )


def _text(body: Entry, name: str) -> str:
    value = body.get(name, "")
    return value if isinstance(value, str) else ""


def _message(body: Entry) -> Entry:
    """What was played: an acceptance names it flatly, a receipt in an object of its own."""
    message = body.get("message")
    if isinstance(message, dict):
        return message
    flat = {"id": body.get("message_id"), "version": body.get("message_version"), "sha256": body.get("sha256")}
    return {name: value for name, value in flat.items() if value is not None}
