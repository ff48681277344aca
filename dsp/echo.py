"""Is what is heard nothing but our own message coming back?"""

from typing import Final

import numpy as np
import numpy.typing as npt

from dsp.events import BeepEnded, BeepStarted

RATE_HZ: Final = 8000
_PER_MS: Final = RATE_HZ // 1000

LEAST_LAG_MS: Final = -100.0
"""The start may be told so much later than the first sample left..."""
MOST_LAG_MS: Final = 600.0
"""...and an echo comes back no later than this behind it: 100 to 300 ms on the line, and the ways to Asterisk and
from it, through jitter buffer and tap."""
WINDOW_MS: Final = 400.0
"""So much is compared. In less, speech resembles any speech; in more, a voice that has just begun is lost."""
LEAST_SHARE: Final = 0.3
"""Least share of the energy that the message explains if it is the message. The bench's tuning voices, 400 ms:
echoes 20 dB down through band-pass and codec (u-law, GSM, AMR, Opus, G.729) have 0.75 to 0.97, and less than
0.5 in one of 20, at edges and in pauses; another voice, or the same one with other words, has less than 0.2 in 99 %."""
WEAKEST_DBFS: Final = -42.0
"""What the message leaves unexplained is somebody else's sound only from this level on: below are line noise and
what a codec makes of a faint echo (GSM left up to -43). The greetings of the bench lie between -30 and -14."""
LEAST_LOSS_DB: Final = 6.0
"""A tone of our own comes back fainter than it left, by this at least; lines lose 10 dB or more."""
LEAST_TONE_SHARE: Final = 0.3
"""Least share of the message's energy that its tone must have had there. It keeps faint beeps apart from
the harmonics of a voice; an echo that the detector takes for a beep was almost a pure tone when it left."""
_EMPHASIS: Final = 0.9
"""y[n] = x[n] - 0.9 x[n-1]: evens speech's spectrum out. Hum and the pitch, alike in all voices, count less."""
_TAPS: Final = 8
"""To each side of the best lag: parts of a sample, and what filters and coders do to the spectrum."""

Samples = npt.NDArray[np.int16]
_Sound = npt.NDArray[np.float64]


class EchoFinder:
    """Knows the message and when it began; tells its echo from sound of the far end's own.

    Everything int16, mono, 8 kHz. Give it with `feed` what the leg brings, in pieces of any length, and say
    with `begin` when the message starts: at the sample that comes next, give or take the lags above. Its state
    is the message and the last 400 ms heard.
    """

    def __init__(self, message: Samples) -> None:
        before = int(MOST_LAG_MS * _PER_MS)
        after = int((MOST_LAG_MS + WINDOW_MS - LEAST_LAG_MS) * _PER_MS)
        self._offset = before
        self._message = np.concatenate([np.zeros(before, np.int16), message, np.zeros(after, np.int16)])
        self._heard = np.zeros(0, np.int16)
        self._since = -1

    def begin(self, played_ms: float = 0.0) -> None:
        """The message starts now, once more or for the first time; or it started so long ago, unheard."""
        self._since = int(played_ms * _PER_MS)
        self._heard = np.zeros(0, np.int16)

    def feed(self, samples: Samples) -> None:
        """Take what was heard, shape (n,), any n."""
        if self._since >= 0:
            self._since += len(samples)
            self._heard = np.concatenate([self._heard, samples])[-int(WINDOW_MS * _PER_MS) :]

    def is_own_tone(self, tone: BeepStarted | BeepEnded) -> bool:
        """Is the tone just heard one of the message's, come back? No before `begin`.

        It is if the message, so long ago as an echo takes, was for as long little else than its frequencies, and
        clearly louder.
        """
        if self._since < 0:
            return False
        end_ms = tone.end_ms if isinstance(tone, BeepEnded) else tone.at_ms
        length = int(min(end_ms - tone.start_ms, WINDOW_MS) * _PER_MS)
        last = self._since + self._offset - int((tone.at_ms - end_ms) * _PER_MS)
        first = last - length - int(MOST_LAG_MS * _PER_MS)
        played = _emphasised(self._message[max(0, first) : max(0, last - int(LEAST_LAG_MS * _PER_MS))])
        if not 0 < length <= len(played):
            return False
        sums = np.concatenate([[0.0], np.cumsum(played * played)])
        powers = np.maximum((sums[length:] - sums[:-length]) / length, 1.0)
        least = 32768.0 * 10 ** ((tone.level_dbfs + LEAST_LOSS_DB) / 20)
        share, loud = np.zeros(len(powers)), np.ones(len(powers), bool)
        for hz in tone.frequencies_hz:
            amplitudes = tone_amplitudes(played, hz, length)
            share += amplitudes**2 / 2 / powers
            loud &= amplitudes >= least * abs(1 - _EMPHASIS * np.exp(-2j * np.pi * hz / RATE_HZ))
        return bool(np.any(loud & (share >= LEAST_TONE_SHARE)))

    def foreign(self) -> bool:
        """Was there, in the last 400 ms (or since the start), sound that is not the message's echo?

        Costs about 1 ms; ask when speech is heard, not at each frame. True before `begin`.
        """
        if self._since < 0:
            return True
        heard = self._heard
        power = 2 * float(np.var(heard / 32768.0)) if len(heard) else 0.0
        first = self._since - len(heard) + self._offset - int(MOST_LAG_MS * _PER_MS)
        last = self._since + self._offset - int(LEAST_LAG_MS * _PER_MS)
        share = explained_share(heard, self._message[first:last])
        unexplained = power * (1.0 - share)
        return share < LEAST_SHARE and unexplained >= 10 ** (WEAKEST_DBFS / 10)


def tone_amplitudes(played: _Sound, hz: float, length: int) -> _Sound:
    """Amplitude of the frequency in each stretch of ``length`` samples of 8 kHz: shape (m - length + 1,) for (m,)."""
    turned = played * np.exp(-2j * np.pi * hz / RATE_HZ * np.arange(len(played)))
    sums = np.concatenate([[0.0], np.cumsum(turned)])
    return np.asarray(2 / length * np.abs(sums[length:] - sums[:-length]))


def explained_share(heard: Samples, played: Samples) -> float:
    """How much of ``heard`` is ``played`` at some lag, through some short filter: 0 to 1, of the energy.

    Both int16, mono, 8 kHz; ``heard`` of shape (n,), ``played`` of shape (m,), m >= n: what was played in the
    time in which that may have left. Pure; costs about 1 ms for n = 3200, m = 8800.
    """
    own, other = _emphasised(heard), _emphasised(played)
    energy = float(own @ own)
    if energy <= 0.0 or len(own) < _TAPS * 4 or len(other) < len(own):
        return 0.0
    size = 1 << (len(own) + len(other) - 1).bit_length()
    spectrum = np.fft.rfft(other, size)
    products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(own, size)), size)[: len(other) - len(own) + 1]
    sums = np.concatenate([[0.0], np.cumsum(other * other)])
    energies = sums[len(own) :] - sums[: -len(own)]
    floor = 1e-6 * max(1.0, float(np.max(energies)))
    lag = int(np.argmax(products**2 / np.maximum(energies, floor)))
    return _filtered_share(own, other, lag, energy)


def _filtered_share(own: _Sound, other: _Sound, lag: int, energy: float) -> float:
    """Share of ``own`` that the best short filter makes of ``other`` around ``lag``: least squares."""
    first = max(0, lag - _TAPS)
    last = min(len(other) - len(own), lag + _TAPS)
    shifted = np.lib.stride_tricks.sliding_window_view(other, len(own))[first : last + 1]
    gram = shifted @ shifted.T
    gram[np.diag_indices_from(gram)] += 1e-4 * max(1.0, float(np.trace(gram))) / len(gram)
    match = shifted @ own
    return min(1.0, max(0.0, float(match @ np.linalg.solve(gram, match)) / energy))


def _emphasised(samples: Samples) -> _Sound:
    """Without a constant part, which some lines add."""
    sound = samples.astype(np.float64)
    steps = sound[1:] - _EMPHASIS * sound[:-1]
    return np.asarray(steps - np.mean(steps)) if len(steps) else steps
