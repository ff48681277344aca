"""A folder of messages with its index (`messages.yaml`) as a list of uploads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from voicedrop.errors import MessageError
from voicedrop.library.folder import INDEX, rows_of
from voicedrop.library.terms import Particulars


def uploads(folder: Path) -> Iterator[tuple[int, Particulars, Path]]:
    """Slot, particulars and file of each message, by slot. The files are judged when they are taken in.

    Raises:
        MessageError: the index cannot be read, a slot is given twice, or a file is missing; told before the first.
    """
    rows = sorted(rows_of(folder), key=lambda row: row.slot)
    slots = [row.slot for row in rows]
    faults = [
        f"slot {slot} is given {slots.count(slot)} times: give the others another number"
        for slot in sorted(set(slots))
        if slots.count(slot) > 1
    ]
    faults += [f"{folder / row.file} is not there" for row in rows if not (folder / row.file).is_file()]
    if faults:
        raise MessageError(f"{folder / INDEX}: {len(faults)} fault(s)\n  " + "\n  ".join(faults))
    for row in rows:
        yield row.slot, Particulars(label=row.label), folder / row.file
