"""How long it takes to look a number up in a suppression list of a million entries.

`python -m tests.bench.suppression [ENTRIES]` makes a database of its own, fills the list with numbers, a thousand
beginnings of numbers among them, asks it as the gate does before an unattended call, and as an agent's code does, of
the engine's memory. It writes var/bench/suppression.json.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg

from voicedrop.dialer import gate
from voicedrop.engine.catalogue import Catalogue
from voicedrop.model import Message
from voicedrop.store import schema
from voicedrop.store.database import Database
from voicedrop.store.embedded import EmbeddedServer

OUT = Path("var/bench/suppression.json")
ENTRIES = 1_000_000
PREFIXES = 1000
SHORTEST, LONGEST = 5, 9  # digits of a prefix behind +1
WARM_UP = 500  # look-ups that are not counted
LOOK_UPS = 20_000
HITS = 0.5  # of the look-ups; the others are of numbers that are not on the list
SEED = 1


def numbers(rng: random.Random, count: int) -> list[str]:
    """North American ones, each once."""
    found = rng.sample(range(2_000_000_000, 10_000_000_000), count)
    return [f"+1{one}" for one in found]


def prefixes(rng: random.Random) -> list[str]:
    found: set[str] = set()
    while len(found) < PREFIXES:
        digits = rng.randrange(SHORTEST, LONGEST + 1)
        found.add(f"+1{rng.randrange(2 * 10 ** (digits - 1), 10**digits)}*")
    return sorted(found)


def fill(url: str, patterns: list[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.cursor().copy("COPY suppression (pattern, reason, source, created_by) FROM STDIN") as copy:
            for pattern in patterns:
                copy.write_row((pattern, "asked", "bench", "bench"))
        connection.execute("VACUUM ANALYZE suppression")


def place(sha256: str) -> Message:
    return Message(slot=0, label="", file=Path(sha256), media=sha256, duration_s=0, sha256="")


def told(taken_s: list[float], name: str) -> dict[str, float]:
    at = np.percentile(np.array(taken_s[WARM_UP:]) * 1e6, [50, 99])
    return {f"{name}_p50_us": round(float(at[0]), 1), f"{name}_p99_us": round(float(at[1]), 1)}


async def measure(url: str, folder: Path, asked: list[str]) -> dict[str, float]:
    database = Database(url, pool=1)
    await database.open()
    now = datetime.now(UTC)
    in_database: list[float] = []
    in_memory: list[float] = []
    catalogue = Catalogue(database, folder / "state", place)
    begun = time.perf_counter()
    await catalogue.read()
    read_s = time.perf_counter() - begun
    hits: list[bool] = []
    async with database.transaction() as connection:
        for number in asked:
            begun = time.perf_counter()
            there = await gate.suppressed(connection, number, now)
            in_database.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            here = catalogue.suppressed(number)
            in_memory.append(time.perf_counter() - begun)
            assert there == here, "memory and database must agree"
            hits.append(there is not None)
    await database.close()
    return {
        **told(in_database, "database"),
        **told(in_memory, "memory"),
        "hits": sum(hits[WARM_UP:]),
        "read_into_memory_s": round(read_s, 1),
    }


def main() -> None:
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    rng = random.Random(SEED)
    count = WARM_UP + LOOK_UPS
    whole = numbers(rng, entries - PREFIXES)
    strangers = numbers(rng, count)
    asked = [rng.choice(whole) if rng.random() < HITS else strangers[n] for n in range(count)]
    folder = Path(tempfile.mkdtemp(prefix="voicedrop-bench-"))
    embedded = EmbeddedServer(folder / "postgres")
    try:
        url = embedded.start()
        schema.migrate(url)
        fill(url, [*whole, *prefixes(rng)])
        measured = asyncio.run(measure(url, folder, asked))
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)
    load = os.getloadavg()[0]
    found = {"entries": entries, "prefixes": PREFIXES, "look_ups": LOOK_UPS, **measured, "load": round(load, 1)}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
