"""Asterisk's own AMD() over the same clips, with its defaults, in the lab's Asterisk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.bench.detection.asterisk_server import EarServer
from tests.bench.detection.asterisk_stream import Listener
from tests.bench.detection.ears import FRAME_MS
from tests.bench.detection.waves import Samples
from tests.bench.verdict.score import Said
from voicedrop.errors import LabError
from voicedrop.lab.site import Site

CHANNELS_AT_ONCE: Final = 2
KINDS: Final = {"HUMAN": "human", "MACHINE": "mailbox", "NOTSURE": "unsure"}


def run(site: Site, sounds: Sequence[Callable[[], Samples]], say: Callable[[str], None]) -> list[Said]:
    """What AMD() says of each clip, and after how much of it.

    Raises:
        LabError: Asterisk did not start, or said something that AMD() does not say.
    """
    with EarServer(site) as server:
        say(f"{server.version}: AMD() over {len(sounds)} clips")

        def ask(read: Callable[[], Samples]) -> Said:
            answers = server.ask(Listener(context="amd"), read())
            if len(answers) != 1 or answers[0][1][:1] not in [(status,) for status in KINDS]:
                raise LabError(f"AMD() answered {answers}")
            (frames, words) = answers[0]
            return Said(kind=KINDS[words[0]], t_ms=frames * FRAME_MS, reason=words[1].partition("-")[0], confidence=1.0)

        with ThreadPoolExecutor(CHANNELS_AT_ONCE) as pool:
            return list(pool.map(ask, sounds))
