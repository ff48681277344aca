"""schemathesis asks whatever the OpenAPI document allows, and what it does not: no 5xx, no undocumented answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.web.conftest import PLENTY, World, serving
from voicedrop.store.database import Database

EXAMPLES = 12  # of each operation and phase
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@dataclass
class Running:
    """The API in a thread with a loop of its own: schemathesis asks by blocking calls."""

    world: World
    stop: threading.Event

    def known(self, name: str) -> str | None:
        """An id of the kind that a path names so."""
        return {
            "message_id": str(self.world.messages["all"]),
            "agent_id": str(self.world.agents["ann"]),
            "team_id": str(self.world.teams["red"]),
            "drop_id": str(self.world.drops["ann"]),
        }.get(name)


@pytest.fixture(scope="module")
def running(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    from tests.store.conftest import _fresh, command, named

    name = _fresh(server, "template")
    up: list[Running] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve(folder: Path) -> None:
        database = Database(named(server, name))
        await database.open()
        async with serving(database, folder, PLENTY) as world:
            up.append(Running(world, stop))
            ready.set()
            await asyncio.to_thread(stop.wait)
        await database.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve(tmp_path_factory.mktemp("api"))), name="api")
    thread.start()
    try:
        assert ready.wait(60)
        yield up[0]
    finally:
        stop.set()
        thread.join(60)
        command(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def api(running: Running) -> Any:
    document = schemathesis.openapi.from_url(
        f"{running.world.base}/v1/openapi.json", headers={"Authorization": f"Bearer {running.world.tokens['admin']}"}
    )

    @document.hook
    def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
        """Half of the ids are of something that is there."""
        for name, value in (path_parameters or {}).items():
            known = running.known(name)
            try:
                even = UUID(str(value)).int % 2 == 0
            except ValueError:
                continue
            if known is not None and even:
                path_parameters[name] = known  # type: ignore[index]
        return path_parameters

    # The stream of events does not end: it has tests of its own.
    return document.exclude(path="/v1/events")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_documented(case: Any, running: Running) -> None:
    case.call_and_validate(
        headers={"Authorization": f"Bearer {running.world.tokens['admin']}"}, checks=CHECKS, timeout=30
    )
