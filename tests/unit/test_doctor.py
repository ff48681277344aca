"""What the doctor prints, and what can be checked without Asterisk."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from voicedrop import needs
from voicedrop.config import Settings
from voicedrop.doctor import examine, machine
from voicedrop.doctor.report import Mark, Report

Printed = tuple[Report, io.StringIO]


@pytest.fixture
def printed() -> Printed:
    out = io.StringIO()
    return Report(Console(file=out, width=80)), out


def settings(**changes: object) -> Settings:
    return Settings.model_validate({"ari": {"password": "x"}, **changes})


def test_a_check_is_one_line_however_long(printed: Printed) -> None:
    report, out = printed
    report.ok("modules", "x " * 100)
    assert len(out.getvalue().splitlines()) == 1
    assert out.getvalue().startswith("ok           modules ")


def test_a_remedy_stands_below_its_fault_and_can_be_copied(printed: Printed) -> None:
    report, out = printed
    command = "asterisk -rx 'module load res_websocket_client.so' " + "# " * 60
    report.fail("module x", "two\nlines", f"{command}\nthen [more]")
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["FAIL", "module", "x", "two"]
    assert lines[1].strip() == "lines"
    assert lines[2].strip() == f"-> {command}".strip()
    assert lines[3].strip() == "then [more]"  # no markup


def test_what_was_not_checked_says_why(printed: Printed) -> None:
    report, out = printed
    report.not_checked(("modules", "trunk"), "ARI cannot be reached")
    assert [line.split(maxsplit=3)[2:] for line in out.getvalue().splitlines()] == [
        ["modules", "because ARI cannot be reached"],
        ["trunk", "because ARI cannot be reached"],
    ]


def test_only_a_failure_fails(printed: Printed) -> None:
    report, out = printed
    report.ok("a", "b")
    report.warn("a", "b", "c")
    report.not_checked("a", "b")
    assert report.passed
    report.fail("a", "b", "c")
    assert not report.passed
    report.close()
    assert out.getvalue().splitlines()[-1] == "1 ok, 1 warning, 1 FAIL, 1 not checked: change what is marked FAIL"


@pytest.mark.parametrize(
    ("text", "new_enough"),
    [
        ("22.10.1+dfsg+~cs6.17.60671434-1", True),
        ("22.6.0", True),
        ("22.5.9", False),
        ("21.11.0", True),
        ("21.10.2", False),
        ("20.16.0", True),
        ("20.15.1", False),
        ("18.26.4", False),
        ("23.0.0", True),
        ("24.1.0", True),
    ],
)
def test_versions(text: str, new_enough: bool) -> None:
    number = needs.version(text)
    assert number is not None
    assert needs.is_new_enough(number) is new_enough


def test_a_build_from_git_has_no_number() -> None:
    assert needs.version("GIT-22-abcdef") is None


def test_sip_is_needed_only_where_the_callee_is_rung_by_sip() -> None:
    assert "chan_pjsip.so" in needs.modules(settings())
    assert "chan_pjsip.so" not in needs.modules(settings(dial={"endpoint": "DAHDI/g1/{number}"}))


def test_what_a_trial_needs_is_among_what_is_checked() -> None:
    assert {*needs.FOR_TRIAL, *needs.FOR_PLAYING, *needs.FOR_TAP} <= set(needs.modules(settings()))


async def test_all_faults_of_the_configuration_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("ari: {password: secret-1}\ntap: {port: 0}\nfeature: {code: hello}\n")
    out = io.StringIO()
    assert not await examine(file, console=Console(file=out, width=80))
    text = out.getvalue()
    assert "tap.port = 0" in text
    assert "feature.code = 'hello'" in text
    assert f"-> change these keys in {file}" in text
    assert "secret-1" not in text
    assert text.count("because the configuration is faulty") == text.count("not checked ")


async def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    out = io.StringIO()
    assert not await examine(tmp_path / "none.yaml", console=Console(file=out, width=80))
    assert "-> name your configuration: voicedrop doctor -c FILE" in out.getvalue()


def test_an_empty_password_file(printed: Printed, tmp_path: Path) -> None:
    report, _ = printed
    password, file = tmp_path / "password", tmp_path / "config.yaml"
    password.write_text("\n")
    file.write_text(f"ari: {{password_file: {password}}}\n")
    assert machine.settings(report, file) is None
    assert report.findings[0].remedy == "write the password of ari.conf into it"


def test_a_state_directory_is_tried_without_making_it(printed: Printed, tmp_path: Path) -> None:
    report, _ = printed
    machine.state_dir(report, settings(state_dir=str(tmp_path / "a/b")))
    assert report.passed
    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_cannot_be(printed: Printed, tmp_path: Path) -> None:
    report, _ = printed
    (tmp_path / "file").write_text("")
    machine.state_dir(report, settings(state_dir=str(tmp_path / "file/state")))
    assert report.findings[0].mark is Mark.FAIL
    assert "or set state_dir" in report.findings[0].remedy


def test_a_journal_that_cannot_be_written(printed: Printed) -> None:
    report, _ = printed
    machine.state_dir(report, settings(state_dir="/proc/self"))
    assert report.findings[0].mark is Mark.FAIL


def test_messages_that_are_not_there(printed: Printed, tmp_path: Path) -> None:
    report, _ = printed
    assert not machine.messages(report, settings(messages={"folder": str(tmp_path)}))
    assert "messages.yaml" in report.findings[0].said
    assert "messages.folder" in report.findings[0].remedy


def test_messages_of_the_library_that_are_gone(printed: Printed, tmp_path: Path) -> None:
    report, _ = printed
    one = {"label": "Callback", "version": 2, "sha256": "ab" * 32, "prepared_sha256": "cd", "duration_s": 3.0}
    (tmp_path / "catalogue.json").write_text(json.dumps({"messages": [one]}))
    found = settings(state_dir=str(tmp_path), library={"asterisk_folder": "/lab/library"})
    assert not machine.messages(report, found)
    assert "Callback (version 2)" in report.findings[0].said
    file = tmp_path / "library/ab" / ("ab" * 32) / "message.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    [(name, message)] = machine.messages(report, found).items()
    assert name == "Callback (version 2)"
    assert message.media == f"/lab/library/ab/{'ab' * 32}/message"
    assert report.findings[1].mark is Mark.OK


def test_a_kept_catalogue_that_is_broken(printed: Printed, tmp_path: Path) -> None:
    report, _ = printed
    (tmp_path / "catalogue.json").write_text("{")
    assert not machine.messages(report, settings(state_dir=str(tmp_path)))
    assert report.findings[0].mark is Mark.FAIL


async def test_an_address_of_another_machine() -> None:
    assert await machine.taken("192.0.2.1", 8090) == "is no address of this machine"
