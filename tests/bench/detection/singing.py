"""Sung vowels and whistles: the people who sound most like machines."""

from typing import Final

import numpy as np
from scipy.signal import lfilter

from tests.bench.detection.recipe import RATE_HZ
from tests.bench.detection.waves import Sound, band, count, edges, silence, times, to_level, white

_FORMANTS_HZ: Final = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
    "m": (250, 1000, 2200),
}


def sung(rng: np.random.Generator, ms: float, dbfs: float) -> Sound:
    """A line of notes on one vowel: vibrato or none, small jitter of pitch and level, glides between notes."""
    vowel = _FORMANTS_HZ[str(rng.choice(list(_FORMANTS_HZ)))]
    size = float(rng.uniform(0.95, 1.25))
    base = float(np.exp(rng.uniform(np.log(130), np.log(880))))
    vibrato_cents = float(rng.choice([0.0, 8.0, 25.0, 60.0]))
    parts: list[Sound] = []
    while sum(map(len, parts)) < count(ms):
        note_ms = float(rng.uniform(250, 1800))
        hz = base * 2 ** (int(rng.choice([-5, -3, 0, 2, 4, 7])) / 12)
        parts += [_note(rng, hz, note_ms, vibrato_cents, vowel, size), silence(float(rng.choice([0.0, 60.0, 400.0])))]
    return to_level(np.concatenate(parts)[: count(ms)], dbfs)


def _note(
    rng: np.random.Generator, hz: float, ms: float, vibrato_cents: float, formants: tuple[int, ...], size: float
) -> Sound:
    t = times(ms)
    cents = vibrato_cents * np.sin(2 * np.pi * float(rng.uniform(4.5, 6.5)) * t + float(rng.uniform(0, 6)))
    cents += wander(rng, len(t), cents=float(rng.uniform(4, 15)))
    cents -= float(rng.uniform(0, 150)) * np.exp(-t / 0.05)  # slides into the note
    phase = 2 * np.pi * np.cumsum(hz * 2 ** (cents / 1200)) / RATE_HZ
    wave = np.zeros(len(t))
    for harmonic in range(1, 1 + int(3700 / hz)):
        wave += np.sin(harmonic * phase) / harmonic**1.2
    wave += white(rng, len(t)) * 0.01
    for centre, width in zip(formants, (70, 100, 140), strict=True):
        radius = np.exp(-np.pi * width / RATE_HZ)
        poles = [1, -2 * radius * np.cos(2 * np.pi * centre * size / RATE_HZ), radius**2]
        wave = lfilter([1 - radius], poles, wave) + 0.02 * wave
    wave *= 1 + 0.05 * wander(rng, len(t), cents=1.0)
    return edges(wave / (np.max(np.abs(wave)) + 1e-9), float(rng.uniform(15, 80)))


def whistle(rng: np.random.Generator, ms: float, dbfs: float) -> Sound:
    """A tune: notes of 0.15 to 1.5 s between 500 and 2600 Hz, slurred or apart, with breath in them."""
    hz = float(np.exp(rng.uniform(np.log(600), np.log(1900))))
    parts: list[Sound] = []
    while sum(map(len, parts)) < count(ms):
        note = times(float(rng.uniform(150, 1500)))
        goal = float(np.clip(hz * 2 ** (int(rng.integers(-7, 8)) / 12), 500, 2600))
        path = goal + (hz - goal) * np.exp(-note / float(rng.uniform(0.01, 0.06)))
        hz = goal
        cents = wander(rng, len(note), cents=float(rng.uniform(5, 20)))
        cents += float(rng.choice([0.0, 0.0, 20.0])) * np.sin(2 * np.pi * 5.5 * note)
        tone = np.sin(2 * np.pi * np.cumsum(path * 2 ** (cents / 1200)) / RATE_HZ)
        tone *= 1 + 0.1 * wander(rng, len(note), cents=1.0)
        breath = band(white(rng, len(note)), max(300.0, goal * 0.7), min(3600.0, goal * 1.4))
        tone += breath * float(rng.uniform(0.01, 0.1))
        parts += [edges(tone, float(rng.uniform(10, 50))), silence(float(rng.choice([0.0, 0.0, 80.0, 500.0])))]
    return to_level(np.concatenate(parts)[: count(ms)], dbfs)


def wander(rng: np.random.Generator, n: int, cents: float) -> Sound:
    """What muscles do: noise below some 8 Hz with a standard deviation of ``cents``."""
    points = rng.normal(size=n // (RATE_HZ // 20) + 4)
    smooth = np.convolve(points, [0.25, 0.5, 0.25], "same") / 0.61
    return np.asarray(np.interp(np.arange(n) / (RATE_HZ / 20), np.arange(len(smooth)), smooth) * cents)
