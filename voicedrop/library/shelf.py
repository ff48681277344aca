"""Where messages lie on the disk: a folder each, named by the SHA-256 of the original's bytes.

A folder is written beside its place, put on the disk (fsync), then renamed: it is there whole or not at all. What a
crash leaves has a name with a dot, and `Shelf.sweep` takes it away.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from voicedrop.errors import StorageError
from voicedrop.library.check import Check
from voicedrop.library.terms import Files, Prepared

MESSAGE: Final = "message.wav"
MESSAGE16: Final = "message.wav16"
PREVIEW: Final = "preview.wav"
CHECK: Final = "check.json"
WAVEFORM: Final = "waveform.svg"
ORIGINAL: Final = "original"  # and its extension
MADE_BY: Final = 1
"""The version of the preparation, in check.json. A message keeps the files that it was made with."""
_NEW: Final = ".new-"
_GONE: Final = ".gone-"
_FOR_ASTERISK: Final = (MESSAGE, MESSAGE16)
_FOLDER_MODE: Final = 0o755
_PLAYED_MODE: Final = 0o644  # Asterisk runs as somebody else
_KEPT_MODE: Final = 0o640
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Draft:
    """A message that is being made: a folder beside the shelf's own, locked as long as its maker lives."""

    folder: Path

    def write(self, name: str, content: bytes) -> None:
        """Raises StorageError."""
        with _on_disk(self.folder), (self.folder / name).open("wb") as stream:
            stream.write(content)


@dataclass(frozen=True)
class Shelf:
    """The messages below one folder, which is made if it is not there."""

    folder: Path

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A folder to make a message in; gone afterwards, unless it was placed.

        Raises:
            StorageError: there can be none.
        """
        with ExitStack() as held:
            with _on_disk(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                made = Path(tempfile.mkdtemp(prefix=_NEW, dir=self.folder))
                held.callback(shutil.rmtree, made, ignore_errors=True)
                held.enter_context(_locked(made))
            yield Draft(made)

    def place(self, draft: Draft, prepared: Prepared, checks: list[Check]) -> Prepared:
        """Put a finished draft in its place. If the same message came there meanwhile, that one stays.

        Args:
            draft: has all files but check.json.
            prepared: as `describe` gives it for this draft.
            checks: those of the sound, for check.json.

        Raises:
            StorageError: it cannot be written.
        """
        place = self._place(prepared.sha256)
        entry = {
            "made_by": MADE_BY,
            "sha256": prepared.sha256,
            "prepared_sha256": prepared.prepared_sha256,
            "duration_s": prepared.duration_s,
            "checks": [asdict(one) for one in checks],
        }
        draft.write(CHECK, json.dumps(entry, indent=1, ensure_ascii=False, allow_nan=False).encode())
        with _on_disk(self.folder):
            for file in draft.folder.iterdir():
                file.chmod(_PLAYED_MODE if file.name in _FOR_ASTERISK else _KEPT_MODE)
                _sync(file)
            draft.folder.chmod(_FOLDER_MODE)
            _sync(draft.folder)
            place.parent.mkdir(exist_ok=True)
            place.parent.chmod(_FOLDER_MODE)
            if place.exists() and self._read(place) is None:
                self._take_away(place)  # somebody deleted one of its files
            try:
                draft.folder.rename(place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            _sync(place.parent)
            _sync(self.folder)
        return self.describe(prepared.sha256, prepared.prepared_sha256, prepared.duration_s, prepared.checks)

    def find(self, sha256: str) -> Prepared | None:
        """The message with the checks of its sound; None: it is not there, or not whole.

        Raises:
            StorageError: the folder cannot be read.
        """
        with _on_disk(self.folder):
            return self._read(self._place(sha256))

    def describe(self, sha256: str, prepared_sha256: str, duration_s: float, checks: list[Check]) -> Prepared:
        """What lies, or will lie, in the message's place."""
        place = self._place(sha256)
        original = next(iter(sorted(place.glob(f"{ORIGINAL}.*"))), place / ORIGINAL)
        files = Files(
            folder=place,
            original=original,
            message=place / MESSAGE,
            message16=place / MESSAGE16,
            preview=place / PREVIEW,
            check=place / CHECK,
            waveform=place / WAVEFORM,
        )
        return Prepared(
            sha256=sha256, prepared_sha256=prepared_sha256, duration_s=duration_s, files=files, checks=checks
        )

    def _read(self, place: Path) -> Prepared | None:
        try:
            entry: dict[str, Any] = json.loads((place / CHECK).read_text(encoding="utf-8"))
            checks = [Check(**one) for one in entry["checks"]]
            found = self.describe(place.name, entry["prepared_sha256"], entry["duration_s"], checks)
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None
        files = found.files
        parts = (files.original, files.message, files.message16, files.preview, files.waveform)
        return found if all(part.is_file() for part in parts) else None

    def media(self, sha256: str, asterisk_folder: str = "") -> str:
        """The message as Asterisk names it: its path without the extension.

        Args:
            sha256: of the original.
            asterisk_folder: the shelf's folder as Asterisk sees it, if that differs.
        """
        place = self._place(sha256).relative_to(self.folder)
        above = asterisk_folder or str(self.folder.absolute())
        return f"{above.rstrip('/')}/{place.as_posix()}/{Path(MESSAGE).stem}"

    def remove(self, sha256: str) -> bool:
        """Take a message away, all at once; False: it was not there.

        Raises:
            StorageError: it cannot be removed.
        """
        with _on_disk(self.folder):
            place = self._place(sha256)
            if not place.exists():
                return False
            self._take_away(place)
            return True

    def _take_away(self, place: Path) -> None:
        gone = Path(tempfile.mkdtemp(prefix=_GONE, dir=self.folder))
        place.rename(gone / place.name)
        _sync(place.parent)
        shutil.rmtree(gone, ignore_errors=True)  # it is out of the way; a sweep takes the rest

    def sweep(self) -> int:
        """Take away what a crash left; what is still being made stays. Returns how much there was.

        Raises:
            StorageError: it cannot be removed.
        """
        swept = 0
        with _on_disk(self.folder):
            if not self.folder.is_dir():
                return 0
            for left in [*self.folder.glob(f"{_NEW}*"), *self.folder.glob(f"{_GONE}*")]:
                try:
                    with _locked(left):
                        shutil.rmtree(left)
                        swept += 1
                except (BlockingIOError, FileNotFoundError):
                    continue  # its maker lives, or has just taken it away
        return swept

    def _place(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256 in lower-case hex")
        return self.folder / sha256[:2] / sha256


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _on_disk(folder: Path) -> Iterator[None]:
    """What the system says against it, in words that say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Make room there, or remove messages that nobody uses"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            remedy = "Give the engine's user the right to write there"
        else:
            remedy = "Look at the disk and at the folder"
        raise StorageError(f"The message folder {folder} cannot be used: {error.strerror}. {remedy}") from error
