"""What the carrier kept of each call: the marks of its course, what it heard and what a mailbox kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voicedrop.errors import LabError
from voicedrop.lab.site import Site

WAIT_S = 20.0
POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class CarrierCall:
    """One call to a subscriber, as the carrier's dialplan wrote it down. Times are Unix seconds."""

    base: Path
    number: str
    channel: str
    sip_call_id: str
    caller_id: str
    marks: tuple[tuple[float, str], ...]

    def at(self, mark: str) -> float | None:
        """When a mark was first made: "answer", "play NAME", "end-play NAME", "record", "end"."""
        return next((time for time, name in self.marks if name == mark or name.split()[0] == mark), None)

    @property
    def ended(self) -> bool:
        return self.at("end") is not None

    @property
    def heard(self) -> Path:
        """What the subscriber heard, from its answer on."""
        return self.base.with_name(self.base.name + "-rx.wav")

    @property
    def said(self) -> Path:
        """What the subscriber sent, from its answer on."""
        return self.base.with_name(self.base.name + "-tx.wav")


def calls(site: Site) -> list[CarrierCall]:
    """Every call so far, oldest first."""
    found = [call for call in map(_read, (site.lab / "carrier/calls").glob("*-marks")) if call is not None]
    return sorted(found, key=lambda call: call.marks[0][0])


def calls_to(site: Site, number: str) -> list[CarrierCall]:
    return [call for call in calls(site) if call.number == number]


async def ended_call(site: Site, number: str, *, after: float = 0.0, wait_s: float = WAIT_S) -> CarrierCall:
    """The last call to `number` that began after `after`, once it has ended.

    Raises:
        LabError: there is none within `wait_s`.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while loop.time() < until:
        found = [call for call in calls_to(site, number) if call.marks[0][0] >= after]
        if found and found[-1].ended:
            return found[-1]
        await asyncio.sleep(POLL_S)
    raise LabError(f"no call to {number} ended within {wait_s:.0f} s")


async def reached(site: Site, number: str, mark: str) -> float:
    """Wait, without end, until the last call to `number` has come to `mark`; when it did (Unix seconds)."""
    while True:
        found = calls_to(site, number)
        at = found[-1].at(mark) if found else None
        if at is not None:
            return at
        await asyncio.sleep(POLL_S)


async def kept(site: Site, call: CarrierCall, *, wait_s: float = WAIT_S) -> Path:
    """The recording that a mailbox kept of a call, once it is written.

    Raises:
        LabError: it kept none.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    while loop.time() < until:
        found = next(_kept_files(site, call), None)
        if found is not None:
            return found
        await asyncio.sleep(POLL_S)
    raise LabError(f"the mailbox of {call.number} kept nothing")


def digits_heard(site: Site, call: CarrierCall) -> str:
    """The DTMF digits that the subscriber heard in this call."""
    log = site.lab / "carrier/log/dtmf"
    pattern = re.compile(r"DTMF end '(.)' received on " + re.escape(call.channel) + r"\b")
    return "".join(pattern.findall(log.read_text(errors="replace"))) if log.is_file() else ""


def _kept_files(site: Site, call: CarrierCall) -> Iterator[Path]:
    own = call.base.with_name(call.base.name + "-kept.wav")
    if own.is_file() and call.ended:
        yield own
    # app_voicemail writes the text file last, with the channel that left the message.
    box = site.lab / "carrier/spool/voicemail/zoo" / call.number[1:] / "INBOX"
    for text in box.glob("msg*.txt"):
        if f"callerchan={call.channel}\n" in text.read_text(errors="replace"):
            yield text.with_suffix(".wav")


def _read(file: Path) -> CarrierCall | None:
    marks = []
    for line in file.read_text().splitlines():
        time, _, name = line.partition(" ")
        marks.append((float(time), name))
    if not marks or not marks[0][1].startswith("call "):
        return None
    _, number, channel, sip_call_id, *caller = marks[0][1].split(" ")
    return CarrierCall(
        base=file.with_name(file.name.removesuffix("-marks")),
        number=number,
        channel=channel,
        sip_call_id=sip_call_id,
        caller_id=caller[0] if caller else "",
        marks=tuple(marks),
    )
