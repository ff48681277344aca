"""`voicedrop detect` on sounds whose truth is known, and the drop that --cue imagines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly
from typer.testing import CliRunner

from dsp import BeepEnded, BeepStarted, Detector, SpeechEnded, SpeechLevel, SpeechStarted
from tests.unit.dsp.signals import Samples, Sound, noise, silence, speech, to_int16, tone
from voicedrop.__main__ import app
from voicedrop.offline import sound
from voicedrop.offline.detect import Options, listen_to_all, listen_together, row_of
from voicedrop.offline.imagined import CueEvent, ImaginedDrop

GREETING = speech(3000, dbfs=-20.0)
BEEP = tone(1000.0, ms=400, dbfs=-12.0)


def frames(whole: Samples) -> list[Samples]:
    return [whole[at : at + 160] for at in range(0, len(whole), 160)]


def heard(*parts: Sound, message_ms: float = 15_000, cue: bool = True) -> list[dict[str, Any]]:
    """Rows of the parts one after another, over line noise."""
    whole = np.concatenate(parts)
    quiet = noise(len(whole) / 8 + 1, dbfs=-65.0)[: len(whole)]
    options = Options(cue=cue, message_ms=message_ms)
    (rows,) = listen_together([("x", iter(frames(to_int16(np.asarray(whole + quiet)))))], options)
    assert isinstance(rows, list)
    return rows


def drop_in(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["event"], row["reason"]) for row in rows if "reason" in row]


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["detect", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def rows_in(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """A greeting, 0.5 s, a beep from 3500 to 3900 ms, 1 s."""
    return write(tmp_path / "call.wav", np.concatenate([GREETING, silence(500), BEEP, silence(1000)]))


def write(path: Path, wave: Sound, rate: int = 8000, **more: str) -> Path:
    soundfile.write(path, wave, rate, **more)
    return path


# -- golden cases -----------------------------------------------------------------------------------


def test_a_beep_behind_a_greeting_is_the_cue() -> None:
    rows = heard(GREETING, silence(500), BEEP, silence(1000))
    assert drop_in(rows) == [("cue", "beep")]
    beep = next(row for row in rows if row["event"] == "beep_end")
    assert beep["start_ms"] == pytest.approx(3500, abs=15)
    assert beep["end_ms"] == pytest.approx(3900, abs=15)
    assert beep["freq_hz"] == [pytest.approx(1000, abs=2)]
    assert rows[-1] == {"file": "x", "event": "cue", "t_ms": beep["t_ms"], "reason": "beep"}
    assert 3900 < beep["t_ms"] <= 4050
    assert [row["event"] for row in rows if row["event"].startswith("beep")] == ["beep_start", "beep_end"]


def test_a_start_in_the_silence_before_the_beep_is_taken_back() -> None:
    rows = heard(GREETING, silence(6000), BEEP, silence(1000))
    assert drop_in(rows) == [("cue", "silence"), ("restart", "beep"), ("cue", "beep")]
    first = next(row for row in rows if row["event"] == "cue")
    assert first["t_ms"] == pytest.approx(6000, abs=60)


def test_a_greeting_that_goes_on_takes_the_start_back() -> None:
    rows = heard(GREETING, silence(4000), GREETING, silence(4000))
    assert drop_in(rows) == [("cue", "silence"), ("restart", "speech"), ("cue", "silence")]


def test_a_mailbox_without_a_beep_gets_its_message_in_the_silence() -> None:
    assert drop_in(heard(GREETING, silence(5000))) == [("cue", "silence")]


def test_a_message_that_has_been_played_to_its_end_is_the_end() -> None:
    """A beep behind it is still heard, but changes nothing; one within it does."""
    behind = heard(GREETING, silence(3500), silence(1500), BEEP, silence(500), message_ms=1000)
    assert drop_in(behind) == [("cue", "silence")]
    assert behind[-1]["event"] == "beep_end"
    within = heard(GREETING, silence(3500), silence(1500), BEEP, silence(500), message_ms=3000)
    assert ("restart", "beep") in drop_in(within)


def test_where_nothing_is_heard_it_gives_up_after_a_minute() -> None:
    drop = ImaginedDrop()
    events = [event for k in range(1, 3100) for event in drop.frame([], k * 20.0)]
    assert [(event.event, event.t_ms) for event in events] == [("give_up", 60_000.0)]


def test_a_deadline_between_two_frames_is_kept_at_its_own_time() -> None:
    drop = ImaginedDrop()
    drop.frame([SpeechStarted(at_ms=1000, start_ms=900, level_dbfs=-20)], 1000)
    drop.frame([SpeechEnded(at_ms=2000, end_ms=1707)], 2000)
    events = [event for k in range(101, 260) for event in drop.frame([], k * 20.0)]
    assert events == [CueEvent(event="cue", t_ms=4707.0, reason="silence")]


def test_what_is_heard_counts_before_a_deadline_of_the_same_moment() -> None:
    drop = ImaginedDrop()
    drop.frame([SpeechStarted(at_ms=1000, start_ms=900, level_dbfs=-20)], 1000)
    drop.frame([SpeechEnded(at_ms=2000, end_ms=1700)], 2000)
    assert drop.frame([SpeechStarted(at_ms=4700, start_ms=4600, level_dbfs=-20)], 4700) == []


def test_a_beep_too_short_to_be_announced_before_its_end_takes_back_and_cues_at_once() -> None:
    drop = ImaginedDrop()
    beep = BeepEnded(at_ms=1000, start_ms=840, end_ms=900, frequencies_hz=(900.0,), level_dbfs=-20, confidence=0.8)
    again = BeepEnded(at_ms=3000, start_ms=2840, end_ms=2900, frequencies_hz=(900.0,), level_dbfs=-20, confidence=0.8)
    assert [event.event for event in drop.frame([beep], 1000)] == ["cue"]
    assert [event.event for event in drop.frame([again], 3000)] == ["restart", "cue"]


def test_cue_only_adds_its_own_lines() -> None:
    parts = (GREETING, silence(6000), BEEP, silence(1000))
    assert heard(*parts, cue=False) == [row for row in heard(*parts) if "reason" not in row]


# -- exactly as a live call -------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_are_those_of_a_detector_fed_directly(seed: int, tmp_path: Path) -> None:
    """Whole, not in frames: what differs is only that a frame's news come with its end."""
    wave = np.concatenate([speech(2000, seed=seed), silence(400), BEEP, silence(700), tone(440.0, ms=2500)])
    samples = to_int16(wave)
    file = tmp_path / "one.flac"
    soundfile.write(file, samples, 8000)
    code, output, _ = run(file, "--json")
    told = [found for found in Detector().feed(samples) if not isinstance(found, SpeechLevel)]
    direct = [row_of(str(file), found, ceil(found.at_ms / 20) * 20.0) for found in told]
    assert code == 0
    assert rows_in(output) == direct
    assert len(direct) >= 4


def test_every_line_has_every_key(call: Path) -> None:
    _, output, _ = run(call, "--json", "--cue")
    rows = rows_in(output)
    keys = ["file", "event", "t_ms", "start_ms", "end_ms", "freq_hz", "level_dbfs", "confidence"]
    assert [list(row) for row in rows if "reason" not in row] == [keys] * (len(rows) - 1)
    assert rows[-1]["event"] == "cue"
    assert [row["t_ms"] for row in rows] == sorted(row["t_ms"] for row in rows)


def test_a_new_kind_of_detection_needs_no_change_here() -> None:
    row = row_of("x", BeepStarted(at_ms=10, start_ms=1.26, frequencies_hz=(440.04, 480.0), level_dbfs=-20.0), 20.0)
    assert (row["event"], row["t_ms"], row["start_ms"], row["freq_hz"]) == ("beep_start", 20.0, 1.3, [440.0, 480.0])


# -- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "ending"), [(8000, "wav"), (16_000, "ogg"), (44_100, "flac"), (44_100, "mp3")])
def test_files_of_any_rate_and_kind(rate: int, ending: str, tmp_path: Path) -> None:
    wave = np.concatenate([GREETING, silence(500), BEEP, silence(1000)])
    file = tmp_path / f"call.{ending}"
    if rate != 8000:
        wave = np.clip(resample_poly(wave, rate // 100, 80), -1, 1)
    soundfile.write(file, wave, rate, format=ending.upper())
    code, output, _ = run(file, "--json")
    beeps = [row for row in rows_in(output) if row["event"] == "beep_end"]
    assert code == 0
    assert len(beeps) == 1
    assert beeps[0]["end_ms"] == pytest.approx(3900, abs=80 if ending == "mp3" else 20)  # MP3 begins with a delay
    assert beeps[0]["freq_hz"] == [pytest.approx(1000, abs=3)]


@pytest.mark.parametrize("rate", [11_025, 44_100, 48_000, 7_999])
def test_resampling_in_blocks_is_resampling_whole(rate: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "_BLOCK_MS", 250)
    wave = np.random.default_rng(3).uniform(-0.5, 0.5, int(rate * 1.7) + 13)
    file = write(tmp_path / "noise.wav", wave, rate, subtype="FLOAT")
    stored, _ = soundfile.read(file)
    common = int(np.gcd(rate, 8000))
    whole = np.round(resample_poly(stored, 8000 // common, rate // common) * 32768)
    pieces = list(sound.blocks(file, 1))
    made = np.concatenate(pieces)
    assert len(made) == len(whole)
    assert np.max(np.abs(made - whole)) <= 1


def test_a_tone_of_the_network_is_named(tmp_path: Path) -> None:
    busy = np.concatenate([silence(500), *[tone(480, 620, ms=500), silence(500)] * 3])
    file = write(tmp_path / "busy.wav", busy)
    _, output, _ = run(file, "--json")
    (row,) = [row for row in rows_in(output) if row["event"] == "tone"]
    assert row == {
        "file": str(file),
        "event": "tone",
        "t_ms": pytest.approx(2100, abs=60),
        "start_ms": pytest.approx(500, abs=20),
        "end_ms": None,
        "freq_hz": [pytest.approx(480, abs=2), pytest.approx(620, abs=2)],
        "level_dbfs": pytest.approx(-15, abs=2),
        "confidence": None,
        "name": "busy",
        "digit": None,
        "kind": None,
        "regions": ["us", "ph", "tw"],
    }
    _, output, _ = run(file)
    assert "Hz, -15 dBFS, name busy, regions us ph tw\n" in output


def test_the_channel_can_be_chosen(tmp_path: Path) -> None:
    wave = np.concatenate([silence(500), BEEP, silence(500)])
    file = write(tmp_path / "both.wav", np.stack([np.zeros(len(wave)), wave], axis=1))
    code, output, errors = run(file, "--json")
    assert (code, errors, [row["event"] for row in rows_in(output)]) == (0, "", ["silence"])
    _, output, _ = run(file, "--json", "--channel", "2")
    assert "beep_end" in output
    code, output, errors = run(file, "--json", "--channel", "3")
    assert (code, output) == (1, "")
    assert errors == f"voicedrop: {file}: there is no channel 3, it has 2 channels\n"


def test_a_broken_file_is_named_and_the_others_are_done_in_their_order(call: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF but no more of it")
    missing = tmp_path / "missing.wav"
    other = write(tmp_path / "other.wav", np.concatenate([silence(300), BEEP, silence(500)]))
    code, output, errors = run(call, broken, missing, other, "--json")
    assert code == 1
    assert [line.partition(": ")[2].partition(": ")[0] for line in errors.splitlines()] == [str(broken), str(missing)]
    assert "No such file or directory" in errors
    names = [row["file"] for row in rows_in(output)]
    assert sorted(set(names), key=names.index) == [str(call), str(other)]
    assert names == sorted(names, key=[str(call), str(other)].index)


def test_the_pool_says_what_one_process_says(call: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "a.wav", GREETING)
    together = list(listen_to_all([call, other, call], Options(cue=True)))
    alone = [one for path in (call, other, call) for one in listen_to_all([path], Options(cue=True))]
    assert together == alone
    assert [path for path, _ in together] == [call, other, call]


@pytest.mark.parametrize("content", [np.zeros(0), np.zeros(7), np.full(4000, np.nan)])
def test_files_with_next_to_nothing_in_them(content: Sound, tmp_path: Path) -> None:
    file = write(tmp_path / "none.wav", content, subtype="FLOAT")
    assert run(file, "--json", "--cue") == (0, "", "")
    assert run(file) == (0, f"{file}:\n  nothing heard\n", "")


# -- for people -------------------------------------------------------------------------------------


def test_the_text_names_the_beep_and_the_cue(call: Path) -> None:
    code, output, _ = run(call, "--cue")
    lines = output.splitlines()
    assert code == 0
    assert lines[0] == f"{call}:"
    assert any("beep_end" in line and "1000 Hz" in line and "dBFS" in line for line in lines)
    assert lines[-1].split()[2:] == ["cue", "beep"]


def test_a_picture_is_drawn_of_one_file(call: Path, tmp_path: Path) -> None:
    picture = tmp_path / "call.png"
    assert run(call, "--cue", "--plot", picture)[0] == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(call, call, "--plot", picture)[0] == 2


def test_a_picture_of_a_long_file_holds_its_loudest_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voicedrop.offline import picture

    monkeypatch.setattr(picture, "_COLUMNS", 7)
    file = write(tmp_path / "long.wav", np.concatenate([silence(5000), BEEP, silence(330)]))
    picture.draw(tmp_path / "long.png", file, 1, [])
    assert (tmp_path / "long.png").stat().st_size > 5000


def test_a_picture_that_cannot_be_written_is_one_line(call: Path, tmp_path: Path) -> None:
    from voicedrop.errors import VoicedropError
    from voicedrop.offline.picture import draw

    with pytest.raises(VoicedropError, match="cannot write"):
        draw(tmp_path / "no" / "such.png", call, 1, [])
