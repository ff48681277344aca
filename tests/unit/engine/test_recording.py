"""The WAV of two directions: what is where in it, and a disk that fails."""

from __future__ import annotations

import json
import threading
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from voicedrop.engine import recording as module
from voicedrop.engine.recording import RATE_HZ, DiskThread, Recording

FRAME = RATE_HZ // 50


def frame(value: int, samples: int = FRAME) -> npt.NDArray[np.int16]:
    return np.full(samples, value, np.int16)


def written(folder: Path, name: str = "audio.wav") -> npt.NDArray[np.int16]:
    with wave.open(str(folder / name)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE_HZ)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "evidence" / "drop"


def test_both_sides_lie_where_they_were_said(folder: Path) -> None:
    disk = DiskThread()
    recording = Recording(disk, folder, 100.0, "2026-01-01T00:00:00.000+00:00")
    for n in range(100):  # two seconds; the right side begins half a second late
        recording.add(0, frame(n + 1), 100.02 + n * 0.02)
        if n >= 25:
            recording.add(1, frame(1000 + n), 100.02 + n * 0.02)
    recording.close({"marks": [{"name": "beep", "ms": 5.0}]})
    disk.stop()
    audio = written(folder)
    assert len(audio) == 2 * RATE_HZ
    assert audio[::FRAME, 0].tolist() == list(range(1, 101))
    assert audio[::FRAME, 1].tolist() == [0] * 25 + list(range(1025, 1100))
    marks = json.loads((folder / module.MARKS).read_text())
    assert marks["audio"] == [{"file": "audio.wav", "began": "2026-01-01T00:00:00.000+00:00"}]
    assert marks["marks"] == [{"name": "beep", "ms": 5.0}]
    assert marks["drop"] == "drop"


def test_nothing_from_before_the_beginning_is_kept(folder: Path) -> None:
    disk = DiskThread()
    recording = Recording(disk, folder, 100.0, "")
    recording.add(0, frame(7), 99.98)
    recording.add(0, frame(8), 100.0)
    recording.add(0, np.concatenate([frame(9, 80), frame(10, 80)]), 100.01)  # half of it
    recording.add(0, frame(11), 100.03)
    recording.close({})
    disk.stop()
    assert written(folder)[:, 0].tolist() == [10] * 80 + [11] * FRAME


def test_what_is_lost_on_the_way_is_silence(folder: Path) -> None:
    disk = DiskThread()
    recording = Recording(disk, folder, 0.0, "")
    recording.add(0, frame(1), 0.02)
    recording.add(0, frame(2), 1.02)  # a second later
    recording.close({})
    disk.stop()
    audio = written(folder)[:, 0]
    assert len(audio) == RATE_HZ + FRAME
    assert audio[-1] == 2
    assert not audio[FRAME : RATE_HZ - FRAME].any()


def test_a_side_that_never_comes_holds_nothing_back(folder: Path) -> None:
    disk = DiskThread()
    recording = Recording(disk, folder, 0.0, "")
    for n in range(500):
        recording.add(1, frame(5), (n + 1) * 0.02)
    recording.close({})
    disk.stop()
    audio = written(folder)
    assert len(audio) == 10 * RATE_HZ
    assert (audio[:, 1] == 5).all()
    assert not audio[:, 0].any()


def test_after_a_crash_the_file_can_be_played_and_the_next_run_writes_beside_it(folder: Path) -> None:
    disk = DiskThread()
    first = Recording(disk, folder, 0.0, "first")
    for n in range(150):
        for side in (0, 1):
            first.add(side, frame(3), (n + 1) * 0.02)
    disk.stop()  # no close: the engine was killed
    assert len(written(folder)) >= 2 * RATE_HZ

    disk = DiskThread()
    second = Recording(disk, folder, 0.0, "second")
    second.add(0, frame(4), 0.02)
    second.close({"marks": []})
    disk.stop()
    assert written(folder, "audio-2.wav")[:, 0].tolist() == [4] * FRAME
    marks = json.loads((folder / module.MARKS).read_text())
    assert [one["file"] for one in marks["audio"]] == ["audio.wav", "audio-2.wav"]


def test_a_folder_that_cannot_be_made_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("no folder")
    disk = DiskThread()
    recording = Recording(disk, tmp_path / "evidence" / "drop", 0.0, "")
    recording.add(0, frame(1, RATE_HZ), 1.0)
    recording.close({})
    disk.stop()
    assert recording.failed


def test_a_disk_that_fails_in_the_middle_takes_it_all_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = DiskThread()
    recording = Recording(disk, folder, 0.0, "")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wave.Wave_write, "writeframes", full)
    for side in (0, 1):
        recording.add(side, frame(1, 2 * RATE_HZ), 2.0)
    recording.close({})
    disk.stop()
    assert recording.failed
    assert not folder.exists()


def test_a_disk_that_is_too_slow_costs_the_recording_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 1)
    disk = DiskThread()
    held = threading.Event()
    busy = threading.Event()

    def hold() -> None:
        busy.set()
        held.wait()

    disk.offer(hold)
    assert busy.wait(10)
    recording = Recording(disk, folder, 0.0, "")
    assert not recording.failed  # it waits
    for side in (0, 1):
        recording.add(side, frame(1, RATE_HZ), 1.0)
    assert recording.failed
    held.set()
    disk.stop()
