"""How long playbacks lasted by Asterisk's own clock."""

from __future__ import annotations

from datetime import datetime


class PlaybackClock:
    """Told of each start and end by its stamp. Our own times of them are late where the machine is busy."""

    def __init__(self) -> None:
        self._started: dict[str, str] = {}

    def started(self, playback: str, stamp: str) -> bool:
        """Asterisk says that it plays. It may say so twice, and the first time counts: False for the second."""
        if playback in self._started:
            return False
        self._started[playback] = stamp
        return True

    def lasted_s(self, playback: str, stamp: str) -> float | None:
        """From its start to this end; None where either is not known."""
        try:
            began = datetime.fromisoformat(self._started[playback])
            return (datetime.fromisoformat(stamp) - began).total_seconds()
        except (KeyError, ValueError):
            return None
