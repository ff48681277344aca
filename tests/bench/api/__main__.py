"""The API's figures: the list of drops on a million receipts, and from an upload to a message that can be dropped.

`python -m tests.bench.api [DROPS]` makes a database of its own, fills it, serves the API from a process of its own,
asks it over HTTP on loopback, and writes var/bench/api.json.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import shutil
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from tests.bench.api.receipts import DROPS, fill
from tests.bench.api.serving import serve
from tests.web import sounds
from voicedrop.store import schema, tokens
from voicedrop.store.database import Database
from voicedrop.store.embedded import EmbeddedServer

OUT = Path("var/bench/api.json")
WARM_UP = 200  # requests that are not counted
REQUESTS = 3000
AT_ONCE = 4  # consoles that ask at the same time
PAGE = 50
DEEP = 20  # a page this deep is asked for now and then
UPLOADS = 7
MESSAGE_S = 30.0
STARTED_S = 60.0


async def lists(session: aiohttp.ClientSession, known: dict[str, list[Any]]) -> dict[str, float]:
    """Latencies of the list, in the mix that a console and an integration ask for."""
    rng = random.Random(1)

    def query() -> dict[str, str]:
        wanted: dict[str, str] = {"limit": str(PAGE)}
        match rng.randrange(10):
            case 0 | 1:
                pass
            case 2:
                wanted["outcome"] = rng.choice(("delivered", "failed", "no_cue"))
            case 3:
                wanted["team_id"] = rng.choice(known["teams"])
            case 4:
                wanted |= {"team_id": rng.choice(known["teams"]), "outcome": rng.choice(("delivered", "failed"))}
            case 5:
                wanted["agent_id"] = rng.choice(known["agents"])
            case 6:
                wanted["number"] = rng.choice(known["numbers"])
            case 7:
                wanted["message_id"] = rng.choice(known["messages"])
            case 8:
                wanted["ref"] = rng.choice(known["refs"])
            case _:
                month = rng.randrange(1, 12)
                wanted |= {"until": rng.choice(known["times"]), "outcome": "delivered" if month % 2 else "failed"}
        return wanted

    taken: list[float] = []

    async def ask(params: dict[str, str]) -> str | None:
        begun = time.perf_counter()
        async with session.get("/v1/drops", params=params) as response:
            page = await response.json()
            assert response.status == 200, page
        taken.append(time.perf_counter() - begun)
        return page["next"]

    async def console(requests: int) -> None:
        while requests > 0:
            params = query()
            depth = DEEP if rng.random() < 0.02 else 1
            for _ in range(depth):
                cursor = await ask(params)
                requests -= 1
                if cursor is None or requests <= 0:
                    break
                params = params | {"cursor": cursor}

    await console(WARM_UP)
    taken.clear()
    begun = time.perf_counter()
    await asyncio.gather(*(console(REQUESTS // AT_ONCE) for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - begun
    at = np.percentile(np.array(taken) * 1000, [50, 99, 100])
    return {
        "list_requests": len(taken),
        "list_p50_ms": round(float(at[0]), 1),
        "list_p99_ms": round(float(at[1]), 1),
        "list_max_ms": round(float(at[2]), 1),
        "list_requests_per_s": round(len(taken) / seconds, 1),
    }


async def uploads(session: aiohttp.ClientSession) -> dict[str, float]:
    """From the first byte of a 30 s MP3 until it is prepared, checked and in the list."""
    taken = []
    for number in range(UPLOADS + 1):
        form = aiohttp.FormData()
        form.add_field("particulars", json.dumps({"label": f"bench {number}"}), content_type="application/json")
        form.add_field("file", sounds.file("MP3", MESSAGE_S, seed=number), filename="message.mp3")
        begun = time.perf_counter()
        async with session.post("/v1/messages", data=form) as response:
            assert response.status == 201, await response.text()
        taken.append(time.perf_counter() - begun)
    taken = taken[1:]  # the first one loads the libraries
    return {
        "upload_ready_ms": round(statistics.median(taken) * 1000, 1),
        "upload_ready_max_ms": round(max(taken) * 1000, 1),
    }


async def known_of(url: str) -> tuple[str, dict[str, list[Any]]]:
    """A token, and what there is to ask for."""
    database = Database(url, pool=1)
    await database.open()
    async with database.transaction() as connection:
        _, token = await tokens.add(connection, label="bench", role="admin")
        known: dict[str, list[Any]] = {}
        for name, statement in {
            "teams": "SELECT id AS one FROM team",
            "agents": "SELECT id AS one FROM agent",
            "messages": "SELECT id AS one FROM message",
            "numbers": "SELECT number AS one FROM drops TABLESAMPLE SYSTEM (0.1) LIMIT 500",
            "refs": "SELECT ref AS one FROM drops TABLESAMPLE SYSTEM (0.1) LIMIT 500",
            "times": "SELECT accepted_at AS one FROM drops TABLESAMPLE SYSTEM (0.1) LIMIT 500",
        }.items():
            rows = await (await connection.execute(statement)).fetchall()
            found = [row["one"] for row in rows]
            known[name] = [one.isoformat() if isinstance(one, datetime) else str(one) for one in found]
    await database.close()
    return token, known


async def measure(port: int, url: str) -> dict[str, float]:
    token, known = await known_of(url)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        return {**await lists(session, known), **await uploads(session)}


def main() -> None:
    drops = int(sys.argv[1]) if len(sys.argv) > 1 else DROPS
    folder = Path(tempfile.mkdtemp(prefix="voicedrop-bench-"))
    embedded = EmbeddedServer(folder / "postgres")
    try:
        url = embedded.start()
        schema.migrate(url)
        begun = time.monotonic()
        fill(url, drops)
        print(f"{drops} receipts made in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=serve, args=(url, folder, theirs))
        process.start()
        try:
            if not ours.poll(STARTED_S):
                raise SystemExit("the API did not start")
            found = {"receipts": drops, **asyncio.run(measure(ours.recv(), url))}
        finally:
            ours.send("stop")
            process.join(30)
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
