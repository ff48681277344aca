"""Asterisk's events, typed. What the engine does not use is not parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AriEvent:
    """`about` names the objects it concerns, most important first; `stamp` is Asterisk's own time."""

    about: tuple[str, ...]
    stamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StasisStart(AriEvent):
    app: str
    args: tuple[str, ...]
    channel: Mapping[str, Any]
    replaces: str
    """The channel whose place this one takes (a transfer); empty otherwise."""

    @property
    def channel_id(self) -> str:
        return str(self.channel["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class StasisEnd(AriEvent):
    app: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState(AriEvent):
    """`state` is Down, Ringing, Up and so on."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DialProgress(AriEvent):
    """`status` is empty, RINGING, PROGRESS, ANSWER, BUSY and so on."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangupRequest(AriEvent):
    """The far end, or Asterisk itself, asks for the end. `soft` is set when Asterisk's side asked."""

    cause: int
    soft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDestroyed(AriEvent):
    """`cause` is Q.850's number; `tech_cause` the SIP status, 0 when there was none."""

    cause: int
    tech_cause: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfReceived(AriEvent):
    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackState(AriEvent):
    """`state` is playing, done or failed."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFailed(AriEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class AppReplaced(AriEvent):
    """Another connection has taken the application over."""

    app: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeGone(AriEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBridge(AriEvent):
    bridge_id: str


def parse(raw: Mapping[str, Any]) -> AriEvent | None:
    """The typed event; None for one that the engine has no use for."""
    stamp = str(raw.get("timestamp", ""))
    channel = raw.get("channel") or {}
    about = (str(channel["id"]),) if channel else ()
    match raw.get("type"):
        case "StasisStart":
            replaced = str((raw.get("replace_channel") or {}).get("id", ""))
            return StasisStart(
                about=(*about, replaced) if replaced else about,
                stamp=stamp,
                app=raw["application"],
                args=tuple(str(a) for a in raw.get("args", ())),
                channel=channel,
                replaces=replaced,
            )
        case "StasisEnd":
            return StasisEnd(about=about, stamp=stamp, app=raw["application"])
        case "ChannelStateChange":
            return ChannelState(about=about, stamp=stamp, state=str(channel.get("state", "")))
        case "Dial":
            return DialProgress(about=(str(raw["peer"]["id"]),), stamp=stamp, status=str(raw.get("dialstatus", "")))
        case "ChannelHangupRequest":
            return HangupRequest(
                about=about, stamp=stamp, cause=int(raw.get("cause", 0)), soft=bool(raw.get("soft", False))
            )
        case "ChannelDestroyed":
            return ChannelDestroyed(
                about=about,
                stamp=stamp,
                cause=int(raw.get("cause", 0)),
                tech_cause=int(raw.get("tech_cause", 0) or 0),
            )
        case "ChannelDtmfReceived":
            return DtmfReceived(about=about, stamp=stamp, digit=str(raw["digit"]))
        case "PlaybackStarted" | "PlaybackFinished":
            playback = raw["playback"]
            return PlaybackState(about=(str(playback["id"]),), stamp=stamp, state=str(playback["state"]))
        case "ApplicationMoveFailed":
            return MoveFailed(about=about, stamp=stamp)
        case "ApplicationReplaced":
            return AppReplaced(about=(), stamp=stamp, app=str(raw.get("application", "")))
        case "BridgeDestroyed":
            return BridgeGone(about=(str(raw["bridge"]["id"]),), stamp=stamp)
        case "ChannelLeftBridge":
            return LeftBridge(about=about, stamp=stamp, bridge_id=str(raw["bridge"]["id"]))
    return None
