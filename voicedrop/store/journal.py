"""What must survive: an append-only journal on local disk, one JSON object a line.

A line is on the disk before `append` returns. One file a day (UTC) in `<state_dir>/journal`.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from voicedrop.errors import JournalError

Entry = dict[str, Any]

APPEND_TIMEOUT_S = 10.0  # a disk that does not answer for this long counts as broken


class Journal:
    """The journal of one node; one process at a time may hold it."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "journal"
        self.written = asyncio.Event()
        """Set by every entry that has reached the disk; whoever waits for it clears it."""
        # The newest file and how much of it is on the disk: more of it may yet be taken back.
        self._safe: tuple[str, int] = ("", 0)
        self._lock: int | None = None
        # One thread: entries reach the disk in the order in which they were given.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    def open(self) -> None:
        """Take hold of it.

        Raises:
            JournalError: the folder cannot be written, or another engine holds it.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._sync_newest()
        except BlockingIOError as error:
            self._let_go()
            raise JournalError(f"another engine holds {self._folder}: give this one its own state_dir") from error
        except OSError as error:
            raise JournalError(f"cannot write {self._folder}: {error.strerror}") from error

    def close(self) -> None:
        self._writer.shutdown(wait=True)
        self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _sync_newest(self) -> None:
        """What a run that was killed wrote may not be on the disk yet."""
        for path in self.files()[-1:]:
            file = os.open(path, os.O_RDWR)
            try:
                os.fsync(file)
                self._safe = (path.name, os.fstat(file).st_size)
            finally:
                os.close(file)

    def files(self) -> list[Path]:
        """Its files, oldest first."""
        return sorted(self._folder.glob("*.jsonl"))

    def safe_size(self, path: Path) -> int:
        """How many bytes of a file are on the disk and stay there."""
        newest, size = self._safe
        return size if path.name == newest else 0 if path.name > newest else path.stat().st_size

    async def append(self, entry: Entry) -> None:
        """Write and sync one entry.

        Raises:
            JournalError: it is not on the disk (full, gone, or too slow).
        """
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(loop.run_in_executor(self._writer, self._write, entry), APPEND_TIMEOUT_S)
        except TimeoutError as error:
            if entry.get("kind") == "accepted":
                # It may reach the disk yet. The drop is refused now, and no later run may take it up.
                self._writer.submit(self._write, {"kind": "withdrawn", "drop": entry["drop"]})
            raise JournalError(f"the disk under {self._folder} does not answer") from error
        except OSError as error:
            raise JournalError(f"cannot write {self._folder}: {error.strerror}") from error
        self.written.set()

    async def blank(self, change: Callable[[Entry], Entry | None]) -> int:
        """Write entries anew: `change` gives what an entry becomes, or None when it stays; how many were changed.

        Every line keeps its length, so that places in the file stay what they are. A file is replaced at once or not.

        Raises:
            JournalError: a file could not be written; it is as it was.
        """
        loop = asyncio.get_running_loop()
        try:
            # In the writer's thread: no entry is appended meanwhile.
            return await loop.run_in_executor(self._writer, lambda: sum(_blank(one, change) for one in self.files()))
        except OSError as error:
            raise JournalError(f"cannot write {self._folder}: {error.strerror}") from error

    async def remove(self, path: Path) -> None:
        """Delete one of its files, which must not be the newest.

        Raises:
            JournalError: it could not be deleted.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, path.unlink)
        except OSError as error:
            raise JournalError(f"cannot delete {path}: {error.strerror}") from error

    def _write(self, entry: Entry) -> None:
        line = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        name = f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
        file = os.open(self._folder / name, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        end = os.lseek(file, 0, os.SEEK_END)
        try:
            if end and os.pread(file, 1, end - 1) != b"\n":
                os.write(file, b"\n")  # a crash in the middle of a line spoils that line only
            while line:
                line = line[os.write(file, line) :]
            os.fsync(file)
            if not end:
                sync_folder(self._folder)  # a new file's name must survive as well
            self._safe = max(self._safe, (name, os.lseek(file, 0, os.SEEK_END)))
        except OSError:
            # Whoever appended is told that it is not here, so no later run may find it.
            with contextlib.suppress(OSError):
                os.ftruncate(file, end)
            raise
        finally:
            os.close(file)

    def entries(self) -> Iterator[Entry]:
        """Everything in it, oldest first; a line that a crash cut short is passed over."""
        yield from read(self._folder.parent)


def sync_folder(path: Path) -> None:
    """Put names that came and went in a folder on the disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _blank(path: Path, change: Callable[[Entry], Entry | None]) -> int:
    lines, changed = path.read_bytes().split(b"\n"), 0
    for at, line in enumerate(lines):
        entry = parse(line)
        becomes = change(entry) if entry is not None else None
        if becomes is not None:
            shorter = json.dumps(becomes, separators=(",", ":"), ensure_ascii=False).encode()
            # One that would grow was not written by us: nothing is left of it.
            lines[at] = shorter.ljust(len(line)) if len(shorter) <= len(line) else b" " * len(line)
            changed += 1
    if changed:
        new = path.with_suffix(".new")
        try:
            new.touch(0o600)
            with new.open("wb") as file:
                file.write(b"\n".join(lines))
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
        sync_folder(path.parent)
    return changed


def parse(line: bytes | str) -> Entry | None:
    """The entry of a line; None when it is none, as where a crash cut it short."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def read(state_dir: Path) -> Iterator[Entry]:
    """The entries of a journal, without holding it."""
    for file in sorted((state_dir / "journal").glob("*.jsonl")):
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                entry = parse(line)
                if entry is not None:
                    yield entry


def receipts(state_dir: Path) -> Iterator[Entry]:
    """Every receipt, oldest first; one a drop."""
    for entry in read(state_dir):
        if entry.get("kind") == "ended":
            yield entry["receipt"]


def unfinished(state_dir: Path) -> list[Entry]:
    """Drops that were accepted and have no end: their `accepted` entry, with the last `playing` entry
    (or None) under the key "playing", and when each leg was `placed` by its name under "placed"."""
    open_drops: dict[str, Entry] = {}
    for entry in read(state_dir):
        match entry.get("kind"):
            case "accepted":
                open_drops[entry["drop"]] = {**entry, "playing": None, "placed": {}}
            case "placed" if entry["drop"] in open_drops:
                open_drops[entry["drop"]]["placed"][entry["leg"]] = entry["at"]
            case "playing" if entry["drop"] in open_drops:
                open_drops[entry["drop"]]["playing"] = entry
            case "started" if entry["drop"] in open_drops:
                playing = open_drops[entry["drop"]]["playing"]
                if playing is not None and playing["playback"] == entry["playback"]:
                    playing["started"] = entry["at"]
            case "stopped" if entry["drop"] in open_drops:
                open_drops[entry["drop"]]["playing"] = None
            case "ended" | "withdrawn":
                open_drops.pop(entry["drop"], None)
    return list(open_drops.values())
