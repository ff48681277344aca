"""The settings: every fault at once, each with key, value and what is allowed; no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicedrop.config import Settings, load
from voicedrop.errors import ConfigError

SECRET = "hunter2-Zebra"
GOOD = f"ari:\n  password: {SECRET}\n"


@pytest.fixture(autouse=True)
def _no_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.upper().startswith("VOICEDROP__"):
            monkeypatch.delenv(name)


def written(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def fault(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text))
    return str(caught.value)


def test_a_password_is_all_that_must_be_given(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD))
    assert settings.ari.secret() == SECRET
    assert settings.node == "n1"
    assert settings.feature.code == "*9"
    assert settings.cue.silence_s == 3.0
    assert settings.tap.reached_by() == "ws://127.0.0.1:8090/tap"


def test_what_is_given_is_taken(tmp_path: Path) -> None:
    text = (
        GOOD
        + "node: east-1\ntap:\n  uri: ws://engine:9/tap\ncue:\n  give_up_s: 30\n  max_restarts: 0\ndrop:\n  tail_s: 1\n"
    )
    settings = load(written(tmp_path, text))
    assert settings.node == "east-1"
    assert settings.tap.reached_by() == "ws://engine:9/tap"
    assert settings.drop_settings().cue.give_up_s == 30
    assert settings.drop_settings().cue.max_restarts == 0
    assert settings.drop_settings().tail_s == 1


def test_the_machines_get_every_value_of_their_sections(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD))
    assert settings.cue.model_dump() == {
        name: getattr(settings.drop_settings().cue, name) for name in type(settings.cue).model_fields
    }
    assert settings.feature.model_dump() == {
        name: getattr(settings.conversation_settings(), name) for name in type(settings.feature).model_fields
    }


# -- faults -----------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD + "node: East 1\ntap:\n  port: 70000\nfeature:\n  code: 'nine'\nlog:\n  level: loud\ncolour: red\n"
    told = fault(tmp_path, text)
    assert "5 fault(s)" in told
    for key, value in (
        ("node", "'East 1'"),
        ("tap.port", "70000"),
        ("feature.code", "'nine'"),
        ("log.level", "'loud'"),
        ("colour", "'red'"),
    ):
        assert f"  {key} = {value}: " in told
    assert str(tmp_path / "config.yaml") in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tap:\n  port: 0\n", "tap.port = 0: allowed is greater than or equal to 1"),
        ("tap:\n  port: 65536\n", "tap.port = 65536: allowed is less than or equal to 65535"),
        ("tap:\n  port: many\n", "tap.port = 'many': allowed is a valid integer"),
        ("cue:\n  silence_s: 0\n", "cue.silence_s = 0: allowed is greater than 0"),
        ("feature:\n  code: ''\n", "feature.code = '': must match '^[0-9*#]{1,4}$'"),
        ("feature:\n  code: '*9*9*'\n", "feature.code = '*9*9*': must match"),
        ("log:\n  level: loud\n", "log.level = 'loud': allowed is 'debug', 'info', 'warning' or 'error'"),
        ("agent:\n  after: sleep\n", "agent.after = 'sleep': allowed is 'hangup' or 'continue'"),
        ("dial:\n  endpoint: PJSIP/trunk\n", "dial.endpoint = 'PJSIP/trunk': must match"),
        ("drop:\n  limit_s: 29\n", "drop.limit_s = 29: allowed is greater than or equal to 30"),
        ("dial:\n  ring_tone: loud\n", "dial.ring_tone = 'loud': there is no such key"),
        ("dail:\n  ring_timeout_s: 5\n", "dail = a section: there is no such key"),
        ("drop: 5\n", "drop = 5: allowed is a valid dictionary"),
        ("drop: [5]\n", "drop = a list: allowed is a valid dictionary"),
    ],
)
def test_a_fault_names_the_key_the_value_and_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    message = fault(tmp_path, GOOD + text)
    assert told in message
    assert "1 fault(s)" in message


@pytest.mark.parametrize(
    "text", ["tap:\n  port: 1\n", "tap:\n  port: 65535\n", "drop:\n  limit_s: 30\n", "feature:\n  code: '*#90'\n"]
)
def test_the_last_allowed_value_is_allowed(tmp_path: Path, text: str) -> None:
    assert isinstance(load(written(tmp_path, GOOD + text)), Settings)


def test_a_section_that_must_be_given_is_named(tmp_path: Path) -> None:
    assert "ari = a section: this key must be given" in fault(tmp_path, "node: n1\n")


def test_an_empty_file_is_told_like_any_other(tmp_path: Path) -> None:
    assert "this key must be given" in fault(tmp_path, "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*gone\.yaml: No such file"):
        load(tmp_path / "gone.yaml")


def test_a_list_is_no_configuration(tmp_path: Path) -> None:
    assert "expected keys and values, found list" in fault(tmp_path, "- ari\n")


def test_keys_that_are_no_words_are_told(tmp_path: Path) -> None:
    assert "keys are words, not 2, True" in fault(tmp_path, GOOD + "2: x\nyes: x\n")


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"ari:\n  password: \xff\xfe\n")
    with pytest.raises(ConfigError, match="is not YAML"):
        load(file)


# -- the password -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"ari:\n  password: [{SECRET}]\n",
        f"ari:\n  password: {{x: {SECRET}}}\n",
        f"ari:\n  passwd: {SECRET}\n",
        f"ari:\n  pasword: {SECRET}\n",
        f"ari: {SECRET}\n",
        f"ari:\n  - password: {SECRET}\n",
        f"ari:\n  password: {SECRET}\n  password_file: /nowhere\n",
        f"ari:\n  password: {SECRET}\n  url: nonsense\n",
        f"password: {SECRET}\n",
        f"ari:\n  password: {SECRET}: more\n",
        f"ari:\n  password: @{SECRET}\n",
        f"ari:\n  password: *{SECRET}\n",
        f"ari:\n  password: !{SECRET} x\n",
        f"ari:\n  password: '{SECRET}\n",
        f"ari:\n  password: {SECRET}\n bad indent\n",
    ],
)
def test_no_fault_shows_the_password(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None, "a traceback would show it"
    assert str(file) in str(caught.value)


def test_a_line_that_is_not_yaml_is_named_by_its_number(tmp_path: Path) -> None:
    assert "is not YAML: line 2, column" in fault(tmp_path, "ari:\n  password: a: b\n")


def test_settings_do_not_show_the_password_when_they_are_printed(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD))
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())


def test_a_password_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings = load(written(tmp_path, f"ari:\n  password_file: {tmp_path}/secret\n"))
    assert settings.ari.secret() == SECRET


@pytest.mark.parametrize(
    ("ari", "told"),
    [
        ("{username: u}", "give exactly one of password and password_file"),
        ("{password: p, password_file: /dev/null}", "give exactly one of password and password_file"),
        ("{password_file: /nowhere/at/all}", "password_file /nowhere/at/all is not there"),
    ],
)
def test_exactly_one_password_must_be_given(tmp_path: Path, ari: str, told: str) -> None:
    assert told in fault(tmp_path, f"ari: {ari}\n")


# -- the environment --------------------------------------------------------------------------------


def test_the_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEDROP__ARI__URL", "http://pbx:8088")
    monkeypatch.setenv("VOICEDROP__NODE", "west")
    monkeypatch.setenv("VOICEDROP__CUE__MAX_RESTARTS", "0")
    settings = load(written(tmp_path, GOOD + "node: east\ncue:\n  max_restarts: 5\n  give_up_s: 30\n"))
    assert settings.ari.url == "http://pbx:8088"
    assert settings.ari.secret() == SECRET, "the rest of the section stays"
    assert settings.node == "west"
    assert settings.cue.max_restarts == 0
    assert settings.cue.give_up_s == 30


def test_the_environment_can_give_what_the_file_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEDROP__ARI__PASSWORD", SECRET)
    assert load(written(tmp_path, "node: n1\n")).ari.secret() == SECRET


def test_a_wrong_value_of_the_environment_is_told_like_one_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEDROP__TAP__PORT", "many")
    assert "tap.port = 'many': allowed is a valid integer" in fault(tmp_path, GOOD)


def test_an_unknown_key_of_a_section_is_told_from_the_environment_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEDROP__TAP__PROT", "1")
    assert "tap.prot = '1': there is no such key" in fault(tmp_path, GOOD)


def test_a_section_that_is_no_json_is_told_without_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEDROP__ARI", SECRET)
    told = fault(tmp_path, GOOD)
    assert '"ari"' in told
    assert SECRET not in told


def test_a_fault_of_the_configuration_ends_the_command_with_one_line_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from voicedrop.__main__ import main

    monkeypatch.setattr("sys.argv", ["voicedrop", "messages", "list", "-c", str(tmp_path / "gone.yaml")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert capsys.readouterr().err.startswith("voicedrop: cannot read the configuration ")
