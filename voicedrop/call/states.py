"""The states of a drop, and which may follow which."""

from __future__ import annotations

from enum import IntEnum, auto


class S(IntEnum):
    """In the order of a drop's life."""

    ORDERED = auto()  # unattended: accepted, and no leg is placed yet
    ARRIVING = auto()  # the leg is on its way into the drop app
    RINGING = auto()  # the code was pressed before the callee answered
    WAITING = auto()  # listening for the cue
    STARTING = auto()  # Play was sent; Asterisk has not said that it plays
    PLAYING = auto()
    TAIL = auto()  # the message is out; a little silence behind it
    HANGING_UP = auto()
    ENDED = auto()


ALLOWED: dict[S, frozenset[S]] = {
    S.ORDERED: frozenset({S.ARRIVING, S.ENDED}),
    S.ARRIVING: frozenset({S.RINGING, S.WAITING, S.HANGING_UP, S.ENDED}),
    S.RINGING: frozenset({S.WAITING, S.HANGING_UP, S.ENDED}),
    S.WAITING: frozenset({S.STARTING, S.HANGING_UP, S.ENDED}),
    S.STARTING: frozenset({S.PLAYING, S.WAITING, S.TAIL, S.HANGING_UP, S.ENDED}),
    S.PLAYING: frozenset({S.WAITING, S.TAIL, S.HANGING_UP, S.ENDED}),
    S.TAIL: frozenset({S.HANGING_UP, S.ENDED}),
    S.HANGING_UP: frozenset({S.ENDED}),
    S.ENDED: frozenset(),
}
