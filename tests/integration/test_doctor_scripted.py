"""The doctor against a scripted Asterisk: each failure names its remedy, and what hangs on it is not tried."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from aiohttp import web
from ports import free_port
from rich.console import Console
from scripted_ari import PASSWORD, USERNAME, Request, ScriptedAri, scripted_ari

from voicedrop import needs
from voicedrop.config import Settings
from voicedrop.doctor import examine

LEG = "voicedrop-doctor.run.leg"


class NotedRequests(list[Request]):
    """Tells when the leg is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.created = asyncio.Event()

    def append(self, request: Request) -> None:
        super().append(request)
        if request.path == "channels/create":
            self.created.set()


class Patient:
    """A configuration and a scripted Asterisk, in which everything up to the leg is well."""

    def __init__(self, folder: Path, server: ScriptedAri) -> None:
        self.server = server
        self.file = folder / "config.yaml"
        self.settings: dict[str, Any] = {
            "state_dir": str(folder / "state"),
            "ari": {"url": server.url, "username": USERNAME, "password": PASSWORD, "timeout_s": 2},
            "tap": {"port": free_port()},
            "http": {"port": free_port()},
            "messages": {"folder": str(folder / "messages")},
        }
        (folder / "messages").mkdir()
        soundfile.write(folder / "messages/one.wav", np.zeros(8000, np.int16), 8000, subtype="PCM_16")
        (folder / "messages/messages.yaml").write_text("- {slot: 1, label: one, file: one.wav}\n")
        self.section = {
            "uri": f"ws://127.0.0.1:{self.settings['tap']['port']}/tap",
            "protocols": "media",
            "connection_type": "per_call_config",
        }
        self.states = dict.fromkeys([*needs.modules(Settings(**self.settings)), needs.TIMING[0]], "Running")
        server.answers |= {
            "GET asterisk/info": (200, {"system": {"version": "22.10.1"}}),
            "GET applications": (200, []),
            "GET asterisk/config/dynamic/res_websocket_client/websocket_client/voicedrop-tap": (
                200,
                [{"attribute": key, "value": value} for key, value in self.section.items()],
            ),
            "POST channels/create": (200, {"id": LEG}),
            "GET channels": (200, []),
            "GET bridges": (200, []),
        }

    async def examine(self) -> tuple[bool, str]:
        rows = [{"name": name, "status": status} for name, status in self.states.items()]
        self.server.answers.setdefault("GET asterisk/modules", (200, rows))
        self.file.write_text(yaml.safe_dump(self.settings))
        out = io.StringIO()
        passed = await asyncio.wait_for(examine(self.file, console=Console(file=out, width=80)), 20)
        return passed, out.getvalue()

    def asked(self, method: str) -> list[str]:
        return [one.path for one in self.server.requests if one.method == method]


@pytest.fixture
async def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Patient]:
    monkeypatch.setattr("voicedrop.doctor.trial.secrets.token_hex", lambda _: "run")
    async with scripted_ari() as server:
        yield Patient(tmp_path, server)


def line(text: str, check: str) -> str:
    """What is said of a check, with its remedy."""
    found = text[text.index(check) :].split("\n")
    return "\n".join([found[0], *(one for one in found[1:3] if one.startswith(" "))])


async def test_a_wrong_login(patient: Patient) -> None:
    patient.settings["ari"]["password"] = "wrong-one"
    passed, text = await patient.examine()
    assert not passed
    assert f"refuses the login {USERNAME!r} (401)" in text
    assert f"-> make ari.username and ari.password the same as [{USERNAME}] in Asterisk's ari.conf" in text
    assert "not checked  modules               because ARI cannot be used" in text
    assert "wrong-one" not in text
    assert patient.asked("POST") == []


async def test_nobody_answers(patient: Patient) -> None:
    patient.settings["ari"]["url"] = f"http://127.0.0.1:{free_port()}"
    passed, text = await patient.examine()
    assert not passed
    assert "does not answer" in line(text, "ARI  ")
    assert "-> start Asterisk, or set ari.url" in text
    assert "not checked  ARI login             because ARI cannot be reached" in text
    assert "not checked  live audio" in text


async def test_an_asterisk_that_is_silent(patient: Patient) -> None:
    patient.settings["ari"]["timeout_s"] = 0.1
    patient.server.silent.add("GET asterisk/info")
    passed, text = await patient.examine()
    assert not passed
    assert "-> start Asterisk, or set ari.url" in text


@pytest.mark.parametrize(
    ("status", "said"), [(404, "no ARI is there"), (503, "is not ready"), (500, "gives no answer of ARI's")]
)
async def test_something_else_answers(patient: Patient, status: int, said: str) -> None:
    patient.server.answers["GET asterisk/info"] = (status, "<html>")
    passed, text = await patient.examine()
    assert not passed
    assert said in text
    assert "-> in ari.conf: [general] enabled = yes" in text


async def test_an_old_asterisk(patient: Patient) -> None:
    patient.server.answers["GET asterisk/info"] = (200, {"system": {"version": "18.26.4"}})
    passed, text = await patient.examine()
    assert not passed
    assert "-> install Asterisk 20.16, 21.11, 22.6" in text


async def test_a_missing_module_and_one_that_declines(patient: Patient) -> None:
    del patient.states["res_websocket_client.so"]
    patient.states["res_stasis.so"] = "Not Running"
    del patient.states[needs.TIMING[0]]
    passed, text = await patient.examine()
    assert not passed
    assert "res_websocket_client.so is not loaded (knows where the engine listens)" in text
    assert "-> asterisk -rx 'module load res_websocket_client.so', and take any `noload = " in text
    assert "res_stasis.so is loaded but does not run" in text
    assert "and read in Asterisk's log why it declines" in text
    assert "FAIL         module for timing" in text
    assert "not checked  voicedrop-tap section because res_websocket_client.so does not run" in text
    assert "not checked  live audio            because res_stasis.so does not run" in text
    assert patient.asked("POST") == []


async def test_no_section_for_the_tap(patient: Patient) -> None:
    path = "GET asterisk/config/dynamic/res_websocket_client/websocket_client/voicedrop-tap"
    patient.server.answers[path] = (404, {"message": "Object not found"})
    _, text = await patient.examine()
    assert "has no section [voicedrop-tap]" in text
    assert f"-> voicedrop asterisk-config /etc/asterisk/voicedrop -c {patient.file}" in text


async def test_another_engine_holds_the_application(patient: Patient) -> None:
    patient.server.answers["GET applications"] = (200, [{"name": "voicedrop"}])
    _, text = await patient.examine()
    assert "warning      applications          another engine is connected" in text


async def test_a_login_that_may_only_read(patient: Patient) -> None:
    patient.server.answers["POST channels/create"] = (403, {"message": "read only"})
    passed, text = await patient.examine()
    assert not passed
    assert f"-> in Asterisk's ari.conf: [{USERNAME}] read_only = no" in text
    assert f"channels/{LEG}" in patient.asked("DELETE")


async def test_no_events(patient: Patient) -> None:
    patient.server.refuse_events_with.append(404)
    passed, text = await patient.examine()
    assert not passed
    assert "-> asterisk -rx 'module load res_ari_events.so'" in text
    assert "not checked  dialplan              because there are no events" in text


async def test_the_event_connection_is_never_one_of_the_engines(patient: Patient) -> None:
    patient.server.refuse_events_with.clear()
    patient.settings["ari"]["timeout_s"] = 1
    passed, text = await patient.examine()
    assert not passed  # the scripted Asterisk tells nothing of the leg
    assert "Asterisk told nothing of it in time" in text
    assert [one["app"] for one in patient.server.event_queries] == ["voicedrop-doctor-run"]
    assert f"channels/{LEG}" in patient.asked("DELETE")


async def test_what_stays_in_asterisk_is_told(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicedrop.doctor.trial.CLEAN_UP_S", 1.0)
    patient.settings["ari"]["timeout_s"] = 1
    patient.server.answers["GET channels"] = (200, [{"id": LEG}, {"id": "vd.n1.someone.callee"}])
    passed, text = await patient.examine()
    assert not passed
    assert f"these stay in Asterisk: {LEG}\n" in text
    assert "vd.n1" not in " ".join(patient.asked("DELETE"))


async def test_it_ends_when_asterisk_has_forgotten_its_application(patient: Patient) -> None:
    """Asterisk does that some time after the event connection has ended."""
    server = patient.server

    class Forgetful(list[Request]):
        """The third time that the applications are asked for, ours is gone."""

        def append(self, request: Request) -> None:
            super().append(request)
            if [one.path for one in self].count("applications") == 3:
                server.answers["GET applications"] = (200, [])

    patient.settings["ari"]["timeout_s"] = 1
    server.requests = Forgetful()
    server.answers["GET applications"] = (200, [{"name": "voicedrop-doctor-run"}])
    _, text = await patient.examine()
    assert patient.asked("GET").count("applications") == 3
    assert patient.asked("GET")[-1] == "applications"
    assert "these stay in Asterisk" not in text


async def test_an_application_that_stays_is_told(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicedrop.doctor.trial.CLEAN_UP_S", 1.0)
    patient.settings["ari"]["timeout_s"] = 1
    patient.server.answers["GET applications"] = (200, [{"name": "voicedrop-doctor-run"}])
    passed, text = await patient.examine()
    assert not passed
    assert "these stay in Asterisk: voicedrop-doctor-run\n" in text


async def test_interrupted_it_ends_what_it_made(patient: Patient) -> None:
    patient.settings["ari"]["timeout_s"] = 30
    patient.server.answers["GET asterisk/modules"] = (
        200,
        [{"name": name, "status": status} for name, status in patient.states.items()],
    )
    patient.file.write_text(yaml.safe_dump(patient.settings))
    noted = patient.server.requests = NotedRequests()
    doctor = asyncio.create_task(examine(patient.file, console=Console(file=io.StringIO())))
    await asyncio.wait_for(noted.created.wait(), 10)
    doctor.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(doctor, 10)
    assert f"channels/{LEG}" in patient.asked("DELETE")


async def test_ports_that_others_have(patient: Patient) -> None:
    """Neither of them is an engine."""
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", patient.settings["http"]["port"]).start()
    try:
        passed, text = await patient.examine()
    finally:
        await runner.cleanup()
    assert not passed
    assert f"-> find who has it: ss -ltnp 'sport = :{patient.settings['http']['port']}'" in text


async def test_an_engine_that_runs_without_asterisk(patient: Patient) -> None:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"ok": False, "ari": "down", "drops": 0, "taps": 0}, status=503)

    app = web.Application()
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", patient.settings["http"]["port"]).start()
    try:
        _, text = await patient.examine()
    finally:
        await runner.cleanup()
    assert "warning      engine                it runs, but its connection to Asterisk is down" in text
    assert "restart the engine with this configuration" in text
