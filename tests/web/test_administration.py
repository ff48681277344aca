"""`voicedrop tokens` and `voicedrop messages` on a real database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.web import sounds
from voicedrop.__main__ import app
from voicedrop.errors import ConfigError, UploadError, VoicedropError


@pytest.fixture
def configured(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("DATABASE_URL", url)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"ari": {"password": "x"}, "state_dir": str(tmp_path / "var")}))
    return ["-c", str(file)]


def run(configured: list[str], *words: str) -> str:
    result = CliRunner().invoke(app, [*words, *configured])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_a_token_is_made_listed_and_revoked(configured: list[str]) -> None:
    token = run(configured, "tokens", "add", "console").strip()
    assert re.fullmatch(r"vd_[\w-]{43}", token)
    listed = run(configured, "tokens", "list")
    token_id = listed.split()[0]
    assert "console" in listed
    assert token not in listed
    run(configured, "tokens", "revoke", token_id)
    assert "revoked" in run(configured, "tokens", "list")
    with pytest.raises(VoicedropError, match="no token"):
        run(configured, "tokens", "revoke", token_id)


@pytest.mark.parametrize(
    "words", [["--role", "king"], ["--role", "agent"], ["--agent", "ann"], ["--scope", "everything"]]
)
def test_a_token_that_makes_no_sense_is_refused(configured: list[str], words: list[str]) -> None:
    assert "Invalid value" in run(configured, "tokens", "add", "x", *words)
    assert run(configured, "tokens", "list") == ""


def test_messages_are_added_imported_and_listed(configured: list[str], tmp_path: Path) -> None:
    (tmp_path / "hello.mp3").write_bytes(sounds.file("MP3"))
    added = run(configured, "messages", "add", str(tmp_path / "hello.mp3"), "--label", "Hello", "--slot", "2")
    assert "loudness" in added
    folder = tmp_path / "old"
    folder.mkdir()
    for slot in (1, 3):
        (folder / f"{slot}.wav").write_bytes(sounds.file(seed=slot))
    rows = [{"slot": slot, "label": f"Old {slot}", "file": f"{slot}.wav"} for slot in (1, 3)]
    (folder / "messages.yaml").write_text(yaml.safe_dump(rows))
    run(configured, "messages", "import", str(folder))
    listed = run(configured, "messages", "list").splitlines()
    assert [re.sub(r"^\S+\s+|\s+version.*", "", line) for line in listed] == [
        "everybody  slot 2  Hello",
        "everybody  slot 1  Old 1",
        "everybody  slot 3  Old 3",
    ]


def test_of_an_import_with_a_fault_nothing_is_taken(configured: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "1.wav").write_bytes(sounds.file())
    (folder / "2.wav").write_bytes(b"no sound")
    rows = [{"slot": slot, "label": f"Old {slot}", "file": f"{slot}.wav"} for slot in (1, 2)]
    (folder / "messages.yaml").write_text(yaml.safe_dump(rows))
    with pytest.raises(UploadError):
        run(configured, "messages", "import", str(folder))
    assert run(configured, "messages", "list") == ""
    assert not list((tmp_path / "var" / "library").rglob("*.wav"))


def test_whoever_is_not_there_gets_no_message(configured: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(sounds.file())
    with pytest.raises(ConfigError, match="no team red"):
        run(configured, "messages", "add", str(tmp_path / "a.wav"), "--label", "x", "--team", "red")
