"""Whose message is in which slot: the agent's, else his team's, else everybody's, and never another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voicedrop.engine.snapshot import Snapshot
from voicedrop.model import Message

ANNA, BEN, TEAM_A, TEAM_B = "anna-id", "ben-id", "team-a", "team-b"


def place(sha256: str) -> Message:
    return Message(slot=0, label="", file=Path(sha256), media=f"/lab/{sha256}", duration_s=0, sha256="")


def message(name: str, *, agent: str | None = None, team: str | None = None) -> dict[str, Any]:
    return {
        "id": name,
        "version": 2,
        "label": f"label of {name}",
        "agent_id": agent,
        "team_id": team,
        "evidence": True,
        "sha256": f"original-{name}",
        "prepared_sha256": f"prepared-{name}",
        "duration_s": 7.5,
    }


def slot(number: int, name: str, *, agent: str | None = None, team: str | None = None) -> dict[str, Any]:
    return {"slot": number, "agent_id": agent, "team_id": team, "message_id": name}


CONTENT: dict[str, Any] = {
    "agents": [
        {"name": "anna", "id": ANNA, "team_id": TEAM_A},
        {"name": "ben", "id": BEN, "team_id": TEAM_B},
        {"name": "carl", "id": "carl-id", "team_id": None},
    ],
    "messages": [
        message("annas", agent=ANNA),
        message("of-a", team=TEAM_A),
        message("of-b", team=TEAM_B),
        message("everybodys"),
    ],
    "slots": [
        slot(1, "everybodys"),
        slot(1, "of-a", team=TEAM_A),
        slot(1, "annas", agent=ANNA),
        slot(2, "of-a", team=TEAM_A),
        slot(3, "everybodys"),
        slot(4, "of-b", agent=ANNA),
        slot(4, "everybodys"),
        slot(5, "deleted"),
        slot(6, "of-a"),
    ],
    "erased": {"key": "00ff", "hashes": ["ab"]},
}


@pytest.mark.parametrize(
    ("number", "agent", "expected"),
    [
        (1, "anna", "annas"),
        (1, "ben", "everybodys"),
        (1, "carl", "everybodys"),
        (1, "nobody knows him", "everybodys"),
        (2, "anna", "of-a"),
        (2, "ben", None),
        (2, "carl", None),
        (3, "anna", "everybodys"),
        (4, "anna", "everybodys"),  # her own slot names another team's message
        (5, "anna", None),
        (6, "anna", "of-a"),
        (6, "ben", None),  # everybody's slot names a team's message
        (9, "anna", None),
    ],
)
def test_what_an_agent_has_in_a_slot(number: int, agent: str, expected: str | None) -> None:
    found = Snapshot.of(CONTENT, place).message(number, agent)
    assert (found.id if found else None) == expected
    assert found is None or found.slot == number


def test_a_message_is_told_whole() -> None:
    found = Snapshot.of(CONTENT, place).message(1, "anna")
    assert found == Message(
        slot=1,
        label="label of annas",
        file=Path("original-annas"),
        media="/lab/original-annas",
        duration_s=7.5,
        sha256="prepared-annas",
        id="annas",
        version=2,
        evidence=True,
    )


@pytest.mark.parametrize(
    ("name", "agent", "may"),
    [
        ("annas", "anna", True),
        ("annas", "ben", False),
        ("of-a", "anna", True),
        ("of-a", "ben", False),
        ("everybodys", "nobody knows him", True),
        ("of-a", "nobody knows him", False),
        ("none", "anna", False),
    ],
)
def test_by_its_id_only_whose_it_is(name: str, agent: str, may: bool) -> None:
    assert (Snapshot.of(CONTENT, place).by_id(name, agent) is not None) is may


def test_an_empty_one_has_nothing() -> None:
    assert Snapshot().message(1, "anna") is None


def test_what_is_none_is_an_error() -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Snapshot.of({"agents": []}, place)
