"""Asterisk's REST interface, typed, as far as a drop needs it.

Ids are chosen by the caller before an object is created, so that events about it can be awaited first.
Every request has a deadline. "Gone" (404) and "not in Stasis" (409, 412, 422) are told apart here and
nowhere else; ending something that has already gone is a success.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
from yarl import URL

from voicedrop.errors import AriError, AriRefused, AriUnreachable, Gone, NotInStasis

Json = dict[str, Any]


def login_header(username: str, password: str) -> dict[str, str]:
    """The Authorization header of HTTP basic authentication."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {token}"}


class AriClient:
    """REST calls to one Asterisk. `url` is its HTTP root, e.g. ``http://127.0.0.1:8088``."""

    def __init__(self, url: str, username: str, password: str, *, timeout_s: float = 5.0) -> None:
        self.url = url.rstrip("/")
        self.username = username
        self._headers = login_header(username, password)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> AriClient:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=self._timeout,
            # Asterisk counts connections against http.conf's sessionlimit, so they are bounded here.
            connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=10),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("AriClient is used outside its `async with`")
        return self._session

    # -- channels ---------------------------------------------------------------------------------

    async def channels(self) -> list[Json]:
        return list(await self._get("channels"))

    async def channel(self, channel_id: str) -> Json:
        return dict(await self._get(f"channels/{channel_id}"))

    async def create_channel(
        self, endpoint: str, *, app: str, channel_id: str, originator: str = "", app_args: str = ""
    ) -> Json:
        """A channel in `app` that has not been dialled yet. Await its StasisStart, then `dial`."""
        params = {"endpoint": endpoint, "app": app, "channelId": channel_id}
        if originator:
            params["originator"] = originator
        if app_args:
            params["appArgs"] = app_args
        return dict(await self._post("channels/create", params))

    async def originate(self, endpoint: str, *, app: str, channel_id: str, caller_id: str = "") -> Json:
        params = {"endpoint": endpoint, "app": app, "channelId": channel_id}
        if caller_id:
            params["callerId"] = caller_id
        return dict(await self._post("channels", params))

    async def originate_into(
        self, endpoint: str, *, context: str, extension: str, channel_id: str, priority: int = 1
    ) -> Json:
        """A call that enters the dialplan when it is answered."""
        params = {
            "endpoint": endpoint,
            "context": context,
            "extension": extension,
            "priority": str(priority),
            "channelId": channel_id,
        }
        return dict(await self._post("channels", params))

    async def dial(self, channel_id: str, *, timeout_s: int, caller: str = "") -> None:
        params = {"timeout": str(timeout_s)}
        if caller:
            params["caller"] = caller
        await self._post(f"channels/{channel_id}/dial", params)

    async def answer(self, channel_id: str) -> None:
        await self._post(f"channels/{channel_id}/answer")

    async def hang_up(self, channel_id: str, *, cause: int | None = None) -> None:
        """End a channel; `cause` is a Q.850 number. One that has already gone is no error."""
        params = {} if cause is None else {"reason_code": str(cause)}
        await self._delete(f"channels/{channel_id}", params)

    async def move(self, channel_id: str, *, app: str, app_args: str = "") -> None:
        params = {"app": app}
        if app_args:
            params["appArgs"] = app_args
        await self._post(f"channels/{channel_id}/move", params)

    async def continue_dialplan(
        self,
        channel_id: str,
        *,
        context: str = "",
        extension: str = "",
        priority: int | None = None,
        label: str = "",
    ) -> None:
        """Back to the dialplan: at the given place, or where the channel was before Stasis()."""
        params = {}
        if context:
            params["context"] = context
        if extension:
            params["extension"] = extension
        if priority is not None:
            params["priority"] = str(priority)
        if label:
            params["label"] = label
        await self._post(f"channels/{channel_id}/continue", params)

    async def send_dtmf(self, channel_id: str, digits: str, *, duration_ms: int = 100) -> None:
        await self._post(
            f"channels/{channel_id}/dtmf",
            {"dtmf": digits, "duration": str(duration_ms), "between": "100"},
        )

    async def start_silence(self, channel_id: str) -> None:
        """Send silent RTP until a playback or `stop_silence` ends it."""
        await self._post(f"channels/{channel_id}/silence")

    async def start_music(self, channel_id: str, music_class: str) -> None:
        await self._post(f"channels/{channel_id}/moh", {"mohClass": music_class})

    async def get_variable(self, channel_id: str, name: str) -> str:
        """A channel variable or function; empty when it is not set."""
        try:
            answer = await self._get(f"channels/{channel_id}/variable", {"variable": name})
        except Gone as gone:
            # The same status says "no such channel" and "no such variable"; only the first matters.
            if "variable was not found" not in str(gone):
                raise
            return ""
        return str(answer.get("value", ""))

    async def set_variable(self, channel_id: str, name: str, value: str) -> None:
        await self._post(f"channels/{channel_id}/variable", {"variable": name, "value": value})

    async def set_global(self, name: str, value: str) -> None:
        await self._post("asterisk/variable", {"variable": name, "value": value})

    # -- playing, listening -----------------------------------------------------------------------

    async def play(self, channel_id: str, media: str, *, playback_id: str) -> Json:
        return dict(await self._post(f"channels/{channel_id}/play", {"media": media, "playbackId": playback_id}))

    async def playback(self, playback_id: str) -> Json:
        return dict(await self._get(f"playbacks/{playback_id}"))

    async def stop_playback(self, playback_id: str) -> None:
        await self._delete(f"playbacks/{playback_id}")

    async def snoop(
        self, channel_id: str, *, app: str, snoop_id: str, app_args: str = "", spy: Literal["in", "out"] = "in"
    ) -> Json:
        """A channel that hears what `channel_id` sends us (in), or what we send it (out)."""
        params = {"spy": spy, "app": app, "snoopId": snoop_id}
        if app_args:
            params["appArgs"] = app_args
        return dict(await self._post(f"channels/{channel_id}/snoop", params))

    async def external_media(self, *, channel_id: str, app: str, client: str, media_format: str, token: str) -> Json:
        """A channel whose audio Asterisk brings to us: it connects to section `client` of its
        websocket_client.conf, with ``?token=`` added."""
        return dict(
            await self._post(
                "channels/externalMedia",
                {
                    "channelId": channel_id,
                    "app": app,
                    "external_host": client,
                    "transport": "websocket",
                    "encapsulation": "none",
                    "connection_type": "client",
                    "format": media_format,
                    "transport_data": f"v(token={token})",
                },
            )
        )

    async def record(self, channel_id: str, *, name: str) -> None:
        await self._post(f"channels/{channel_id}/record", {"name": name, "format": "wav", "ifExists": "overwrite"})

    # -- bridges ----------------------------------------------------------------------------------

    async def bridges(self) -> list[Json]:
        return list(await self._get("bridges"))

    async def create_bridge(self, bridge_id: str, *, bridge_type: str) -> Json:
        return dict(await self._post(f"bridges/{bridge_id}", {"type": bridge_type}))

    async def add_to_bridge(self, bridge_id: str, channel_id: str, *, absorb_dtmf: bool = False) -> None:
        params = {"channel": channel_id}
        if absorb_dtmf:
            params["absorbDTMF"] = "true"
        await self._post(f"bridges/{bridge_id}/addChannel", params)

    async def remove_from_bridge(self, bridge_id: str, channel_id: str) -> None:
        await self._post(f"bridges/{bridge_id}/removeChannel", {"channel": channel_id})

    async def destroy_bridge(self, bridge_id: str) -> None:
        await self._delete(f"bridges/{bridge_id}")

    # -- applications, system ---------------------------------------------------------------------

    async def subscribe(self, app: str, source: str) -> None:
        await self._post(f"applications/{app}/subscription", {"eventSource": source})

    async def drop_events(self, app: str, types: list[str]) -> None:
        """Events of these types are no longer sent to `app`."""
        body = {"disallowed": [{"type": t} for t in types]}
        await self._request("PUT", f"applications/{app}/eventFilter", json=body)

    async def info(self) -> Json:
        return dict(await self._get("asterisk/info"))

    async def modules(self) -> dict[str, str]:
        """Module name to status ("Running", "Not Running")."""
        return {m["name"]: m["status"] for m in await self._get("asterisk/modules")}

    # -- the one place where a request is made ----------------------------------------------------

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return await self._request("GET", path, params)

    async def _post(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return await self._request("POST", path, params)

    async def _delete(self, path: str, params: Mapping[str, str] | None = None) -> None:
        try:
            await self._request("DELETE", path, params)
        except Gone:
            return

    async def _request(
        self, method: str, path: str, params: Mapping[str, str] | None = None, json: Json | None = None
    ) -> Any:
        # Asterisk takes a "+" in a path for a space, so everything but the slashes is quoted.
        url = URL(f"{self.url}/ari/{quote(path)}", encoded=True)
        try:
            async with self.session.request(method, url, params=params, json=json) as answer:
                if answer.status < 300:
                    return await answer.json() if answer.status == 200 or answer.status == 201 else {}
                text = (await answer.text())[:300]
        # What aiohttp says of a request holds its header and its parameters: the login and the number.
        except (aiohttp.ContentTypeError, ValueError):
            raise AriError(f"{method} {path}: the answer is no JSON; is {self.url} Asterisk's HTTP server?") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise AriUnreachable(f"{method} {path}: Asterisk at {self.url} does not answer ({why})") from None
        kind = {401: AriRefused, 403: AriRefused, 404: Gone, 409: NotInStasis, 412: NotInStasis, 422: NotInStasis}
        raise kind.get(answer.status, AriError)(f"{method} {path}: {answer.status} {text}", status=answer.status)
