"""The shelf: whole or not at all, through crashes and races."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.library.spoken import kept, left_in, of_format
from voicedrop.errors import StorageError
from voicedrop.library.intake import Limits, Particulars, Prepared, prepare
from voicedrop.library.shelf import Shelf

ABOUT = Particulars(label="x")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def message(tmp_path: Path, shelf: Shelf) -> Prepared:
    return prepare(kept(tmp_path / "upload", of_format("a.wav")), shelf, ABOUT, Limits())


def test_asterisk_is_given_the_path_without_extension(shelf: Shelf, message: Prepared) -> None:
    sha256 = message.sha256
    assert f"{shelf.media(sha256)}.wav" == str(message.files.message)
    assert f"{shelf.media(sha256)}.wav16" == str(message.files.message16)
    assert shelf.media(sha256, "/sounds/") == f"/sounds/{sha256[:2]}/{sha256}/message"


def test_a_message_is_taken_away_whole(shelf: Shelf, message: Prepared) -> None:
    assert shelf.remove(message.sha256) is True
    assert shelf.find(message.sha256) is None
    assert [name for name in left_in(shelf.folder) if name != message.sha256[:2]] == []
    assert shelf.remove(message.sha256) is False


@pytest.mark.parametrize("name", ["", "..", "../../etc", "0" * 63, "A" * 64, "0" * 64 + "\n", "0" * 62 + "/."])
def test_only_a_sha256_names_a_message(shelf: Shelf, name: str) -> None:
    for ask in (shelf.find, shelf.remove, shelf.media):
        with pytest.raises(ValueError, match="no SHA-256"):
            ask(name)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"checks": [{"point": "x"}]}', "\0"])
def test_a_broken_entry_is_none(shelf: Shelf, message: Prepared, content: str) -> None:
    message.files.check.write_text(content, encoding="utf-8")
    assert shelf.find(message.sha256) is None


def test_what_a_crash_leaves_is_swept_and_nothing_else(shelf: Shelf, message: Prepared) -> None:
    before = left_in(shelf.folder)
    for name in (".new-1", ".gone-1"):
        (shelf.folder / name).mkdir()
        kept(shelf.folder / name / "message.wav", b"x")
    assert shelf.sweep() == 2
    assert left_in(shelf.folder) == before
    assert shelf.find(message.sha256) is not None
    assert shelf.sweep() == 0


def test_what_is_being_made_is_not_swept(shelf: Shelf) -> None:
    with shelf.draft() as draft:
        assert shelf.sweep() == 0
        assert draft.folder.is_dir()
    assert left_in(shelf.folder) == []


def test_a_shelf_that_is_not_there_has_nothing_to_sweep(shelf: Shelf) -> None:
    assert shelf.sweep() == 0
    assert shelf.find("0" * 64) is None


KILLED = """
import os, signal, sys
from pathlib import Path
from voicedrop.library import shelf
from voicedrop.library.intake import Limits, Particulars, prepare

source, folder = Path(sys.argv[1]), Path(sys.argv[2])

def dies_at(step):
    calls = 0
    def counted(real):
        def call(*args, **others):
            nonlocal calls
            calls += 1
            if calls == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **others)
        return call
    shelf._sync = counted(shelf._sync)
    shelf.Draft.write = counted(shelf.Draft.write)
    Path.rename = counted(Path.rename)

for step in range(1, 100):
    child = os.fork()
    if not child:
        dies_at(step)
        prepare(source, shelf.Shelf(folder / str(step)), Particulars(label="x"), Limits())
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def test_killed_at_any_step_it_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    source, folder = kept(tmp_path / "upload", of_format("phone.wav", 1)), tmp_path / "shelves"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    steps = sorted(folder.iterdir(), key=lambda one: int(one.name))
    assert len(steps) > 15, "writes, syncs and renames"
    left = []
    for one in steps:
        shelf = Shelf(one)
        shelf.sweep()
        left.append(sum("." in name for name in left_in(one)))
        again = prepare(source, shelf, ABOUT, Limits())
        assert shelf_finds(shelf, again) == again
    assert set(left) == {0, 6}
    assert left == sorted(left), "once it is there it stays"


def shelf_finds(shelf: Shelf, prepared: Prepared) -> Prepared:
    found = shelf.find(prepared.sha256)
    assert found is not None
    assert found.checks == prepared.checks[1:-4]
    return Prepared(
        sha256=found.sha256,
        prepared_sha256=found.prepared_sha256,
        duration_s=found.duration_s,
        files=found.files,
        checks=prepared.checks,
    )


def test_many_at_once_make_one_message(tmp_path: Path, shelf: Shelf) -> None:
    source = kept(tmp_path / "upload", of_format("a.flac", 1))
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: prepare(source, shelf, ABOUT, Limits()), range(8)))
    assert all(one == made[0] for one in made)
    assert sum(name.endswith("message.wav") for name in left_in(shelf.folder)) == 1
    assert shelf.sweep() == 0


def test_a_folder_that_may_not_be_written_is_said(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("voicedrop.library.shelf.tempfile.mkdtemp", refused)
    with pytest.raises(StorageError, match="the right to write there"), shelf.draft():
        pass
