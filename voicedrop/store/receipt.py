"""The receipt: the record of one drop, as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dsp
from voicedrop.call.facts import DropFacts
from voicedrop.model import Message

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Clock:
    """Turns the engine's monotonic seconds into UTC. `wall` is the Unix time at `monotonic`."""

    wall: float
    monotonic: float

    def utc_of(self, at: float) -> datetime:
        return datetime.fromtimestamp(self.wall + at - self.monotonic, UTC)

    def utc(self, at: float | None) -> str | None:
        if at is None:
            return None
        return self.utc_of(at).isoformat(timespec="milliseconds")

    def monotonic_of(self, moment: datetime) -> float:
        """The monotonic time of a moment that an earlier run wrote down."""
        return moment.timestamp() - self.wall + self.monotonic


@dataclass(kw_only=True)
class Particulars:
    """What is known of a drop apart from its course."""

    drop: str
    node: str
    door: str
    """"bridged", "dial" or "unattended"."""
    channel: str
    slot: int
    agent: str = ""
    number: str = ""
    caller_id: str = ""
    ref: str = ""
    linkedid: str = ""
    sip_call_id: str = ""
    asterisk_times: dict[str, str] = field(default_factory=dict)
    """Asterisk's own times of what happened, by name; they are what a benchmark measures by."""
    method: str = ""
    """Unattended: "single" or "two_call"."""
    attempt: dict[str, Any] | None = None
    """Unattended: how the call or the two were made, and how they ended."""
    placed: dict[str, str] = field(default_factory=dict)
    """Unattended, taken over from an earlier run: when its legs, "first" and "second", were to be dialled, UTC."""
    policy: dict[str, Any] | None = None
    """What the policy was asked before the drop was accepted, and what it said; None: an earlier version did not keep
    it, or it was erased."""
    code_at: float | None = None
    agent_freed_at: float | None = None


def receipt(
    what: Particulars, message: Message, facts: DropFacts, clock: Clock, *, evidence: str | None = None
) -> dict[str, Any]:
    """One JSON object. Times are UTC, and milliseconds since the answer on a clock that never jumps."""
    origin = facts.answered_at if facts.answered_at is not None else facts.accepted_at

    def since_answer(at: float) -> float:
        return round((at - origin) * 1000, 1)

    def between(begin: float | None, end: float | None) -> float | None:
        return None if begin is None or end is None else round((end - begin) * 1000, 1)

    cue, beep = facts.cue, facts.cue.beep if facts.cue else None
    return {
        "schema": SCHEMA_VERSION,
        "drop": what.drop,
        "node": what.node,
        "door": what.door,
        "outcome": str(facts.outcome),
        "reason": facts.reason,
        "agent": what.agent,
        "number": what.number,
        "caller_id": what.caller_id,
        "ref": what.ref,
        "uniqueid": what.channel,
        "linkedid": what.linkedid,
        "sip_call_id": what.sip_call_id,
        "sip_status": facts.sip_status or None,
        "hangup_cause": facts.hangup_cause or None,
        "hung_up_by": str(facts.hung_up_by),
        "accepted": clock.utc(facts.accepted_at),
        "answered": clock.utc(facts.answered_at),
        "first_voice": clock.utc(facts.first_voice_at),
        "ended": clock.utc(facts.hung_up_at),
        "steps": [{"name": name, "at": clock.utc(at), "ms_since_answer": since_answer(at)} for name, at in facts.steps],
        "asterisk_times": what.asterisk_times,
        "agent_freed_ms": between(what.code_at, what.agent_freed_at),
        "cue": str(cue.reason) if cue else None,
        "beep": None
        if beep is None
        else {
            "frequencies_hz": [round(hz, 1) for hz in beep.frequencies_hz],
            "length_ms": round(beep.length_ms, 1),
            "level_dbfs": round(beep.level_dbfs, 1),
            "ended_ms_since_answer": since_answer(beep.ended_at),
        },
        "beep_end_to_playback_ms": between(beep.ended_at if beep else None, facts.play_started_at),
        "dead_air_ms": between(facts.quiet_since, facts.play_started_at),
        "message": {
            "slot": message.slot or None,
            "id": message.id or None,
            "version": message.version or None,
            "label": message.label,
            "sha256": message.sha256,
            "seconds": round(message.duration_s, 3),
        },
        "played_fraction": round(facts.played_s / message.duration_s, 4),
        "restarts": facts.restarts,
        "evidence": evidence,
        "not_listening": facts.deaf or None,
        "verdict": None
        if facts.verdict is None
        else {
            "answer": str(facts.verdict.answer),
            "confidence": round(facts.verdict.confidence, 3),
            "reason": facts.verdict.reason,
            "ms_since_answer": since_answer(facts.verdict.at),
        },
        "attempt": what.attempt,
        "policy": what.policy,
        "detector": dsp.Detector.VERSION,
    }
