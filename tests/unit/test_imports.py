"""The direction of the rooms, as docs/architecture.md draws it: who may import whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 300  # lines


def modules() -> dict[str, Path]:
    """Every module of ours by its name."""
    found = {}
    for package in ("dsp", "voicedrop"):
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imported(name: str, text: str, *, is_package: bool = False) -> Iterator[str]:
    """What a module imports, wherever in it: full names, `from a import b` as a.b where that is a module."""
    package = name if is_package else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base


def imports_of(name: str) -> set[str]:
    file = MODULES[name]
    return set(imported(name, file.read_text(encoding="utf-8"), is_package=file.name == "__init__.py"))


def within(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def of_room(*rooms: str) -> list[str]:
    return [name for name in MODULES if within(name, *rooms)]


def is_stdlib(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


ALLOWED: dict[str, tuple[str, ...]] = {
    # a room: what it may import besides the standard library
    "dsp": ("dsp", "numpy", "scipy"),
    "voicedrop.model": ("uuid6",),
    "voicedrop.errors": (),
    "voicedrop.control": ("voicedrop.errors",),
    "voicedrop.call": ("dsp", "voicedrop.model", "voicedrop.call"),
    "voicedrop.library": (
        *("voicedrop.errors", "voicedrop.model", "voicedrop.library"),
        *("numpy", "pydantic", "pyloudnorm", "scipy", "soundfile", "soxr", "yaml"),
    ),
    "voicedrop.policy": ("phonenumbers", "voicedrop.model", "voicedrop.errors", "voicedrop.policy"),
    "voicedrop.agi": ("voicedrop.errors", "voicedrop.agi", "asterisk", "structlog"),
}
FORBIDDEN: dict[str, tuple[str, ...]] = {
    # a room: what of ours it may not import
    "voicedrop.ari": ("dsp", "voicedrop.call", "voicedrop.media", "voicedrop.store", "voicedrop.library"),
    "voicedrop.media": ("dsp", "voicedrop.call", "voicedrop.ari", "voicedrop.store", "voicedrop.library"),
    "voicedrop.library": ("dsp", "voicedrop.call", "voicedrop.ari", "voicedrop.media", "voicedrop.store"),
    "voicedrop.store": (
        "voicedrop.ari",
        "voicedrop.media",
        "voicedrop.library",
        "voicedrop.policy",
        "voicedrop.notify",
    ),
    "voicedrop.notify": (
        "dsp",
        "voicedrop.ari",
        "voicedrop.media",
        "voicedrop.library",
        "voicedrop.call",
        "voicedrop.policy",
        "voicedrop.engine",
    ),
    "voicedrop.offline": ("voicedrop.ari", "voicedrop.media", "voicedrop.library", "voicedrop.store", "voicedrop.web"),
    "voicedrop.web": ("dsp", "voicedrop.ari", "voicedrop.media", "voicedrop.call", "voicedrop.lab", "voicedrop.run"),
    "voicedrop.intake": ("dsp", "voicedrop.ari", "voicedrop.media", "voicedrop.call", "voicedrop.web"),
}
ONLY_FROM: dict[str, tuple[str, ...]] = {
    # a room: who may import it
    "voicedrop.lab": ("voicedrop.__main__", "voicedrop.lab"),
    "voicedrop.engine": (
        "voicedrop.__main__",
        "voicedrop.run",
        "voicedrop.lab",
        "voicedrop.engine",
        "voicedrop.dialer",
    ),
    "voicedrop.dialer": ("voicedrop.__main__", "voicedrop.run", "voicedrop.ordering", "voicedrop.dialer"),
}
STORE_OF_CALL = ("voicedrop.call.facts", "voicedrop.call.drop")  # the receipt is made of a drop's facts


@pytest.mark.parametrize("room", ALLOWED)
def test_a_pure_room_imports_only_what_it_may(room: str) -> None:
    strange = [
        f"{name} imports {other}"
        for name in of_room(room)
        for other in sorted(imports_of(name))
        if not is_stdlib(other) and not within(other, *ALLOWED[room])
    ]
    assert strange == []


@pytest.mark.parametrize("room", FORBIDDEN)
def test_rooms_that_the_engine_joins_do_not_import_each_other(room: str) -> None:
    strange = [
        f"{name} imports {other}"
        for name in of_room(room)
        for other in sorted(imports_of(name))
        if within(other, *FORBIDDEN[room])
    ]
    assert strange == []


def test_the_store_takes_only_a_drops_facts_from_the_call() -> None:
    strange = [
        f"{name} imports {other}"
        for name in of_room("voicedrop.store")
        for other in sorted(imports_of(name))
        if within(other, "voicedrop.call") and other not in STORE_OF_CALL
    ]
    assert strange == []


@pytest.mark.parametrize("room", ONLY_FROM)
def test_a_room_at_the_top_is_imported_only_by_who_may(room: str) -> None:
    strange = [
        f"{name} imports {other}"
        for name in MODULES
        if not within(name, *ONLY_FROM[room])
        for other in sorted(imports_of(name))
        if within(other, room)
    ]
    assert strange == []


def test_the_rules_speak_of_rooms_that_exist() -> None:
    for room in [*ALLOWED, *FORBIDDEN, *ONLY_FROM]:
        assert of_room(room), f"no module of {room}"


def test_whatever_of_ours_is_imported_exists() -> None:
    strange = [
        f"{name} imports {other}"
        for name in MODULES
        for other in sorted(imports_of(name))
        if within(other, "voicedrop", "dsp") and other not in MODULES
    ]
    assert strange == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import os, numpy.linalg", {"os", "numpy.linalg"}),
        ("from voicedrop import config, log", {"voicedrop.config", "voicedrop.log"}),
        ("from voicedrop.model import Cue", {"voicedrop.model"}),
        ("def f():\n    from voicedrop.lab import cli", {"voicedrop.lab.cli"}),
        ("if TYPE_CHECKING:\n    from voicedrop.engine.engine import Engine", {"voicedrop.engine.engine"}),
        ("from . import cue", {"voicedrop.call.cue"}),
        ("from .cue import CuePolicy", {"voicedrop.call.cue"}),
        ("from ..model import Cue", {"voicedrop.model"}),
        ("from .. import ari", {"voicedrop.ari"}),
    ],
)
def test_every_way_to_import_is_seen(text: str, found: set[str]) -> None:
    assert set(imported("voicedrop.call.drop", text)) == found


def test_a_packages_own_relative_imports_are_seen() -> None:
    assert set(imported("voicedrop.call", "from .cue import CuePolicy", is_package=True)) == {"voicedrop.call.cue"}


def test_no_file_is_longer_than_it_should_be() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in MODULES.values()
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert long == {}, f"a file past {LONGEST_FILE} lines asks to be two"
