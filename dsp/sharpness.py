"""How sharp a tone's edges are, from its samples: hops have windows of 32 ms and smear what a machine switches."""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.recent import PER_MS, Recent

_Floats = npt.NDArray[np.floating[Any]]

_STEP_SAMPLES: Final = 20
_STEP_MS: Final = _STEP_SAMPLES / PER_MS
"""2.5 ms; an amplitude is the mean over two of them."""
_OUTSIDE_MS: Final = 50.0
_INSIDE_MS: Final = 35.0
"""So far from an edge is looked at..."""
_MARGIN_MS: Final = 6.0
"""...with so much more at either end, for the means to be whole."""
_OUTER_MS: Final = 12.0
"""What is further outside than this is not the tone any more, though hops know its edge badly..."""
_INNER_MS: Final = (5.0, 30.0)
"""...and between these it has its full amplitude."""
_LOW: Final = 0.25
_HIGH: Final = 0.8
_NO_EDGE_MS: Final = 60.0
"""Where it never was faint, or never came to its full amplitude."""
_NO_ZERO: Final = 1e-3
"""An amplitude of samples, added before a logarithm is taken."""


class Sharpness(NamedTuple):
    """Figures of both edges, in the order in which `doubt` knows them."""

    attack_ms: float
    """From the last time under a quarter of its amplitude to four fifths of it."""
    rise_db: float
    """How far what was at its frequency before is below it."""
    release_ms: float
    drop_db: float
    """The same at its end, backwards in time."""


def sharpness(recent: Recent, span_ms: tuple[float, float], span_hz: tuple[float, float], now_ms: float) -> Sharpness:
    """Of a tone that is over: when it began and ended, its frequency then, and how far the stream may be known."""
    return Sharpness(
        *_edge(*_amplitudes(recent, span_ms[0], -1, span_hz[0], now_ms)),
        *_edge(*_amplitudes(recent, span_ms[1], 1, span_hz[1], now_ms)),
    )


def _amplitudes(recent: Recent, edge_ms: float, outwards: int, hz: float, now_ms: float) -> tuple[_Floats, _Floats]:
    """At one frequency, from outside inwards; and how far inside the edge each is, in ms. Shapes (n,)."""
    before_ms, after_ms = sorted((outwards * (_OUTSIDE_MS + _MARGIN_MS), -outwards * (_INSIDE_MS + _MARGIN_MS)))
    first_ms, samples = recent.between(edge_ms + before_ms, min(edge_ms + after_ms, now_ms))
    whole = len(samples) // _STEP_SAMPLES * _STEP_SAMPLES
    turn = np.exp(-2j * np.pi * hz / (1000 * PER_MS) * np.arange(whole))
    steps = (samples[:whole] * turn).reshape(-1, _STEP_SAMPLES).sum(axis=1)
    sizes = np.abs(steps[1:] + steps[:-1]) / _STEP_SAMPLES
    inside_ms = -outwards * (first_ms + (np.arange(len(sizes)) + 1) * _STEP_MS - edge_ms)
    return (sizes[::-1], inside_ms[::-1]) if outwards > 0 else (sizes, inside_ms)


def _edge(sizes: _Floats, inside_ms: _Floats) -> tuple[float, float]:
    """How long the way to the full amplitude is in ms, and how high in dB."""
    inner = sizes[(inside_ms >= _INNER_MS[0]) & (inside_ms <= _INNER_MS[1])]
    full = float(np.median(inner)) if len(inner) else float(sizes.max(initial=0.0))
    outer = sizes[(inside_ms >= -_OUTSIDE_MS) & (inside_ms <= -_OUTER_MS)]
    around = float(np.sqrt(np.mean(outer**2))) if len(outer) else 0.0
    high_db = 20 * float(np.log10((full + _NO_ZERO) / (around + _NO_ZERO)))
    sizes = sizes[(inside_ms >= -_OUTSIDE_MS) & (inside_ms <= _INSIDE_MS)]
    faint = np.flatnonzero(sizes < _LOW * full)
    loud = np.flatnonzero(sizes[faint[-1] :] >= _HIGH * full) if len(faint) else faint
    return (float(loud[0]) * _STEP_MS if len(loud) else _NO_EDGE_MS), high_db
