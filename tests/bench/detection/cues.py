"""When our drop would start its message in each mailbox, by the drop that `voicedrop detect --cue` imagines.

*Delivered*: the start that counts (the last cue, not taken back by the file's end) is not before the mailbox's
recording starts; in a mailbox without a beep, not before the greeting's last word ends. *Dead air*: from the
recording's start to that start, of those delivered. *Needless restart*: a start that would have been delivered
was taken back. A mailbox without a cue by the file's end is not delivered.

What went wrong is the *detector's* if it goes well with the true beeps in place of those that the detector heard,
else the *policy's* (or of the speech that it goes by).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from dsp import BeepDropped, BeepEnded, BeepStarted, Detection
from tests.bench.detection import recipe
from tests.bench.detection.ears import FRAME_MS
from tests.bench.detection.manifest import Recording
from tests.bench.detection.score import percent, quantile
from voicedrop.offline.imagined import CueEvent, ImaginedDrop

TOLD_AFTER_MS: Final = 100.0
"""A true beep is told so long after its beginning and after its end: about what the detector takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How the drop went in one mailbox."""

    recording: Recording
    at_ms: float | None
    """The start that counts."""
    reason: str
    """Of that start; empty without one."""
    delivered: bool
    dead_air_ms: float | None
    """Of the delivered ones."""
    restarts: int
    needless: bool


def events(detections: Sequence[Sequence[Detection]]) -> list[CueEvent]:
    """What a drop of ours does in a call of which the ear said this, frame by frame."""
    drop = ImaginedDrop()
    return [done for k, found in enumerate(detections) for done in drop.frame(found, (k + 1) * FRAME_MS)]


def with_true_beeps(recording: Recording, detections: Sequence[Sequence[Detection]]) -> list[list[Detection]]:
    """The same call heard by an ear that never errs in beeps: its speech, and the beeps of the recording."""
    heard: list[list[Detection]] = [
        [one for one in found if not isinstance(one, BeepStarted | BeepEnded | BeepDropped)] for found in detections
    ]

    def tell(one: Detection) -> None:
        frame = int(one.at_ms // FRAME_MS)
        if frame < len(heard):
            heard[frame].append(one)

    for beep in recording.beeps:
        start_ms, end_ms = beep.start_ms, beep.end_ms
        if beep.length_ms > TOLD_AFTER_MS:
            at_ms = start_ms + TOLD_AFTER_MS
            tell(BeepStarted(at_ms=at_ms, start_ms=start_ms, frequencies_hz=beep.hz, level_dbfs=beep.dbfs))
        tell(
            BeepEnded(
                at_ms=end_ms + TOLD_AFTER_MS,
                start_ms=start_ms,
                end_ms=end_ms,
                frequencies_hz=beep.hz,
                level_dbfs=beep.dbfs,
                confidence=1.0,
            )
        )
    return heard


def start(recording: Recording, done: Sequence[CueEvent]) -> Start:
    """Compare what the drop did, in order, with the truth."""
    record_ms = recording.record_start_ms
    earliest_ms = record_ms if recording.beeps else recording.greeting_end_ms
    assert record_ms is not None
    assert earliest_ms is not None
    last: CueEvent | None = None
    restarts, needless = 0, False
    for event in done:
        if event.event == "cue":
            last = event
        elif event.event == "restart":
            restarts += 1
            needless = needless or (last is not None and last.t_ms >= earliest_ms)
            last = None
    delivered = last is not None and last.t_ms >= earliest_ms
    return Start(
        recording=recording,
        at_ms=last.t_ms if last else None,
        reason=last.reason if last else "",
        delivered=delivered,
        dead_air_ms=last.t_ms - record_ms if last and delivered else None,
        restarts=restarts,
        needless=needless,
    )


def summary(starts: Sequence[Start]) -> dict[str, Any]:
    """The figures of the report; dead air of mailboxes with a beep only. None where there is nothing to divide by."""
    with_beep = [one for one in starts if one.recording.beeps]
    return {
        "delivered_pct": percent(one.delivered for one in starts),
        "delivered_beep_pct": percent(one.delivered for one in with_beep),
        "delivered_no_beep_pct": percent(one.delivered for one in starts if not one.recording.beeps),
        **_dead_air(with_beep),
        "needless_restart_pct": percent(one.needless for one in starts),
    }


def by_layout(starts: Sequence[Start]) -> dict[str, dict[str, Any]]:
    """The same for each layout, and by what the start that counts was cued. Without a beep the recording
    starts in silence, so dead air there is the silence that we waited for, less what passed before."""
    tables = {}
    for layout in recipe.LAYOUTS:
        group = [one for one in starts if one.recording.layout == layout]
        tables[layout] = {
            "files": len(group),
            "delivered_pct": percent(one.delivered for one in group),
            **_dead_air(group),
            "needless_restart_pct": percent(one.needless for one in group),
            "restarted_pct": percent(one.restarts > 0 for one in group),
            "by_beep_pct": percent(one.reason == "beep" for one in group),
            "by_silence_pct": percent(one.reason == "silence" for one in group),
            "no_cue_pct": percent(one.at_ms is None for one in group),
        }
    return tables


def _dead_air(starts: Sequence[Start]) -> dict[str, Any]:
    ordered = sorted(one.dead_air_ms for one in starts if one.dead_air_ms is not None)
    return {
        "dead_air_ms_median": round(median(ordered)) if ordered else None,
        "dead_air_ms_p95": round(quantile(ordered, 0.95)) if ordered else None,
    }


def went_badly(one: Start) -> bool:
    return not one.delivered or one.needless


def complaints(
    starts: Sequence[Start], did: Sequence[Sequence[CueEvent]], true_beeps: Sequence[Start]
) -> list[dict[str, Any]]:
    """Mailboxes in which it went badly, with what is needed to look at them."""
    return [
        {
            "file": one.recording.file,
            "record_start_ms": one.recording.record_start_ms,
            "greeting_end_ms": one.recording.greeting_end_ms,
            "delivered": one.delivered,
            "needless": one.needless,
            "whose": "policy" if went_badly(other) else "detector",
            "did": [[event.event, event.t_ms, event.reason] for event in done],
        }
        for one, done, other in zip(starts, did, true_beeps, strict=True)
        if went_badly(one)
    ]
