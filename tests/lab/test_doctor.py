"""The doctor on the real lab: all well, each fault with its remedy, and nothing left in the PBX."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab import servers
from voicedrop.lab.site import Site

DOCTOR_TIMEOUT_S = 60.0


async def doctor(bench: Bench) -> tuple[int, str]:
    """What the command says of the bench's configuration; when it ends, nothing of it is in the PBX any more."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "voicedrop", "doctor", "-c", str(bench.engine.config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), DOCTOR_TIMEOUT_S)
    left = [str(one["id"]) for one in [*await bench.pbx.channels(), *await bench.pbx.bridges()]]
    assert not [one for one in left if "doctor" in one]
    async with bench.pbx.session.get(f"{bench.pbx.url}/ari/applications") as answer:
        assert "doctor" not in json.dumps(await answer.json())
    assert process.returncode is not None
    return process.returncode, out.decode()


def marked(text: str, mark: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(mark)]


@pytest.fixture
async def alone(make_bench: BenchMaker) -> Bench:
    """A bench whose engine does not run."""
    bench: Bench = await make_bench(start=False)
    return bench


@pytest.fixture
async def no_doctors_context(lab: Site) -> AsyncIterator[None]:
    """A PBX whose dialplan was written by an older voicedrop."""
    servers.command(lab, "pbx", "dialplan remove context voicedrop-doctor")
    yield
    servers.command(lab, "pbx", "dialplan reload")


@pytest.fixture
async def no_websocket_channel(lab: Site) -> AsyncIterator[None]:
    servers.command(lab, "pbx", "module unload chan_websocket.so")
    yield
    servers.command(lab, "pbx", "module load chan_websocket.so")


async def test_all_is_well_without_an_engine(alone: Bench, lab: Site) -> None:
    code, text = await doctor(alone)
    assert code == 0, text
    assert not marked(text, "FAIL") + marked(text, "warning") + marked(text, "not checked"), text
    assert "ok           messages played       Asterisk has played the end of 3 message(s)" in text
    assert f"ok           live audio            Asterisk has brought it to 127.0.0.1:{lab.port('engine_tap')}" in text
    await alone.nothing_left()


async def test_all_is_well_with_an_engine_which_is_not_disturbed(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    code, text = await doctor(bench)
    assert code == 0, text
    assert not marked(text, "FAIL") + marked(text, "warning"), text
    assert "not checked  live audio            because an engine is running" in text
    assert "'voicedrop' is held by the running engine" in text
    assert "tap_refused" not in bench.log_tail(1000)
    await telephone.press("*92")
    receipt = await bench.receipt(number, wait_s=60)
    assert receipt["outcome"] == "delivered", show(receipt)
    await bench.nothing_left()


async def test_asterisk_looks_for_the_listener_elsewhere(make_bench: BenchMaker, lab: Site) -> None:
    port = lab.port("engine_tap") + 1
    bench = await make_bench(start=False, tap={"port": port})
    code, text = await doctor(bench)
    assert code == 1
    assert [line.split()[1:3] for line in marked(text, "FAIL")] == [["voicedrop-tap", "section"], ["live", "audio"]]
    assert f"-> voicedrop asterisk-config /etc/asterisk/voicedrop -c {bench.engine.config}" in text
    assert "asterisk -rx 'module reload res_websocket_client.so'" in text
    assert "-> make uri in Asterisk's websocket_client.conf [voicedrop-tap] lead to tap.host and tap.port" in text


async def test_the_listeners_port_is_taken(alone: Bench, lab: Site) -> None:
    port = lab.port("engine_tap")
    with socket.create_server(("127.0.0.1", port)):
        code, text = await doctor(alone)
    assert code == 1
    assert f"127.0.0.1:{port} is taken by another program" in text
    assert f"-> find who has it: ss -ltnp 'sport = :{port}'" in text


async def test_messages_that_asterisk_cannot_read(make_bench: BenchMaker) -> None:
    bench = await make_bench(start=False, messages={"asterisk_folder": "/nowhere"})
    code, text = await doctor(bench)
    assert code == 1
    [line] = marked(text, "FAIL")
    assert "Asterisk cannot play slot 1 (/nowhere/callback.wav)" in line
    assert "set messages.asterisk_folder" in text
    assert "-> let Asterisk's user read them: chmod -R a+rX" in text


async def test_asterisk_sees_another_file_of_the_same_name(alone: Bench, lab: Site) -> None:
    """The doctor's folder has a long message where Asterisk's has a short one."""
    folder = alone.engine.config.parent / "messages"
    folder.mkdir()
    (folder / "short.wav").write_bytes((lab.lab / "messages/callback.wav").read_bytes())
    (folder / "messages.yaml").write_text("- {slot: 2, label: short, file: short.wav}\n")
    config = alone.engine.config
    config.write_text(config.read_text().replace(str(lab.lab / "messages"), str(folder)))
    code, text = await doctor(alone)
    assert code == 1
    assert "Asterisk plays another file: slot 2 (/lab/messages/short.wav is shorter than" in text


@pytest.mark.usefixtures("no_doctors_context")
async def test_a_dialplan_of_an_older_version(alone: Bench) -> None:
    code, text = await doctor(alone)
    assert code == 1
    assert "it lacks [voicedrop-doctor]" in text
    assert "in extensions.conf: #include voicedrop/extensions.conf;" in text
    assert "not checked  live audio            because the dialplan has no [voicedrop-doctor]" in text


@pytest.mark.usefixtures("no_websocket_channel")
async def test_a_module_that_is_not_loaded(alone: Bench) -> None:
    code, text = await doctor(alone)
    assert code == 1
    assert "-> asterisk -rx 'module load chan_websocket.so'" in text
    assert "not checked  live audio            because chan_websocket.so does not run" in text
    assert "ok           messages played" in text


async def test_a_trunk_that_asterisk_does_not_know(make_bench: BenchMaker) -> None:
    bench = await make_bench(start=False, dial={"endpoint": "PJSIP/{number}@nobody"})
    code, text = await doctor(bench)
    assert code == 1
    assert "dial.endpoint leads to 'nobody', which Asterisk does not know" in text
    assert "(it knows: 1001, 1002, 2001, 2002, carrier, carrier-alaw, carrier-lossy," in text


async def test_an_agents_place_that_is_not_there(make_bench: BenchMaker) -> None:
    bench = await make_bench(start=False, agent={"after": "continue", "context": "nowhere"})
    code, text = await doctor(bench)
    assert code == 1
    assert "the dialplan has no nowhere,s,1" in text
    assert "-> set agent.context" in text


async def test_no_tap_is_opened_beside_an_engine_on_other_ports(make_bench: BenchMaker, lab: Site) -> None:
    """Asterisk may mix up two taps that are opened at once, so the engine of somebody else is left alone."""
    await make_bench()
    bench = await make_bench(start=False, http={"port": lab.port("engine_http") + 1})
    code, text = await doctor(bench)
    assert code == 0, text
    assert "warning      applications          another engine is connected to this Asterisk" in text
    assert "not checked  live audio            because an engine is running" in text
