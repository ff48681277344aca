"""The demo's report for a newcomer: a picture, a timeline on the terminal, a JSON file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text
from scipy import signal

from voicedrop.errors import LabError
from voicedrop.lab.judge import Delivery

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_INCHES, _DPI = (14.0, 6.0), 100
_RANGE_DB = 70  # the spectrogram's colours reach this far below the loudest spot
_LABEL_ROW = 0.052  # height of a row of labels, as a share of the picture
_INK, _MARK, _KEPT = "#222222", "#c2410c", "#1d4ed8"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One event of the call: `at_ms` since the answer."""

    name: str
    at_ms: float
    note: str = ""


def write_picture(
    path: Path,
    callee_audio: NDArray[Any],
    marks: Sequence[Mark],
    title: str,
    rate: int = 8000,
    *,
    kept: NDArray[Any] | None = None,
    kept_offset_ms: float = 0.0,
) -> None:
    """Draw what the callee's side sent as a spectrogram, with the marks as labelled lines, 1400x600 px.

    `callee_audio`: shape (samples,), sample 0 at the answer, full scale ±1.0. `kept`: what the mailbox recorded,
    drawn as a strip below, its sample 0 at `kept_offset_ms` since the answer. LabError: matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise LabError("drawing the call needs matplotlib: pip install voicedrop[dev]") from missing

    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI)
    FigureCanvasAgg(figure)
    strips = figure.subplots(
        2 if kept is not None else 1, 1, sharex=True, squeeze=False, height_ratios=[3, 1] if kept is not None else [1]
    )[:, 0]
    times = [len(callee_audio) / rate, *(mark.at_ms / 1000 for mark in marks)]
    _draw_spectrogram(strips[0], callee_audio, rate)
    if kept is not None:
        times.append(kept_offset_ms / 1000 + len(kept) / rate)
        _draw_kept(strips[1], kept, kept_offset_ms / 1000, rate)
    strips[0].set_xlim(min(0.0, *times), max(times) or 1.0)
    strips[-1].set_xlabel("seconds since the answer")
    for strip in strips:
        strip.tick_params(colors=_INK, labelsize=9)
        for mark in marks:
            strip.axvline(mark.at_ms / 1000, color=_MARK, linewidth=1.1)
    figure.subplots_adjust(left=0.055, right=0.985, bottom=0.09, hspace=0.12)
    _draw_labels(figure, strips[0], marks, title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw_spectrogram(strip: Axes, audio: NDArray[Any], rate: int) -> None:
    """Shades from white (silent) to dark (loud), 0 Hz to half the rate."""
    strip.set_ylabel("the callee sent (Hz)")
    strip.set_ylim(0, rate / 2)
    window = rate * 32 // 1000
    if len(audio) < window:
        return
    frequencies, times, power = signal.spectrogram(
        np.asarray(audio, dtype=np.float64), rate, nperseg=window, noverlap=window // 2
    )
    level = 10 * np.log10(power + 1e-12)
    top = max(float(np.max(level)), -60.0)
    strip.pcolormesh(
        times, frequencies, level, cmap="Greys", vmin=top - _RANGE_DB, vmax=top, shading="auto", rasterized=True
    )


def _draw_kept(strip: Axes, kept: NDArray[Any], start_s: float, rate: int) -> None:
    """The recording's loudest sample up and down in each 10 ms, on a shade that shows where it begins and ends."""
    step = rate // 100
    strip.set_ylabel("the mailbox\nkept")
    strip.set_yticks([])
    strip.axvspan(start_s, start_s + len(kept) / rate, color=_KEPT, alpha=0.08, linewidth=0)
    steps = np.asarray(kept[: len(kept) // step * step], dtype=np.float64).reshape(-1, step)
    if not len(steps):
        return
    high, low = np.max(steps, axis=1), np.min(steps, axis=1)
    strip.fill_between(start_s + (np.arange(len(steps)) + 0.5) / 100, low, high, color=_KEPT, linewidth=0.3)
    reach = 1.1 * max(float(np.max(np.abs(steps))), 0.01)
    strip.set_ylim(-reach, reach)


def _draw_labels(figure: Figure, strip: Axes, marks: Sequence[Mark], title: str) -> None:
    """Labels above the strip, each in the lowest row where it has room; then the title above them all."""
    left, right = strip.get_position().x0, strip.get_position().x1
    first_s, last_s = strip.get_xlim()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    ends: list[float] = []  # how far each row is filled, as a share of the picture's width
    placed = []
    for mark in sorted(marks, key=lambda mark: mark.at_ms):
        at = left + (right - left) * (mark.at_ms / 1000 - first_s) / (last_s - first_s)
        label = figure.text(0, 0, f"{mark.name}  {mark.at_ms / 1000:.2f} s", fontsize=9, color=_INK, va="center")
        width = label.get_window_extent(renderer).width / figure.bbox.width
        x = max(left, min(at - 0.004, right - width))
        row = next((row for row, end in enumerate(ends) if x > end), len(ends))
        ends[row : row + 1] = [x + width + 0.012]
        placed.append((label, x, row, at))
    top = 0.93 - _LABEL_ROW * max(len(ends), 1)
    figure.subplots_adjust(top=top)
    for label, x, row, at in placed:
        y = top + _LABEL_ROW * (row + 0.55)
        label.set_position((x, y))
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
        label.set_zorder(3)
        figure.add_artist(_leader(at, top, y))
    figure.suptitle(title, x=left, y=0.975, ha="left", fontsize=12, color=_INK)


def _leader(at: float, top: float, y: float) -> Any:
    """The line from a mark's label down to the strip."""
    from matplotlib.lines import Line2D

    return Line2D([at, at], [top, y], color=_MARK, linewidth=1.1, zorder=2)


def verdict(delivery: Delivery) -> str:
    """One or two plain sentences on what the mailbox kept."""
    kept = delivery
    found = f"{kept.blocks_found} of {kept.blocks} blocks"
    if not kept.blocks_found and not kept.fragments:
        return f"The mailbox kept nothing of the message: {found}."
    if not kept.blocks_found:
        return f"The mailbox kept only a scrap of the message: {found}."
    much = "the whole message" if replace(kept, fragments=0).whole else "part of the message"
    text = (
        f"The mailbox kept {much}: {found}, {kept.missing_head_ms:.0f} ms missing at the start, "
        f"{kept.missing_tail_ms:.0f} ms at the end, {kept.dead_air_ms:.0f} ms of silence before it."
    )
    if kept.fragments:
        places = "1 other place holds" if kept.fragments == 1 else f"{kept.fragments} other places hold"
        text += f" {places} a piece of another start."
    return text


def print_timeline(
    console: Console, marks: Sequence[Mark], delivery: Delivery | None, facts: Mapping[str, object]
) -> None:
    """Print the marks in order of time, `facts` (`agent_freed_ms: 3` reads "agent freed  3 ms"), and the verdict."""
    table = Table(title="The call", title_justify="left", title_style="bold")
    table.add_column("since answer", justify="right", no_wrap=True)
    table.add_column("event", no_wrap=True)
    table.add_column("note")
    for mark in sorted(marks, key=lambda mark: mark.at_ms):
        table.add_row(f"{mark.at_ms / 1000:.3f} s", Text(mark.name), Text(mark.note))
    console.print(table)
    if facts:
        grid = Table.grid(padding=(0, 2))
        for name, value in facts.items():
            grid.add_row(*map(Text, _fact(name, value)))
        console.print(grid)
    if delivery is None:
        console.print("There is no recording to hold against the message.", style="yellow", highlight=False)
    else:
        console.print(verdict(delivery), style="green" if delivery.whole else "red", highlight=False)


def _fact(name: str, value: object) -> tuple[str, str]:
    """Name and value in words: the name's unit moves to the value."""
    words, _, unit = name.rpartition("_")
    if unit not in ("ms", "s", "hz", "samples", "dbfs") or not words:
        words, unit = name, ""
    unit = {"hz": "Hz", "dbfs": "dBFS"}.get(unit, unit)
    if value is None:
        return words.replace("_", " "), "-"
    text = f"{value:.3g}" if isinstance(value, float) and abs(value) < 1 else str(value)
    if isinstance(value, float) and abs(value) >= 1:
        text = f"{value:.1f}".removesuffix(".0")
    return words.replace("_", " "), f"{text} {unit}".strip()


def write_json(
    path: Path,
    *,
    outcome: str,
    agent_freed_ms: float | None,
    beep_hz: float | None,
    beep_end_to_playback_ms: float | None,
    dead_air_ms: float | None,
    delivered_fraction: float | None,
    timeline: Sequence[Mark],
    **extra: object,
) -> None:
    """Write the report, in one stroke: a reader sees the old file or the new one, never a part.

    `agent_freed_ms` counts from the code's last digit. What is not known is null. `extra` must be plain JSON values.
    """
    report = {
        "outcome": outcome,
        "agent_freed_ms": agent_freed_ms,
        "beep_hz": beep_hz,
        "beep_end_to_playback_ms": beep_end_to_playback_ms,
        "dead_air_ms": dead_air_ms,
        "delivered_fraction": delivered_fraction,
        "timeline": [asdict(mark) for mark in timeline],
        **extra,
    }
    text = json.dumps(report, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
