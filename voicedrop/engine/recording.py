"""A WAV of two directions, written by a thread: nobody who makes the samples waits for the disk."""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import threading
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import structlog

log = structlog.get_logger(__name__)

RATE_HZ: Final = 8000
CHUNK: Final = RATE_HZ  # samples a direction that are written at a time: a second
AHEAD: Final = 2 * RATE_HZ  # so far one direction may be before the other; then that one has nothing to say
SLACK: Final = RATE_HZ // 10  # a direction that is later than this by the clock has lost something
WAITING: Final = 500  # chunks of all drops that may wait for the disk: 16 MB
STOP_S: Final = 10.0
MARKS: Final = "marks.json"

Samples = npt.NDArray[np.int16]
Job = Callable[[], None]


class DiskThread:
    """Does what it is given, one after the other. `offer` never waits."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Job | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="evidence", daemon=True)
        self._thread.start()

    def offer(self, job: Job) -> bool:
        """False: too much is waiting already, so it is not done."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            return False
        return True

    def stop(self) -> None:
        """Blocks until what was offered is done, or STOP_S have passed."""
        with contextlib.suppress(queue.Full):
            self._jobs.put(None, timeout=STOP_S)
        self._thread.join(STOP_S)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("evidence_broken")


class Recording:
    """Left and right as they come, from `began_at` on (seconds on the clock of `add`). A disk that fails ends it, and
    takes what there is of it away.

    `began` is the same moment as text, for the marks.
    """

    def __init__(self, disk: DiskThread, folder: Path, began_at: float, began: str) -> None:
        self._disk = disk
        self._folder = folder
        self.began_at = began_at
        self._began = began
        self._sides: tuple[list[Samples], list[Samples]] = ([], [])
        self._counts = [0, 0]
        self._written = 0
        self._wave: wave.Wave_write | None = None
        self._parts: list[dict[str, str]] = []
        self.failed = False
        self._offer(self._create)

    def add(self, side: int, samples: Samples, at: float) -> None:
        """The next samples of a side (0 left, 1 right), which ended at `at`. What is older than the beginning goes."""
        due = round((at - self.began_at) * RATE_HZ) - len(samples)
        count = self._counts[side]
        if due < 0 and count == 0:
            samples = samples[-due:]
            due = 0
        if not len(samples):
            return
        if due > count and (count == 0 or due - count > SLACK):
            self._append(side, np.zeros(due - count, np.int16))
        self._append(side, samples)
        ready = min(self._counts)
        if max(self._counts) - ready > AHEAD:
            ready = max(self._counts) - AHEAD
        if ready - self._written >= CHUNK:
            self._write(ready)

    def _append(self, side: int, samples: Samples) -> None:
        self._sides[side].append(samples)
        self._counts[side] += len(samples)

    def _write(self, until: int) -> None:
        """Hand both sides over, up to a sample; where one has less, it is silent."""
        length = until - self._written
        chunk = np.zeros((length, 2), "<i2")
        for side in (0, 1):
            have = np.concatenate([np.empty(0, np.int16), *self._sides[side]])
            taken = have[:length]
            chunk[: len(taken), side] = taken
            self._sides[side][:] = [have[length:]]
            self._counts[side] = max(self._counts[side], until)
        self._written = until
        self._offer(lambda: self._wave.writeframes(chunk.tobytes()) if self._wave is not None else None)

    def close(self, marks: dict[str, Any]) -> None:
        """Write what is left, and the marks. No sample may come after this."""
        if max(self._counts) > self._written:
            self._write(max(self._counts))
        self._offer(lambda: self._finish(marks))

    # -- in the thread ------------------------------------------------------------------------------

    def _offer(self, job: Job) -> None:
        if self.failed:
            return

        def guarded() -> None:
            if self.failed:
                return
            try:
                job()
            except (OSError, ValueError) as error:
                self._give_up(str(error))

        if not self._disk.offer(guarded):
            self.failed = True
            log.error("evidence_not_kept", folder=self._folder.name, error="the disk is too slow")

    def _create(self) -> None:
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        marks = self._folder / MARKS
        if marks.exists():  # an earlier run of the engine began
            self._parts = json.loads(marks.read_text(encoding="utf-8"))["audio"]
        name = f"audio-{len(self._parts) + 1}.wav" if self._parts else "audio.wav"
        self._parts.append({"file": name, "began": self._began})
        self._write_marks({"marks": []})
        self._wave = wave.open(str(self._folder / name), "wb")  # noqa: SIM115  # closed by _finish or _give_up
        self._wave.setparams((2, 2, RATE_HZ, 0, "NONE", "not compressed"))
        self._wave.writeframes(b"")  # with each write the header is true: a crash leaves a file that can be played

    def _finish(self, marks: dict[str, Any]) -> None:
        if self._wave is not None:
            self._wave.close()
        self._write_marks(marks)

    def _write_marks(self, marks: dict[str, Any]) -> None:
        content = {
            "schema": 1,
            "drop": self._folder.name,
            "rate_hz": RATE_HZ,
            "left": "what the callee sent",
            "right": "what the engine sent",
            "audio": self._parts,
            **marks,
        }
        new = self._folder / f"{MARKS}.new"
        new.write_text(json.dumps(content, indent=1), encoding="utf-8")
        new.replace(self._folder / MARKS)

    def _give_up(self, error: str) -> None:
        self.failed = True
        log.error("evidence_not_kept", folder=self._folder.name, error=error)
        with contextlib.suppress(OSError, ValueError):
            if self._wave is not None:
                self._wave.close()
        shutil.rmtree(self._folder, ignore_errors=True)
