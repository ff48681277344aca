"""The folder of messages as a list of uploads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.library.spoken import encoded, kept, speech
from voicedrop.errors import MessageError
from voicedrop.library.importer import uploads
from voicedrop.library.intake import Limits, Particulars, prepare
from voicedrop.library.shelf import Shelf


def index(folder: Path, text: str) -> None:
    (folder / "messages.yaml").write_text(text, encoding="utf-8")


def test_each_row_is_an_upload(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        kept(tmp_path / name, encoded(speech(1, 8000), 8000))
    index(tmp_path, "- {slot: 9, label: Late, file: b.wav}\n- {slot: 1, label: Callback, file: a.wav}\n")
    found = list(uploads(tmp_path))
    assert found == [
        (1, Particulars(label="Callback"), tmp_path / "a.wav"),
        (9, Particulars(label="Late"), tmp_path / "b.wav"),
    ]
    _, about, file = found[0]
    assert prepare(file, Shelf(tmp_path / "shelf"), about, Limits()).files.message.is_file()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {slot: 1, label: A, file: a.wav}\n- {slot: 1, label: B, file: a.wav}\n", "slot 1 is given 2 times"),
        ("- {slot: 1, label: A, file: none.wav}\n", "none.wav is not there"),
        ("- {slot: 0, label: A, file: a.wav}\n", "1 fault"),
        ("{", "is not YAML"),
    ],
)
def test_a_fault_is_said_before_anything_is_taken(tmp_path: Path, text: str, said: str) -> None:
    kept(tmp_path / "a.wav", b"")
    index(tmp_path, text)
    with pytest.raises(MessageError, match=said):
        next(uploads(tmp_path))
