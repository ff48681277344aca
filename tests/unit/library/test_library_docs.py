"""docs/messages.md says what the library does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.library.spoken import kept, of_format
from voicedrop.library import check, decode, intake, measure, prepare, shelf
from voicedrop.library.intake import Limits, Particulars
from voicedrop.library.shelf import Shelf

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
LIMITS = Limits()


def test_every_code_is_explained_and_no_other() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "voicedrop" / "library").glob("*.py"))
    codes = set(re.findall(r'UploadError\(\s*"([a-z-]+)"', sources)) | {"truncated", "pause", "too-long"}
    table = TEXT.partition("| code |")[2].partition("\n\n")[0]
    assert {code for row in table.splitlines()[2:] for code in re.findall(r"`([a-z-]+)`", row.split("|")[1])} == codes


def test_every_point_is_explained_in_the_checks_own_order(tmp_path: Path) -> None:
    source = kept(tmp_path / "a", of_format("a.wav"))
    prepared = intake.prepare(source, Shelf(tmp_path / "shelf"), Particulars(label="x"), LIMITS)
    table = TEXT.partition("| point |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE) == [one.point for one in prepared.checks]


def test_every_file_is_named() -> None:
    for name in (shelf.MESSAGE, shelf.MESSAGE16, shelf.PREVIEW, shelf.CHECK, shelf.WAVEFORM, f"{shelf.ORIGINAL}.wav"):
        assert f"\n        {name} " in TEXT or f"\n        {name}\n" in TEXT, name


@pytest.mark.parametrize(
    "said",
    [
        f"at most {LIMITS.max_bytes >> 20} MB",
        f"at most {LIMITS.max_seconds:g} s",
        f"under {LIMITS.long_s:g} s recommended; over {LIMITS.longest_s:g} s refused",
        f"{decode.SLOWEST_HZ} to {decode.FASTEST_HZ} Hz",
        f"1 to {decode.MOST_CHANNELS}. They",
        f"less than {intake.SHORTEST_S:g} s from",
        f"louder than {intake.SILENT_DBFS:g} dBFS",
        f"only {prepare.NARROW_BAND_HZ[0]:g} to {prepare.NARROW_BAND_HZ[1]:g} Hz",
        f"only {prepare.WIDE_BAND_HZ[0]:g} to {prepare.WIDE_BAND_HZ[1]:g} Hz",
        f"{prepare.LEAD_MS} ms before the first word, {prepare.TRAIL_MS} ms behind",
        f"rise in {prepare.FADE_IN_MS} ms and fall in {prepare.FADE_OUT_MS} ms",
        f"to {prepare.TARGET_LUFS:g} LUFS",
        f"above {prepare.CEILING_DBTP:g} dBTP",
        f"for {prepare.LIMITER_MS} ms before",
        f"{prepare.TAIL_MS} ms of silence, then up to a whole frame of {prepare.PACKET_MS} ms",
        f"| below {check.QUIET_LUFS:g} |",
        f"more than {check.OFF_TARGET_LU:g} from {prepare.TARGET_LUFS:g}",
        f"| {check.CLIPPED_SAMPLES} or more |",
        f"| below {check.NOISY_DB:g} |",
        f"| below {check.LITTLE_SPEECH:g} |",
        f"from {check.LONG_PAUSE_S:g}; error from {check.LONGEST_PAUSE_S:g}",
        f"below {measure.MAILBOX_SILENCE_DBFS:g} dBFS",
        f"| below {check.MUFFLED_HZ:g} |",
        f"{measure.EDGE_DB:g} dB below its highest",
    ],
)
def test_every_figure_is_that_of_the_code(said: str) -> None:
    assert said in TEXT
