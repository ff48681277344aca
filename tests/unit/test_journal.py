"""The journal: on the disk before anything is done, whole after a crash, held by one."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from voicedrop.errors import JournalError
from voicedrop.store import journal as journal_module
from voicedrop.store.journal import Journal, read, receipts, unfinished


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    one = Journal(tmp_path)
    one.open()
    yield one
    one.close()


def lines(state_dir: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted((state_dir / "journal").glob("*.jsonl")))


# -- writing ----------------------------------------------------------------------------------------


async def test_an_entry_is_one_line_of_json(journal: Journal, tmp_path: Path) -> None:
    await journal.append({"kind": "accepted", "drop": "d1", "agent": "Zoë\n"})
    assert lines(tmp_path) == '{"kind":"accepted","drop":"d1","agent":"Zoë\\n"}\n'.encode()
    assert list(journal.entries()) == [{"kind": "accepted", "drop": "d1", "agent": "Zoë\n"}]


async def test_a_line_is_whole_when_it_is_synced_and_synced_when_append_returns(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bytes]] = []
    sync = os.fsync

    def noted(file: int) -> None:
        sync(file)
        name = Path(f"/proc/self/fd/{file}").readlink().name
        synced.append((name, lines(tmp_path)))

    monkeypatch.setattr(journal_module.os, "fsync", noted)
    await journal.append({"n": 1})
    (file, content), (folder, _) = synced
    assert file.endswith(".jsonl")
    assert content == b'{"n":1}\n'
    assert folder == "journal", "the name of a new file is synced as well"
    await journal.append({"n": 2})
    assert synced[2:] == [(file, b'{"n":1}\n{"n":2}\n')]


async def test_entries_reach_the_disk_in_the_order_in_which_they_were_given(journal: Journal) -> None:
    await asyncio.gather(*(journal.append({"n": n}) for n in range(200)))
    assert [entry["n"] for entry in journal.entries()] == list(range(200))


async def test_the_loop_goes_on_while_the_disk_is_slow(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(journal_module.os, "fsync", lambda _: answered.wait(5))
    appending = asyncio.create_task(journal.append({"n": 1}))
    # Were the loop blocked by the disk, the append would be done by the time that we are back here.
    await asyncio.to_thread(lambda: None)
    assert not appending.done()
    answered.set()
    await appending


async def test_a_disk_that_does_not_answer_is_told(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(journal_module.os, "fsync", lambda _: answered.wait())
    monkeypatch.setattr(journal_module, "APPEND_TIMEOUT_S", 0.01)
    try:
        with pytest.raises(JournalError, match="does not answer"):
            await journal.append({"n": 1})
    finally:
        answered.set()


async def test_each_day_has_a_file_and_they_are_read_in_order(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "journal" / "2020-01-02.jsonl").write_text('{"n":2}\n')
    (tmp_path / "journal" / "2020-01-01.jsonl").write_text('{"n":1}\n')
    await journal.append({"n": 3})
    assert [entry["n"] for entry in journal.entries()] == [1, 2, 3]
    assert len(list((tmp_path / "journal").glob("*.jsonl"))) == 3


async def test_only_its_owner_may_read_it(journal: Journal, tmp_path: Path) -> None:
    await journal.append({"number": "+12025550123"})
    (file,) = (tmp_path / "journal").glob("*.jsonl")
    assert file.stat().st_mode & 0o777 == 0o600


# -- the disk is full -------------------------------------------------------------------------------


async def test_a_full_disk_is_told(journal: Journal, tmp_path: Path) -> None:
    today = datetime.now(UTC)
    for day in (today, today + timedelta(days=1)):  # the test may run over midnight
        (tmp_path / "journal" / f"{day:%Y-%m-%d}.jsonl").symlink_to("/dev/full")
    with pytest.raises(JournalError, match=r"cannot write .*journal: No space left on device"):
        await journal.append({"n": 1})


@pytest.mark.parametrize("written", [0, 5, 13])
async def test_an_entry_that_did_not_fit_leaves_no_trace(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    await journal.append({"drop": "d1"})
    write, calls = os.write, 0

    def fills_up(file: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls > 1 or not written:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:written])

    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "write", fills_up)
        with pytest.raises(JournalError, match="No space left on device"):
            await journal.append({"drop": "d2"})
    assert lines(tmp_path) == b'{"drop":"d1"}\n'
    await journal.append({"drop": "d3"})
    assert [entry["drop"] for entry in journal.entries()] == ["d1", "d3"]


async def test_an_entry_that_could_not_be_synced_leaves_no_trace(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "fsync", broken)
        with pytest.raises(JournalError, match="Input/output error"):
            await journal.append({"drop": "d1"})
    assert list(journal.entries()) == []


async def test_a_short_write_is_gone_on_with(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.os, "write", lambda file, data: write(file, data[:3]))
        await journal.append({"drop": "d1"})
    assert list(journal.entries()) == [{"drop": "d1"}]


# -- after a crash ----------------------------------------------------------------------------------


async def test_a_torn_last_line_is_passed_over_and_spoils_nothing_behind_it(journal: Journal, tmp_path: Path) -> None:
    await journal.append({"n": 1})
    (file,) = (tmp_path / "journal").glob("*.jsonl")
    with file.open("ab") as torn:
        torn.write(b'{"n":2,"agent":"PJS')
    assert [entry["n"] for entry in read(tmp_path)] == [1]
    await journal.append({"n": 3})
    assert [entry["n"] for entry in read(tmp_path)] == [1, 3]


@pytest.mark.parametrize("torn", [b"\x00\x00\x00\x00", b"\xff\xfe{", b"17\n", b'"words"\n', b"[1]\n", b"\n\n"])
async def test_what_is_no_entry_is_passed_over(journal: Journal, tmp_path: Path, torn: bytes) -> None:
    await journal.append({"n": 1})
    (file,) = (tmp_path / "journal").glob("*.jsonl")
    with file.open("ab") as out:
        out.write(torn)
    await journal.append({"n": 2})
    assert [entry["n"] for entry in read(tmp_path)] == [1, 2]


def test_a_folder_without_a_journal_has_no_entries(tmp_path: Path) -> None:
    assert list(read(tmp_path)) == []
    assert unfinished(tmp_path) == []


# -- what it tells ----------------------------------------------------------------------------------


def accepted(drop: str) -> dict[str, object]:
    return {"kind": "accepted", "drop": drop, "channel": f"channel of {drop}"}


def begun(drop: str, playback: str) -> dict[str, object]:
    return {"kind": "playing", "drop": drop, "playback": playback}


def finished(drop: str) -> dict[str, object]:
    return {"kind": "ended", "drop": drop, "receipt": {"drop": drop, "outcome": "delivered"}}


async def test_unfinished_are_the_drops_that_were_accepted_and_have_no_end(journal: Journal, tmp_path: Path) -> None:
    for entry in (
        accepted("waits"),
        accepted("plays"),
        accepted("done"),
        accepted("was stopped"),
        accepted("plays again"),
        {"kind": "placed", "drop": "plays", "leg": "first", "at": "then"},
        {"kind": "placed", "drop": "never accepted", "leg": "first", "at": "then"},
        begun("plays", "p1"),
        begun("was stopped", "p2"),
        {"kind": "stopped", "drop": "was stopped"},
        begun("plays again", "p3"),
        {"kind": "stopped", "drop": "plays again"},
        begun("plays again", "p4"),
        begun("done", "p5"),
        finished("done"),
        begun("never accepted", "p6"),
        {"kind": "a later version's", "drop": "waits"},
        {"no kind": True},
    ):
        await journal.append(entry)
    left = {entry["drop"]: entry["playing"] for entry in unfinished(tmp_path)}
    assert left == {
        "waits": None,
        "plays": begun("plays", "p1"),
        "was stopped": None,
        "plays again": begun("plays again", "p4"),
    }
    assert unfinished(tmp_path)[0]["channel"] == "channel of waits"
    placed = {entry["drop"]: entry["placed"] for entry in unfinished(tmp_path)}
    assert placed == {"waits": {}, "plays": {"first": "then"}, "was stopped": {}, "plays again": {}}


async def test_a_drop_that_was_accepted_yesterday_and_ended_today_is_finished(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "journal" / "2020-01-01.jsonl").write_text('{"kind":"accepted","drop":"d1"}\n')
    assert [entry["drop"] for entry in unfinished(tmp_path)] == ["d1"]
    await journal.append(finished("d1"))
    assert unfinished(tmp_path) == []


async def test_receipts_come_oldest_first(journal: Journal, tmp_path: Path) -> None:
    for entry in (accepted("d1"), accepted("d2"), finished("d2"), finished("d1")):
        await journal.append(entry)
    assert [one["drop"] for one in receipts(tmp_path)] == ["d2", "d1"]


# -- who holds it -----------------------------------------------------------------------------------


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.open()
    try:
        with pytest.raises(JournalError, match=r"another engine holds .*: give this one its own state_dir"):
            second.open()
    finally:
        first.close()
    second.open()
    second.close()


def test_a_refused_holder_keeps_nothing_open(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.open()
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(JournalError):
        second.open()
    assert set(Path("/proc/self/fd").iterdir()) == before
    first.close()


def test_reading_needs_no_hold(journal: Journal, tmp_path: Path) -> None:
    assert list(read(tmp_path)) == list(journal.entries()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"cannot write .*: Not a directory"):
        Journal(tmp_path / "file").open()


# -- whoever ships it -------------------------------------------------------------------------------


async def test_an_entry_on_the_disk_wakes_whoever_waits(journal: Journal) -> None:
    assert not journal.written.is_set()
    await journal.append({"n": 1})
    assert journal.written.is_set()


async def test_only_what_is_synced_is_safe(journal: Journal, tmp_path: Path) -> None:
    await journal.append({"n": 1})
    (file,) = journal.files()
    whole = file.stat().st_size
    with file.open("ab") as out:
        out.write(b'{"n":2}')
    assert journal.safe_size(file) == whole
    old = tmp_path / "journal" / "2020-01-01.jsonl"
    old.write_bytes(b"12345")
    assert journal.safe_size(old) == 5
    assert journal.safe_size(file.with_name("9999-01-01.jsonl")) == 0, "its first line is not synced yet"
    journal.close()
    again = Journal(tmp_path)
    again.open()
    assert again.safe_size(file) == whole + 7
    again.close()


# -- blanking ---------------------------------------------------------------------------------------


async def test_blanked_lines_keep_their_length_and_all_others_their_bytes(journal: Journal, tmp_path: Path) -> None:
    for number in ("1", "22", "1"):
        await journal.append({"drop": "d", "number": number})
    (file,) = journal.files()
    before = file.read_bytes()
    changed = await journal.blank(lambda entry: {**entry, "number": ""} if entry["number"] == "1" else None)
    after = file.read_bytes()
    assert changed == 2
    assert [len(line) for line in after.split(b"\n")] == [len(line) for line in before.split(b"\n")]
    assert after.split(b"\n")[1] == before.split(b"\n")[1]
    await journal.append({"drop": "d", "number": "3"})
    assert [entry["number"] for entry in read(tmp_path)] == ["", "22", "", "3"]
    assert file.stat().st_mode & 0o777 == 0o600


async def test_of_a_line_that_would_grow_nothing_is_left(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "journal" / "2020-01-01.jsonl").write_bytes(b'{"x":1e15,"number":"1"}\n{"n":2}\n')
    await journal.blank(lambda entry: {**entry, "more": "and more"} if "number" in entry else None)
    assert list(read(tmp_path)) == [{"n": 2}]


async def test_a_journal_that_cannot_be_blanked_is_as_it_was(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal.append({"n": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(JournalError, match="No space left"):
        await journal.blank(lambda _: {})
    assert list(read(tmp_path)) == [{"n": 1}]
    assert not list((tmp_path / "journal").glob("*.new"))


async def test_a_file_is_deleted_or_says_why_not(journal: Journal, tmp_path: Path) -> None:
    old = tmp_path / "journal" / "2020-01-01.jsonl"
    old.write_bytes(b"")
    await journal.remove(old)
    assert not old.exists()
    with pytest.raises(JournalError, match="cannot delete"):
        await journal.remove(old)
