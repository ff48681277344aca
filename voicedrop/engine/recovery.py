"""At start: find what an earlier run of this node left in Asterisk, and finish it or hang it up.

The journal knows the drops that were accepted and have no receipt; Asterisk knows which legs and
playbacks are still there; an agent's call that is still joined is taken over as it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from voicedrop.call import events as ev
from voicedrop.call.hearing import Hearing
from voicedrop.engine.bridged import BridgedCall
from voicedrop.engine.drop import DropRunner
from voicedrop.engine.record import message_of
from voicedrop.engine.ringing import CALL_VARIABLE
from voicedrop.engine.services import AGENT_APP, DROP_APP, UNATTENDED, quietly
from voicedrop.errors import AriError
from voicedrop.model import Message, prefix
from voicedrop.store import journal
from voicedrop.store.receipt import Particulars

if TYPE_CHECKING:
    from voicedrop.engine.engine import Engine

log = structlog.get_logger(__name__)


async def recover(engine: Engine) -> None:
    """Adopt drops and calls of the last run, and end what is left of it.

    Everything is read first and cleared away next: what is adopted then makes new objects, which are nobody's
    left-overs. A run of this that failed half-way is repeated; what was adopted already stays as it is.
    """
    services, ari = engine.services, engine.services.ari
    mine = prefix(services.settings.node)
    channels = {str(c["id"]): c for c in await ari.channels()}
    bridges = [bridge for bridge in await ari.bridges() if str(bridge["id"]).startswith(mine)]
    drops = [e for e in journal.unfinished(services.settings.state_dir) if e["drop"] not in engine.drops]
    legs = {str(entry["channel"]) for entry in drops} | {d.what.channel for d in engine.drops.values()}
    calls = {}
    for bridge in bridges:
        call_id, _, role = str(bridge["id"]).removeprefix(mine).partition(".")
        if role == "bridge" and call_id not in engine.calls and f"{mine}{call_id}.callee" not in legs:
            calls[call_id] = bridge
    kept = legs | {f"{mine}{call_id}.{role}" for call_id in (*calls, *engine.calls) for role in ("callee", "bridge")}
    busy = tuple(f"{mine}{call_id}." for call_id in (*engine.drops, *engine.calls))
    for channel in channels:
        if channel.startswith(mine) and channel not in kept and not channel.startswith(busy):
            await quietly(ari.hang_up(channel))
    for bridge in bridges:
        members = [str(member) for member in bridge.get("channels", [])]
        if str(bridge["id"]) not in kept and not str(bridge["id"]).startswith(busy):
            for member in members:
                if not member.startswith(mine):  # an agent whose code was taken: he was to be freed
                    await quietly(ari.hang_up(member))
            await quietly(ari.destroy_bridge(str(bridge["id"])))
    for entry in drops:
        await _adopt_drop(engine, entry, channels.get(str(entry["channel"])))
    taken = set(kept)
    for call_id, bridge in calls.items():
        taken |= await _adopt_call(engine, call_id, bridge, channels)
    await _let_go(engine, channels, taken)


async def _let_go(engine: Engine, channels: dict[str, dict[str, Any]], taken: set[str]) -> None:
    """Channels that entered our applications and got no further: the dialplan has them again."""
    ari = engine.services.ari
    for channel_id, channel in channels.items():
        place = channel.get("dialplan", {})
        if channel_id in taken or channel_id.startswith("vd.") or place.get("app_name") != "Stasis":
            continue
        app, *args = str(place.get("app_data", "")).split(",")
        if app == DROP_APP:
            engine.let_go.add(channel_id)
            await quietly(ari.continue_dialplan(channel_id, context="voicedrop-finish", extension="s", priority=1))
        elif app == AGENT_APP and args[:1] == ["dial"]:
            engine.let_go.add(channel_id)
            await quietly(ari.continue_dialplan(channel_id, label="plain"))


async def _adopt_drop(engine: Engine, entry: dict[str, Any], channel: dict[str, Any] | None) -> None:
    services, ari = engine.services, engine.services.ari
    message = await asyncio.to_thread(_still_there, entry)
    accepted_at = services.clock.monotonic_of(datetime.fromisoformat(entry["at"]))
    drop = DropRunner(
        services,
        Particulars(
            drop=str(entry["drop"]),
            node=services.settings.node,
            door=str(entry["door"]),
            channel=str(entry["channel"]),
            slot=int(entry["slot"]),
            agent=str(entry["agent"]),
            number=str(entry["number"]),
            caller_id=str(entry.get("caller_id", "")),
            ref=str(entry["ref"]),
            method=str(entry.get("method", "")),
            placed={str(leg): str(at) for leg, at in entry["placed"].items()},
            policy=policy if isinstance(policy := entry.get("policy"), dict) else None,
        ),
        message or _lost_message(entry),
        tap=None,
        hearing=Hearing(whole=False),
        accepted_at=accepted_at,
        # It may have been answered after it was accepted.
        answered_at=accepted_at if entry["answered"] or (channel or {}).get("state") == "Up" else None,
        vouched=entry["door"] != UNATTENDED,
    )
    if entry["door"] == UNATTENDED and not entry["playing"] and channel is not None:
        # Nobody knows what was said meanwhile, and who listens. It is resolved, and never made again.
        await quietly(ari.hang_up(drop.what.channel))
        await drop.write_off("the engine ended in the middle of the call")
        return
    if channel is None or message is None:
        if channel is not None:
            await quietly(ari.hang_up(drop.what.channel))
        played = " after its message had begun to play" if entry["playing"] else ""
        await drop.write_off(
            f"the leg ended{played} while the engine was away"
            if channel is None
            else "its message was changed or removed while the engine was away"
        )
        return
    playing = entry["playing"]
    log.info("drop_adopted", drop=drop.what.drop, playing=bool(playing))
    # The leg's variables and its time limit stand as they were; setting one would wait for the playback.
    for app in (AGENT_APP, DROP_APP):
        await quietly(ari.subscribe(app, f"channel:{drop.what.channel}"))
    drop.take_over()
    drop.post(ev.Arrived())
    if playing is not None:
        began_at = services.clock.monotonic_of(datetime.fromisoformat(playing["at"]))
        await drop.resume(str(playing["playback"]), began_at, started="started" in playing)
    await engine.start_drop(drop)


async def _adopt_call(
    engine: Engine, call_id: str, bridge: dict[str, Any], channels: dict[str, dict[str, Any]]
) -> set[str]:
    """An agent's call whose two legs are still joined; the channels that belong to it now."""
    services, ari = engine.services, engine.services.ari
    callee_id = f"{prefix(services.settings.node)}{call_id}.callee"
    members = [str(member) for member in bridge.get("channels", [])]
    agents = [member for member in members if member != callee_id and member in channels]
    if callee_id not in members or callee_id not in channels or not agents:
        for leg in (callee_id, *agents):
            await quietly(ari.hang_up(leg))
        await quietly(ari.destroy_bridge(str(bridge["id"])))
        return set(agents)
    try:
        whose = json.loads(await ari.get_variable(callee_id, CALL_VARIABLE) or "{}")
    except AriError:
        whose = {}
    call = BridgedCall(
        services,
        agent_channel=agents[0],
        agent=whose.get("agent", ""),
        number=whose.get("number", ""),
        ref=whose.get("ref", ""),
        start_drop=engine.start_drop,
        asker=engine.asker,
        call_id=call_id,
    )
    log.info("call_adopted", call=call_id)
    call.adopt(answered=channels[callee_id].get("state") == "Up")
    for channel in (agents[0], callee_id):
        await quietly(ari.subscribe(AGENT_APP, f"channel:{channel}"))
    await quietly(ari.subscribe(AGENT_APP, f"bridge:{bridge['id']}"))
    engine.spawn_call(call)
    return {callee_id, *agents}


def _still_there(entry: dict[str, Any]) -> Message | None:
    """The message of an accepted drop, unless its file is another now, or none. Blocks."""
    try:
        message = message_of(entry)
        same = hashlib.sha256(message.file.read_bytes()).hexdigest() == message.sha256
    except (OSError, KeyError, TypeError, ValueError):
        return None
    return message if same else None


def _lost_message(entry: dict[str, Any]) -> Message:
    try:
        return message_of(entry)
    except (KeyError, TypeError, ValueError):
        return Message(slot=int(entry["slot"]), label="", file=Path(), media="", duration_s=1.0, sha256="")
