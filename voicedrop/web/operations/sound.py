"""Messages to listen to and to look at."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import Field

from voicedrop.library.terms import Files
from voicedrop.store import messages
from voicedrop.web.fields import Given
from voicedrop.web.operation import Ask, Operations
from voicedrop.web.problem import NO_ROOM, not_found

operations = Operations("sound", "Messages to listen to and to look at.")
# What was uploaded is never shown as a page, whatever a browser makes of it.
SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'"}


class VersionQuery(Given):
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(default=None, description="Else the one played.")


@operations.add(
    "GET", "/v1/messages/{message_id}/preview", scope="messages:read", media="audio/wav", problems=(NO_ROOM,)
)
async def get_preview(ask: Ask, message_id: UUID, query: VersionQuery) -> web.FileResponse:
    """The message as it is heard on a telephone, a WAV."""
    files = await _files(ask, message_id, query.version)
    return _file(files.preview, "audio/wav")


@operations.add(
    "GET", "/v1/messages/{message_id}/waveform.svg", scope="messages:read", media="image/svg+xml", problems=(NO_ROOM,)
)
async def get_waveform(ask: Ask, message_id: UUID, query: VersionQuery) -> web.FileResponse:
    """A picture of the message."""
    files = await _files(ask, message_id, query.version)
    return _file(files.waveform, "image/svg+xml")


@operations.add(
    "GET",
    "/v1/messages/{message_id}/original",
    scope="messages:read",
    media="application/octet-stream",
    problems=(NO_ROOM,),
)
async def get_original(ask: Ask, message_id: UUID, query: VersionQuery) -> web.FileResponse:
    """The file as it was uploaded."""
    files = await _files(ask, message_id, query.version)
    return _file(files.original, "application/octet-stream")


async def _files(ask: Ask, message_id: UUID, number: int | None) -> Files:
    async with ask.transaction() as connection:
        row = await messages.one(connection, ask.who, message_id)
        if row is None:
            raise not_found("message")
        found = await messages.version(connection, message_id, number or row["version"])
    if found is None:
        raise not_found("version")
    on_shelf = await asyncio.to_thread(ask.services.intake.shelf.find, found["sha256"])
    if on_shelf is None:
        raise not_found("file on the shelf")
    return on_shelf.files


def _file(path: Path, media: str) -> web.FileResponse:
    return web.FileResponse(path, headers={"Content-Type": media, **SANDBOX})
