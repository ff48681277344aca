"""Engines whose process begins with everything loaded: a start costs no seconds of imports."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from voicedrop.lab.engine import EngineProcess

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["voicedrop.__main__", "voicedrop.run", __name__])


class ForkedEngine(EngineProcess):
    """`voicedrop run` forked from a process that has imported it; otherwise like the command."""

    def _spawn(self) -> Fork:
        return Fork(self.command[2:], self.log, os.environ)


class Fork:
    """A process with what `EngineProcess` uses of a Popen."""

    def __init__(self, words: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self._process = _FORKING.Process(target=_run, args=(words, log, dict(environment)), daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("voicedrop run", timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self._process.pid or 0, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(words: list[str], log: Path, environment: dict[str, str]) -> None:
    """The command of these words, its output behind what is in `log`."""
    from voicedrop.__main__ import main

    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    main()
