"""The figures on the terminal."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.bench.verdict.score import KINDS, NONE

ROWS: Final = {
    "mailbox_recall": "≥ 98",
    "human_as_mailbox": "≤ 0.5",
    "human_recall": "",
    "mailbox_as_human": "",
}
TIMES: Final = {
    "human_verdict_ms_p50": "≤ 1200",
    "human_verdict_ms_p95": "",
    "human_verdict_from_word_ms_p50": "",
    "human_verdict_from_word_ms_p95": "",
}


def show(results: dict[str, Any], console: Console) -> None:
    """All tables of the held-out half."""
    peers = ("", "amd_") if "amd_human_verdict_ms_p50" in results else ("",)
    table = Table("", "target", *("Asterisk AMD()" if peer else "ours" for peer in peers))
    for row, target in ROWS.items():
        cells = []
        for peer in peers:
            low, high = results[f"{peer}{row}_ci95_pct"]
            cells.append(f"{results[f'{peer}{row}_pct']} % ({low} to {high})")
        table.add_row(f"{row}_pct", target, *cells)
    for row, target in TIMES.items():
        table.add_row(row, target, *(f"{results[peer + row]} ms" for peer in peers))
    console.print(table)
    for peer in peers:
        console.print(_confusion(f"{'Asterisk AMD()' if peer else 'ours'}, held-out", results[f"{peer}confusion"]))
    console.print(f"played to by an unattended drop: {results['playing']}", soft_wrap=True)
    console.print(f"{results['humans']} humans of {results['human_voices']} voices, {results['mailboxes']} mailboxes")


def _confusion(title: str, rows: dict[str, dict[str, int]]) -> Table:
    kinds = (*KINDS, NONE)
    table = Table("is \\ called", *kinds, title=title)
    for kind, row in rows.items():
        table.add_row(kind, *(str(row.get(called, "")) for called in kinds))
    return table
