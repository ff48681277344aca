"""`make demo`: one agent's call to a mailbox, the code pressed, and the proof from the mailbox's recording."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from voicedrop.errors import LabError
from voicedrop.lab import conf, recordings, servers, zoo
from voicedrop.lab.engine import EngineProcess
from voicedrop.lab.judge import Delivery, judge, load
from voicedrop.lab.phone import exchange
from voicedrop.lab.played import message_file
from voicedrop.lab.recordings import CarrierCall
from voicedrop.lab.report import Mark, print_timeline, write_json, write_picture
from voicedrop.lab.site import CHECKOUT, Site
from voicedrop.store import journal

VAR = CHECKOUT / "var"
ANSWER_WAIT_S = 20.0
CALL_WAIT_S = 90.0
POLL_S = 0.02

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What one call of the lab came to. `delivery` is None when the mailbox kept nothing."""

    receipt: dict[str, Any]
    call: CarrierCall
    kept: Path | None
    delivery: Delivery | None

    @property
    def agent_freed_ms(self) -> float | None:
        """From the code's last digit, by Asterisk's own times."""
        times = self.receipt["asterisk_times"]
        if "code" not in times or "agent_free" not in times:
            return None
        return round((_unix(times["agent_free"]) - _unix(times["code"])) * 1000, 1)


def demo(site: Site, say: Say) -> bool:
    """The whole thing once; True when the mailbox holds the whole message."""
    was_up = all(servers.pid_of(site, server) for server in conf.SERVERS)
    servers.up(site, say)
    try:
        shown = asyncio.run(one_call(site, "mailbox", 1, "1001", say))
    finally:
        if not was_up:
            servers.down(site)
    return report(shown, Console())


async def one_call(site: Site, subscriber: str, slot: int, agent: str, say: Say) -> Shown:
    """An agent's call to a subscriber of the zoo with the code pressed a second into the greeting.

    Raises:
        LabError: the call did not come about, or left no receipt.
    """
    folder = VAR / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    settings = conf.engine_settings(site, state_dir=str(folder / "state"))
    engine = EngineProcess(folder, settings)
    number = _unused_number(site, subscriber)
    say("starting the engine")
    await asyncio.to_thread(engine.start)
    try:
        async with exchange(site) as telephones:
            say(f"agent {agent} dials {number}: {zoo.subscriber(subscriber).about}")
            telephone = await telephones.dial(agent, number)
            try:
                async with asyncio.timeout(ANSWER_WAIT_S):
                    await telephone.answered.wait()
                    await recordings.reached(site, number, "answer")
            except TimeoutError as error:
                raise LabError(f"{number} did not answer: look at {engine.log}") from error
            await telephone.talk()
            await asyncio.sleep(1)  # the agent hears that it is a mailbox
            say(f"the agent presses *9{slot}")
            await telephone.press(f"*9{slot}")
            call = await recordings.ended_call(site, number, wait_s=CALL_WAIT_S)
        receipt = await _receipt(engine, number)
    finally:
        await asyncio.to_thread(engine.stop)
    say("the call has ended; holding the mailbox's recording against the message")
    if not zoo.subscriber(subscriber).records:
        return Shown(receipt=receipt, call=call, kept=None, delivery=None)
    kept = await recordings.kept(site, call)
    message = load(message_file(site, receipt["message"]["label"]))
    return Shown(receipt=receipt, call=call, kept=kept, delivery=judge(message, load(kept)))


def report(shown: Shown, console: Console) -> bool:
    """Print the report, draw the picture, write the JSON; True when the whole message was left."""
    receipt, beep = shown.receipt, shown.receipt["beep"]
    marks = timeline(shown)
    facts = {
        "outcome": receipt["outcome"],
        "agent_freed_ms": shown.agent_freed_ms,
        "beep_hz": beep["frequencies_hz"][0] if beep else None,
        "beep_end_to_playback_ms": receipt["beep_end_to_playback_ms"],
        "dead_air_ms": shown.delivery.dead_air_ms if shown.delivery else None,
    }
    print_timeline(console, marks, shown.delivery, facts)
    picture = VAR / "demo.png"
    # The carrier records from when its Answer() has seen media, a little behind the answer itself.
    late = max(0.0, (shown.call.at("answer") or 0.0) - _unix(receipt["answered"]))
    said = np.concatenate([np.zeros(int(late * 8000)), load(shown.call.said)])
    kept = load(shown.kept) if shown.kept else None
    kept_offset = (beep["ended_ms_since_answer"] if beep else 0.0) if kept is not None else 0.0
    write_picture(picture, said, marks, f"{shown.call.number}: what it sent", kept=kept, kept_offset_ms=kept_offset)
    whole = shown.delivery is not None and shown.delivery.whole
    write_json(
        VAR / "demo-report.json",
        **facts,
        delivered_fraction=shown.delivery.delivered_fraction if shown.delivery else 0.0,
        timeline=marks,
        whole=whole,
        missing_head_ms=shown.delivery.missing_head_ms if shown.delivery else None,
        missing_tail_ms=shown.delivery.missing_tail_ms if shown.delivery else None,
        recording=str(shown.kept),
        receipt=receipt,
    )
    console.print(f"picture  {picture}\nreport   {VAR / 'demo-report.json'}\nkept     {shown.kept}", highlight=False)
    return whole


def timeline(shown: Shown) -> list[Mark]:
    """The call's course in milliseconds since the answer, from the receipt and the carrier's marks."""
    receipt, call = shown.receipt, shown.call
    answer = _unix(receipt["answered"])
    steps = {step["name"]: _unix(step["at"]) for step in receipt["steps"]}
    beep, times = receipt["beep"], receipt["asterisk_times"]
    found: list[tuple[str, float | None, str]] = [
        ("answer", answer, "the mailbox picks up"),
        ("greeting", call.at("voicemail") or call.at("play"), "the mailbox speaks"),
        ("code", _stamp(times, "code"), f"the agent presses the code of slot {receipt['message']['slot']}"),
        ("agent free", _stamp(times, "agent_free"), "and can dial again"),
        ("message start", _stamp(times, "message_start"), receipt["message"]["label"]),
        ("message end", steps.get("message_end"), ""),
        ("hang-up", _unix(receipt["ended"]), f"by the {receipt['hung_up_by']}"),
    ]
    if beep:
        ended = answer + beep["ended_ms_since_answer"] / 1000
        hz = " and ".join(f"{hz:.0f}" for hz in beep["frequencies_hz"])
        note = f"{hz} Hz, {beep['length_ms']:.0f} ms, {beep['level_dbfs']:.0f} dBFS"
        found.append(("beep", ended - beep["length_ms"] / 1000, note))
        found.append(("beep end", ended, ""))
    marks = [
        Mark(name=name, at_ms=round((at - answer) * 1000, 1), note=note) for name, at, note in found if at is not None
    ]
    return sorted(marks, key=lambda mark: mark.at_ms)


def _unused_number(site: Site, subscriber: str) -> str:
    one = zoo.subscriber(subscriber)
    used = {call.number for call in recordings.calls(site)}
    number = next((n for n in map(one.number, itertools.islice(itertools.count(), 100)) if n not in used), None)
    if number is None:
        raise LabError(f"all 100 numbers of {subscriber} were called: `voicedrop lab down` and up again clears them")
    return number


async def _receipt(engine: EngineProcess, number: str) -> dict[str, Any]:
    async with asyncio.timeout(ANSWER_WAIT_S):
        while True:
            for one in journal.receipts(engine.state_dir):
                if one["number"] == number:
                    return one
            await asyncio.sleep(POLL_S)


def _stamp(times: dict[str, str], name: str) -> float | None:
    return _unix(times[name]) if name in times else None


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
