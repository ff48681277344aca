"""The network's own tones: call progress, special information tones, DTMF, fax and modems."""

from typing import Final, NamedTuple

import numpy as np

from tests.bench.detection.recipe import RATE_HZ
from tests.bench.detection.waves import Sound, band, count, edges, gain, silence, sines, times, to_level

DTMF_ROWS_HZ: Final = (697.0, 770.0, 852.0, 941.0)
DTMF_COLUMNS_HZ: Final = (1209.0, 1336.0, 1477.0, 1633.0)


class Cadence(NamedTuple):
    """A tone and its rhythm: on, off, on, off..., in ms; no rhythm is a tone that goes on."""

    name: str
    hz: tuple[float, ...]
    rhythm_ms: tuple[float, ...]


CADENCES: Final = (
    Cadence("ringback_us", (440, 480), (2000, 4000)),
    Cadence("ringback_uk", (400, 450), (400, 200, 400, 2000)),
    Cadence("ringback_eu", (425,), (1000, 4000)),
    Cadence("busy_us", (480, 620), (500, 500)),
    Cadence("busy_uk", (400,), (375, 375)),
    Cadence("busy_eu", (425,), (480, 480)),
    Cadence("reorder_us", (480, 620), (250, 250)),
    Cadence("reorder_uk", (400,), (400, 350, 225, 525)),
    Cadence("reorder_eu", (425,), (240, 240)),
    Cadence("dial_us", (350, 440), ()),
    Cadence("dial_uk", (350, 450), ()),
    Cadence("dial_eu", (425,), ()),
)
RINGBACKS: Final = tuple(cadence for cadence in CADENCES if cadence.name.startswith("ringback"))
_SIT: Final = (
    ((913.8, 1370.6, 1776.7), (274, 274, 380)),
    ((985.2, 1370.6, 1776.7), (380, 274, 380)),
    ((985.2, 1428.5, 1776.7), (380, 380, 380)),
    ((950.0, 1400.0, 1800.0), (330, 330, 330)),
)
_PAIRS: Final = (
    *((row, column) for row in DTMF_ROWS_HZ for column in DTMF_COLUMNS_HZ),
    *(cadence.hz for cadence in CADENCES if len(cadence.hz) == 2),
)


def is_network_pair(low_hz: float, high_hz: float) -> bool:
    """Within 4 % of two tones that the network uses together?"""
    return any(abs(low_hz / low - 1) < 0.04 and abs(high_hz / high - 1) < 0.04 for low, high in _PAIRS)


def cadence(rng: np.random.Generator, kind: Cadence, ms: float, dbfs: float) -> Sound:
    """The tone in its rhythm for ``ms``, which may end it anywhere; up to 0.5 % off, the rhythm up to 3 %."""
    hz = tuple(f * (1 + float(rng.uniform(-0.005, 0.005))) for f in kind.hz)
    if not kind.rhythm_ms:
        return sines(hz, ms, dbfs)
    pace = 1 + float(rng.uniform(-0.03, 0.03))
    parts: list[Sound] = []
    while sum(map(len, parts)) < count(ms):
        for k, step_ms in enumerate(kind.rhythm_ms):
            parts.append(silence(step_ms * pace) if k % 2 else sines(hz, step_ms * pace, dbfs))
    return np.concatenate(parts)[: count(ms)]


def sit(rng: np.random.Generator, dbfs: float) -> Sound:
    """Special information tones: three, rising, one straight after another."""
    tones, lengths = _SIT[int(rng.integers(len(_SIT)))]
    gap = float(rng.choice([0.0, 0.0, 15.0, 30.0]))
    parts: list[Sound] = []
    for hz, ms in zip(tones, lengths, strict=True):
        parts += [sines((hz * (1 + float(rng.uniform(-0.008, 0.008))),), ms, dbfs, 2.0), silence(gap)]
    return np.concatenate(parts)


def dtmf(rng: np.random.Generator, dbfs: float) -> Sound:
    """One to twelve digits, 50 to 300 ms, with up to 6 dB of twist."""
    on_ms, off_ms = float(rng.uniform(50, 300)), float(rng.uniform(45, 300))
    parts: list[Sound] = []
    for _ in range(int(rng.integers(1, 13))):
        row = sines((DTMF_ROWS_HZ[int(rng.integers(4))] * (1 + float(rng.uniform(-0.01, 0.01))),), on_ms, dbfs)
        column = sines((DTMF_COLUMNS_HZ[int(rng.integers(4))] * (1 + float(rng.uniform(-0.01, 0.01))),), on_ms, dbfs)
        parts += [row + column * gain(float(rng.uniform(-6, 6))), silence(off_ms)]
    return np.concatenate(parts)


def cng(rng: np.random.Generator, dbfs: float, times_: int) -> Sound:
    """A fax that calls: 1100 Hz, half a second every 3.5 s."""
    hz = 1100 + float(rng.uniform(-38, 38))
    return np.concatenate([sines((hz,), 500, dbfs), silence(3000)] * times_)


def ced(rng: np.random.Generator, dbfs: float) -> Sound:
    """A fax or modem that answers: 2100 Hz, plain, with phase reversals, and with V.8's 15 Hz."""
    t = times(float(rng.uniform(2600, 4000)))
    phase = 2 * np.pi * (2100 + float(rng.uniform(-15, 15))) * t
    kind = int(rng.integers(3))
    if kind > 0:
        phase = phase + np.pi * (np.floor(t / 0.45) % 2)
    wave = np.sin(phase) * gain(dbfs)
    if kind == 2:
        wave *= 1 + 0.2 * np.sin(2 * np.pi * 15 * t)
    return edges(wave, 3)


def modem(rng: np.random.Generator, ms: float, dbfs: float) -> Sound:
    """FSK at 300 (V.21, Bell 103) or 1200 bit/s (Bell 202), with idling; or PSK at 600 baud (V.22)."""
    kind = int(rng.integers(5))
    n = count(ms)
    if kind == 4:
        carrier = float(rng.choice([1200.0, 2400.0]))
        turns = np.cumsum(rng.integers(0, 4, size=n // 13 + 2)) * np.pi / 2
        phases = np.repeat(turns, 40 // 3)[:n]
        return to_level(band(np.cos(2 * np.pi * carrier * np.arange(n) / RATE_HZ + phases), 400, 3200), dbfs)
    mark, space, baud = (
        (980.0, 1180.0, 300),
        (1650.0, 1850.0, 300),
        (1270.0, 1070.0, 300),
        (1200.0, 2200.0, 1200),
    )[kind]
    bits: list[int] = []
    while len(bits) * RATE_HZ / baud < n:
        # Bytes with start and stop bits, and idling between them.
        bits += [1] * int(rng.choice([0, 0, 0, 5, baud // 4]))
        bits += [0, *rng.integers(0, 2, size=8).tolist(), 1]
    symbols = np.asarray(bits)[np.minimum((np.arange(n) * baud / RATE_HZ).astype(int), len(bits) - 1)]
    hz = np.where(symbols > 0, mark, space)
    return edges(np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * gain(dbfs), 3)
