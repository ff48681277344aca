"""Asterisk's events, typed.

`ari_events.json` was recorded from an Asterisk 22.10.1 with Local channels. What such a call does not give (a SIP
status, a replaced channel, a bridge's end) is added here to recorded events, as ARI's models say.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from voicedrop.ari import events
from voicedrop.ari.events import parse

RECORDED: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "ari_events.json").read_text())
X, Y, Z = "vd.n1.x.callee", "vd.n1.y.callee", "vd.n1.z.callee"


def stamp(name: str) -> str:
    return str(RECORDED[name]["timestamp"])


def channel(name: str) -> dict[str, Any]:
    return dict(RECORDED[name]["channel"])


EXPECTED = {
    "entered_from_create": lambda name: events.StasisStart(
        about=(X,), stamp=stamp(name), app="capture", args=("callee",), channel=channel(name), replaces=""
    ),
    "entered_from_dialplan": lambda name: events.StasisStart(
        about=("agent.1;2",),
        stamp=stamp(name),
        app="capture",
        args=("dial", "+12025550123"),
        channel=channel(name),
        replaces="",
    ),
    "entered_by_move": lambda name: events.StasisStart(
        about=(Y,), stamp=stamp(name), app="capture-drop", args=("drop", "y"), channel=channel(name), replaces=""
    ),
    "dial_begun": lambda name: events.DialProgress(about=(X,), stamp=stamp(name), status=""),
    "dial_ringing": lambda name: events.DialProgress(about=(X,), stamp=stamp(name), status="RINGING"),
    "dial_progress": lambda name: events.DialProgress(about=(X,), stamp=stamp(name), status="PROGRESS"),
    "dial_answered": lambda name: events.DialProgress(about=(X,), stamp=stamp(name), status="ANSWER"),
    "callee_up": lambda name: events.ChannelState(about=(X,), stamp=stamp(name), state="Up"),
    "left_bridge": lambda name: events.LeftBridge(about=(X,), stamp=stamp(name), bridge_id="vd.n1.x.bridge"),
    "hangup_request": lambda name: events.HangupRequest(about=(X,), stamp=stamp(name), cause=16, soft=False),
    "soft_hangup_request": lambda name: events.HangupRequest(about=(Y,), stamp=stamp(name), cause=32, soft=True),
    "stasis_end": lambda name: events.StasisEnd(about=(X,), stamp=stamp(name), app="capture"),
    "stasis_end_by_move": lambda name: events.StasisEnd(about=(Y,), stamp=stamp(name), app="capture"),
    "destroyed": lambda name: events.ChannelDestroyed(about=(X,), stamp=stamp(name), cause=16, tech_cause=0),
    "destroyed_busy": lambda name: events.ChannelDestroyed(about=(Z,), stamp=stamp(name), cause=17, tech_cause=0),
    "move_failed": lambda name: events.MoveFailed(about=(Y,), stamp=stamp(name)),
    "playback_started": lambda name: events.PlaybackState(about=("vd.n1.y.play1",), stamp=stamp(name), state="playing"),
    "playback_done": lambda name: events.PlaybackState(about=("vd.n1.y.play1",), stamp=stamp(name), state="done"),
    "playback_failed": lambda name: events.PlaybackState(about=("vd.n1.y.play2",), stamp=stamp(name), state="failed"),
    "digit": lambda name: events.DtmfReceived(about=(Y,), stamp=stamp(name), digit="5"),
    "replaced": lambda name: events.AppReplaced(about=(), stamp=stamp(name), app="capture"),
    "dialplan_step": lambda _: None,
    "variable_set": lambda _: None,
    "entered_bridge": lambda _: None,
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_event_is_understood(name: str) -> None:
    assert parse(RECORDED[name]) == EXPECTED[name](name)


def test_every_recorded_event_is_expected() -> None:
    assert set(RECORDED) == set(EXPECTED)


def test_a_stamp_can_be_read() -> None:
    from datetime import datetime

    event = parse(RECORDED["callee_up"])
    assert event is not None
    assert datetime.fromisoformat(event.stamp).utcoffset() is not None


def test_a_sip_leg_tells_its_status() -> None:
    event = parse({**RECORDED["destroyed_busy"], "tech_cause": 486})
    assert isinstance(event, events.ChannelDestroyed)
    assert (event.cause, event.tech_cause) == (17, 486)


def test_a_channel_that_replaces_another_is_about_both() -> None:
    raw = {**RECORDED["entered_from_create"], "replace_channel": {**channel("entered_from_create"), "id": "old.7"}}
    event = parse(raw)
    assert isinstance(event, events.StasisStart)
    assert event.replaces == "old.7"
    assert event.about == (X, "old.7")
    assert event.channel_id == X


def test_the_end_of_a_bridge_is_about_the_bridge() -> None:
    raw = {**RECORDED["left_bridge"], "type": "BridgeDestroyed"}
    del raw["channel"]
    assert parse(raw) == events.BridgeGone(about=("vd.n1.x.bridge",), stamp=stamp("left_bridge"))


@pytest.mark.parametrize("raw", [{}, {"type": "DeviceStateChanged"}, {"type": None, "channel": None}])
def test_what_is_of_no_use_is_passed_over(raw: dict[str, Any]) -> None:
    assert parse(raw) is None
