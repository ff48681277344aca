"""The shipped Asterisk settings are filled in whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from voicedrop.config import Ari, Settings, Tap
from voicedrop.errors import ConfigError
from voicedrop.shipped import FOLDER, fill, write_filled, write_shipped

SECRET = "s3cret"


def settings() -> Settings:
    return Settings(ari=Ari(username="dropper", password=SECRET), tap=Tap(uri="ws://engine:9/tap"))


def test_no_hole_is_left_in_any_file(tmp_path: Path) -> None:
    written = write_shipped(tmp_path, settings())
    assert {file.name for file in written} == {file.name for file in FOLDER.glob("*.conf")}
    assert written, "there is something to ship"
    for file in written:
        text = file.read_text()
        assert "{{" not in text, file.name


def test_nothing_but_the_holes_is_changed(tmp_path: Path) -> None:
    write_shipped(tmp_path, settings())
    for source in FOLDER.glob("*.conf"):
        pattern = re.sub(r"\\\{\\\{\w+\\\}\\\}", ".+", re.escape(source.read_text()))
        assert re.fullmatch(pattern, (tmp_path / source.name).read_text()), source.name


def test_the_engines_login_and_address_are_in_their_places(tmp_path: Path) -> None:
    write_shipped(tmp_path, settings())
    ari = (tmp_path / "ari.conf").read_text()
    assert "[dropper]" in ari
    assert f"password = {SECRET}\n" in ari
    assert "uri = ws://engine:9/tap\n" in (tmp_path / "websocket_client.conf").read_text()


def test_the_password_is_not_for_everybody(tmp_path: Path) -> None:
    for file in write_shipped(tmp_path / "voicedrop", settings()):
        assert file.stat().st_mode & 0o007 == 0, file.name


def test_writing_again_writes_the_same(tmp_path: Path) -> None:
    first = {file.name: file.read_text() for file in write_shipped(tmp_path, settings())}
    assert {file.name: file.read_text() for file in write_shipped(tmp_path, settings())} == first


def test_the_readme_names_every_file() -> None:
    readme = (FOLDER / "README.md").read_text()
    for file in FOLDER.glob("*.conf"):
        assert f"#include voicedrop/{file.name}" in readme


def test_a_hole_without_a_value_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigError, match=re.escape("ari.conf: no value for {{nothing}}")):
        fill("password = {{nothing}}\n", {"something": "x"}, name="ari.conf")


def test_asterisks_own_braces_are_left_alone() -> None:
    text = "exten => _X,1,Set(A=${IF($[${B}=1]?{x}:{y})})\n"
    assert fill(text, {}, name="extensions.conf") == text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot write .*: Not a directory"):
        write_filled(FOLDER, tmp_path / "file" / "sub", {})
