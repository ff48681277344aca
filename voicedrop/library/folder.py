"""Messages from a folder: WAV files and a small index, messages.yaml, of slot, label and file."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import soundfile
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from voicedrop.errors import MessageError
from voicedrop.model import Message

INDEX = "messages.yaml"
RATE_HZ = 8000
_EXAMPLE = "- {slot: 1, label: Callback, file: callback.wav}"


class Row(BaseModel):
    """One message in the index."""

    model_config = ConfigDict(extra="forbid")
    slot: Annotated[int, Field(ge=1, le=9)]
    label: Annotated[str, Field(pattern=r"^[A-Za-z0-9 _.-]{1,60}$")]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9 _.-]+\.wav$")]


def load_messages(folder: Path, asterisk_folder: str = "") -> Mapping[int, Message]:
    """The messages by slot.

    Args:
        folder: where they are.
        asterisk_folder: the same folder as Asterisk sees it, if that differs.

    Raises:
        MessageError: the index or a file cannot be used; every fault is listed, each with its remedy.
    """
    index = folder / INDEX
    rows = rows_of(folder)
    messages: dict[int, Message] = {}
    faults = []
    for row in rows:
        if row.slot in messages:
            faults.append(
                f"slot {row.slot} is given twice ({messages[row.slot].label}, {row.label}): give one another number"
            )
            continue
        try:
            messages[row.slot] = _message(row, folder, asterisk_folder or str(folder.absolute()))
        except MessageError as error:
            faults.append(str(error))
    if faults:
        raise MessageError(f"{index}: {len(faults)} fault(s)\n  " + "\n  ".join(faults))
    if not messages:
        raise MessageError(f"{index} names no message: add rows like {_EXAMPLE}")
    return messages


def rows_of(folder: Path) -> list[Row]:
    """The rows of the folder's index, as they stand there.

    Raises:
        MessageError: the index cannot be read; every fault of it is listed.
    """
    index = folder / INDEX
    try:
        return TypeAdapter(list[Row]).validate_python(yaml.safe_load(index.read_text(encoding="utf-8")))
    except OSError as error:
        raise MessageError(f"cannot read {index}: {error.strerror}. Write it: {_EXAMPLE}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MessageError(f"{index} is not YAML: {error}. Write rows like {_EXAMPLE}") from error
    except ValidationError as error:
        raise MessageError(f"{index}: {error.error_count()} fault(s)\n{_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        row, *keys = fault["loc"] or ("",)
        if not keys:
            return f"  expected rows like {_EXAMPLE}"
        allowed = fault["msg"].replace("Input should be", "allowed is").replace("String should", "must")
        lines.append(f"  row {int(row) + 1}, {keys[0]} = {fault['input']!r}: {allowed}")
    return "\n".join(lines)


def _message(row: Row, folder: Path, asterisk_folder: str) -> Message:
    file = folder / row.file
    try:
        info = soundfile.info(file)
    except (soundfile.LibsndfileError, OSError) as error:
        raise MessageError(
            f"{file} is not there or is no sound file ({error}). Put it there: "
            f"voicedrop messages convert YOUR-RECORDING {shlex.quote(str(file))}"
        ) from error
    if (info.format, info.subtype, info.samplerate, info.channels) != ("WAV", "PCM_16", RATE_HZ, 1):
        name = shlex.quote(str(file))
        raise MessageError(
            f"{file} is {info.format} {info.subtype}, {info.samplerate} Hz, {info.channels} channel(s); Asterisk plays "
            f"WAV PCM_16, {RATE_HZ} Hz, 1 channel. Mend it: voicedrop messages convert {name} {name}"
        )
    if info.frames < RATE_HZ // 2:
        raise MessageError(
            f"{file} is only {info.duration:.2f} s long: at least half a second is needed. Record it anew"
        )
    return Message(
        slot=row.slot,
        label=row.label,
        file=file,
        media=f"{asterisk_folder.rstrip('/')}/{Path(row.file).stem}",
        duration_s=info.frames / RATE_HZ,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
    )
