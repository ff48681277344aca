"""Bursts in a row, and whose rhythm they keep."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from dsp.bursts import Burst, same_hz
from dsp.events import ToneName
from dsp.indications import INDICATIONS, Indication

HZ_SHARE: Final = 0.02
"""Exchanges hold 1.5 %, and so much is what a look adds; 400, 425 and 450 Hz are 6 % apart."""
_SAME_HZ: Final = 0.012
_SAME_DB: Final = 8.0
"""Bursts of one tone differ no more."""
_SEGMENT_MS: Final = 30.0
_SEGMENT_SHARE: Final = 0.05
"""A burst or a pause may be so much off: three hops, and the exchange's clock."""
RING_SILENCE_MS: Final = 700.0
"""One burst of a ringing tone and so much silence: more than any busy or reorder tone has."""
LONGEST_PAUSE_MS: Final = 5600.0
"""Portugal's and Sweden's ringing tone has 5 s; a series without a burst for longer is over."""
_BURSTS: Final = 8
_LONE_MS: Final = 900.0
"""A ringing tone's burst that is known without a second one is at least so long."""


class Rhythm(NamedTuple):
    """A series of bursts that has a name."""

    name: ToneName
    regions: tuple[str, ...]
    """All whose tone of that name it could be."""
    start_ms: float
    """Of the first burst that fits."""


class Series:
    """The last bursts of one low tone with nothing but silence between them. State: at most eight."""

    def __init__(self) -> None:
        self.bursts: deque[Burst] = deque(maxlen=_BURSTS)
        self.named: ToneName | None = None
        """What it has been said to be."""

    def clear(self) -> None:
        """It is over."""
        self.bursts.clear()
        self.named = None

    def add(self, burst: Burst, *, quiet: bool) -> None:
        """The next burst; was the pause before it ``quiet``?"""
        if self.bursts:
            last = self.bursts[-1]
            if not (
                quiet
                and burst.start_ms - last.end_ms <= LONGEST_PAUSE_MS
                and same_hz(burst.frequencies_hz, last.frequencies_hz, _SAME_HZ)
                and abs(burst.level_dbfs - last.level_dbfs) <= _SAME_DB
            ):
                self.clear()
        self.bursts.append(burst)

    def rhythm(self, *, spoken: bool, silence_ms: float) -> Rhythm | None:
        """Its name, if it has a rhythm that is known.

        ``spoken``: somebody has been heard, and a single tone might be a mailbox's; ``silence_ms`` since the last
        burst.

        Two bursts are wanted, and their pause; of a single tone after speech three, unless it rings. One burst is
        enough of a ringing tone, when silence follows: a pair's, and before any speech a single tone's.
        """
        bursts = list(self.bursts)
        if not bursts:
            return None
        pair = len(bursts[-1].frequencies_hz) == 2
        fits: list[tuple[float, Indication, int]] = []
        for known in INDICATIONS:
            if not known.rhythm_ms or not same_hz(bursts[-1].frequencies_hz, known.hz, HZ_SHARE):
                continue
            wanted = 2 if pair or not spoken else 3
            # What has a name keeps it for longer: a pause filled by noise is not another rhythm.
            wanted += self.named is not None and known.name != self.named
            if known.name == "ringback" and len(known.rhythm_ms) == 2:
                alone = silence_ms >= RING_SILENCE_MS and known.rhythm_ms[0] > _LONE_MS and (pair or not spoken)
                wanted = 1 if alone else 2
            count, misfit = fit(bursts, known.rhythm_ms)
            if count >= wanted:
                off = sum(abs(a / b - 1) for a, b in zip(bursts[-1].frequencies_hz, known.hz, strict=True))
                fits.append((misfit + off / HZ_SHARE / len(known.hz), known, count))
        if not fits:
            return None
        _, best, count = min(fits, key=lambda one: one[0])
        regions = tuple(dict.fromkeys(r for _, known, _ in fits if known.name == best.name for r in known.regions))
        return Rhythm(best.name, regions, bursts[-count].start_ms)


def fit(bursts: Sequence[Burst], rhythm_ms: Sequence[float]) -> tuple[int, float]:
    """How many of the last bursts keep the rhythm, at its best turn, and how far off they are.

    The distance is the mean over bursts and pauses, in units of what is allowed.
    """
    best = (0, 0.0)
    for turn in range(0, len(rhythm_ms), 2):
        count, misfits, k = 0, [], turn
        for burst, following in zip(reversed(bursts), (None, *reversed(bursts)), strict=False):
            if following is not None:
                k -= 1
                off = _misfit(following.start_ms - burst.end_ms, rhythm_ms[k % len(rhythm_ms)])
                if off > 1:
                    break
                misfits.append(off)
                k -= 1
            off = _misfit(burst.end_ms - burst.start_ms, rhythm_ms[k % len(rhythm_ms)])
            if off > 1:
                break
            misfits.append(off)
            count += 1
        if misfits and (count, -sum(misfits) / len(misfits)) > (best[0], -best[1]):
            best = (count, sum(misfits) / len(misfits))
    return best


def _misfit(ms: float, known_ms: float) -> float:
    return abs(ms - known_ms) / (_SEGMENT_MS + _SEGMENT_SHARE * known_ms)
