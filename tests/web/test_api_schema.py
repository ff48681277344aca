"""schemathesis asks whatever the OpenAPI document allows, and what it does not: no 5xx, no undocumented answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.databases import copy_of
from tests.web.conftest import PLENTY, World, serving
from voicedrop.store.database import Database
from voicedrop.web.app import document

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
    up: list[Running] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve(url: str, folder: Path) -> None:
        database = Database(url)
        await database.open()
        async with serving(database, folder, PLENTY) as world:
            up.append(Running(world, stop))
            ready.set()
            await asyncio.to_thread(stop.wait)
        await database.close()

    with copy_of(server, "template") as url:
        folder = tmp_path_factory.mktemp("api")
        thread = threading.Thread(target=lambda: asyncio.run(serve(url, folder)), name="api")
        thread.start()
        try:
            assert ready.wait(60)
            yield up[0]
        finally:
            stop.set()
            thread.join(60)


SCHEMA = schemathesis.openapi.from_dict(document())
OPERATIONS = {f"{one.ok().method.upper()} {one.ok().path}": one.ok() for one in SCHEMA.get_all_operations()}
del OPERATIONS["GET /v1/events"]  # a stream that does not end: it has tests of its own


@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")  # schemathesis does
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_documented(running: Running, name: str, mode: GenerationMode) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=OPERATIONS[name].as_strategy(generation_mode=mode), who=sampled_from(("admin", "rose", "ann")))
    def ask(case: schemathesis.Case, who: str) -> None:
        if mode is GenerationMode.POSITIVE:
            for parameter, value in case.path_parameters.items():
                known = running.known(parameter)
                if known is not None and str(value) < "8":  # half of the ids are of something that is there
                    case.path_parameters[parameter] = known
        case.call_and_validate(
            base_url=running.world.base,
            headers={"Authorization": f"Bearer {running.world.tokens[who]}"},
            checks=CHECKS,
            timeout=30,
        )

    ask()
