"""The receipt: the record of one drop, as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

import dsp
from voicedrop.call.facts import DropFacts
from voicedrop.model import Cue, CueReason, HeardBeep, HungUpBy, Message, Outcome
from voicedrop.store.receipt import Clock, Particulars, receipt

CLOCK = Clock(wall=datetime(2026, 3, 4, 10, 0, 0, tzinfo=UTC).timestamp(), monotonic=1000.0)
MESSAGE = Message(slot=3, label="Callback", file=Path("/m/a.wav"), media="/m/a", duration_s=8.0, sha256="ab" * 32)
BEEP = HeardBeep(started_at=1012.0, ended_at=1012.404, frequencies_hz=(999.96,), level_dbfs=-18.26)


def particulars(**more: object) -> Particulars:
    return Particulars(
        drop="d1",
        node="n1",
        door="bridged",
        channel="vd.n1.d1.callee",
        slot=3,
        agent="PJSIP/agent",
        number="+12025550123",
        caller_id="+12025550199",
        ref="crm-7",
        linkedid="171.1",
        sip_call_id="abc@carrier",
        **more,
    )


def delivered() -> DropFacts:
    return DropFacts(
        accepted_at=1010.0,
        answered_at=1002.0,
        cue=Cue(reason=CueReason.BEEP, at=1012.45, beep=BEEP),
        first_voice_at=1002.5,
        quiet_since=1012.404,
        play_started_at=1012.46,
        play_ended_at=1020.46,
        hung_up_at=1021.0,
        played_s=8.0,
        restarts=1,
        outcome=Outcome.DELIVERED,
        reason="the whole message was played",
        hung_up_by=HungUpBy.ENGINE,
        hangup_cause=16,
        sip_status=200,
        steps=[("cue_beep", 1012.45), ("ended", 1021.0)],
    )


def test_a_delivered_drop_tells_everything() -> None:
    what = particulars(
        code_at=1010.0, agent_freed_at=1010.1255, asterisk_times={"message_start": "2026-03-04T10:00:12.460+0000"}
    )
    assert receipt(what, MESSAGE, delivered(), CLOCK) == {
        "schema": 1,
        "drop": "d1",
        "node": "n1",
        "door": "bridged",
        "outcome": "delivered",
        "reason": "the whole message was played",
        "agent": "PJSIP/agent",
        "number": "+12025550123",
        "caller_id": "+12025550199",
        "ref": "crm-7",
        "uniqueid": "vd.n1.d1.callee",
        "linkedid": "171.1",
        "sip_call_id": "abc@carrier",
        "sip_status": 200,
        "hangup_cause": 16,
        "hung_up_by": "engine",
        "accepted": "2026-03-04T10:00:10.000+00:00",
        "answered": "2026-03-04T10:00:02.000+00:00",
        "first_voice": "2026-03-04T10:00:02.500+00:00",
        "ended": "2026-03-04T10:00:21.000+00:00",
        "steps": [
            {"name": "cue_beep", "at": "2026-03-04T10:00:12.450+00:00", "ms_since_answer": 10450.0},
            {"name": "ended", "at": "2026-03-04T10:00:21.000+00:00", "ms_since_answer": 19000.0},
        ],
        "asterisk_times": {"message_start": "2026-03-04T10:00:12.460+0000"},
        "agent_freed_ms": 125.5,
        "cue": "beep",
        "beep": {
            "frequencies_hz": [1000.0],
            "length_ms": 404.0,
            "level_dbfs": -18.3,
            "ended_ms_since_answer": 10404.0,
        },
        "beep_end_to_playback_ms": 56.0,
        "dead_air_ms": 56.0,
        "message": {"slot": 3, "id": None, "version": None, "label": "Callback", "sha256": "ab" * 32, "seconds": 8.0},
        "played_fraction": 1.0,
        "restarts": 1,
        "evidence": None,
        "not_listening": None,
        "verdict": None,
        "attempt": None,
        "policy": None,
        "detector": dsp.Detector.VERSION,
    }


def test_a_receipt_is_json_and_comes_back_the_same() -> None:
    written = receipt(particulars(), MESSAGE, delivered(), CLOCK)
    assert json.loads(json.dumps(written)) == written


def test_a_drop_that_was_never_answered_counts_from_its_acceptance() -> None:
    facts = DropFacts(
        accepted_at=1010.0,
        hung_up_at=1040.0,
        outcome=Outcome.NOT_CONNECTED,
        reason="the callee did not answer",
        hung_up_by=HungUpBy.CALLEE,
        hangup_cause=19,
        sip_status=480,
        steps=[("ended", 1040.0)],
    )
    written = receipt(particulars(), MESSAGE, facts, CLOCK)
    assert written["outcome"] == "not_connected"
    assert written["answered"] is None
    assert written["steps"][0]["ms_since_answer"] == 30000.0
    assert (written["hangup_cause"], written["sip_status"], written["hung_up_by"]) == (19, 480, "callee")
    assert written["played_fraction"] == 0.0
    for unknown in ("cue", "beep", "beep_end_to_playback_ms", "dead_air_ms", "agent_freed_ms", "not_listening"):
        assert written[unknown] is None, unknown


def test_a_part_of_the_message_is_told_as_a_fraction() -> None:
    facts = delivered()
    facts.outcome, facts.played_s = Outcome.PARTLY_DELIVERED, 3.00004
    written = receipt(particulars(), MESSAGE, facts, CLOCK)
    assert written["played_fraction"] == 0.375


def test_a_cue_by_silence_has_no_beep_to_measure_from() -> None:
    facts = delivered()
    facts.cue = Cue(reason=CueReason.SILENCE, at=1012.0)
    facts.quiet_since = 1009.46  # the speech's end
    written = receipt(particulars(), MESSAGE, facts, CLOCK)
    assert written["cue"] == "silence"
    assert written["beep"] is None
    assert written["dead_air_ms"] == 3000.0


def test_a_cue_whose_message_never_started_has_no_dead_air() -> None:
    facts = delivered()
    facts.play_started_at = None
    written = receipt(particulars(), MESSAGE, facts, CLOCK)
    assert written["beep"]["length_ms"] == 404.0
    assert written["dead_air_ms"] is None


def test_a_message_that_played_unheard_says_why() -> None:
    facts = delivered()
    facts.deaf = "no audio for 5 s"
    assert receipt(particulars(), MESSAGE, facts, CLOCK)["not_listening"] == "no audio for 5 s"


def test_an_unknown_end_names_no_cause() -> None:
    facts = delivered()
    facts.hangup_cause, facts.sip_status, facts.hung_up_by = 0, 0, HungUpBy.UNKNOWN
    written = receipt(particulars(), MESSAGE, facts, CLOCK)
    assert (written["hangup_cause"], written["sip_status"], written["hung_up_by"]) == (None, None, "unknown")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_written_as_its_word(outcome: Outcome) -> None:
    facts = delivered()
    facts.outcome = outcome
    assert receipt(particulars(), MESSAGE, facts, CLOCK)["outcome"] == outcome.value


def test_the_clock_turns_both_ways() -> None:
    assert CLOCK.utc(None) is None
    moment = CLOCK.utc(1234.567)
    assert moment == "2026-03-04T10:03:54.567+00:00"
    assert CLOCK.monotonic_of(datetime.fromisoformat(moment)) == pytest.approx(1234.567)


def test_a_later_run_finds_the_same_moment_on_its_own_clock() -> None:
    # The machine was booted anew: its monotonic clock began again at 0, 100 s after `CLOCK` was read.
    later = Clock(wall=CLOCK.wall + 100.0, monotonic=0.0)
    moment = CLOCK.utc(1090.0)
    assert moment is not None
    assert later.monotonic_of(datetime.fromisoformat(moment)) == pytest.approx(-10.0)
    assert later.utc(-10.0) == moment
