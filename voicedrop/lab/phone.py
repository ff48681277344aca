"""An agent's telephone: a SIP user agent on the carrier's Asterisk that dials the PBX and presses keys."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from voicedrop.ari.client import AriClient
from voicedrop.errors import AriError, LabError
from voicedrop.lab.conf import secret_file
from voicedrop.lab.site import Site

APP = "telephones"
KEY_MS = 100
ENTER_TIMEOUT_S = 10.0


class Telephone:
    """One call from one telephone. Made by `Exchange.dial`."""

    def __init__(self, exchange: Exchange, channel_id: str) -> None:
        self._exchange = exchange
        self.channel_id = channel_id
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self.entered = asyncio.Event()  # in our application: only then can anything be asked of it
        self.cause = 0
        self.answered_at = 0.0
        self.ended_at = 0.0

    async def talk(self) -> None:
        """Send somebody's voice."""
        await self._exchange.ari.start_music(self.channel_id, "agent-voice")

    async def press(self, digits: str) -> float:
        """Press keys; returns the Unix time at which the last one was let go."""
        await self._exchange.ari.send_dtmf(self.channel_id, digits, duration_ms=KEY_MS)
        # Asterisk sends them one behind the other: 100 ms of tone, 100 ms of pause.
        await asyncio.sleep(len(digits) * 2 * KEY_MS / 1000 - KEY_MS / 1000)
        return time.time()

    async def hang_up(self) -> None:
        await self._exchange.ari.hang_up(self.channel_id)

    async def transfer(self, uri: str) -> None:
        """Transfer the far end to a SIP URI (blind: REFER)."""
        await self._exchange.ari.set_variable(self.channel_id, "TRANSFER_TO", uri)
        await self._run("transfer")

    async def _run(self, extension: str) -> None:
        await self._exchange.ari.continue_dialplan(
            self.channel_id, context="telephone", extension=extension, priority=1
        )

    async def record(self, name: str) -> None:
        """Record what this telephone hears, into the carrier's spool/recording/NAME.wav."""
        snoop = f"{self.channel_id}-ear"
        await self._exchange.ari.snoop(self.channel_id, app=APP, snoop_id=snoop, app_args="ear")
        await self._exchange.ari.record(snoop, name=name)

    async def variable(self, name: str) -> str:
        return await self._exchange.ari.get_variable(self.channel_id, name)


class Exchange:
    """The carrier's side of the agents' telephones."""

    def __init__(self, ari: AriClient) -> None:
        self.ari = ari
        self._telephones: dict[str, Telephone] = {}

    async def dial(self, agent: str, number: str) -> Telephone:
        """Agent `agent` (an endpoint of the PBX, e.g. "1001") dials `number`."""
        telephone = self._new(agent)
        endpoint = f"PJSIP/phone-{agent}/sip:{number}@127.0.0.1:{self.pbx_sip}"
        await self.ari.originate(endpoint, app=APP, channel_id=telephone.channel_id)
        return telephone

    def _new(self, agent: str) -> Telephone:
        telephone = Telephone(self, f"tel-{agent}-{uuid.uuid4().hex[:10]}")
        self._telephones[telephone.channel_id] = telephone
        return telephone

    async def replace(self, other: Telephone, agent: str) -> Telephone:
        """Agent `agent`'s telephone takes the place of `other` in its call (INVITE with Replaces)."""
        call_id = await other.variable("CHANNEL(pjsip,call-id)")
        # Each side names the tags from its own end: what is remote to `other` is the PBX's own.
        to_tag = await other.variable("CHANNEL(pjsip,remote_tag)")
        from_tag = await other.variable("CHANNEL(pjsip,local_tag)")
        telephone = self._new(agent)
        await self.ari.create_channel(
            f"PJSIP/phone-{agent}/sip:700@127.0.0.1:{self.pbx_sip}", app=APP, channel_id=telephone.channel_id
        )
        await asyncio.wait_for(telephone.entered.wait(), ENTER_TIMEOUT_S)
        await self.ari.set_variable(
            telephone.channel_id,
            "PJSIP_HEADER(add,Replaces)",
            f"{call_id};to-tag={to_tag};from-tag={from_tag}",
        )
        await self.ari.dial(telephone.channel_id, timeout_s=20)
        return telephone

    pbx_sip = 0

    def on_event(self, event: dict[str, Any]) -> None:
        telephone = self._telephones.get(str(event.get("channel", {}).get("id", "")))
        if telephone is None:
            return
        match event["type"]:
            case "StasisStart" | "ChannelStateChange":
                if event["type"] == "StasisStart":
                    telephone.entered.set()
                if telephone.entered.is_set() and event["channel"]["state"] == "Up" and not telephone.answered.is_set():
                    telephone.answered_at = time.time()
                    telephone.answered.set()
            case "ChannelDestroyed":
                telephone.cause = int(event.get("cause", 0))
                telephone.ended_at = time.time()
                telephone.ended.set()

    async def hang_up_all(self) -> None:
        for telephone in self._telephones.values():
            if not telephone.ended.is_set():
                await telephone.hang_up()


@asynccontextmanager
async def exchange(site: Site) -> AsyncIterator[Exchange]:
    """The telephones of a running lab; those still in a call are hung up at the end."""
    ari = AriClient(site.carrier_url, "lab", secret_file(site, "carrier").read_text())
    async with ari:
        try:
            socket = await ari.session.ws_connect(f"{ari.url}/ari/events", params={"app": APP}, heartbeat=10)
        except aiohttp.ClientError as error:
            raise LabError(f"the lab's carrier does not answer: run `voicedrop lab up` ({error})") from error
        one = Exchange(ari)
        one.pbx_sip = site.port("pbx_sip")

        async def read() -> None:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    one.on_event(json.loads(frame.data))

        reading = asyncio.create_task(read(), name="telephones")
        try:
            yield one
        finally:
            with contextlib.suppress(AriError):  # the carrier may be down
                await one.hang_up_all()
            await socket.close()
            await reading
