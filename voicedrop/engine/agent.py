"""The agent's leg: the tones he hears, his freedom, and the telephone that takes his place."""

from __future__ import annotations

import asyncio

import structlog

from voicedrop.engine.services import Services, quietly
from voicedrop.model import Ids

log = structlog.get_logger(__name__)

FREE_TIMEOUT_S = 2.0
REPLACED_GRACE_S = 2.0
# Endless tones, which the call's machine stops: Asterisk's tone: media ends by itself only if it is stopped.
TONES = {"confirmation": "tone:1400/2000", "error": "tone:480+620/250,0/250"}


class AgentLeg:
    """`channel` is the agent's, and changes when a transfer puts another in its place."""

    def __init__(self, services: Services, ids: Ids, channel: str) -> None:
        self.channel = channel
        self.left = asyncio.Event()
        self._services = services
        self._ids = ids
        self._tones = 0
        self._following: asyncio.Task[None] | None = None

    async def tone_on(self, name: str) -> None:
        """Play a tone until `tone_off`; "confirmation" or "error". A call can do without."""
        self._tones += 1
        await quietly(self._services.ari.play(self.channel, TONES[name], playback_id=self._tone))

    async def tone_off(self) -> None:
        await quietly(self._services.ari.stop_playback(self._tone))

    @property
    def _tone(self) -> str:
        return self._ids(f"tone{self._tones}")

    async def free(self) -> None:
        """Hang up, or send on in the dialplan; returns when Asterisk says that it is done."""
        ari, agent = self._services.ari, self._services.settings.agent
        self.left.clear()
        if agent.after == "continue":
            await ari.continue_dialplan(
                self.channel, context=agent.context, extension=agent.extension, priority=agent.priority
            )
        else:
            await ari.hang_up(self.channel, cause=16)
        try:
            async with asyncio.timeout(FREE_TIMEOUT_S):
                await self.left.wait()
        except TimeoutError:
            log.warning("agent_not_freed", channel=self.channel)

    def follow(self, channel: str, bridge: str) -> None:
        """Another channel has the agent's place in the bridge."""
        old, self.channel = self.channel, channel
        self._following = asyncio.create_task(self._follow(old, channel, bridge), name=f"follow {channel}")

    def close(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def _follow(self, old: str, new: str, bridge: str) -> None:
        """The new telephone's digits are ours to judge as well; the old one has nothing left to be here for."""
        ari = self._services.ari
        await quietly(ari.add_to_bridge(bridge, new, absorb_dtmf=True))
        try:
            # A telephone that transferred ends its own call, once it has been told that it worked.
            await asyncio.sleep(REPLACED_GRACE_S)
        finally:
            await quietly(ari.hang_up(old))
