"""Drops over a bad network: `make bench-lossy`.

The carrier's RTP to the PBX goes through the lab's relay, which loses and delays packets (voicedrop/lab/impairment.py);
first a few drops with nothing lost, then the others with loss and jitter. Spread over the zoo's mailboxes, through
the ARI-bridged door. Writes var/bench/lossy.json, and what is known of each drop that went wrong to
var/bench/lossy-failures/.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.drop import beep_ended, beep_to_playback_ms, calls, spread, unix, unused_numbers
from voicedrop.errors import LabError
from voicedrop.lab import conf, recordings, servers, zoo
from voicedrop.lab.engine import EngineProcess
from voicedrop.lab.impairment import Impairment
from voicedrop.lab.judge import Delivery, judge, load
from voicedrop.lab.played import message_file
from voicedrop.lab.relay import RelayProcess
from voicedrop.lab.site import CHECKOUT, Site, site
from voicedrop.store import journal

OUT = CHECKOUT / "var/bench/lossy.json"
FAILURES = CHECKOUT / "var/bench/lossy-failures"
KEYS = ("mailbox", "slow-beep", "two-beeps", "no-beep", "quiet-beep")


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """One drop and what came of it."""

    number: str
    receipt: dict[str, Any]
    delivery: Delivery | None
    """None: the mailbox kept nothing."""

    @property
    def subscriber(self) -> str:
        return next(one.key for one in zoo.subscribers() if one.area == self.number[2:5])

    @property
    def whole(self) -> bool:
        return self.delivery is not None and self.delivery.whole

    @property
    def true(self) -> bool:
        """Does the receipt say what the mailbox's recording shows?"""
        return (self.receipt["outcome"] == "delivered") == self.whole


async def _delivery(here: Site, number: str) -> Delivery | None:
    try:
        file = await recordings.kept(here, recordings.calls_to(here, number)[-1])
    except LabError:
        return None
    return judge(load(message_file(here, "short")), load(file))


def _beep_end_error_ms(here: Site, drop: Dropped) -> float | None:
    """By how much the receipt has the beep end later than the carrier's mark; None: it knows of no beep."""
    truth = beep_ended(recordings.calls_to(here, drop.number)[-1])
    if truth is None or drop.receipt["beep"] is None:
        return None
    told = unix(drop.receipt["answered"]) + drop.receipt["beep"]["ended_ms_since_answer"] / 1000
    return (told - truth) * 1000


def _taps(log: Path) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in log.read_text(errors="replace").splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("event") == "tap_closed"]


def _keep_failures(here: Site, drops: list[Dropped], name: str) -> None:
    for drop in drops:
        if drop.whole and drop.true:
            continue
        folder = FAILURES / f"{name}-{drop.subscriber}-{drop.number}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "receipt.json").write_text(json.dumps(drop.receipt, indent=2))
        call = recordings.calls_to(here, drop.number)[-1]
        for file in call.base.parent.glob(f"{call.base.name}-*"):
            shutil.copy(file, folder)


def _figures(here: Site, drops: list[Dropped], relayed: dict[str, int], taps: list[dict[str, Any]]) -> dict[str, Any]:
    times = [drop.receipt["asterisk_times"] for drop in drops]
    followed = [beep_to_playback_ms(here, d.receipt, d.number) for d in drops if d.receipt["cue"] == "beep"]
    errors = [_beep_end_error_ms(here, drop) for drop in drops]
    return {
        "drops": len(drops),
        "whole": sum(drop.whole for drop in drops),
        "receipts_true": sum(drop.true for drop in drops),
        "outcomes": dict(Counter(drop.receipt["outcome"] for drop in drops)),
        "subscribers": {
            key: {
                "drops": len(own),
                "whole": sum(drop.whole for drop in own),
                "cues": dict(Counter(str(drop.receipt["cue"]) for drop in own)),
            }
            for key in KEYS
            if (own := [drop for drop in drops if drop.subscriber == key])
        },
        "agent_freed_ms": spread([(unix(t["agent_free"]) - unix(t["code"])) * 1000 for t in times]),
        "beep_end_to_playback_ms": spread([one for one in followed if one is not None]),
        "beep_end_error_ms": spread([one for one in errors if one is not None]),
        "dead_air_ms": spread([drop.delivery.dead_air_ms for drop in drops if drop.delivery is not None]),
        "relay": relayed,
        "tap": {
            "frames": sum(tap["frames"] for tap in taps),
            "silent_frames": sum(tap["silent_frames"] for tap in taps),
            "longest_gap_ms": spread([tap["longest_gap_ms"] for tap in taps]),
            "behind_ms": spread([tap["behind_ms"] for tap in taps]),
        },
    }


def _run(here: Site, name: str, count: int, impairment: Impairment, options: argparse.Namespace) -> dict[str, Any]:
    folder = CHECKOUT / f"var/bench/engine-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    settings = conf.engine_settings(
        here,
        state_dir=str(folder / "state"),
        dial={"endpoint": f"PJSIP/{{number}}@{options.trunk}"},
        log={"level": "debug", "format": "json"},
    )
    engine, relay = EngineProcess(folder, settings), RelayProcess(impairment)
    numbers = unused_numbers(here, KEYS, count)
    relay.start()
    try:
        engine.start()
        try:
            asyncio.run(calls(here, numbers, options.at_once))
        finally:
            engine.stop()
    finally:
        relayed = relay.stop()
    receipts = {one["number"]: one for one in journal.receipts(engine.state_dir)}
    drops = [
        Dropped(number=number, receipt=receipts[number], delivery=asyncio.run(_delivery(here, number)))
        for number in numbers
    ]
    _keep_failures(here, drops, name)
    return _figures(here, drops, relayed, _taps(engine.log))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drops", type=int, default=100, help="with loss and jitter")
    parser.add_argument("--clear", type=int, default=25, help="with neither, before them")
    parser.add_argument("--at-once", type=int, default=5)
    parser.add_argument("--loss", type=float, default=5.0, help="per cent")
    parser.add_argument("--jitter-ms", type=float, default=30.0)
    parser.add_argument("--in-order", action="store_true", help="no packet overtakes another")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trunk", default="carrier-lossy", help="or carrier-lossy-buffered")
    options = parser.parse_args()
    here = site()
    was_up = all(servers.pid_of(here, server) for server in conf.SERVERS)
    servers.up(here, print)
    shutil.rmtree(FAILURES, ignore_errors=True)
    bad = Impairment(loss=options.loss / 100, jitter_ms=options.jitter_ms, in_order=options.in_order, seed=options.seed)
    shown = ("loss", "jitter_ms", "in_order", "seed", "trunk", "at_once")
    result: dict[str, Any] = {key: getattr(options, key) for key in shown}
    for name, count, impairment in (("clear", options.clear, Impairment()), ("lossy", options.drops, bad)):
        if count:
            result[name] = _run(here, name, count, impairment, options)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    if not was_up:
        servers.down(here)


if __name__ == "__main__":
    main()
