"""Uploads over HTTP: what is taken, and that of whatever is refused nothing stays behind."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from tests.web import sounds
from tests.web.conftest import Answer, World

PARTICULARS = {
    "label": "Callback",
    "everybody": True,
    "language": "en",
    "transcript": "Hello, this is Ann from Example. Please call back under 555 0100.",
    "call_to_action": "call back",
    "callback_number": "+15550100",
    "optout_number": "+15550101",
}


def form(content: Any, particulars: dict[str, Any] | None = None, *, name: str = "message.wav") -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("particulars", json.dumps(particulars or PARTICULARS), content_type="application/json")
    made.add_field("file", content, filename=name, content_type="application/octet-stream")
    return made


def left(world: World) -> list[str]:
    """Every file of uploads and of the shelf."""
    folders = (world.services.uploads, world.services.intake.shelf.folder)
    return [str(file) for folder in folders if folder.exists() for file in folder.rglob("*") if file.is_file()]


async def upload(world: World, content: Any, **more: Any) -> Answer:
    return await world.as_("admin").post("/v1/messages", data=form(content, **more))


@pytest.mark.parametrize("kind", ["WAV", "MP3", "FLAC", "OGG"])
async def test_a_sound_file_becomes_a_message(world: World, kind: str) -> None:
    # The name says nothing: it is judged by its content.
    content = sounds.file(kind)
    answer = await upload(world, content, name="picture.png")
    assert answer.status == 201, answer.body
    message = answer.json()
    assert answer.headers["Location"] == f"/v1/messages/{message['id']}"
    assert 3 < message["duration_s"] < 6
    assert {one["point"] for one in message["checks"]} >= {"length", "loudness"}
    assert all(one["verdict"] != "error" for one in message["checks"])
    preview = await world.as_("ann").get(f"/v1/messages/{message['id']}/preview")
    assert (preview.headers["Content-Type"], preview.body[:4]) == ("audio/wav", b"RIFF")
    waveform = await world.as_("ann").get(f"/v1/messages/{message['id']}/waveform.svg")
    assert (waveform.headers["Content-Type"], waveform.body[:4]) == ("image/svg+xml", b"<svg")
    original = await world.as_("ann").get(f"/v1/messages/{message['id']}/original")
    assert original.body == content


async def test_a_supervisor_uploads_for_his_agent_into_a_slot(world: World) -> None:
    given = {"label": "For Ann", "agent_id": str(world.agents["ann"]), "slot": 3}
    answer = await world.as_("rose").post("/v1/messages", data=form(sounds.file(), given))
    assert answer.status == 201, answer.body
    slots = (await world.as_("ann").get(f"/v1/slots?agent_id={world.agents['ann']}")).json()["items"]
    assert (3, "For Ann") in {(one["slot"], one["label"]) for one in slots}
    answer = await world.as_("bert").post("/v1/messages", data=form(sounds.file(), given))
    assert answer.code == "forbidden"


async def replaced(world: World, message: str, days: float) -> None:
    """As if its versions had been replaced so long ago."""
    async with world.database.transaction() as connection:
        await connection.execute(
            "UPDATE message_version SET replaced_at = now() - %s WHERE message_id = %s AND replaced_at IS NOT NULL",
            (timedelta(days=days), message),
        )


async def test_a_new_version_is_played_and_the_old_one_can_go(world: World) -> None:
    admin = world.as_("admin")
    first = (await upload(world, sounds.file(seed=1))).json()
    path = f"/v1/messages/{first['id']}"
    second = (await admin.post(f"{path}/versions", data=form(sounds.file(seed=2), {"force": False}))).json()
    assert (second["version"], second["id"]) == (2, first["id"])
    assert second["sha256"] != first["sha256"]
    assert (await admin.ask("DELETE", f"{path}/versions/2")).code == "conflict"
    await replaced(world, first["id"], 7.01)
    assert (await admin.ask("DELETE", f"{path}/versions/2")).code == "conflict"
    assert (await admin.ask("DELETE", f"{path}/versions/1")).status == 204
    versions = (await admin.get(f"{path}/versions")).json()["items"]
    assert [one["version"] for one in versions] == [2]
    assert not any(first["sha256"] in file for file in left(world))
    assert any(second["sha256"] in file for file in left(world))


async def test_a_version_that_was_just_replaced_stays(world: World) -> None:
    """A drop with it may have been accepted that is not in the database yet."""
    admin = world.as_("admin")
    first = (await upload(world, sounds.file(seed=1))).json()
    path = f"/v1/messages/{first['id']}"
    await admin.post(f"{path}/versions", data=form(sounds.file(seed=2), {"force": False}))
    versions = (await admin.get(f"{path}/versions")).json()["items"]
    assert [(one["version"], one["deletable_at"] is None) for one in versions] == [(2, True), (1, False)]
    assert (await admin.ask("DELETE", f"{path}/versions/1")).code == "conflict"
    await replaced(world, first["id"], 6.99)
    assert (await admin.ask("DELETE", f"{path}/versions/1")).code == "conflict"
    assert any(first["sha256"] in file for file in left(world))


async def test_a_version_that_was_played_again_begins_anew(world: World) -> None:
    admin = world.as_("admin")
    first = (await upload(world, sounds.file(seed=1))).json()
    path = f"/v1/messages/{first['id']}"
    await admin.post(f"{path}/versions", data=form(sounds.file(seed=2), {"force": False}))
    await replaced(world, first["id"], 30)
    for version in (1, 2):
        assert (await admin.ask("PATCH", path, json={"version": version})).json()["version"] == version
    assert (await admin.ask("DELETE", f"{path}/versions/1")).code == "conflict"


async def test_a_version_that_a_receipt_names_stays(world: World) -> None:
    message = (await upload(world, sounds.file(seed=1))).json()
    path = f"/v1/messages/{message['id']}"
    await world.as_("admin").post(f"{path}/versions", data=form(sounds.file(seed=2), {"force": False}))
    async with world.database.transaction() as connection:
        await connection.execute("UPDATE drops SET message_id = %s, message_version = 1", (message["id"],))
    await replaced(world, message["id"], 30)
    assert (await world.as_("admin").ask("DELETE", f"{path}/versions/1")).code == "conflict"
    assert (await world.as_("admin").ask("PATCH", path, json={"version": 1})).json()["version"] == 1


async def test_the_same_file_lies_on_the_shelf_once(world: World) -> None:
    one, two = [(await upload(world, sounds.file())).json() for _ in range(2)]
    assert one["id"] != two["id"]
    assert one["sha256"] == two["sha256"]
    assert len([file for file in left(world) if file.endswith("message.wav")]) == 1


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("message.wav", bytes(50_000_000))
    return target.getvalue()


def lying(what: str) -> bytes:
    wav = bytearray(sounds.file())
    if what == "sizes":
        wav[4:8] = wav[40:44] = struct.pack("<I", 0xFFFFFFF0)
    elif what == "rate":
        wav[24:28] = struct.pack("<I", 0xFFFFFFFF)
    elif what == "channels":
        wav[22:24] = struct.pack("<H", 0xFFFF)
    elif what == "no rate":
        wav[24:28] = bytes(4)
    return bytes(wav)


def silent() -> bytes:
    return sounds.file()[:44] + bytes(2 * sounds.RATE_HZ * 4)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"R",
    "a header only": lambda: sounds.file()[:44],
    "text": lambda: b"hello " * 1000,
    "zeros": lambda: bytes(100_000),
    "a zip bomb": zipped,
    "a page": lambda: b"<html><script>alert(1)</script></html>",
    "a rate that cannot be": lambda: lying("rate"),
    "no rate": lambda: lying("no rate"),
    "channels that cannot be": lambda: lying("channels"),
    "silence": silent,
    "an MP3's first bytes": lambda: sounds.file("MP3")[:300],
    "a FLAC cut in its header": lambda: sounds.file("FLAC")[:30],
    "an OGG cut in its header": lambda: sounds.file("OGG")[:60],
    "two minutes": lambda: sounds.file("OGG", 121.0),
    "a riff of another kind": lambda: b"RIFF\x24\x00\x00\x00AVI LIST" + bytes(100),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_cannot_be_a_message_is_refused_and_leaves_nothing(world: World, what: str) -> None:
    answer = await upload(world, HOSTILE[what]())
    assert answer.code == "audio_refused", answer.body
    problem = answer.json()
    assert problem["rule"]
    assert len(problem["detail"]) > 20, "it says what is wrong"
    assert left(world) == []
    assert (await world.as_("admin").get("/v1/messages?search=Callback")).json()["items"] == []


@pytest.mark.parametrize("kind", ["WAV", "MP3", "FLAC", "OGG"])
@pytest.mark.parametrize("part", [0.01, 0.3, 0.9])
async def test_a_truncated_file_is_taken_or_refused_but_never_half(world: World, kind: str, part: float) -> None:
    content = sounds.file(kind)
    answer = await upload(world, content[: int(len(content) * part)])
    assert answer.status == 201 or answer.code == "audio_refused"
    wanted = answer.status == 201
    assert any(file.endswith("message.wav") for file in left(world)) is wanted
    assert not list(world.services.uploads.iterdir())


async def _endless(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536):
        yield bytes(65_536)


async def test_five_hundred_megabytes_are_refused_before_they_are_sent(world: World) -> None:
    """With a length that is told the answer comes at once; without one, when the limit is passed."""
    boundary = "b"
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.wav"\r\n\r\n'

    async def body(size: int) -> AsyncIterator[bytes]:
        yield head
        async for piece in _endless(size):
            yield piece

    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    for length in ({"Content-Length": str(500_000_000)}, {}):
        answer = await world.as_("admin").post("/v1/messages", data=body(500_000_000), headers=headers | length)
        assert answer.code == "too_large"
        assert left(world) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed"),
        (b"--b--\r\n", "invalid"),
        (b"garbage", "malformed"),
        (b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx', "malformed"),
        (b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nx\r\n--b--\r\n', "invalid"),
        (b'--b\r\nContent-Disposition: form-data; name="particulars"\r\n\r\n{}\r\n--b--\r\n', "invalid"),
        (b'--b\r\nContent-Disposition: form-data; name="particulars"\r\n\r\n{\r\n--b--\r\n', "malformed"),
        (b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--\r\n', "invalid"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", "invalid"),
        (b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n", "malformed"),
    ],
)
async def test_a_form_that_cannot_be_read_says_why(world: World, body: bytes, code: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await world.as_("admin").post("/v1/messages", data=body, headers=headers)
    assert answer.code == code, answer.body
    assert left(world) == []


@pytest.mark.parametrize("kind", ["multipart/form-data", "application/json", "text/plain", ""])
async def test_a_body_of_another_kind_is_refused(world: World, kind: str) -> None:
    answer = await world.as_("admin").post("/v1/messages", data=b"x", headers={"Content-Type": kind})
    assert answer.code in ("unsupported_media_type", "malformed")


async def test_what_a_killed_process_left_is_swept_at_the_start(world: World) -> None:
    from voicedrop.web import receive

    (world.services.uploads / "upload-old").write_bytes(b"x")
    receive.sweep(world.services.uploads)
    assert left(world) == []
