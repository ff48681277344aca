"""Others' ways to hear a beep, to show that this corpus is no kinder than the one of the issue's table."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from tests.bench.detection.recipe import RATE_HZ
from tests.bench.detection.waves import Samples, Sound

_FULL_SCALE: Final = 32768.0


class GoertzelBank:
    """Twenty-seven fixed tones; a beep is over when one of them, held for 60 ms, has been gone for 40.

    Each 20 ms block is compared with every tone (a Goertzel filter, here as one matrix); a tone is there when
    it, within the block's 50 Hz, holds half of the block's power and is above -45 dBFS.
    """

    title: ClassVar[str] = "Goertzel bank of 27 fixed tones"
    TONES_HZ: ClassVar[tuple[float, ...]] = (
        *(400, 425, 440, 480, 500, 550, 600, 620, 660, 700, 750, 800, 850, 871, 900, 950, 1000),
        *(1050, 1100, 1200, 1300, 1400, 1500, 1600, 1750, 2000, 2100),
    )
    SHARE: ClassVar[float] = 0.5
    WEAKEST_DBFS: ClassVar[float] = -45.0
    HOLD_BLOCKS: ClassVar[int] = 3
    GONE_BLOCKS: ClassVar[int] = 2

    def __init__(self) -> None:
        t = np.arange(160) / RATE_HZ
        self._bank = np.exp(-2j * np.pi * np.outer(self.TONES_HZ, t))
        self._weakest = 10 ** (self.WEAKEST_DBFS / 10) / 2
        self._held = 0
        self._gone = 0

    def feed(self, frame: Samples) -> int:
        if self._tone_in(frame):
            self._held += 1
            self._gone = 0
            return 0
        if self._held < self.HOLD_BLOCKS:
            self._held = 0
            return 0
        self._gone += 1
        if self._gone < self.GONE_BLOCKS:
            return 0
        self._held = self._gone = 0
        return 1

    def _tone_in(self, frame: Samples) -> bool:
        sound = frame / _FULL_SCALE
        power = float(np.mean(sound**2))
        if power < self._weakest:
            return False
        # A sine's power is half its squared amplitude, which is 2|X|/N.
        tones = 2 * np.abs(self._bank @ sound) ** 2 / len(sound) ** 2
        return bool(np.max(tones) >= self.SHARE * power)


class CommercialRules:
    """One tone that holds 90 % of the energy within ±25 Hz of itself and stays within ±25 Hz, for 200 ms or more.

    Hann windows of 64 ms each 20 ms, so that a pure tone holds all of its energy there. Over as soon as a window
    is not such a tone.
    """

    title: ClassVar[str] = "commercial rule set (90 %, ±25 Hz, ≥ 200 ms)"
    SHARE: ClassVar[float] = 0.9
    NEAR_HZ: ClassVar[float] = 25.0
    SHORTEST_MS: ClassVar[float] = 200.0
    LOWEST_HZ: ClassVar[float] = 100.0
    WEAKEST_DBFS: ClassVar[float] = -45.0
    _WINDOW: Final = 512
    _PAD: Final = 2048

    def __init__(self) -> None:
        self._window: Sound = np.zeros(self._WINDOW)
        self._hann = np.hanning(self._WINDOW)
        hz: Sound = np.arange(self._PAD // 2 + 1) * RATE_HZ / self._PAD
        self._hz = hz
        self._heard = hz >= self.LOWEST_HZ
        self._first_hz = 0.0
        self._tone_ms = 0.0

    def feed(self, frame: Samples) -> int:
        joined = np.concatenate([self._window, frame.astype(np.float64) / _FULL_SCALE])
        self._window[:] = joined[-self._WINDOW :]
        hz = self._tone()
        if hz is not None and self._tone_ms > 0 and abs(hz - self._first_hz) <= self.NEAR_HZ:
            self._tone_ms += 20.0
            return 0
        declared = int(self._tone_ms >= self.SHORTEST_MS)
        self._tone_ms = 20.0 if hz is not None else 0.0
        self._first_hz = hz or 0.0
        return declared

    def _tone(self) -> float | None:
        """The frequency of the tone that is nearly all that sounds, if there is one."""
        if 2 * float(np.mean(self._window**2)) < 10 ** (self.WEAKEST_DBFS / 10):
            return None
        power = np.where(self._heard, np.abs(np.fft.rfft(self._window * self._hann, self._PAD)) ** 2, 0.0)
        peak = float(self._hz[int(np.argmax(power))])
        near = np.abs(self._hz - peak) <= self.NEAR_HZ
        return peak if float(np.sum(power[near])) >= self.SHARE * float(np.sum(power)) else None
