"""How fast an agent is free, and how soon the message follows the beep: `make bench-drop`.

Calls run through the lab's two Asterisks, five at a time, through the ARI-bridged door. Times are Asterisk's
own: from the PBX's event of the code's last digit to its event of the agent's end; from the carrier's mark at
the end of its beep to the PBX's event of the playback's start (for the subscribers whose beep the carrier's
dialplan plays, so not for app_voicemail). Dead air is what the mailbox's recording shows. Writes
var/bench/drop.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from voicedrop.lab import conf, recordings, servers, zoo
from voicedrop.lab.engine import EngineProcess
from voicedrop.lab.judge import judge, load
from voicedrop.lab.phone import Exchange, exchange
from voicedrop.lab.played import message_file
from voicedrop.lab.recordings import CarrierCall
from voicedrop.lab.site import CHECKOUT, Site, site
from voicedrop.store import journal

OUT = CHECKOUT / "var/bench/drop.json"
# The subscribers with a beep of their own, in turn.
KEYS = ("quiet-beep", "two-beeps", "mailbox", "two-beeps")
# The carrier's marks at the end of the beeps that start a recording.
RECORD_BEEPS = ("end-play beep-quiet", "end-play beep-1000")


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def _one(here: Site, telephones: Exchange, number: str) -> None:
    telephone = await telephones.dial("1001", number)
    async with asyncio.timeout(120):
        await telephone.answered.wait()
        await recordings.reached(here, number, "answer")
        await telephone.talk()
        await telephone.press("*92")
        await telephone.ended.wait()
        await recordings.ended_call(here, number, wait_s=90)


def unused_numbers(here: Site, keys: Sequence[str], count: int) -> list[str]:
    """Numbers that nobody has called yet, of these subscribers in turn."""
    used = {call.number for call in recordings.calls(here)}
    left = {key: iter(_unused(key, used)) for key in keys}
    return [next(left[keys[index % len(keys)]]) for index in range(count)]


def _unused(key: str, used: set[str]) -> list[str]:
    return [number for number in map(zoo.subscriber(key).number, range(100)) if number not in used]


async def calls(here: Site, numbers: list[str], at_once: int) -> None:
    gate = asyncio.Semaphore(at_once)
    async with exchange(here) as telephones:

        async def gated(number: str) -> None:
            async with gate:
                await _one(here, telephones, number)

        await asyncio.gather(*map(gated, numbers))


def spread(values: list[float]) -> dict[str, float | int]:
    if not values:
        return {"n": 0}
    return {
        "n": len(values),
        "p50": round(float(np.percentile(values, 50)), 1),
        "p95": round(float(np.percentile(values, 95)), 1),
        "max": round(max(values), 1),
    }


def beep_ended(call: CarrierCall) -> float | None:
    """When the carrier's dialplan had played the beep that starts the recording; None: it played none."""
    return next((at for mark in RECORD_BEEPS if (at := call.at(mark)) is not None), None)


def beep_to_playback_ms(here: Site, receipt: dict[str, Any], number: str) -> float | None:
    call = recordings.calls_to(here, number)[-1]
    ended = beep_ended(call)
    return None if ended is None else (unix(receipt["asterisk_times"]["message_start"]) - ended) * 1000


async def whole_and_dead_air_ms(here: Site, receipt: dict[str, Any], number: str) -> tuple[bool, float]:
    call = recordings.calls_to(here, number)[-1]
    delivery = judge(load(message_file(here, "short")), load(await recordings.kept(here, call)))
    return delivery.whole and receipt["outcome"] == "delivered", delivery.dead_air_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drops", type=int, default=52)
    parser.add_argument("--at-once", type=int, default=5)
    options = parser.parse_args()
    here = site()
    was_up = all(servers.pid_of(here, server) for server in conf.SERVERS)
    servers.up(here, print)
    folder = CHECKOUT / "var/bench/engine"
    shutil.rmtree(folder, ignore_errors=True)
    engine = EngineProcess(folder, conf.engine_settings(here, state_dir=str(folder / "state")))
    engine.start()
    numbers = unused_numbers(here, KEYS, options.drops)
    try:
        asyncio.run(calls(here, numbers, options.at_once))
    finally:
        engine.stop()
    receipts = {one["number"]: one for one in journal.receipts(engine.state_dir)}
    times = [receipts[number]["asterisk_times"] for number in numbers]
    judged = [asyncio.run(whole_and_dead_air_ms(here, receipts[number], number)) for number in numbers]
    followed = [beep_to_playback_ms(here, receipts[number], number) for number in numbers]
    result = {
        "drops": len(numbers),
        "at_once": options.at_once,
        "whole": sum(whole for whole, _ in judged),
        "agent_freed_ms": spread([(unix(t["agent_free"]) - unix(t["code"])) * 1000 for t in times]),
        "beep_end_to_playback_ms": spread([one for one in followed if one is not None]),
        "dead_air_ms": spread([dead_air for _, dead_air in judged]),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    Path(OUT).write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    if not was_up:
        servers.down(here)


if __name__ == "__main__":
    main()
