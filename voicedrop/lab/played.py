"""The lab's messages as the engine plays them: prepared, on the shelf."""

from __future__ import annotations

import hashlib
from pathlib import Path

from voicedrop.lab.site import Site
from voicedrop.library.shelf import MESSAGE


def message_file(site: Site, label: str) -> Path:
    """Where the message of this label lies once an engine has taken the lab's folder over."""
    original = site.lab / f"messages/{label}.wav"
    sha256 = hashlib.sha256(original.read_bytes()).hexdigest()
    return site.lab / "library" / sha256[:2] / sha256 / MESSAGE
