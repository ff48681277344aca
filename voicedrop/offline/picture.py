"""What was heard in a file, drawn over its spectrogram."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from scipy.signal import ShortTimeFFT

from voicedrop.errors import VoicedropError
from voicedrop.offline import sound

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE_INCHES, _DPI = (14.0, 6.0), 100
_RANGE_DB: Final = 70.0
"""The colours reach this far below the loudest spot."""
_WINDOW: Final = 256
"""32 ms at 8 kHz, every 16 ms."""
_COLUMNS: Final = 2600
"""Of a long file the loudest of several windows is drawn, so that a short beep stays in the picture."""
_INK: Final = "#222222"
_COLOURS: Final = {"beep": "#c2410c", "speech": "#1d4ed8", "cue": "#15803d", "restart": "#b91c1c", "give_up": "#b91c1c"}
_TOP: Final = {"cue": 1.02, "restart": 1.07, "give_up": 1.07}
"""Where labels stand, as a share of the strip's height."""


def draw(target: Path, path: Path, channel: int, rows: Sequence[dict[str, Any]]) -> None:
    """Write a PNG, 1400x600: beeps and speech as shaded spans, cues and restarts as lines.

    Raises:
        VoicedropError: matplotlib is missing, or the picture cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise VoicedropError("drawing needs matplotlib: pip install voicedrop[dev]") from missing

    samples = np.concatenate([np.zeros(0, np.int16), *sound.blocks(path, channel)])
    seconds = len(samples) / sound.RATE_HZ
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI)
    FigureCanvasAgg(figure)
    strip = figure.subplots()
    figure.subplots_adjust(left=0.055, right=0.985, bottom=0.09, top=0.83)
    _spectrogram(strip, samples)
    _spans(strip, rows, seconds)
    for row in rows:
        if row["event"] in _TOP:
            colour = _COLOURS[row["event"]]
            strip.axvline(row["t_ms"] / 1000, color=colour, linewidth=1.4)
            words = f"{row['event']} ({row['reason']})" if row["event"] != "give_up" else "give up"
            _label(strip, row["t_ms"] / 1000, _TOP[row["event"]], words, colour)
    strip.set_xlim(0.0, max(seconds, 0.1))
    strip.set_xlabel("seconds")
    strip.tick_params(colors=_INK, labelsize=9)
    figure.suptitle(path.name, x=0.055, y=0.97, ha="left", fontsize=12, color=_INK)
    try:
        figure.savefig(target, format="png")
    except OSError as error:
        raise VoicedropError(f"cannot write {target}: {error.strerror or error}") from error


def _spectrogram(strip: Axes, samples: npt.NDArray[np.int16]) -> None:
    """Shades from white (silent) to dark (loud)."""
    strip.set_ylabel("Hz")
    strip.set_ylim(0, sound.RATE_HZ / 2)
    if len(samples) < _WINDOW:
        return
    step = _WINDOW // 2
    transform = ShortTimeFFT(np.hanning(_WINDOW), step, sound.RATE_HZ, scale_to="psd")
    windows = len(samples) // step
    together = -(-windows // _COLUMNS)
    piece = together * step * max(1, 4096 // together)  # samples at a time: an 8 h file must fit
    columns = []
    for at in range(0, len(samples), piece):
        part = samples[at : at + piece].astype(np.float64) / 32768
        if len(part) < _WINDOW:
            break
        power = transform.spectrogram(part, p0=0, p1=max(1, len(part) // step))
        kept = power.shape[1] - power.shape[1] % together or power.shape[1]
        grouped = power[:, :kept].reshape(power.shape[0], -1, min(together, kept))
        columns.append(np.max(grouped, axis=2))
    level = 10 * np.log10(np.concatenate(columns, axis=1) + 1e-12)
    top = max(float(np.max(level)), -60.0)
    strip.imshow(
        level,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        vmin=top - _RANGE_DB,
        vmax=top,
        extent=(0.0, level.shape[1] * together * step / sound.RATE_HZ, 0.0, sound.RATE_HZ / 2),
    )


def _spans(strip: Axes, rows: Sequence[dict[str, Any]], seconds: float) -> None:
    speaking: float | None = None
    for row in rows:
        if row["event"] == "beep_end":
            start, end = row["start_ms"] / 1000, row["end_ms"] / 1000
            strip.axvspan(start, end, color=_COLOURS["beep"], alpha=0.25, linewidth=0)
            hz = " + ".join(f"{hz:.0f}" for hz in row["freq_hz"])
            _label(strip, start, 1.12, f"{hz} Hz, {row['end_ms'] - row['start_ms']:.0f} ms", _COLOURS["beep"])
        elif row["event"] == "speech_start":
            speaking = row["start_ms"] / 1000
        elif row["event"] == "speech_end" and speaking is not None:
            _speech(strip, speaking, row["end_ms"] / 1000)
            speaking = None
    if speaking is not None:
        _speech(strip, speaking, seconds)


def _speech(strip: Axes, start: float, end: float) -> None:
    """A bar along the bottom."""
    strip.axvspan(start, end, ymin=0.0, ymax=0.03, color=_COLOURS["speech"], alpha=0.7, linewidth=0)


def _label(strip: Axes, at: float, height: float, words: str, colour: str) -> None:
    strip.text(
        at, height, words, color=colour, fontsize=8, transform=strip.get_xaxis_transform(), clip_on=False, va="bottom"
    )
