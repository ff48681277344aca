"""What Asterisk itself has to hear a beep with, run in the lab's Asterisk: `TONE_DETECT` and `WaitForTone`.

Both know one frequency only, and declare a tone when it has sounded for a given time, so before its end. A channel
carries one `TONE_DETECT` at most: a grid of frequencies is a channel for each, all hearing the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.bench.detection.asterisk_server import EarServer
from tests.bench.detection.asterisk_stream import Listener
from tests.bench.detection.ears import FRAME_MS, FRAME_SAMPLES
from tests.bench.detection.manifest import Recording
from tests.bench.detection.score import Mark, mark
from tests.bench.detection.waves import Samples
from voicedrop.lab.site import Site

GRID_HZ: Final = tuple(range(400, 2201, 25))
"""As far apart as in the published row. 96 % of the beeps are in this range."""
GRID_MS: Final = 100
GRID_DB: Final = 9
"""Of four pairs of length and threshold the one with most usable declarations, on a tenth of the tuning half (see
README.md). A tone half way between two of the grid, 12.5 Hz off, has 81 % of its power at either in blocks of 20 ms:
6.3 dB more than all else. With the default of 16 dB it may be 4 Hz off, and two thirds of the grid are holes."""
USUAL_HZ: Final = 1000
"""What one would configure who must name one frequency: FreeSWITCH's mailbox has it."""
DEFAULT_MS: Final = 500
"""What both take for the tone's length when nothing is said."""
DEFAULT_DB: Final = 16
"""By how much the tone must be louder than all else, when nothing is said."""
SHORT_MS: Final = 50
"""The shortest that the documentation calls accurate. Told the frequency, it found most of the tuning half's beeps."""
SAME_TONE_MS: Final = 250.0
"""A declaration so soon after the one before is of the same tone: by the grid's next frequency, or by a
`WaitForTone` that is called again. Only the first counts."""
GAP_FRAMES: Final = 50
"""A second of silence between recordings ends whatever tone there was: two silent blocks of 20 to 25 ms do."""
CHANNELS_AT_ONCE: Final = 2
CONTROL_EVERY: Final = 8
"""After so many channels, one that only reads the same stream: what the channels cost without a detector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Recordings in a row, a gap behind each."""

    samples: Samples
    starts: tuple[int, ...]
    """The frame at which each begins."""
    frames: tuple[int, ...]
    """Whole frames of each."""
    numbers: tuple[int, ...]
    """Which recordings of the half they are."""

    def heard(self, at_frames: Iterable[int]) -> list[tuple[int, float]]:
        """(recording, stream time in ms) for declarations after so many frames; what falls into a gap is left out."""
        found = []
        for at in at_frames:
            # Declared with the frame before: after `start` frames nothing of the recording has been heard yet.
            k = int(np.searchsorted(self.starts, at, side="left")) - 1
            if k >= 0 and at - self.starts[k] <= self.frames[k]:
                found.append((self.numbers[k], (at - self.starts[k]) * FRAME_MS))
        return found


Plan = list[tuple[Listener, Tape]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One row of the report: who listens to what."""

    title: str
    plan: Callable[[Sequence[Recording], Sequence[Samples]], Plan]


def tape(numbers: Sequence[int], sounds: Sequence[Samples]) -> Tape:
    """Put these recordings of the half in a row."""
    frames = [len(sounds[n]) // FRAME_SAMPLES for n in numbers]
    lengths = [count + GAP_FRAMES for count in frames]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    joined = np.zeros(int(starts[-1]) * FRAME_SAMPLES, np.int16)
    for n, start, count in zip(numbers, starts, frames, strict=False):
        joined[start * FRAME_SAMPLES : (start + count) * FRAME_SAMPLES] = sounds[n][: count * FRAME_SAMPLES]
    return Tape(samples=joined, starts=tuple(int(s) for s in starts[:-1]), frames=tuple(frames), numbers=tuple(numbers))


def one_tone_each(context: str, tones_hz: Sequence[int], ms: int, db: int = DEFAULT_DB) -> Callable[..., Plan]:
    """A channel for each tone, and all of them hear everything."""

    def plan(recordings: Sequence[Recording], sounds: Sequence[Samples]) -> Plan:
        everything = tape(range(len(recordings)), sounds)
        return [(Listener(context=context, hz=hz, ms=ms, db=db), everything) for hz in tones_hz]

    return plan


def told(context: str, ms: int) -> Callable[..., Plan]:
    """Each recording is heard by a channel that listens for the right tone."""

    def plan(recordings: Sequence[Recording], sounds: Sequence[Samples]) -> Plan:
        groups: dict[int, list[int]] = {}
        for number, hz in enumerate(told_hz(recordings)):
            groups.setdefault(hz, []).append(number)
        return [
            (Listener(context=context, hz=hz, ms=ms, db=DEFAULT_DB), tape(group, sounds))
            for hz, group in sorted(groups.items())
        ]

    return plan


def told_hz(recordings: Sequence[Recording]) -> list[int]:
    """The (first) frequency of each recording's beep, to the nearest Hz; where there is none, those of the others
    in turn."""
    known = [round(r.record_beep.hz[0]) for r in recordings if r.record_beep is not None]
    return [
        round(r.record_beep.hz[0]) if r.record_beep is not None else known[number % len(known)]
        for number, r in enumerate(recordings)
    ]


PEERS: Final = (
    Peer(
        title=f"Asterisk TONE_DETECT, {len(GRID_HZ)} tones 25 Hz apart, {GRID_MS} ms, {GRID_DB} dB",
        plan=one_tone_each("tone-detect", GRID_HZ, GRID_MS, GRID_DB),
    ),
    Peer(
        title=f"Asterisk TONE_DETECT, {USUAL_HZ} Hz, {SHORT_MS} ms",
        plan=one_tone_each("tone-detect", (USUAL_HZ,), SHORT_MS),
    ),
    Peer(
        title=f"Asterisk WaitForTone, {USUAL_HZ} Hz, default {DEFAULT_MS} ms",
        plan=one_tone_each("wait-for-tone", (USUAL_HZ,), DEFAULT_MS),
    ),
    Peer(
        title=f"Asterisk WaitForTone, told the beep's frequency, {SHORT_MS} ms",
        plan=told("wait-for-tone", SHORT_MS),
    ),
)


def run(
    site: Site,
    recordings: Sequence[Recording],
    sounds: Sequence[Samples],
    say: Callable[[str], None],
    peers: Sequence[Peer] = PEERS,
) -> list[tuple[str, list[Mark]]]:
    """Every peer over one half; the marks in the order of the recordings.

    Raises:
        LabError: Asterisk did not start, or did not hear a stream to its end.
    """
    rows = []
    with EarServer(site) as server:
        say(f"{server.version} listens, {len(sounds)} recordings")
        for peer in peers:
            plan = peer.plan(recordings, sounds)
            say(f"{peer.title}: {len(plan)} channels")
            heard, cpu_s = _listen(server, plan)
            total_ms = sum(r.duration_ms for r in recordings)
            rows.append(
                (
                    peer.title,
                    [
                        mark(r, first_of_each(heard.get(n, [])), cpu_s * r.duration_ms / total_ms)
                        for n, r in enumerate(recordings)
                    ],
                )
            )
    return rows


def _listen(server: EarServer, plan: Plan) -> tuple[dict[int, list[float]], float]:
    """Declarations of each recording, and what the detectors cost: process time less that of channels without one."""
    heard: dict[int, list[float]] = {}
    cpu_s = control_s = control_frames = frames = 0.0
    with ThreadPoolExecutor(CHANNELS_AT_ONCE) as pool:
        for k in range(0, len(plan), CONTROL_EVERY):
            part = plan[k : k + CONTROL_EVERY]
            began = server.cpu_s()
            answers = list(pool.map(lambda entry: server.listen(entry[0], entry[1].samples), part))
            listened = server.cpu_s()
            server.listen(Listener(context="nothing"), part[0][1].samples)
            cpu_s += listened - began
            control_s += server.cpu_s() - listened
            control_frames += len(part[0][1].samples)
            frames += sum(len(each.samples) for _, each in part)
            for (_, each), at_frames in zip(part, answers, strict=True):
                for number, at_ms in each.heard(at_frames):
                    heard.setdefault(number, []).append(at_ms)
    return heard, cpu_s - control_s * frames / control_frames


def first_of_each(at_ms: Iterable[float]) -> list[float]:
    """One declaration a tone: those that come soon after another are left out."""
    kept: list[float] = []
    last = -SAME_TONE_MS
    for at in sorted(at_ms):
        if at - last >= SAME_TONE_MS:
            kept.append(at)
        last = at
    return kept
