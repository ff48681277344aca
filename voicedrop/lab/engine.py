"""An engine of the lab, as a process of its own: started, watched, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from voicedrop.errors import LabError
from voicedrop.lab.conf import write_engine_config
from voicedrop.store.embedded import POSTGRES, stop_left

START_TIMEOUT_S = 60.0  # a busy machine makes a database of its own in 20 s
STOP_TIMEOUT_S = 60.0


class Running(Protocol):
    """A process: `subprocess.Popen`, or what is like it."""

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class EngineProcess:
    """`voicedrop run` with the given settings; its log goes to `folder`/engine.log."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)
        self.config = write_engine_config(folder / "config.yaml", settings)
        self.log = folder / "engine.log"
        self._process: Running | None = None

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "voicedrop", "run", "-c", str(self.config)]

    @property
    def state_dir(self) -> Path:
        return Path(self.settings["state_dir"])

    def start(self) -> None:
        """Start it and wait until it hears Asterisk's events.

        Raises:
            LabError: it did not get that far.
        """
        self._process = self._spawn()
        until = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            if self.healthy():
                return
            time.sleep(0.05)
        self.kill()
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])
        raise LabError(f"the engine did not come up:\n{tail}")

    def _spawn(self) -> Running:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def healthy(self) -> bool:
        try:
            port = self.settings["http"]["port"]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def metric(self, name: str) -> float:
        """One sample of /metrics, by its full name with labels."""
        port = self.settings["http"]["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.rsplit(" ", 1)[1])
        raise LabError(f"the engine has no metric {name}")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and wait for the orderly end."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL. Its database goes on; the next start finds it."""
        return self._end(signal.SIGKILL)

    def clear_away(self) -> None:
        """End it without ceremony, and the database that a killed one leaves behind."""
        self.kill()
        stop_left(self.state_dir / POSTGRES)

    def send(self, sign: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sign)

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        if self._process is None:
            return 0
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.wait()
            raise LabError(f"the engine did not end within {timeout_s:.0f} s") from error

    def _end(self, sign: signal.Signals) -> int:
        if self.running:
            self.send(sign)
        code = self.wait()
        self._process = None
        return code
