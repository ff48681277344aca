"""`voicedrop detect`: files in, what the ear heard in them out."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dsp import Detection, DetectorBank, SpeechLevel
from dsp.holes import HoleFiller
from voicedrop.errors import SoundError
from voicedrop.offline import sound
from voicedrop.offline.imagined import MESSAGE_MS, CueEvent, ImaginedDrop

Row = dict[str, Any]
"""One event as it is printed: see docs/detection.md."""
Frame = npt.NDArray[np.int16]

_TOGETHER: Final = 32
"""Files that one process listens to in step: more cost no less, and their rows wait for the longest."""

_NAMES: Final = {
    "BeepStarted": "beep_start",
    "BeepEnded": "beep_end",
    "BeepDropped": "beep_dropped",
    "SpeechStarted": "speech_start",
    "SpeechEnded": "speech_end",
    "ToneIdentified": "tone",
    "Silence": "silence",
}
_KEYS: Final = {"frequencies_hz": "freq_hz"}
_MS_PER_SAMPLE: Final = 1000 / sound.RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to listen."""

    channel: int = 1
    """Of a file with several, counted from 1."""
    cue: bool = False
    """Imagine a drop as well."""
    message_ms: float = MESSAGE_MS
    """How long its message is."""


class _Call:
    """What is printed of one stream."""

    def __init__(self, name: str, options: Options) -> None:
        self._name = name
        self._drop = ImaginedDrop(options.message_ms) if options.cue else None
        self._samples = 0

    def rows(self, samples: int, detections: Sequence[Detection]) -> Iterator[Row]:
        """Of the next frame: how many samples it had, and what was heard in it."""
        name = self._name
        self._samples += samples
        end_ms = self._samples * _MS_PER_SAMPLE
        events = self._drop.frame(detections, end_ms) if self._drop is not None else []
        # A deadline that passed before the frame's end comes before what the frame brought.
        early = [event for event in events if event.t_ms < end_ms]
        yield from (_cue_row(name, event) for event in early)
        # Levels are for the drop: ten lines a second would hide the others.
        told = (detection for detection in detections if not isinstance(detection, SpeechLevel))
        yield from (row_of(name, detection, end_ms) for detection in told)
        yield from (_cue_row(name, event) for event in events[len(early) :])


def row_of(name: str, detection: Detection, t_ms: float) -> Row:
    """A detection that was declared at ``t_ms``, the end of the frame that brought it."""
    kind = type(detection).__name__
    row: Row = {
        "file": name,
        "event": _NAMES.get(kind) or re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower(),
        "t_ms": round(t_ms, 1),
        "start_ms": None,
        "end_ms": None,
        "freq_hz": [],
        "level_dbfs": None,
        "confidence": None,
    }
    for field in fields(detection):
        if field.name != "at_ms":
            row[_KEYS.get(field.name, field.name)] = _plain(field.name, getattr(detection, field.name))
    return row


def _plain(name: str, value: Any) -> Any:
    """As JSON has it; times, frequencies and levels to a tenth."""
    if isinstance(value, tuple):
        return [_plain(name, one) for one in value]
    if isinstance(value, float):
        return round(float(value), 1 if name.endswith(("_ms", "_hz", "_dbfs")) else 3)
    return value


def _cue_row(name: str, event: CueEvent) -> Row:
    return {"file": name, "event": event.event, "t_ms": event.t_ms, "reason": event.reason}


def listen_together(streams: Sequence[tuple[str, Iterator[Frame]]], options: Options) -> list[list[Row] | SoundError]:
    """All rows of each stream, in order of time, or what is wrong with its file.

    A stream has a name and comes in frames of 20 ms (int16, mono, 8 kHz). All are listened to in step, as many
    live calls are.
    """
    bank: DetectorBank[int] = DetectorBank()
    calls = [_Call(name, options) for name, _ in streams]
    fillers = [HoleFiller() for _ in streams]
    heard: list[list[Row] | SoundError] = [[] for _ in streams]
    playing = {number: frames for number, (_, frames) in enumerate(streams)}
    for number in playing:
        bank.add(number)
    while playing:
        tick: dict[int, Frame] = {}
        for number in tuple(playing):
            try:
                tick[number] = next(playing[number])
            except StopIteration:
                del playing[number]
            except SoundError as error:
                del playing[number]
                heard[number] = error
        filled = {number: fillers[number].feed(frame) for number, frame in tick.items()}
        detections = bank.feed({number: np.concatenate(parts) for number, parts in filled.items() if parts})
        for number, frame in tick.items():
            rows = heard[number]
            assert isinstance(rows, list)
            rows += calls[number].rows(len(frame), detections.get(number, ()))
    return heard


def _listen_to_files(paths: Sequence[Path], options: Options) -> list[list[Row] | SoundError]:
    return listen_together([(str(path), sound.frames(path, options.channel)) for path in paths], options)


def listen_to_all(paths: Sequence[Path], options: Options) -> Iterator[tuple[Path, list[Row] | SoundError]]:
    """Each file with its rows, or with what is wrong with it, in the order given; on every core many at once."""
    workers = min(len(os.sched_getaffinity(0)), len(paths))
    size = max(1, min(_TOGETHER, -(-len(paths) // max(1, workers))))
    groups = [paths[k : k + size] for k in range(0, len(paths), size)]
    if workers <= 1:
        for group in groups:
            yield from zip(group, _listen_to_files(group, options), strict=True)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: list[tuple[Sequence[Path], Future[list[list[Row] | SoundError]]]] = [
            (group, pool.submit(_listen_to_files, group, options)) for group in groups
        ]
        waiting.reverse()  # so that each can be let go of once it is done
        try:
            while waiting:
                group, future = waiting.pop()
                try:
                    yield from zip(group, future.result(), strict=True)
                except BrokenProcessPool:
                    for path in group:
                        yield path, SoundError(f"{path}: the process that listened to it, or to another file, died")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def detect(paths: Sequence[Path], options: Options, *, as_json: bool, plot: Path | None = None) -> bool:
    """Print what is heard in the files; were all of them readable? `plot` takes the picture of the only one."""
    fine = True
    for path, heard in listen_to_all(paths, options):
        if isinstance(heard, SoundError):
            sys.stdout.flush()
            print(f"voicedrop: {heard}", file=sys.stderr, flush=True)
            fine = False
            continue
        lines = (json.dumps(row, ensure_ascii=False) for row in heard) if as_json else _text(path, heard)
        for line in lines:
            print(line)
        sys.stdout.flush()
        if plot is not None:
            from voicedrop.offline.picture import draw

            draw(plot, path, options.channel, heard)
    return fine


def _text(path: Path, rows: Sequence[Row]) -> Iterator[str]:
    """For people: the file, then a line for each event."""
    yield f"{path}:"
    for row in rows:
        yield f"  {row['t_ms'] / 1000:9.3f} s  {row['event']:<12}  {_details(row)}".rstrip()
    if not rows:
        yield "  nothing heard"


def _details(row: Row) -> str:
    said = [str(row["reason"])] if "reason" in row else []
    start, end = row.get("start_ms"), row.get("end_ms")
    if start is not None and end is not None:
        said.append(f"{start / 1000:.3f} to {end / 1000:.3f} s ({end - start:.0f} ms)")
    elif start is not None:
        said.append(f"since {start / 1000:.3f} s")
    elif end is not None:
        said.append(f"until {end / 1000:.3f} s")
    if row.get("freq_hz"):
        said.append(" + ".join(f"{hz:.0f}" for hz in row["freq_hz"]) + " Hz")
    if row.get("level_dbfs") is not None:
        said.append(f"{row['level_dbfs']:.0f} dBFS")
    if row.get("confidence") is not None:
        said.append(f"confidence {row['confidence']:.2f}")
    known = {"file", "event", "t_ms", "start_ms", "end_ms", "freq_hz", "level_dbfs", "confidence", "reason"}
    for key, value in row.items():
        if key not in known and value not in (None, []):
            said.append(f"{key} {' '.join(value) if isinstance(value, list) else value}")
    return ", ".join(said)
