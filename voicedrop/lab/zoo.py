"""The zoo: the carrier's subscribers, read from docker/zoo.yaml, and the dialplan made from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from voicedrop.errors import LabError
from voicedrop.lab.site import CHECKOUT

ZOO_FILE = CHECKOUT / "docker" / "zoo.yaml"
SOUNDS = "/lab/carrier/sounds/zoo"


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """A kind of subscriber, which owns a hundred numbers."""

    key: str
    area: str
    about: str
    steps: tuple[str, ...]
    taken: tuple[str, ...]
    """What a call gets while another holds the same number's line; empty: there is room for any number of calls."""
    drop: Mapping[str, Any]

    def number(self, index: int) -> str:
        """The `index`-th of its numbers, 0 to 99."""
        if not 0 <= index <= 99:
            raise LabError(f"{self.key} has the numbers 0 to 99, not {index}")
        return f"+1{self.area}55501{index:02d}"

    @property
    def pattern(self) -> str:
        return f"_+1{self.area}55501XX"

    @property
    def records(self) -> bool:
        return not {"record", "voicemail"}.isdisjoint((*self.steps, *self.taken))

    @property
    def uses_voicemail(self) -> bool:
        return "voicemail" in (*self.steps, *self.taken)


@cache
def _table() -> dict[str, Any]:
    with ZOO_FILE.open() as file:
        return dict(yaml.safe_load(file))


def sounds() -> dict[str, dict[str, Any]]:
    """Each sound's recipe, by name."""
    return dict(_table()["sounds"])


def subscribers() -> tuple[Subscriber, ...]:
    return tuple(
        Subscriber(
            key=row["key"],
            area=str(row["area"]),
            about=row["about"],
            steps=tuple(str(step) for step in row["steps"]),
            taken=tuple(str(step) for step in row.get("taken", ())),
            drop=row["drop"],
        )
        for row in _table()["subscribers"]
    )


def subscriber(key: str) -> Subscriber:
    for one in subscribers():
        if one.key == key:
            return one
    raise LabError(f"the zoo has no {key!r}: it has {', '.join(s.key for s in subscribers())}")


def dialplan() -> str:
    """The carrier's context [zoo], one extension pattern a subscriber."""
    return "\n\n".join("\n".join(_extension(one)) for one in subscribers())


def mailboxes() -> str:
    """voicemail.conf's boxes: one for each number of the subscribers that use app_voicemail."""
    return "\n".join(f"{number[1:]} => 0000,Zoo" for number in voicemail_numbers())


def voicemail_numbers() -> Iterator[str]:
    for one in subscribers():
        if one.uses_voicemail:
            yield from (one.number(index) for index in range(100))


def _extension(one: Subscriber) -> Iterator[str]:
    yield f"; {one.key}: {one.about}"
    yield f"exten => {one.pattern},1,Gosub(zoo-begin,s,1(${{EXTEN}}))"
    if one.taken:
        yield ' same => n,GotoIf($["${TAKEN}" = "1"]?taken)'
    yield from _steps(one.steps)
    if one.taken:
        yield " same => n(taken),Gosub(zoo-mark,s,1(taken))"
        yield from _steps(one.taken)


def _steps(steps: tuple[str, ...]) -> Iterator[str]:
    for step in steps:
        for application in _applications(step):
            yield f" same => n,{application}"
    yield " same => n,Hangup()"


def _applications(step: str) -> list[str]:
    word, _, value = step.partition(" ")
    mark = f"Gosub(zoo-mark,s,1({step}))"
    match word:
        case "ring":
            return ["Ringing()", mark, f"Wait({value})"]
        case "progress":
            return ["Progress()", mark]
        case "answer":
            return ["Gosub(zoo-answer,s,1)"]
        case "play":
            return [mark, f"Playback({SOUNDS}/{value},noanswer)", f"Gosub(zoo-mark,s,1(end-{step}))"]
        case "tone":
            name, _, seconds = value.partition(" ")
            return [mark, f"PlayTones({name})", f"Wait({seconds})", "StopPlayTones()"]
        case "wait":
            return [f"Wait({value})"]
        case "press":
            return [mark, f"SendDTMF({value})"]
        case "record":
            return [mark, "Record(${CALL}-kept.wav,0,180,kq)"]
        case "voicemail":
            return [mark, "VoiceMail(${EXTEN:1}@zoo,us)"]
        case "hangup":
            return [mark, f"Hangup({value})"]
    raise LabError(f"docker/zoo.yaml: {step!r} is no step")
