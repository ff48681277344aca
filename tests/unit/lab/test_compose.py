"""The containers' backend, with a docker command that only answers from a script."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from voicedrop.errors import LabError
from voicedrop.lab import compose
from voicedrop.lab.site import Site

INFO = "28.5.2|Debian GNU/Linux|[name=seccomp,profile=builtin]\n"
SERVICES: dict[str, Any] = yaml.safe_load(compose.COMPOSE_FILE.read_text())["services"]


class Docker:
    """Stands in for the docker command: answers by the first words of a line, notes every line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.answers: dict[str, tuple[int, str, str] | OSError | subprocess.TimeoutExpired] = {
            "info": (0, INFO, ""),
            "context inspect": (0, "unix:///var/run/docker.sock\n", ""),
        }
        self.effects: dict[str, Callable[[list[str]], None]] = {}

    def __call__(self, line: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        words = line[1:]
        self.lines.append(" ".join(words))
        for start, effect in self.effects.items():
            if self.lines[-1].startswith(start):
                effect(words)
        for start, answer in self.answers.items():
            if self.lines[-1].startswith(start):
                if isinstance(answer, Exception):
                    raise answer
                return subprocess.CompletedProcess(line, *answer)
        return subprocess.CompletedProcess(line, 0, "", "")

    def said(self, start: str) -> list[str]:
        return [line for line in self.lines if line.startswith(start)]


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    one = Docker()
    monkeypatch.setattr(subprocess, "run", one)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(compose, "STOP_TIMEOUT_S", 0.0)
    return one


@pytest.fixture
def lab(tmp_path: Path) -> Site:
    return Site(home=tmp_path / "it's a lab")


def as_user(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os, "getegid", lambda: uid)


@pytest.mark.usefixtures("docker")
def test_an_engine_that_can_run_the_lab() -> None:
    assert compose.docker_answers()
    assert compose.obstacle() == ""


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("info", (1, "", "Cannot connect to the Docker daemon"), "no Docker engine answers"),
        ("info", (0, "||\n", ""), "no Docker engine answers"),
        ("info", subprocess.TimeoutExpired("docker", 5), "no Docker engine answers within 5 s"),
        ("info", (0, "28.0|Debian|[name=seccomp name=rootless]\n", ""), "does not share the machine's own network"),
        ("info", (0, "28.0|Docker Desktop|[name=seccomp]\n", ""), "does not share the machine's own network"),
        ("context inspect", (0, "tcp://elsewhere:2376\n", ""), "on another machine"),
        ("compose version", (1, "", "unknown command"), "no compose command"),
    ],
)
def test_an_engine_that_cannot(docker: Docker, question: str, answer: Any, reason: str) -> None:
    docker.answers[question] = answer
    assert reason in compose.obstacle()
    assert not compose.docker_answers()


def test_a_machine_without_docker(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert compose.obstacle() == "there is no docker command"
    assert docker.lines == []


def test_compose_file_and_variables_fit(lab: Site) -> None:
    """Every variable that compose.yaml insists on is written, and none is written for nothing."""
    text = compose.COMPOSE_FILE.read_text()
    written = set(compose.variables(lab))
    assert set(re.findall(r"\$\{(\w+):\?", text)) <= written
    assert written <= set(re.findall(r"\$\{(\w+)", text))


def test_the_engines_user_has_a_name_and_the_state_folder() -> None:
    """The embedded PostgreSQL refuses root, and a user whom /etc/passwd does not name."""
    dockerfile = (compose.COMPOSE_FILE.parent / "Dockerfile.engine").read_text()
    [(uid, gid)] = re.findall(r"^ARG ENGINE_UID=(\d+)\nARG ENGINE_GID=(\d+)$", dockerfile, re.MULTILINE)
    assert int(uid) > 0
    named = dockerfile.index('"voicedrop:x:${ENGINE_UID}:${ENGINE_GID}:voicedrop:/var/lib/voicedrop:')
    owns = dockerfile.index('chown "${ENGINE_UID}:${ENGINE_GID}" /var/lib/voicedrop')
    assert named < owns < dockerfile.index("\nUSER ${ENGINE_UID}:${ENGINE_GID}\n")
    engine = SERVICES["engine"]
    assert engine["user"] == "{ENGINE_UID}:{ENGINE_GID}".format_map(engine["build"]["args"])
    state = next(one for one in engine["volumes"] if one["target"] == "/var/lib/voicedrop")
    assert not state.get("read_only")
    prove = (compose.COMPOSE_FILE.parent / "prove.sh").read_text()
    assert f'-o {uid} -g {gid} "$work/state"' in prove


@pytest.mark.parametrize("name", ["pbx", "carrier", "engine"])
def test_services_are_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "${VOICEDROP_LAB_UID:?}:${VOICEDROP_LAB_GID:?}"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["init"] is True
    dockerfile = (compose.COMPOSE_FILE.parent.parent / service["build"]["dockerfile"]).read_text()
    assert "\nHEALTHCHECK" in dockerfile
    assert re.search(r"^USER (?!root|0)", dockerfile, re.MULTILINE)


@pytest.mark.parametrize(("uid", "owner"), [(1000, "1000"), (0, str(compose.NOT_ROOT))])
def test_containers_never_run_as_root(lab: Site, monkeypatch: pytest.MonkeyPatch, uid: int, owner: str) -> None:
    as_user(monkeypatch, uid)
    told = compose.variables(lab)
    assert (told["VOICEDROP_LAB_UID"], told["VOICEDROP_LAB_GID"]) == (owner, owner)


def test_two_labs_have_containers_of_their_own(tmp_path: Path) -> None:
    names = {compose.variables(Site(home=tmp_path / name))["VOICEDROP_LAB_NAME"] for name in ("a", "b")}
    assert len(names) == 2


def build(docker: Docker, lab: Site) -> list[str]:
    def copy(words: list[str]) -> None:
        Path(words[-1]).mkdir()
        (Path(words[-1]) / "demo-thanks.wav").write_bytes(b"RIFF")

    docker.answers["run"] = (0, "/usr/lib/x86_64-linux-gnu/asterisk/modules\n", "")
    docker.answers["create"] = (0, "c0ffee\n", "")
    docker.effects["cp"] = copy
    said: list[str] = []
    compose.build(lab, said.append)
    return said


def test_build_leaves_what_the_lab_reads_where_the_tree_has_it(docker: Docker, lab: Site) -> None:
    docker.answers["image inspect"] = (1, "", "No such image")
    assert len(build(docker, lab)) == 1
    assert (lab.root / "usr/lib/x86_64-linux-gnu/asterisk/modules").is_dir()
    assert (lab.root / compose.PROMPTS / "demo-thanks.wav").is_file()
    assert docker.said("rm --force c0ffee")
    settings = yaml.safe_load((lab.home / "compose-engine/etc/config.yaml").read_text())
    assert settings["messages"]["folder"] == settings["messages"]["asterisk_folder"] == "/lab/messages"
    assert settings["ari"]["password_file"] == "/etc/voicedrop/ari.secret"
    secret = lab.home / "compose-engine/etc/ari.secret"
    assert secret.read_text() == (lab.home / "ari.secret").read_text()
    assert secret.stat().st_mode & 0o077 == 0


def test_a_second_build_does_nothing_again(docker: Docker, lab: Site) -> None:
    build(docker, lab)
    docker.lines.clear()
    assert build(docker, lab) == []
    assert [line.split()[0] for line in docker.lines] == ["image"]


def test_a_failed_build_tells_the_end_of_what_docker_said(docker: Docker, lab: Site) -> None:
    docker.answers["image inspect"] = (1, "", "No such image")
    docker.answers["compose"] = (1, "", "\n".join([f"step {n}" for n in range(30)] + ["E: no network"]))
    with pytest.raises(LabError, match="E: no network") as caught:
        compose.build(lab, lambda _: None)
    assert "step 3\n" not in str(caught.value)


def test_a_failed_copy_leaves_no_container_and_no_half_folder(docker: Docker, lab: Site) -> None:
    docker.answers["run"] = (0, "/usr/lib/x86_64-linux-gnu/asterisk/modules\n", "")
    docker.answers["create"] = (0, "c0ffee\n", "")
    docker.answers["cp"] = (1, "", "no space left on device")
    with pytest.raises(LabError, match="no space left"):
        compose.build(lab, lambda _: None)
    assert docker.said("rm --force c0ffee")
    assert not (lab.root / compose.PROMPTS).exists()


@pytest.mark.parametrize(
    ("answer", "pid"),
    [((0, "4711\n", ""), 4711), ((0, "\n", ""), None), ((0, "0\n", ""), None), ((1, "", "No such container: x"), None)],
)
def test_pid_of(docker: Docker, lab: Site, answer: tuple[int, str, str], pid: int | None) -> None:
    docker.answers["container inspect"] = answer
    assert compose.pid_of(lab, "pbx") == pid


def test_an_engine_that_went_away_is_not_taken_for_a_server_that_is_down(docker: Docker, lab: Site) -> None:
    docker.answers["container inspect"] = (1, "", "Cannot connect to the Docker daemon")
    with pytest.raises(LabError, match="Cannot connect"):
        compose.pid_of(lab, "pbx")


def test_stop_falls_back_on_sigkill(docker: Docker, lab: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.answers["container inspect"] = (0, "4711\n", "")
    with pytest.raises(LabError, match="does not end"):
        compose.stop(lab, "pbx", signal.SIGTERM)
    assert [line.split()[2] for line in docker.said("kill")] == ["SIGTERM", "SIGKILL"]
    monkeypatch.setattr(compose, "STOP_TIMEOUT_S", 5.0)
    docker.effects["kill --signal SIGKILL"] = lambda _: docker.answers.update({"container inspect": (0, "\n", "")})
    compose.stop(lab, "pbx", signal.SIGKILL)


def test_command(docker: Docker, lab: Site) -> None:
    docker.answers["exec"] = (1, "", "Unable to connect to remote asterisk")
    assert compose.command(lab, "pbx", "core show uptime", check=False) == ""
    with pytest.raises(LabError, match="the pbx does not answer: Unable to connect"):
        compose.command(lab, "pbx", "core show uptime")
    assert docker.lines[-1].endswith("-pbx asterisk -C /lab/pbx/etc/asterisk.conf -rx core show uptime")


def test_a_docker_that_hangs_is_told_in_plain_words(docker: Docker, lab: Site) -> None:
    docker.answers["compose"] = subprocess.TimeoutExpired("docker", 60)
    with pytest.raises(LabError, match="did not end within 60 s"):
        compose.start(lab, "pbx")


def test_down_without_a_lab_asks_nothing(docker: Docker, lab: Site) -> None:
    compose.down(lab)
    assert docker.lines == []
