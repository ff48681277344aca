"""What goes wrong ends in a receipt that says so, with nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab import conf, servers
from voicedrop.lab.played import message_file
from voicedrop.lab.site import Site
from voicedrop.store.embedded import EmbeddedServer


async def test_a_tap_that_never_connects(make_bench: BenchMaker, lab: Site) -> None:
    """The engine listens where Asterisk does not look for it."""
    bench = await make_bench(tap={"port": lab.port("engine_tap") + 1, "connect_timeout_s": 1})
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*92")
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "failed", show(receipt)
    assert "live audio" in receipt["reason"]
    await bench.nothing_left()


async def test_a_bridge_that_vanished(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    for bridge in await bench.pbx.bridges():
        if str(bridge["id"]).endswith(".bridge"):
            await bench.pbx.destroy_bridge(str(bridge["id"]))
    await asyncio.wait_for(telephone.ended.wait(), 10)
    await bench.call_to(number)
    await bench.nothing_left()


async def test_a_message_that_has_gone(bench: Bench, lab: Site) -> None:
    folder = message_file(lab, "reminder").parent  # with its 16 kHz variant, which Asterisk would play instead
    kept = folder.with_suffix(".away")
    folder.rename(kept)
    try:
        number = number_of("mailbox")
        telephone = await bench.exchange.dial("1001", number)
        await asyncio.wait_for(telephone.answered.wait(), 10)
        await telephone.press("*93")
        receipt = await bench.receipt(number)
    finally:
        kept.rename(folder)
    assert receipt["outcome"] == "failed", show(receipt)
    assert "could not play" in receipt["reason"]
    await bench.nothing_left()


async def test_a_leg_that_an_operator_takes_away_is_let_go(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    leg = next(str(c["id"]) for c in await bench.pbx.channels() if str(c["id"]).endswith(".callee"))
    servers.command(bench.site, "pbx", f"channel redirect {(await bench.pbx.channel(leg))['name']} lab-transfer,700,1")
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "failed", show(receipt)
    assert "taken out" in receipt["reason"]
    assert (await bench.pbx.channel(leg))["state"] == "Up"
    await bench.pbx.hang_up(leg)
    await bench.nothing_left()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A state directory on a file system of 64 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    yield folder
    # Lazily: the engine that still has its files there is ended behind this.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_refuses_the_code_and_the_call_goes_on(
    make_bench: BenchMaker, small_disk: Path, other_server: EmbeddedServer
) -> None:
    bench = await make_bench(state_dir=str(small_disk), database={"url": other_server.start()})
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    filler = small_disk / "filler"
    handle = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        with contextlib.suppress(OSError):
            while os.write(handle, b"0" * 512):
                pass
    finally:
        os.close(handle)
    await telephone.press("*92")
    await bench.until(lambda: bench.engine.metric("voicedrop_codes_refused_total") == 1, "the refusal")
    assert not telephone.ended.is_set()
    filler.unlink()
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    assert (await bench.receipt(number, wait_s=60))["outcome"] == "delivered"
    await bench.nothing_left()


async def test_no_rtp_port_left(bench: Bench, lab: Site) -> None:
    """The callee's leg cannot be made: the agent is told, and the engine and Asterisk go on."""
    rtp = lab.lab / "pbx/etc/rtp.conf"
    before = rtp.read_text()
    first = lab.port("pbx_rtp_first")
    rtp.write_text(f"[general]\nrtpstart = {first}\nrtpend = {first + 3}\n")
    try:
        servers.command(lab, "pbx", "module reload res_rtp_asterisk.so")
        telephones = [await bench.exchange.dial("1001", number_of("human")) for _ in range(3)]
        await bench.until(lambda: any(t.ended.is_set() for t in telephones), "a call that is refused")
        for telephone in telephones:
            await telephone.hang_up()
        await bench.nothing_left()
    finally:
        rtp.write_text(before)
        servers.command(lab, "pbx", "module reload res_rtp_asterisk.so")
    assert bench.receipts() == []
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*92")
    assert (await bench.delivery(number, "short")).whole
    await bench.nothing_left()


async def ended(engine: asyncio.subprocess.Process) -> bytes:
    """What it wrote before it ended by itself; one that does not is ended, so that it holds no port of later tests."""
    try:
        _, errors = await asyncio.wait_for(engine.communicate(), 20)
    finally:
        if engine.returncode is None:
            engine.kill()
            await engine.wait()
    return errors


async def test_a_wrong_login_is_said_plainly(make_bench: BenchMaker, lab: Site, tmp_path: Path) -> None:
    bench = await make_bench(start=False)
    wrong = {**bench.engine.settings, "ari": {"url": lab.pbx_url, "password": "wrong"}}
    config = conf.write_engine_config(tmp_path / "wrong.yaml", wrong)
    engine = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voicedrop", "run", "-c", str(config), stderr=asyncio.subprocess.PIPE
    )
    errors = await ended(engine)
    assert engine.returncode == 1
    assert "refuses the login 'voicedrop'" in errors.decode()


async def test_a_second_engine_on_the_same_state_is_refused(bench: Bench) -> None:
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voicedrop", "run", "-c", str(bench.engine.config), stderr=asyncio.subprocess.PIPE
    )
    errors = await ended(second)
    assert second.returncode == 1
    assert "another engine holds" in errors.decode()
    assert bench.engine.healthy()


async def test_a_missing_module_is_named(make_bench: BenchMaker, lab: Site) -> None:
    bench = await make_bench(start=False)
    servers.command(lab, "pbx", "module unload app_waitforsilence.so")
    try:
        await asyncio.to_thread(bench.engine.start)
        assert bench.logged("module load app_waitforsilence.so")
    finally:
        servers.command(lab, "pbx", "module load app_waitforsilence.so")
