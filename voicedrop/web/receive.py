"""Takes in a request's body: within limits of size and time, an uploaded file to disk and never to memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import Any, BinaryIO, TypeVar

from aiohttp import BodyPartReader, MultipartReader, hdrs, web
from pydantic import BaseModel, ValidationError

from voicedrop.web import problem
from voicedrop.web.fields import invalid
from voicedrop.web.operation import JSON, Operation, Received
from voicedrop.web.problem import FaultyValue, Problem

BODY_BYTES = 1_000_000  # of a JSON body, or of the particulars of an upload
CSV_BYTES = 50_000_000  # a million numbers with their reasons
CHUNK_BYTES = 65_536
CHUNK_S = 30.0  # the next piece of a body is here within this time
BODY_S = 60.0  # a body other than a file is here as a whole within this time
UPLOAD_S = 900.0  # 50 MB over a line of half a megabit
NAME_LENGTH = 200
UPLOAD_PREFIX = "upload-"

T = TypeVar("T")


async def body(request: web.Request, model: type[BaseModel]) -> tuple[BaseModel, bytes]:
    """The JSON body, read as the model, and its digest.

    Raises:
        Problem: it is not JSON, not allowed, too large or too slow.
    """
    expect(request, JSON)
    raw = await _read(request, BODY_BYTES)
    return parsed(raw, model, "body"), hashlib.sha256(raw).digest()


async def csv(request: web.Request) -> tuple[bytes, bytes]:
    """The body as it is, and its digest.

    Raises:
        Problem: it is of another kind, too large or too slow.
    """
    expect(request, "text/csv")
    raw = await _read(request, CSV_BYTES)
    return raw, hashlib.sha256(raw).digest()


def expect(request: web.Request, media: str) -> None:
    if request.content_type != media:
        raise Problem(problem.UNSUPPORTED, f"The Content-Type must be {media}.")
    if hdrs.CONTENT_ENCODING in request.headers:
        raise Problem(problem.UNSUPPORTED, "The body must not be compressed.")


async def _read(request: web.Request, most: int) -> bytes:
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.content.iter_chunked(CHUNK_BYTES):
                raw += piece
                if len(raw) > most:
                    raise Problem(problem.TOO_LARGE, f"The body is larger than {most} bytes.")
    except TimeoutError:
        raise Problem(problem.TOO_SLOW) from None
    return bytes(raw)


def parsed(raw: bytes, model: type[BaseModel], where: str) -> BaseModel:
    """
    Raises:
        Problem: it is not JSON (400), or its values are not allowed (422).
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if any(fault["type"] == "json_invalid" for fault in error.errors(include_url=False)):
            raise Problem(problem.MALFORMED, f"The {where} is not JSON.") from None
        raise Problem(problem.INVALID, "Values are not allowed.", errors=faults(error, where)) from None


def faults(error: ValidationError, where: str) -> list[FaultyValue]:
    return [
        FaultyValue(where=".".join(map(str, (where, *fault["loc"]))), text=fault["msg"])
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]


@asynccontextmanager
async def upload(
    request: web.Request, operation: Operation, folder: Path, most: int
) -> AsyncIterator[tuple[Received, BaseModel, bytes]]:
    """The parts `particulars` (JSON) and `file`, in any order, and their digest; the file is gone at the end.

    Raises:
        Problem: a part is missing, unknown or twice there; not allowed; too large; too slow.
    """
    expect(request, "multipart/form-data")
    if request.content_length is not None and request.content_length > most + BODY_BYTES:
        raise Problem(problem.TOO_LARGE, f"The file is larger than {most} bytes.")
    assert operation.body is not None
    handle, name = await asyncio.to_thread(mkstemp, dir=folder, prefix=UPLOAD_PREFIX)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            received, particulars = await _form(request, operation.body, target, path, most)
        digest = hashlib.sha256(f"{received.sha256} {particulars.model_dump_json()}".encode()).digest()
        yield received, particulars, digest
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _form(
    request: web.Request, model: type[BaseModel], target: BinaryIO, path: Path, most: int
) -> tuple[Received, BaseModel]:
    received: Received | None = None
    particulars: BaseModel | None = None
    try:
        async with asyncio.timeout(UPLOAD_S):
            reader = await request.multipart()
            while (part := await _soon(reader.next())) is not None:
                if isinstance(part, MultipartReader):
                    raise Problem(problem.MALFORMED, "A part of the form is itself in parts.")
                if part.name == "particulars" and particulars is None:
                    particulars = parsed(await _small(part), model, "particulars")
                elif part.name == "file" and received is None:
                    received = await _store(part, target, path, most)
                else:
                    raise invalid(str(part.name)[:NAME_LENGTH], "there is no such part, or it came twice")
    except TimeoutError:
        raise Problem(problem.TOO_SLOW) from None
    except (ValueError, AssertionError, RuntimeError, web.RequestPayloadError) as error:
        # What aiohttp raises for a form without a boundary, with broken headers, or that ends too early.
        raise Problem(problem.MALFORMED, f"The form cannot be read: {error}") from None
    if received is None or particulars is None:
        raise invalid("file" if received is None else "particulars", "this part of the form is missing")
    return received, particulars


async def _soon(what: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(CHUNK_S):
        return await what


async def _small(part: BodyPartReader) -> bytes:
    raw = bytearray()
    while piece := await _soon(part.read_chunk(CHUNK_BYTES)):
        raw += piece
        if len(raw) > BODY_BYTES:
            raise Problem(problem.TOO_LARGE, f"The particulars are larger than {BODY_BYTES} bytes.")
    return bytes(raw)


async def _store(part: BodyPartReader, target: BinaryIO, path: Path, most: int) -> Received:
    digest, size = hashlib.sha256(), 0
    while piece := await _soon(part.read_chunk(CHUNK_BYTES)):
        digest.update(piece)
        size += len(piece)
        if size > most:
            raise Problem(problem.TOO_LARGE, f"The file is larger than {most} bytes.")
        await asyncio.to_thread(target.write, piece)
    await asyncio.to_thread(target.flush)
    return Received(file=path, name=(part.filename or "")[:NAME_LENGTH], sha256=digest.hexdigest(), size=size)


def sweep(folder: Path) -> None:
    """Make the folder; remove what a process that was killed left in it. Blocks."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{UPLOAD_PREFIX}*"):
        left.unlink(missing_ok=True)
