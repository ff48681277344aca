"""The figures on the terminal."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table

_ROW: Final = (
    ("hit_pct", "hit %"),
    ("usable_pct", "usable %"),
    ("premature_pct", "premature %"),
    ("fa_speech_per_h", "FA/h speech"),
    ("fa_all_per_h", "FA/h all"),
    ("end_ms_median", "END median"),
    ("end_ms_p95", "END p95"),
    ("cpu_s_per_h_single", "CPU s/h"),
)
TARGETS: Final = {
    "hit_pct": "≥ 97",
    "usable_pct": "≥ 95",
    "premature_pct": "≤ 0.5",
    "fa_speech_per_h": "≤ 0.5",
    "fa_all_per_h": "≤ 5",
    "end_ms_median": "≤ 80",
    "end_ms_p95": "≤ 250",
    "cpu_s_per_h_single": "≤ 12",
}

_CUE_TARGETS: Final = {
    "delivered_pct": "",
    "delivered_beep_pct": "≥ 99",
    "delivered_no_beep_pct": "100",
    "dead_air_ms_median": "≤ 300",
    "dead_air_ms_p95": "≤ 800",
    "needless_restart_pct": "≤ 1",
}


def show(results: dict[str, Any], console: Console) -> None:
    """The main table, what a drop of ours does, then ours by class on the held-out half, then RingCentral's rule."""
    table = Table(title="Beep detection", title_justify="left")
    table.add_column("detector")
    table.add_column("split")
    for _, title in _ROW:
        table.add_column(title, justify="right")
    for split, rows in results["splits"].items():
        for row in rows["detectors"]:
            table.add_row(row["detector"], split, *(_figure(row[key]) for key, _ in _ROW))
    table.add_section()
    table.add_row("target", "heldout", *(TARGETS[key] for key, _ in _ROW))
    console.print(table)
    for split, rows in results["splits"].items():
        cost = ", ".join(f"{streams} streams {spent}" for streams, spent in rows["cpu_s_per_h_bank_by_streams"].items())
        console.print(f"ours in the bank ({split}), CPU s per stream-hour: {cost}; target ≤ 2")
    console.print(_cues(results["splits"]))
    for split, rows in results["splits"].items():
        console.print(_rows(f"Tones of the network ({split})", "tone", rows["tones"]["by_tone"]))
        console.print(_rows(f"False names of tones ({split})", "recordings", rows["tones"]["false"]))
    for name, classes in results["splits"].get("heldout", {}).get("by_class", {}).items():
        console.print(_classes(name, classes))
    for split, rows in results["splits"].items():
        console.print(f"RingCentral's rule ({split}): {rows['ringcentral']}")


def _cues(splits: dict[str, Any]) -> Table:
    """The drop that our detections lead to: all mailboxes, then by layout."""
    table = Table(title="Our drop's start", title_justify="left")
    table.add_column("split")
    table.add_column("mailboxes")
    for key in _CUE_TARGETS:
        table.add_column(key.replace("_pct", " %").replace("_ms", " ms").replace("_", " "), justify="right")
    for split, rows in splits.items():
        table.add_row(split, "all", *(_figure(rows["cue"][key]) for key in _CUE_TARGETS))
        for layout, figures in rows["cue_by_layout"].items():
            table.add_row(split, layout, *(_figure(figures.get(key)) for key in _CUE_TARGETS))
        table.add_section()
    table.add_row("heldout", "target", *_CUE_TARGETS.values())
    return table


def _classes(name: str, classes: dict[str, dict[str, Any]]) -> Table:
    return _rows(f"ours, held out, by {name.replace('_', ' ')}", name.replace("_", " "), classes)


def _rows(title: str, first: str, classes: dict[str, dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    columns = list(next(iter(classes.values()), {}))
    for column in columns:
        table.add_column(column.removesuffix("_pct").replace("_", " "), justify="right")
    for title, figures in classes.items():
        table.add_row(title, *(_figure(figures[column]) for column in columns))
    return table


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"
