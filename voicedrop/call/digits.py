"""The agent's keys: a feature code is taken out, everything else goes on to the callee in order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Relay:
    """These digits go on to the callee."""

    digits: str


@dataclass(frozen=True, slots=True)
class Code:
    """The whole code was pressed."""

    slot: int


class FeatureCode:
    """Reads the code (say ``*9``) and one slot digit, 1 to 9, out of what the agent presses.

    Half a code is held back until the next key, or for `timeout_s` seconds.
    """

    def __init__(self, code: str, timeout_s: float) -> None:
        self._code = code
        self._timeout_s = timeout_s
        self._held = ""
        self.due: float | None = None

    def press(self, digit: str, now: float) -> list[Relay | Code]:
        """A key was released at `now`."""
        self._held += digit
        if self._held[:-1] == self._code and digit in "123456789":
            self._held, self.due = "", None
            return [Code(int(digit))]
        out = ""
        # The longest end of what is held that can still become a code stays.
        while self._held and not self._code.startswith(self._held):
            out, self._held = out + self._held[0], self._held[1:]
        self.due = now + self._timeout_s if self._held else None
        return [Relay(out)] if out else []

    def tick(self, now: float) -> list[Relay | Code]:
        """Let half a code go once nothing more came for the time-out."""
        if self.due is None or now < self.due:
            return []
        out, self._held, self.due = self._held, "", None
        return [Relay(out)]
