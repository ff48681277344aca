"""Where the messages of the library lie: for us, and as Asterisk names them."""

from __future__ import annotations

import json
from pathlib import Path

from voicedrop.config import Settings
from voicedrop.errors import MessageError
from voicedrop.library.shelf import MESSAGE, Shelf
from voicedrop.model import Message

KEPT = "catalogue.json"
"""In the state directory: what the engine knew last of the database."""


def on_shelf(settings: Settings, sha256: str) -> Message:
    """The message whose original has this SHA-256; what else is known of it stands in the catalogue."""
    shelf = Shelf(settings.library_folder())
    return Message(
        slot=0,
        label="",
        file=shelf.folder / sha256[:2] / sha256 / MESSAGE,
        media=shelf.media(sha256, settings.library.asterisk_folder),
        duration_s=0.0,
        sha256="",
    )


def known(settings: Settings) -> dict[str, Message] | None:
    """The messages that the engine knew last, by label and version; None: it has not run yet.

    Raises:
        MessageError: what it kept of them cannot be read.
    """
    file: Path = settings.state_dir / KEPT
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {f"{one['label']} (version {one['version']})": _of(settings, one) for one in content["messages"]}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MessageError(f"{file} cannot be read: {error}") from error


def _of(settings: Settings, one: dict[str, str]) -> Message:
    place = on_shelf(settings, one["sha256"])
    return Message(
        slot=0,
        label=one["label"],
        file=place.file,
        media=place.media,
        duration_s=float(one["duration_s"]),
        sha256=one["prepared_sha256"],
    )
