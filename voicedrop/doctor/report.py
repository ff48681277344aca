"""What the doctor found, as lines: one a check, and below a fault what to change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rich.console import Console
from rich.text import Text

_MARK_WIDTH, _CHECK_WIDTH = 13, 22


class Mark(Enum):
    OK = "ok"
    WARNING = "warning"
    FAIL = "FAIL"
    NOT_CHECKED = "not checked"


_STYLE = {Mark.OK: "green", Mark.WARNING: "yellow", Mark.FAIL: "bold red", Mark.NOT_CHECKED: "dim"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`said` is what was seen; `remedy`, for a fault or a warning, the key, file or command that mends it."""

    mark: Mark
    check: str
    said: str
    remedy: str = ""


class Report:
    """Collects the findings and prints each as it comes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.findings: list[Finding] = []

    def ok(self, check: str, said: str) -> None:
        self._add(Finding(mark=Mark.OK, check=check, said=said))

    def warn(self, check: str, said: str, remedy: str) -> None:
        self._add(Finding(mark=Mark.WARNING, check=check, said=said, remedy=remedy))

    def fail(self, check: str, said: str, remedy: str) -> None:
        self._add(Finding(mark=Mark.FAIL, check=check, said=said, remedy=remedy))

    def not_checked(self, checks: tuple[str, ...] | str, because: str) -> None:
        for check in (checks,) if isinstance(checks, str) else checks:
            self._add(Finding(mark=Mark.NOT_CHECKED, check=check, said=f"because {because}"))

    @property
    def passed(self) -> bool:
        return not self.count(Mark.FAIL)

    def count(self, mark: Mark) -> int:
        return sum(one.mark is mark for one in self.findings)

    def close(self) -> None:
        """The last line: how it stands altogether."""
        counted = ", ".join(f"{self.count(mark)} {mark.value}" for mark in Mark if self.count(mark))
        verdict = "all that could be checked is well" if self.passed else "change what is marked FAIL"
        self._print(Text(f"{counted}: {verdict}", style="bold green" if self.passed else "bold red"))

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)
        indent = " " * (_MARK_WIDTH + _CHECK_WIDTH)
        line = Text(finding.mark.value.ljust(_MARK_WIDTH), style=_STYLE[finding.mark])
        line.append(finding.check.ljust(_CHECK_WIDTH - 1) + " ", style="bold")
        line.append(finding.said.replace("\n", f"\n{indent}"), style="default")
        self._print(line)
        if finding.remedy:
            self._print(Text(f"{indent}-> " + finding.remedy.replace("\n", f"\n{indent}   "), style="cyan"))

    def _print(self, text: Text) -> None:
        # Not wrapped: a remedy is a command to copy, and a check is one line.
        self._console.print(text, soft_wrap=True)
