"""Beeps of every kind that mailboxes are known, or feared, to make."""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from tests.bench.detection.network import is_network_pair
from tests.bench.detection.recipe import BEEP_DBFS, DRIFT, RATE_HZ
from tests.bench.detection.waves import Sound, edges, gain, level_dbfs, silence, times, to_level


@dataclass(frozen=True, slots=True, kw_only=True)
class Beep:
    """How a beep is to be made."""

    kind: str
    hz: tuple[float, ...]
    ms: float
    """Of one burst, edges included."""
    dbfs: float
    """RMS re a full-scale sine at its loudest."""
    source: str = ""
    chirp_hz_per_s: float = 0.0
    fall_db: float = 0.0
    """How much quieter its end is than its beginning."""
    drive: float = 1.0
    """Above 1 it clips."""
    pause_ms: float = 0.0
    """Above 0: two bursts with this between them, one beep."""
    edge_ms: float = 3.0


class Documented(NamedTuple):
    """A beep that somebody wrote about, as ranges."""

    source: str
    hz: tuple[float, float]
    ms: tuple[float, float]
    dbfs: tuple[float, float]
    fall_db: float = 0.0
    dual: bool = False


DOCUMENTED: Final = (
    Documented("freeswitch", (1000, 1000), (640, 640), (-20, -9)),
    Documented("freeswitch-short", (1000, 1000), (250, 250), (-20, -9)),
    Documented("asterisk", (700, 700), (420, 420), (-18, -4)),
    Documented("decaying-871", (871, 871), (160, 160), (-25, -12), 20.0),
    Documented("quiet-660", (660, 660), (250, 600), (-38, -30)),
    Documented("lumenvox", (400, 2000), (70, 1200), (-30, -8)),
    Documented("dialogic-low", (750, 1600), (150, 800), (-30, -8)),
    Documented("dialogic-high", (1700, 2900), (150, 800), (-30, -8)),
    Documented("genesys-dual", (400, 1500), (150, 800), (-25, -8), 0.0, True),
    Documented("voip-short", (440, 1400), (40, 60), (-25, -8)),
)


def draw(rng: np.random.Generator, kind: str) -> Beep:
    """A beep of the kind, every frequency up to 3 % off."""
    hz = float(np.exp(rng.uniform(np.log(380), np.log(2500))))
    beep = Beep(
        kind=kind,
        hz=(hz * _drift(rng),),
        ms=_log_uniform(rng, 100, 1200),
        dbfs=float(rng.uniform(*BEEP_DBFS)),
        edge_ms=float(rng.choice([0.0, 1.0, 3.0, 5.0, 10.0])),
    )
    if kind == "documented":
        return _documented(rng, beep)
    if kind == "dual":
        return replace(beep, hz=_pair(rng, 380, 1500))
    if kind == "chirp":
        ms = _log_uniform(rng, 150, 900)
        steepest = min(500.0, 0.15 * hz / (ms / 1000))
        sign = 1 if rng.random() < 0.5 else -1
        return replace(beep, ms=ms, chirp_hz_per_s=sign * float(rng.uniform(0.2, 1.0)) * steepest)
    if kind == "decaying":
        dbfs = float(rng.uniform(BEEP_DBFS[0] + 8, BEEP_DBFS[1]))
        return replace(beep, ms=_log_uniform(rng, 120, 900), dbfs=dbfs, fall_db=float(rng.uniform(8, 25)))
    if kind == "doubled":
        return replace(beep, ms=_log_uniform(rng, 70, 300), pause_ms=float(rng.uniform(40, 150)))
    if kind == "short":
        return replace(beep, ms=float(rng.uniform(40, 100)), edge_ms=min(3.0, beep.edge_ms))
    if kind == "clipped":
        return replace(beep, dbfs=float(rng.uniform(-20, BEEP_DBFS[1])), drive=float(rng.uniform(1.5, 8)))
    return beep


def sound(beep: Beep) -> Sound:
    """The beep: its first sample is its beginning, its last one its end."""
    burst = _burst(beep)
    if beep.pause_ms > 0:
        return np.concatenate([burst, silence(beep.pause_ms), burst])
    return burst


def pack_sound(recorded: Sound, dbfs: float) -> tuple[float, Sound]:
    """A recorded beep at another level: its frequency in Hz, and its sound while its tone lasts.

    Some have hiss and a click behind them: what counts is the tone, as far as it is within 20 dB of its loudest.
    """
    spectrum = np.abs(np.fft.rfft(recorded * np.hanning(len(recorded)), 1 << 16))
    hz = float(np.argmax(spectrum)) * RATE_HZ / (1 << 16)
    turned = recorded * np.exp(-2j * np.pi * hz * np.arange(len(recorded)) / RATE_HZ)
    envelope = np.abs(np.convolve(turned, np.ones(80) / 80, "same"))
    loud = np.flatnonzero(envelope > np.max(envelope) * gain(-20))
    longest = max(np.split(loud, np.flatnonzero(np.diff(loud) > 1) + 1), key=len)
    return hz, to_level(recorded[longest[0] : longest[-1] + 1], dbfs)


def _burst(beep: Beep) -> Sound:
    t = times(beep.ms)
    wave = np.zeros(len(t))
    for hz in beep.hz:
        wave += np.sin(2 * np.pi * (hz * t + beep.chirp_hz_per_s * t * t / 2))
    wave = np.clip(wave / len(beep.hz) * beep.drive, -1, 1)
    wave *= gain(beep.dbfs - level_dbfs(wave))
    wave *= 10 ** (-beep.fall_db / 20 * t / (beep.ms / 1000))
    return edges(wave, beep.edge_ms)


def _documented(rng: np.random.Generator, beep: Beep) -> Beep:
    known = DOCUMENTED[int(rng.integers(len(DOCUMENTED)))]
    hz = _pair(rng, *known.hz) if known.dual else (float(rng.uniform(*known.hz)) * _drift(rng),)
    return replace(
        beep,
        source=known.source,
        hz=hz,
        ms=_log_uniform(rng, *known.ms),
        dbfs=float(rng.uniform(*known.dbfs)),
        fall_db=known.fall_db,
        edge_ms=min(3.0, beep.edge_ms),
    )


def _pair(rng: np.random.Generator, low_hz: float, high_hz: float) -> tuple[float, float]:
    """Two tones that are not two of the network's: a beep of 440 + 480 Hz would be ringback."""
    while True:
        low = float(rng.uniform(low_hz, high_hz)) * _drift(rng)
        high = min(2800.0, low * float(rng.uniform(1.12, 2.2)))
        if not is_network_pair(low, high):
            return low, high


def _drift(rng: np.random.Generator) -> float:
    return 1 + float(rng.uniform(-DRIFT, DRIFT))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
