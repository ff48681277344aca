"""Tones through a bad network and Asterisk's snoop, as simulated: `python -m tests.bench.holes`.

Packets of 20 ms are lost and delayed as the lab's relay does it (voicedrop/lab/impairment.py). Asterisk drops what was
overtaken; the snoop takes a packet each 20 ms, and gives zeros when there is none. Eight taps of the lab, held against
what the carrier sent, had 1133 pairs of frames in order and none that was not; and holes come as often as there: in
1000 frames of sound one begins at 160 (152), two at 48 (47), three at 5.7 (5.8). The detector hears that as it is and
with its holes filled (dsp/holes.py). The far end talks (noise); its RTP pauses around the tone, as that of a mailbox
that only plays files. Writes var/bench/holes.json.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp import BeepEnded, Detector
from dsp.holes import HoleFiller
from voicedrop.lab.impairment import Impairment
from voicedrop.lab.site import CHECKOUT

Frame = npt.NDArray[np.int16]

OUT = CHECKOUT / "var/bench/holes.json"
RATE = 8000
FRAME = 160  # samples
FRAME_S = FRAME / RATE
SEED = 5
TALK_FRAMES = 75  # of noise, then...
TALK_LEVEL = 1000  # its standard deviation: -30 dBFS
LEAD_FRAMES = 100  # ...none until the tone begins
TAIL_FRAMES = 75
LENGTHS_MS = (150, 200, 300, 400, 500, 640, 800)
LEVELS_DBFS = (-30.0, -9.0)
ANY_HZ = (400.0, 2000.0)
WHOLE_HZ = (700.0, 850.0, 950.0, 1000.0, 1400.0, 1500.0)  # multiples of 50: whole cycles in a frame
NETWORKS = {
    "clear": Impairment(),
    "loss": Impairment(loss=0.05, seed=3),
    "loss and jitter, in order": Impairment(loss=0.05, jitter_ms=30, in_order=True, seed=3),
    "loss and jitter": Impairment(loss=0.05, jitter_ms=30, seed=3),
}


@dataclass(frozen=True, kw_only=True)
class Tone:
    hz: float
    length_ms: int
    dbfs: float
    phase: float

    @property
    def packets(self) -> list[Frame]:
        n = np.arange(self.length_ms * RATE // 1000)
        wave = 32767 * 10 ** (self.dbfs / 20) * np.sin(2 * np.pi * self.hz * n / RATE + self.phase)
        return list(np.pad(wave, (0, -len(wave) % FRAME)).astype(np.int16).reshape(-1, FRAME))

    @property
    def end_ms(self) -> float:
        """When it was sent to its end."""
        return LEAD_FRAMES * FRAME_S * 1000 + self.length_ms


def tones(count: int, *, whole: bool) -> Iterator[Tone]:
    chance = random.Random(SEED)
    for _ in range(count):
        yield Tone(
            hz=chance.choice(WHOLE_HZ) if whole else chance.uniform(*ANY_HZ),
            length_ms=chance.choice(LENGTHS_MS),
            dbfs=chance.uniform(*LEVELS_DBFS),
            phase=chance.uniform(0, 2 * np.pi),
        )


def call(tone: Iterable[Frame], *, pause: bool = True) -> list[Frame | None]:
    """What the far end sends, one each 20 ms; None: nothing. With no pause it talks until the tone begins."""
    noise = np.random.default_rng(SEED).normal(0, TALK_LEVEL, (LEAD_FRAMES, FRAME)).astype(np.int16)
    talk = TALK_FRAMES if pause else LEAD_FRAMES
    return [*noise[:talk], *[None] * (LEAD_FRAMES - talk), *tone]


def snoop(packets: Sequence[Frame | None], network: Impairment, stream: int) -> Iterator[Frame]:
    """What the tap brings of packets sent one each 20 ms."""
    fates = network.stream(stream)
    left = [(fates.leaves(index * FRAME_S), index) for index, packet in enumerate(packets) if packet is not None]
    coming = deque(sorted((at, index) for at, index in left if at is not None))
    offset_s = random.Random(f"{SEED}/{stream}").uniform(0, FRAME_S)  # of the snoop's timer
    waiting: deque[Frame | None] = deque()
    latest = -1
    for tick in range(len(packets) + TAIL_FRAMES):
        while coming and coming[0][0] <= tick * FRAME_S + offset_s:
            _, index = coming.popleft()
            if index > latest:
                waiting.append(packets[index])
                latest = index
        frame = waiting.popleft() if waiting else None
        yield np.zeros(FRAME, np.int16) if frame is None else frame


def declared_ms(frames: Iterable[Frame], *, filled: bool) -> list[float]:
    """When beeps' ends are declared, by the frames' own time."""
    detector, filler = Detector(), HoleFiller()
    found = []
    for index, frame in enumerate(frames):
        for one in filler.feed(frame) if filled else [frame]:
            found += [(index + 1) * FRAME_S * 1000 for d in detector.feed(one) if isinstance(d, BeepEnded)]
    return found


def figures(network: Impairment, count: int, *, whole: bool, filled: bool) -> dict[str, float]:
    after, early = [], 0
    for stream, tone in enumerate(tones(count, whole=whole)):
        declared = declared_ms(snoop(call(tone.packets), network, stream), filled=filled)
        early += any(at < tone.end_ms for at in declared)
        after += [at - tone.end_ms for at in declared if at >= tone.end_ms][:1]
    return {
        "heard_percent": round(100 * len(after) / count, 1),
        "declared_before_end_percent": round(100 * early / count, 1),
        "declared_after_end_ms_p50": round(float(np.median(after)), 1),
        "declared_after_end_ms_p95": round(float(np.percentile(after, 95)), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tones", type=int, default=200)
    count = parser.parse_args().tones
    result = {
        name: {
            f"{'multiples of 50 Hz' if whole else 'any frequency'}, {'filled' if filled else 'as it comes'}": figures(
                network, count, whole=whole, filled=filled
            )
            for whole in (True, False)
            for filled in (False, True)
        }
        for name, network in NETWORKS.items()
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
