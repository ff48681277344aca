"""The zoo's sounds and the lab's messages, made from Debian's voice prompts and from sines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from voicedrop.errors import LabError
from voicedrop.lab import zoo
from voicedrop.lab.site import Site

RATE = 8000
EDGE_MS = 5  # tones begin and end with a short ramp, as an exchange's do, not with a click
SILENT = 100  # of 32768: what counts as silence at a prompt's ends
Samples = npt.NDArray[np.int16]

# The messages an agent of the lab can choose from: slot, label, prompts.
MESSAGES: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (1, "callback", ("demo-abouttotry",)),
    (2, "short", ("demo-thanks",)),
    (3, "reminder", ("demo-nogo",)),
)


def write_sounds(site: Site) -> None:
    """Write every sound of the zoo, the mailboxes' greetings, the agent's voice and the messages."""
    prompts = site.root / "usr/share/asterisk/sounds/en_US_f_Allison"
    if not prompts.is_dir():
        raise LabError(f"no voice prompts in {prompts}: run `voicedrop lab up` again to rebuild the tree")
    folder = site.lab / "carrier/sounds/zoo"
    for name, recipe in zoo.sounds().items():
        _write(folder / f"{name}.wav", _make(recipe, prompts))
    for number in zoo.voicemail_numbers():
        box = site.lab / "carrier/spool/voicemail/zoo" / number[1:]
        box.mkdir(parents=True, exist_ok=True)
        greeting = box / "unavail.wav"
        if not greeting.exists():
            greeting.hardlink_to(folder / "greeting.wav")
    _write(site.lab / "carrier/sounds/agent/talking.wav", _speech(["tt-monkeysintro", "demo-moreinfo"], prompts, 400))
    messages = site.lab / "messages"
    rows = []
    for slot, label, names in MESSAGES:
        _write(messages / f"{label}.wav", _pad(_speech(names, prompts, 300)))
        rows.append(f"- {{slot: {slot}, label: {label}, file: {label}.wav}}")
    (messages / "messages.yaml").write_text("\n".join(rows) + "\n")


def _make(recipe: dict[str, Any], prompts: Path) -> Samples:
    if "speech" in recipe:
        made = _speech(recipe["speech"], prompts, int(recipe.get("gap_ms", 80)))
        if "seconds" in recipe:
            length = int(recipe["seconds"] * RATE)
            made = np.tile(made, -(-length // made.size))[:length]
        return made
    return np.concatenate([_tone(hz, ms, float(recipe["dbfs"])) for hz, ms in recipe["tones"]])


def _speech(names: list[str] | tuple[str, ...], prompts: Path, gap_ms: int) -> Samples:
    parts: list[Samples] = []
    for name in names:
        samples, rate = soundfile.read(prompts / f"{name}.wav", dtype="int16")
        if rate != RATE or samples.ndim != 1:
            raise LabError(f"prompt {name} is not 8 kHz mono")
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > SILENT)
        parts += [samples[loud[0] : loud[-1] + 1], np.zeros(RATE * gap_ms // 1000, np.int16)]
    return np.concatenate(parts[:-1])


def _tone(hz: float, ms: float, dbfs: float) -> Samples:
    """A sine whose RMS is `dbfs` below a full-scale square wave."""
    n = int(RATE * ms / 1000)
    wave = np.sqrt(2) * 32767 * 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(n) / RATE)
    edge = RATE * EDGE_MS // 1000
    ramp = np.ones(n)
    ramp[:edge] = np.linspace(0, 1, edge, endpoint=False)
    ramp[-edge:] = ramp[:edge][::-1]
    return np.asarray(np.clip(wave * ramp, -32768, 32767), dtype=np.int16)


def _pad(samples: Samples) -> Samples:
    """To whole 20 ms frames with 200 ms of silence behind: Asterisk drops a last part of a frame."""
    frame = RATE // 50
    return np.concatenate([samples, np.zeros(-samples.size % frame + 10 * frame, np.int16)])


def _write(path: Path, samples: Samples) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
