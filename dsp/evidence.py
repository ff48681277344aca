"""What a tone that is over says for itself: the figures by which a machine's is told from a human's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.past import Before
from dsp.shape import Shape, median
from dsp.spectrum import SILENCE_DBFS

_SMOOTH_HOPS: Final = 5
"""Muscles wander more slowly than this many hops, codecs and noise faster."""
_EDGE_HOPS: Final = 4
_NEAR_HOPS: Final = 8
_MOST_BELOW_DB: Final = 12.0
_RISE_HOPS: Final = slice(-6, -2)
"""Of the hops before a tone those whose windows did not reach into it."""


class Evidence(NamedTuple):
    """Everything the forest looks at, in its order."""

    hops: float
    """In how many windows it was heard."""
    hz: float
    dbfs: float
    """Medians."""
    jitter_hz: float
    """Largest deviation from a straight line, the worst quarter left out."""
    wobble_db: float
    """The same of the level."""
    slope_hz_per_s: float
    """How steep that line is, up or down."""
    purity: float
    """Median share of the power in the tone and its partner, the noise before it left out of account."""
    raw_purity: float
    """The same with the noise."""
    rise_db: float
    """How far the sound before it was below it."""
    fall_db: float
    """How far the loudest sound since is below it."""
    slow_hz: float
    """Range of the smoothed frequency about its line: vibrato, unsteady breath."""
    fast_hz: float
    """RMS of what the smoothing took away: codecs, noise."""
    slow_db: float
    """Range of the smoothed level about its line."""
    crowd: float
    """Other tones, of anybody, that ended in the seconds before it."""
    since_speech_s: float
    """From the last speech to its beginning; `NEVER_S` if there was none."""
    bridged: float
    """Hops in which it was missing for a moment."""
    noise_db: float
    """How far it is above the noise floor."""
    width: float
    """Median of `Hop.width`."""
    attack_db: float
    release_db: float
    """How far its first and last four hops, together, are below the loudest near them: people swell."""
    other_db: float
    """How far the other peak is below it."""
    quiet_hops: float
    tonal: float
    words: float
    tones: float
    tones_s: float
    clear_now: float
    clear: float
    since_clear_s: float
    """What was before it: see `past.Before`."""


NEVER_S: Final = 99.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What was heard before a tone began."""

    floor_dbfs: float = SILENCE_DBFS
    """The noise floor."""
    crowd: int = 0
    """How many other tones have just ended."""
    since_speech_ms: float = math.inf


class Path(NamedTuple):
    """A tone's hops, as the track has kept them; all sequences of one length but the last two."""

    at_ms: Sequence[float]
    hz: Sequence[float]
    dbfs: Sequence[float]
    total_dbfs: Sequence[float]
    partner_dbfs: Sequence[float] | None
    other_dbfs: Sequence[float]
    widths: Sequence[float]
    filled: tuple[int, int]
    """First and last hop whose windows are full of it."""
    before_dbfs: Sequence[float]
    """Levels of the hops before it, oldest first."""
    after_dbfs: Sequence[float]
    """Only hops whose windows no longer reach into the tone."""


def weigh(path: Path, shape: Shape, context: Context, past: Before) -> Evidence:
    """All figures of one tone, of its surroundings, and of what was before."""
    at = np.asarray(path.at_ms) / 1000
    level = median(path.dbfs)
    full = slice(path.filled[0], path.filled[1] + 1)
    slow_hz, fast_hz = _wander(at[full], np.asarray(path.hz[full]))
    slow_db, _ = _wander(at[full], np.asarray(path.dbfs[full]))
    own = 10 ** (np.asarray(path.dbfs) / 10)
    if path.partner_dbfs is not None:
        own = own + 10 ** (np.asarray(path.partner_dbfs) / 10)
    total = 10 ** (np.asarray(path.total_dbfs) / 10)
    noiseless = np.maximum(own, total - 10 ** (context.floor_dbfs / 10))
    before = path.before_dbfs[_RISE_HOPS]
    return Evidence(
        hops=len(at),
        hz=median(path.hz),
        dbfs=level,
        jitter_hz=shape.jitter_hz,
        wobble_db=shape.wobble_db,
        slope_hz_per_s=abs(shape.slope_hz_per_s),
        purity=median((own / noiseless).tolist()),
        raw_purity=median((own / total).tolist()),
        rise_db=max(path.dbfs[:6]) - max(before, default=SILENCE_DBFS),
        fall_db=level - max(path.after_dbfs, default=SILENCE_DBFS),
        slow_hz=slow_hz,
        fast_hz=fast_hz,
        slow_db=slow_db,
        crowd=context.crowd,
        since_speech_s=min(NEVER_S, context.since_speech_ms / 1000),
        bridged=sum(min(7, max(0, round(step / 0.01) - 1)) for step in np.diff(at).tolist()),
        noise_db=level - context.floor_dbfs,
        width=median(path.widths),
        attack_db=_below(path.dbfs[:_NEAR_HOPS]),
        release_db=_below(path.dbfs[: -_NEAR_HOPS - 1 : -1]),
        other_db=level - median(path.other_dbfs),
        **past._asdict(),
    )


def _below(edge_dbfs: Sequence[float]) -> float:
    """Sum over the first hops of how far they are below the loudest of all, none counting too much."""
    loudest = max(edge_dbfs)
    return sum(min(_MOST_BELOW_DB, loudest - dbfs) for dbfs in edge_dbfs[:_EDGE_HOPS])


def _wander(at: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """About its straight line: the range of the smoothed values, and the RMS of the rest."""
    n = len(at)
    centred = at - at.mean()
    spread = float(centred @ centred)
    rest = values - values.mean()
    if spread > 0.0:
        rest = rest - centred * float(centred @ rest) / spread
    if n < _SMOOTH_HOPS:
        return 0.0, math.sqrt(float(rest @ rest) / n)
    sums = np.cumsum(np.concatenate(([0.0], rest)))
    smooth = (sums[_SMOOTH_HOPS:] - sums[:-_SMOOTH_HOPS]) / _SMOOTH_HOPS
    half = _SMOOTH_HOPS // 2
    fast = rest[half : n - half] - smooth if n > 2 * _SMOOTH_HOPS else rest
    return float(smooth.max() - smooth.min()), math.sqrt(float(fast @ fast) / len(fast))
