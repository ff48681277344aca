"""Unattended drops on a mixed zoo, both methods, twenty at a time: `make bench-unattended`.

Judged by the carrier alone: what each person heard in a call is searched for the message, what each mailbox kept is
held against it, and every drop must have one receipt. A mailbox counts as reachable if our call got as far as its
recording, and it has a beep or a greeting long enough to be sure of it; `no-beep`, which has neither, is told apart:
nobody vouches for a mailbox, so nothing is to be played there. Nor is it where neither a person nor a mailbox answers:
a screening assistant, a fax, an announcement, silence. Writes var/bench/unattended.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.bench.drop import unused_numbers
from tests.lab.calling import OPEN
from voicedrop import config, ordering
from voicedrop.ari.client import AriClient
from voicedrop.errors import LabError
from voicedrop.lab import conf, recordings, servers
from voicedrop.lab.engine import EngineProcess
from voicedrop.lab.judge import Audio, judge, load
from voicedrop.lab.played import message_file
from voicedrop.lab.recordings import CarrierCall
from voicedrop.lab.site import CHECKOUT, Site, site
from voicedrop.policy.settings import Method
from voicedrop.store import journal

OUT = CHECKOUT / "var/bench/unattended.json"
LABEL = "short"
LONGEST_S = 1500.0
SETTLE_S = 10.0


@dataclass(frozen=True)
class Kind:
    """A subscriber, and how it is called."""

    key: str
    method: Method


SINGLE, TWO_CALL = Method.SINGLE, Method.TWO_CALL
MIX = (
    Kind("mailbox", SINGLE),
    Kind("line", TWO_CALL),
    Kind("human", SINGLE),
    Kind("slow-beep", SINGLE),
    Kind("call-waiting", TWO_CALL),
    Kind("two-beeps", SINGLE),
    Kind("line-no-beep", TWO_CALL),
    Kind("human", SINGLE),
    Kind("quiet-beep", SINGLE),
    Kind("quick-human", TWO_CALL),
    Kind("mobile-off", TWO_CALL),
    Kind("call-waiting", TWO_CALL),
    Kind("forward-20", TWO_CALL),
    Kind("late-human", TWO_CALL),
    Kind("audio-when-taken", TWO_CALL),
    Kind("no-beep", SINGLE),
    Kind("answers-when-taken", TWO_CALL),
    Kind("quick-human", SINGLE),
    Kind("busy", TWO_CALL),
    Kind("both-answer", TWO_CALL),
    Kind("mobile-off", SINGLE),
    Kind("sit", SINGLE),
    Kind("busy-when-taken", TWO_CALL),
    Kind("full", SINGLE),
    Kind("congested", SINGLE),
    Kind("screening", SINGLE),
    Kind("fax", SINGLE),
    Kind("sit-early", SINGLE),
    Kind("silent", SINGLE),
    Kind("screening-when-taken", TWO_CALL),
    Kind("reorder", SINGLE),
    Kind("sit-when-taken", TWO_CALL),
)
DOUBTFUL = "no-beep"
NEITHER = (
    "sit",
    "sit-when-taken",
    "full",
    "mobile-off",
    "screening",
    "screening-when-taken",
    "fax",
    "reorder",
    "silent",
)
"""Who answers is neither a person nor, if the call ends before its recording, a mailbox."""


@dataclass(frozen=True)
class Made:
    """One drop that was ordered."""

    kind: Kind
    number: str
    drop: str


async def make(here: Site, engine: EngineProcess, drops: int) -> list[Made]:
    """Order all of them, and wait until each has a receipt."""
    kinds = [MIX[index % len(MIX)] for index in range(drops)]
    # Numbers by subscriber: `unused_numbers` gives each key's own, in the order of the keys.
    numbers = unused_numbers(here, [kind.key for kind in kinds], drops)
    settings = config.load(engine.config)
    made = []
    for kind, number in zip(kinds, numbers, strict=True):
        made.append(Made(kind, number, await ordering.order(settings, number, LABEL, kind.method)))
    async with asyncio.timeout(LONGEST_S):
        while len(list(journal.receipts(engine.state_dir))) < drops:  # noqa: ASYNC110 (it is another process's file)
            await asyncio.sleep(0.5)
    return made


async def left_over(here: Site) -> int:
    """Channels and bridges in the PBX, once those that are about to end have had the time to."""
    async with AriClient(here.pbx_url, "voicedrop", conf.secret_file(here, "ari").read_text()) as ari:
        until = time.monotonic() + SETTLE_S
        while True:
            left = len(await ari.channels()) + len(await ari.bridges())
            if not left or time.monotonic() > until:
                return left
            await asyncio.sleep(0.1)


def is_mailbox(call: CarrierCall) -> bool:
    return any(name.split()[0] in ("voicemail", "record") for _, name in call.marks)


def heard_any(message: Audio, call: CarrierCall) -> bool:
    if not call.heard.is_file():
        return False
    found = judge(message, load(call.heard))
    return found.blocks_found > 0 or found.fragments > 0


async def is_whole(here: Site, message: Audio, calls: list[CarrierCall]) -> bool:
    """Does one of these calls' recordings hold the message, all of it?"""
    for call in calls:
        try:
            file = await recordings.kept(here, call, wait_s=5)
        except LabError:
            continue
        if judge(message, load(file)).whole:
            return True
    return False


async def judged(here: Site, engine: EngineProcess, made: list[Made], wall_s: float) -> dict[str, Any]:
    message = load(message_file(here, LABEL))
    receipts = list(journal.receipts(engine.state_dir))
    count, of = Counter(one["drop"] for one in receipts), {one["drop"]: one for one in receipts}
    humans = humans_heard = reachable = whole = doubtful = doubtful_played = others = others_heard = 0
    missed = []
    for one in made:
        calls = recordings.calls_to(here, one.number)
        no_boxes = [call for call in calls if call.at("answer") is not None and not is_mailbox(call)]
        boxes = [call for call in calls if is_mailbox(call)]
        heard = sum(heard_any(message, call) for call in no_boxes)
        if one.kind.key in NEITHER:
            others += len(no_boxes)
            others_heard += heard
        else:
            humans += len(no_boxes)
            humans_heard += heard
        if one.kind.key == DOUBTFUL:
            doubtful += 1
            doubtful_played += of[one.drop]["played_fraction"] > 0
        elif boxes and of[one.drop]["outcome"] != "not_connected":
            reachable += 1
            good = await is_whole(here, message, boxes)
            whole += good
            if not good:
                missed.append({"key": one.kind.key, "number": one.number, "drop": one.drop})
    return {
        "calls": len(made),
        "carrier_calls": sum(len(recordings.calls_to(here, one.number)) for one in made),
        "human_calls": humans,
        "humans_who_heard_message": humans_heard,
        "other_calls": others,
        "others_who_heard_message": others_heard,
        "reachable_mailboxes": reachable,
        "whole_messages": whole,
        "doubtful_mailboxes": doubtful,
        "doubtful_mailboxes_played_to": doubtful_played,
        "receipts": sum(count[one.drop] == 1 for one in made),
        "leftover_channels": await left_over(here),
        "outcomes": dict(sorted(Counter(one["outcome"] for one in receipts).items())),
        "not_whole": missed,
        "wall_s": round(wall_s, 1),
    }


async def bench(here: Site, engine: EngineProcess, drops: int) -> dict[str, Any]:
    began = time.monotonic()
    made = await make(here, engine, drops)
    return await judged(here, engine, made, time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    options = parser.parse_args()
    here = site()
    was_up = all(servers.pid_of(here, server) for server in conf.SERVERS)
    servers.up(here, print)
    folder = CHECKOUT / "var/bench/unattended"
    shutil.rmtree(folder, ignore_errors=True)
    changes = {**OPEN, "unattended": {"workers": options.at_once, "calls_per_second": 5.0}}
    engine = EngineProcess(folder, conf.engine_settings(here, state_dir=str(folder / "state"), **changes))
    engine.start()
    try:
        result = asyncio.run(bench(here, engine, options.calls))
    finally:
        engine.stop()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    if not was_up:
        servers.down(here)


if __name__ == "__main__":
    main()
