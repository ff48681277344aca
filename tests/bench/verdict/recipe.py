"""What the labelled set is made of: the split by voice, the shares, the ranges. Change one and the set is another.

Fixed before any threshold of the verdict was tuned. `VERSION` is raised with every change. Time 0 of every clip is
the moment at which the call is answered. Lines (codecs, loss, noise), recorded voices, espeak-ng voices, beeps and
music, and which of them belong to which half, are those of `tests.bench.detection`.
"""

from typing import Final, Literal

VERSION: Final = 1
SEED: Final = 50120

Kind = Literal["human", "mailbox", "screening", "fax", "announcement", "silence"]
COUNTS: Final[dict[str, dict[Kind, int]]] = {
    "tuning": {"human": 1000, "mailbox": 400, "screening": 40, "fax": 40, "announcement": 80, "silence": 30},
    "heldout": {"human": 1200, "mailbox": 500, "screening": 60, "fax": 60, "announcement": 100, "silence": 40},
}

FLITE: Final = {"tuning": ("kal", "slt"), "heldout": ("awb", "rms")}
"""Voices of the package flite, American and Scottish English."""
ACTORS: Final = {"tuning": "nl", "heldout": "cs"}
"""Language of the game whose two actors (small fish, big fish) answer as well."""

ANSWERS: Final[dict[str, float]] = {
    "word": 0.60,  # hello? yes?
    "name": 0.14,  # hi, this is Anna
    "company": 0.11,  # Acme, how can I help you?
    "repeated": 0.07,  # hello? (0.4 to 1 s) hello?
    "long": 0.06,  # talks on, to the caller or to somebody in the room
    "background": 0.02,  # TV and talk are heard, the callee says nothing for 3 to 8 s
}
LONG_MS: Final = (3000.0, 9000.0)
"""Of a long talker, log-uniform; unbroken but for the breaths of running speech."""
SHORTEST_DELAY_MS: Final = 300.0
DELAY_MS: Final = 300.0
LONGEST_DELAY_MS: Final = 3000.0
"""From the answer to the first word: the shortest and an exponential of this mean, cut at the longest. Median 0.51 s,
95 % below 1.2 s. No recordings stand behind this: who answers a telephone speaks at once, few are slow."""
AGAIN_MS: Final = (1200.0, 4000.0)
"""Who hears nothing says hello again after so long a silence, and again..."""
SILENT_SHARE: Final = 0.15
"""...but for so many, who wait in silence."""
RUSTLE_SHARE: Final = 0.3
"""A thump or rustle as the telephone is taken up, before the first word."""
ROOM_SHARE: Final = 0.2
"""TV, music or talk in the room, all through the call."""
ROOM_DB: Final = (8.0, 22.0)
"""So far below the callee."""
KITCHEN_SHARE: Final = 0.01
"""An appliance beeps in the room, 1 to 9 s after the answer."""
STAYS_MS: Final = (7000.0, 11_000.0)
"""How long a human stays on the line behind the first words."""

GREETINGS: Final[dict[str, float]] = {
    "asterisk": 0.28,  # "the person at extension 1 2 3 is unavailable, please leave your message ...", as app_voicemail
    "prompts": 0.15,  # recorded prompts of a few seconds, one after another
    "short": 0.27,  # "hi, it's Tom, leave a message": one to three seconds
    "personal": 0.15,
    "carrier": 0.15,
}
MAILBOXES: Final[dict[str, float]] = {
    "plain": 0.77,
    "late": 0.06,  # 3 to 9 s of silence before the beep
    "no_beep": 0.04,  # carriers' and PBXs' only: no short greeting
    "music": 0.07,  # under the greeting
    "ringback": 0.04,  # forwarded: it rings on behind the answer
    "bare": 0.02,  # the beep alone, no greeting
}
LEAD_MS: Final = (150.0, 1500.0)
"""From the answer to a machine's first sound."""
GAP_MS: Final = (80.0, 2500.0)
"""From the greeting's last word to the beep, log-uniform."""
LATE_MS: Final = (3000.0, 9000.0)
RECORDS_MS: Final = 7000.0
"""What is heard of the recording's silence."""
ANNOUNCEMENTS: Final[dict[str, float]] = {"sit": 0.5, "busy": 0.2, "reorder": 0.2, "words": 0.1}
"""`words`: "not in service" without a tone before it, which no ear can tell from a greeting without words."""
