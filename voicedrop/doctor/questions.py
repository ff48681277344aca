"""What only the doctor asks Asterisk."""

from __future__ import annotations

from voicedrop.ari.client import AriClient, Json
from voicedrop.errors import AriError, AriRefused, AriUnreachable, Gone


class Questions(AriClient):
    """The REST client with the questions that the engine never asks."""

    async def websocket_client(self, section: str) -> dict[str, str] | None:
        """A section of websocket_client.conf as it is in effect; None if there is none."""
        try:
            rows = await self._get(f"asterisk/config/dynamic/res_websocket_client/websocket_client/{section}")
        except Gone:
            return None
        return {str(row["attribute"]): str(row["value"]) for row in rows}

    async def global_variable(self, name: str) -> str:
        return str((await self._get("asterisk/variable", {"variable": name})).get("value", ""))

    async def endpoint_exists(self, technology: str, name: str) -> bool:
        try:
            await self._get(f"endpoints/{technology}/{name}")
        except Gone:
            return False
        return True

    async def endpoints(self, technology: str) -> list[str]:
        return sorted(str(one["resource"]) for one in await self._get("endpoints") if one["technology"] == technology)

    async def sound_exists(self, name: str) -> bool:
        try:
            await self._get(f"sounds/{name}")
        except Gone:
            return False
        return True

    async def applications(self) -> list[str]:
        return [str(one["name"]) for one in await self._get("applications")]

    async def evaluate(self, channel_id: str, function: str) -> str | None:
        """A dialplan function, read on this channel; None if it has no value there or does not exist."""
        try:
            return await self.get_variable(channel_id, function)
        except (AriRefused, AriUnreachable, Gone):
            raise
        except AriError:
            return None

    async def play_from(self, channel_id: str, media: str, *, playback_id: str, offset_ms: int) -> Json:
        params = {"media": media, "playbackId": playback_id, "offsetms": str(offset_ms)}
        return dict(await self._post(f"channels/{channel_id}/play", params))
