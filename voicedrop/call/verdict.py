"""Who answered an unattended call, as the ear heard it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voicedrop.model import Outcome


class Answer(StrEnum):
    """Who or what answered."""

    HUMAN = "human"
    MAILBOX = "mailbox"
    SCREENING = "screening"
    FAX = "fax"
    ANNOUNCEMENT = "announcement"
    SILENCE = "silence"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who answered, how sure that is (0 to 1), why it is thought so, and when: the engine's monotonic seconds."""

    answer: Answer
    confidence: float
    reason: str
    at: float

    @property
    def guessed(self) -> bool:
        """A mailbox without a beep of its own: a human who talks long and then waits sounds like one."""
        return self.reason in GUESSES

    def __str__(self) -> str:
        return f"{WHO[self.answer]} ({self.reason})"


GUESSES: Final = ("no_beep", "faint_beep")
"""Reasons of the ear's."""
WHO: Final = {
    Answer.HUMAN: "a person answered",
    Answer.MAILBOX: "a mailbox answered",
    Answer.SCREENING: "an assistant that asks who is calling answered",
    Answer.FAX: "a fax or a modem answered",
    Answer.ANNOUNCEMENT: "an announcement of the network answered",
    Answer.SILENCE: "nobody spoke",
    Answer.UNSURE: "it is not certain who answered",
}
ENDS_IN: Final = {
    Answer.HUMAN: Outcome.HUMAN_ANSWERED,
    Answer.SCREENING: Outcome.SCREENED,
    Answer.FAX: Outcome.NOT_MAILBOX,
    Answer.ANNOUNCEMENT: Outcome.NOT_MAILBOX,
    # In doubt nothing is played.
    Answer.SILENCE: Outcome.NO_CUE,
    Answer.UNSURE: Outcome.NO_CUE,
}
"""What a drop comes to whose call was answered so. A mailbox goes on."""
